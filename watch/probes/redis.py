"""Redis (and Valkey, KeyDB): its memory, clients, persistence and replication."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.backend import number
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, OverTls, Reached, secure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.reading import FactValue

_ROLES = {"master": "primary", "slave": "replica"}


@probe("redis", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisProbe(Addressed, OverTls, Reached, Described):
    """Send PING to Redis and read its INFO.

    The user needs only `+ping +info`. A server that is loading its data answers PING with an error and is down;
    so does a replica without its primary that is configured not to serve old data.

    Options:
        address: host or host:port; without a port 6379.
        user: The user to log in as; by default the password is that of the default user.
        password: Its password.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        ping (duration, slow): From sending PING to its answer.
        role (text): primary or replica.
        version (text): The server's version.
        uptime (duration): Since the server was started.
        memory (bytes, limit): How much memory its data take.
        memory.used (ratio, limit, fills): The same as a share of maxmemory; only when that is set.
        clients (count, limit): How many are connected.
        clients.used (ratio, limit): The same as a share of maxclients; Redis 7 and newer.
        keys (count): How many keys all its databases hold.
        hits (ratio): The share of requested keys that it had, since it was started.
        saved (bool, status): Whether its last attempts to write to disk succeeded.
        replication.connected (bool, stale): On a replica: whether its link to the primary is up.
        replication.replicas (count, missing): On a primary: how many replicas are connected.
        replication.behind (bytes, stale): On a primary: how much the slowest replica has not confirmed yet.
        replication.lag (duration, stale): On a replica: the time since it last heard from its primary; on a
            primary: the time since it last heard from the quietest replica. Whole seconds.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, slow, stale, missing, limit, status, dns, refused, reset, unreachable, timeout, protocol, tls,
        certificate

    Example:
        redis: {address: cache.example.org, tls: true}
        expect: [role == "primary", replication.replicas >= 1]
        warn: [memory.used < 90%, replication.lag < 10s, ping < 50ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 6379

    user: str | None = None
    password: Secret | None = None

    def __post_init__(self) -> None:
        self.check_address()
        if self.user is not None and self.password is None:
            raise ValueError("user: needs a password")

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.databases.resp import Resp, fields  # noqa: PLC0415 - when a check needs it

        clock = asyncio.get_running_loop().time
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            if self.tls:
                await secure(line, self, self.peer())
            began, server = clock(), Resp(line)
            if self.password is not None:
                user = () if self.user is None else (self.user,)
                await server.call("AUTH", *user, self.password.reveal())
            asked = clock()
            await server.call("PING")
            ping = clock() - asked
            line.phases["first_byte"] = clock() - began
            info = fields(await server.call("INFO"))
            line.phases["transfer"] = clock() - began - line.phases["first_byte"]
            took = {"latency": sum(line.phases.values()), "ping": ping}
            facts = took | _health(info) | _replication(info) | {"address": line.where}
            return Reading(Verdict.UP, facts=facts, phases=line.phases)


def _health(info: Mapping[str, str]) -> dict[str, FactValue]:
    from watch.probes.wire.databases.resp import fields  # noqa: PLC0415 - as above

    facts = _numbers(
        info, {"uptime": "uptime_in_seconds", "memory": "used_memory", "clients": "connected_clients"}
    )
    facts |= _share("memory.used", info, "used_memory", "maxmemory")
    facts |= _share("clients.used", info, "connected_clients", "maxclients")
    if "redis_version" in info:
        facts["version"] = one_line(info["redis_version"])
    spaces = [
        fields(text, ",", "=") for name, text in info.items() if name[:2] == "db" and name[2:].isdigit()
    ]
    facts["keys"] = sum(_number(space, "keys") or 0 for space in spaces)
    hits, misses = _number(info, "keyspace_hits") or 0, _number(info, "keyspace_misses") or 0
    if hits + misses > 0:
        facts["hits"] = hits / (hits + misses)
    saves = [info[name] for name in ("rdb_last_bgsave_status", "aof_last_write_status") if name in info]
    return facts | ({"saved": set(saves) == {"ok"}} if saves else {})


def _replication(info: Mapping[str, str]) -> dict[str, FactValue]:
    from watch.probes.wire.databases.resp import fields  # noqa: PLC0415 - as above

    role = info.get("role", "")
    if role == "slave":
        up = info.get("master_link_status") == "up"
        # The first is -1 while the link is down; the second is -1 until the link was up for the first time.
        lag = _number(info, "master_last_io_seconds_ago" if up else "master_link_down_since_seconds")
        known = {} if lag is None or lag < 0 else {"replication.lag": lag}
        return {"role": "replica", "replication.connected": up, **known}
    facts: dict[str, FactValue] = {"role": _ROLES.get(role, one_line(role))}
    if role == "master":
        links = [fields(text, ",", "=") for name, text in info.items() if _is_replica(name)]
        facts["replication.replicas"] = len(links)
        lags = [lag for link in links if (lag := _number(link, "lag")) is not None]
        seen = [offset for link in links if (offset := _number(link, "offset")) is not None]
        written = _number(info, "master_repl_offset")
        if lags:
            facts["replication.lag"] = max(lags)
        if seen and written is not None:
            facts["replication.behind"] = max(0, written - min(seen))
    return facts


def _is_replica(name: str) -> bool:
    return name.startswith("slave") and name[5:].isdigit()


def _number(info: Mapping[str, str], name: str) -> float | None:
    return number(info.get(name, ""))


def _numbers(info: Mapping[str, str], names: Mapping[str, str]) -> dict[str, FactValue]:
    found = {fact: _number(info, name) for fact, name in names.items()}
    return {fact: value for fact, value in found.items() if value is not None}


def _share(fact: str, info: Mapping[str, str], part: str, whole: str) -> dict[str, FactValue]:
    used, most = _number(info, part), _number(info, whole)
    return {fact: used / most} if used is not None and most else {}
