"""etcd: leader, replication and alarms of one member of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import visible
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.http.json_api import Api, Conversation, counts

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue


@probe("etcd", main="url")
@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdProbe(Api, Described):
    """Ask a member of an etcd cluster (3.4 or newer) for its status and its health, over HTTP.

    A member without a leader is down. `healthy` is a read that a majority must agree to. Without an expectation
    on `alarms` or `healthy`, no alarm and good health are expected. No key is read; no login is needed, not
    even where authentication is on.

    Options:
        url: The URL for its clients, https://etcd1.example.org:2379.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        healthy (bool, status): Whether a majority answered a read through this member in time, and there is no
            alarm.
        role (text): leader or follower.
        version (text): The member's version.
        alarms (count, limit): How many alarms are active: out of space, corrupt data.
        alarm (text, limit): Their text; empty without an alarm.
        size (bytes, limit): The size of its database file; at the quota, 2 GiB by default, it takes no more
            writes.
        size.used (bytes, limit): How much of it is in use; defragmentation frees the rest.
        behind (count, stale): How many log entries it has not applied yet.
        term (count): The number of the last election; it grows with each change of leader.
        address (text): Who answered, ip:port.

    Reasons:
        ok, missing, limit, status, slow, stale, auth, dns, refused, reset, unreachable, timeout, protocol, tls,
        certificate

    Example:
        etcd: https://etcd1.example.org:2379
        expect: [healthy == true]
        warn: [size < 1.5GiB, behind < 1000, latency < 500ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {"alarms": "alarms == 0", "healthy": "healthy == true"}

    def __post_init__(self) -> None:
        self.check_url()

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        talk = Conversation(self)
        code, told = await talk.ask("/v3/maintenance/status", body="{}")
        if code != 200 or not isinstance(told, dict) or "version" not in told:
            raise talk.failed(
                Reason.STATUS, f"answers {code} when asked for its status: is it etcd 3.4 or newer?"
            )
        facts = _status(told)
        if facts["role"] == "":
            # /health would wait for an election; the cluster is known to have no leader.
            raise ProbeFailure(
                Reason.MISSING, "the cluster has no leader", facts=_without_role(facts), phases=talk.phases
            )
        _, health = await talk.ask("/health")
        good = isinstance(health, dict) and str(health.get("health")).lower() == "true"
        phases = talk.phases
        facts |= {"healthy": good, "latency": sum(phases.values()), "address": talk.address}
        return Reading(Verdict.UP, facts=facts, phases=phases)


def _status(told: Mapping[str, object]) -> dict[str, FactValue]:
    names = {"size": "dbSize", "size.used": "dbSizeInUse", "term": "raftTerm"}
    facts: dict[str, FactValue] = {**counts(told, names), "version": str(told["version"])[:200]}
    log = counts(told, {"last": "raftIndex", "applied": "raftAppliedIndex"})
    if len(log) == 2:
        facts["behind"] = max(0, log["last"] - log["applied"])
    errors = told.get("errors")
    alarms = [str(it) for it in errors if "alarm:" in str(it)] if isinstance(errors, list) else []
    facts |= {"alarms": len(alarms), "alarm": visible(", ".join(text.strip() for text in alarms), 200)}
    head = told.get("header")
    me = head.get("member_id") if isinstance(head, dict) else None
    leader = str(told.get("leader") or "0")
    facts["role"] = "" if leader == "0" else "leader" if leader == str(me) else "follower"
    return facts


def _without_role(facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    return {name: value for name, value in facts.items() if name != "role"}
