"""Elasticsearch and OpenSearch: the health of a cluster, its nodes and its shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import visible
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.http.json_api import Api, Conversation, count, counts

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

# The default is half a minute; a cluster without a master must say so before our timeout.
_HEALTH = "/_cluster/health?timeout=1s&master_timeout=1s"
_COUNTS = {
    "nodes": "number_of_nodes",
    "nodes.data": "number_of_data_nodes",
    "shards": "active_shards",
    "shards.unassigned": "unassigned_shards",
    "shards.initializing": "initializing_shards",
    "shards.relocating": "relocating_shards",
    "pending": "number_of_pending_tasks",
}


@probe("elasticsearch", main="url")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchProbe(Api, Described):
    """Ask Elasticsearch or OpenSearch for the cluster's health. Never run against a real server.

    Red means that some data are missing: down. Yellow means that copies are missing, but no data: degraded. A
    single node with replicas is always yellow; write `warn: ['status in ["green", "yellow"]']` for it. A
    cluster without a master is down. The user needs only the cluster privilege `monitor`.

    Options:
        url: The URL of its API, https://search.example.org:9200.
        username: For basic authentication, with `password`.
        password: For basic authentication.
        api_key: Instead of a username: an API key, encoded, as Elasticsearch returns it.

    Facts:
        latency (duration, slow): From the start of name lookup to the answer.
        status (text, status): green, yellow or red.
        cluster (text): The cluster's name.
        nodes (count, missing): How many nodes are in it.
        nodes.data (count, missing): How many of them hold data.
        shards (count): How many shards are active.
        shards.active (ratio, missing): Their share of all shards.
        shards.unassigned (count, missing): How many shards have no node.
        shards.initializing (count): How many shards are being filled.
        shards.relocating (count): How many shards are moving.
        pending (count, slow): How many changes to the cluster wait for the master.
        pending.waited (duration, slow): How long the oldest of them has waited.
        address (text): Who answered, ip:port.

    Reasons:
        ok, status, missing, slow, auth, dns, refused, reset, unreachable, timeout, protocol, tls, certificate

    Example:
        elasticsearch: https://search.example.org:9200
        expect: [nodes >= 3, latency < 2s]
        warn: [pending.waited < 30s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {"status": 'status in ["green", "yellow"]'}
    WARNED: ClassVar[Mapping[str, str]] = {"status": 'status == "green"'}

    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None

    def __post_init__(self) -> None:
        self.check_url()
        if (self.username is None) != (self.password is None):
            raise ValueError("username: basic authentication needs both username and password")
        if self.username is not None and self.api_key is not None:
            raise ValueError("api_key: give either an API key or a username, not both")
        if self.api_key is not None and not self.api_key.reveal().isprintable():
            raise ValueError("api_key: a key is one line")

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        talk = Conversation(self)
        headers = {} if self.api_key is None else {"Authorization": f"ApiKey {self.api_key.reveal()}"}
        code, told = await talk.ask(_HEALTH, headers=headers, username=self.username, password=self.password)
        if code == 503 and _named(told).startswith(("master_not", "cluster_manager_not")):
            raise talk.failed(Reason.MISSING, "says that the cluster has no master")
        if code != 200 or not isinstance(told, dict) or not isinstance(told.get("status"), str):
            error = _named(told)
            said = f": {visible(error)}" if error else ""
            raise talk.failed(Reason.STATUS, f"answers {code} when asked for the cluster's health{said}")
        phases = talk.phases
        facts = _health(told) | {"latency": sum(phases.values()), "address": talk.address}
        return Reading(Verdict.UP, facts=facts, phases=phases)


def _health(told: Mapping[str, object]) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"status": str(told["status"])[:40], **counts(told, _COUNTS)}
    share, waited = (
        count(told.get("active_shards_percent_as_number")),
        count(told.get("task_max_waiting_in_queue_millis")),
    )
    if share is not None:
        facts["shards.active"] = share / 100
    if waited is not None:
        facts["pending.waited"] = waited / 1000
    if "cluster_name" in told:
        facts["cluster"] = str(told["cluster_name"])[:200]
    return facts


def _named(told: object) -> str:
    """Return the type of the error in *told*, empty when there is none."""
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""
