"""MongoDB: login, health, replica set and the size of a collection."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.backend import check_statement_timeout
from watch.probes.wire.databases.bson import Date, encoded
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, OverTls, Reached, secure

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.databases.bson import Document
    from watch.probes.wire.databases.mongodb import Session

_COLLECTION = re.compile(r'(?P<database>[^\s/\\."$*<>:|?\0]{1,63})\.(?P<name>[^$\0][^\0]{0,190})')
_PROGRAMS = frozenset({"$where", "$function", "$accumulator"})
# Sections of serverStatus that we do not need; they hold thousands of values.
_LEFT_OUT = """
asserts batchedDeletes electionMetrics extra_info flowControl globalLock indexBulkBuilder indexStats locks
logicalSessionRecordCache metrics mirroredReads network opLatencies opcounters opcountersRepl queryAnalyzers
queues readConcernCounters repl scramCache security shardSplits sharding storageEngine tcmalloc
tenantMigrations trafficRecording transactions transportSecurity twoPhaseCommitCoordinator watchdog
wiredTiger writeBacksQueued
"""
_STATUS = {"serverStatus": 1} | dict.fromkeys(_LEFT_OUT.split(), 0)
_PRIMARY, _SECONDARY, _ARBITER = 1, 2, 7  # a member's state
# Unauthorized, CommandNotFound, NoReplicationEnabled, NotYetInitialized, IDLUnknownField (a section it does not know).
_NOT_FOR_US: Final = (13, 59, 76, 94, 40415)


@probe("mongodb", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class MongodbProbe(Addressed, OverTls, Reached, Described):
    """Log in to a MongoDB server (4.4.2 or newer), read its health and its replica set, count a collection.

    Never run against a real server: none was available, and the code follows the published protocol. Only the
    server at `address` is asked; the facts about its set are what it reports. Without a user it reports its
    role and answers a ping; if it requires a login, nothing more. A user with the role clusterMonitor sees the
    rest; without that role those facts are missing. An arbiter has no users: ask it without one. The password
    is never sent: only SCRAM-SHA-256 and SCRAM-SHA-1 are supported. A count reads like any client; with a
    `filter` the server searches the collection for at most `statement_timeout`.

    Options:
        address: host or host:port; without a port 27017.
        user: The user to log in as; it needs only the role clusterMonitor, and read for a count.
        password: Its password.
        auth_database: The database that knows the user.
        collection: A collection whose documents to count, database.name.
        filter: With collection: count only documents that this JSON object selects; code ($where, $function) is
            refused.
        statement_timeout: After how long the server itself ends the count.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        ping (duration, slow): From sending a ping to its answer.
        role (text, status): primary, secondary, arbiter, standalone, mongos, or other: starting, recovering,
            rolling back, removed.
        set (text): The name of its replica set.
        version (text): The server's version.
        uptime (duration): Since the server was started.
        writable (bool, status): Whether it accepts writes.
        connections (count, limit): How many connections it has.
        connections.used (ratio, limit): The same as a share of the most that it accepts.
        replication.members (count, missing): How many members the set has.
        replication.unhealthy (count, status): How many of them it cannot reach, or are neither primary,
            secondary nor arbiter.
        replication.connected (bool, stale): On a secondary: whether it copies from another member.
        replication.lag (duration, stale): On a secondary: how far its last operation is behind the primary's.
            On a primary: the same of the slowest healthy secondary. As the server sees it, in whole seconds. A
            delayed member always lags.
        count (count): How many documents were counted.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, slow, stale, missing, limit, status, dns, refused, reset, unreachable, timeout, protocol, tls,
        certificate, expectation

    Example:
        mongodb: {address: db1.example.org, collection: shop.orders, tls: true}
        expect: [writable == true, replication.unhealthy == 0, count > 0]
        warn: [connections.used < 80%, replication.lag < 10s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 27017
    ASSUMED: ClassVar[Mapping[str, str]] = {"role": 'role != "other"'}

    user: str | None = None
    password: Secret | None = None
    auth_database: str = "admin"
    collection: str | None = None
    filter: str | None = None
    statement_timeout: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        self.check_address()
        if (self.user is None) != (self.password is None):
            raise ValueError("user: a login needs both user and password")
        if self.collection is not None and not _COLLECTION.fullmatch(self.collection):
            raise ValueError("collection: write a database and a collection, like shop.orders")
        if self.filter is not None:
            if self.collection is None:
                raise ValueError("filter: needs a collection to count")
            _selection(self.filter)
        check_statement_timeout(self.statement_timeout)

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.databases.mongodb import Session  # noqa: PLC0415 - when a check needs it

        clock = asyncio.get_running_loop().time
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            if self.tls:
                await secure(line, self, self.peer())
            began, session = clock(), Session(line)
            hello = await session.hello(None if self.user is None else f"{self.auth_database}.{self.user}")
            line.phases["first_byte"] = clock() - began
            began = clock()
            if self.user is not None and self.password is not None:
                ways = hello.get("saslSupportedMechs")
                await session.log_in(self.user, self.password, self.auth_database, ways)
            asked = clock()
            await session.ask("admin", {"ping": 1})
            ping = clock() - asked
            facts = _standing(hello) | await self._asked(session, member="setName" in hello)
            line.phases["transfer"] = clock() - began
            took = {"latency": sum(line.phases.values()), "ping": ping}
            return Reading(Verdict.UP, facts=facts | took | {"address": line.where}, phases=line.phases)

    async def _asked(self, session: Session, *, member: bool) -> dict[str, FactValue]:
        facts = _health(await _allowed(session, _STATUS))
        if member:
            facts |= _replication(await _allowed(session, {"replSetGetStatus": 1}))
        if self.collection is not None:
            database, _, name = self.collection.partition(".")
            limit = int(self.statement_timeout.total_seconds() * 1000)
            counted = _number(await session.count(database, name, _selection(self.filter or "{}"), limit))
            if counted is not None:
                facts["count"] = counted
        return facts


async def _allowed(session: Session, command: Mapping[str, object]) -> Document:
    """Return the answer to *command*; empty when the server does not let us see it."""
    from watch.probes.wire.databases.mongodb import Refused  # noqa: PLC0415 - as above

    try:
        return await session.ask("admin", command)
    except Refused as refused:
        if refused.code not in _NOT_FOR_US:
            raise
        return {}


def _standing(hello: Document) -> dict[str, FactValue]:
    """Return the facts of the greeting."""
    writable = hello.get("isWritablePrimary") is True
    facts: dict[str, FactValue] = {"writable": writable and hello.get("readOnly") is not True}
    if hello.get("msg") == "isdbgrid":
        return facts | {"role": "mongos"}
    if "setName" not in hello:  # a member whose set is not initialised yet
        return facts | {"role": "other" if hello.get("isreplicaset") is True else "standalone"}
    roles = {"isWritablePrimary": "primary", "secondary": "secondary", "arbiterOnly": "arbiter"}
    role = next((role for word, role in roles.items() if hello.get(word) is True), "other")
    return facts | {"role": role, "set": one_line(str(hello["setName"]))}


def _health(status: Document) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    if isinstance(status.get("version"), str):
        facts["version"] = one_line(str(status["version"]))
    uptime = _number(status.get("uptime"))
    if uptime is not None:
        facts["uptime"] = uptime
    said = status.get("connections")
    if isinstance(said, dict):
        current, free = _number(said.get("current")), _number(said.get("available"))
        if current is not None:
            facts["connections"] = current
            if free is not None and current + free > 0:
                facts["connections.used"] = current / (current + free)
    return facts


def _replication(status: Document) -> dict[str, FactValue]:
    listed = status.get("members")
    members = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not members:
        return {}
    healthy = [one for one in members if one.get("health") == 1]
    here = next((one for one in members if one.get("self") is True), {})
    serving = sum(one.get("state") in (_PRIMARY, _SECONDARY, _ARBITER) for one in healthy)
    facts: dict[str, FactValue] = {
        "replication.members": len(members),
        "replication.unhealthy": len(members) - serving,
    }
    if here.get("state") == _SECONDARY:
        facts["replication.connected"] = bool(here.get("syncSourceHost") or status.get("syncSourceHost"))
    late = [here] if here.get("state") == _SECONDARY else []
    if here.get("state") == _PRIMARY:
        late = [one for one in healthy if one.get("state") == _SECONDARY]
    newest = [_seconds(one) for one in healthy if one.get("state") == _PRIMARY]
    lags = [max(0, new - old) for new in newest for one in late if new and (old := _seconds(one))]
    return facts | ({"replication.lag": max(lags)} if lags else {})


def _seconds(member: Document) -> int:
    """Return the time of the last operation of *member*, 0 without one."""
    at = member.get("optimeDate")
    return at.ms // 1000 if isinstance(at, Date) else 0


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _selection(text: str) -> dict[str, object]:
    """Return the filter in *text*; ValueError when it is not one, or holds code."""
    try:
        found = json.loads(text) if len(text) <= 4096 else None
        if isinstance(found, dict):
            encoded(found)
    except (ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError('filter: is not a JSON object; write it like {"state": "failed"}')  # noqa: TRY004 - a mistake in a value
    if _PROGRAMS & set(re.findall(r"\$\w+", json.dumps(found))):
        raise ValueError("filter: a check runs no code in the server; leave out $where and $function")
    return found
