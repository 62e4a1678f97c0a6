"""MySQL and MariaDB: login, health, replication and one query."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.backend import MOST_ROWS, Query, answer, number
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, OverTls, Reached, secure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.databases.mysql import Row, Session

_DENIED, _NO_SUCH_VARIABLE = 1227, 1193
_SETTINGS = "select @@global.max_connections as most, @@global.read_only as closed"
_COUNTERS = "show global status where variable_name in ('Uptime', 'Threads_connected')"
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_WRITES_A_FILE = re.compile(r"\binto\s+(?:out|dump)file\b", re.IGNORECASE)


@probe("mysql", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlProbe(Addressed, Query, OverTls, Reached, Described):
    """Log in to MySQL or MariaDB, look at its health and replication, and run one query that reads.

    Everything is asked in one read-only transaction. Run against MariaDB; never run against a real MySQL, whose
    login method caching_sha2_password needs `tls`. The password is never sent in the clear. With `tls`, a
    server without TLS is down. The user needs no privilege to log in. SLAVE MONITOR (MariaDB) or REPLICATION
    CLIENT lets it see whether the server is a replica; without it those facts are missing.

    Options:
        address: host or host:port; without a port 3306.
        user: The user to log in as.
        password: Its password.
        database: The database to use; none by default.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        role (text): replica if it is configured to follow a primary, else primary.
        version (text): The server's version.
        uptime (duration): Since the server was started.
        writable (bool, status): Whether it accepts writes: read_only is off.
        connections (count, limit): How many connections it has.
        connections.used (ratio, limit): The same as a share of max_connections.
        replication.connected (bool, stale): On a replica: whether it receives from its primary.
        replication.applying (bool, stale): On a replica: whether it applies what it received.
        replication.lag (duration, stale): On a replica: its delay in whole seconds; missing while it does not
            apply or is not connected.
        rows (count): How many rows the query gave, 1000 at most.
        value (count): The first value of its first row, when that is a number.
        answer (text): That value as text, its first 200 characters.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, slow, stale, missing, limit, status, dns, refused, reset, unreachable, timeout, protocol, tls,
        certificate, expectation

    Example:
        mysql: {address: db.example.org, user: threenines, query: select count(*) from shop.orders, tls: true}
        expect: [value > 0, latency < 1s]
        warn: [connections.used < 80%]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 3306

    user: str = "threenines"
    password: Secret | None = None
    database: str | None = None

    def __post_init__(self) -> None:
        self.check_address()
        self.check_query()
        if self.query is not None and _WRITES_A_FILE.search(self.query):
            raise ValueError("query: a check only reads; leave out INTO OUTFILE and INTO DUMPFILE")
        if "\0" in self.user + (self.database or ""):
            raise ValueError("user: names must not contain a NUL character")

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.databases.mysql import Session  # noqa: PLC0415 - when a check needs it

        clock = asyncio.get_running_loop().time
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            async with Session(line) as session:
                began = clock()
                await session.greet()
                line.phases["first_byte"] = clock() - began
                if self.tls:
                    await session.shake(lambda: secure(line, self, self.peer()))
                began = clock()
                await session.log_in(self.user, self.password, self.database or "")
                facts = await self._asked(session)
                line.phases["transfer"] = clock() - began
            facts |= {"latency": sum(line.phases.values()), "address": line.where}
            return Reading(Verdict.UP, facts=facts, phases=line.phases)

    async def _asked(self, session: Session) -> dict[str, FactValue]:
        await self._begin(session)
        facts = await _health(session) | await _replication(session)
        if self.query is None:
            return facts
        rows = await session.ask(self.query, MOST_ROWS)
        return facts | answer(len(rows), rows[0][0][1] if rows else None)

    async def _begin(self, session: Session) -> None:
        """Begin the read-only transaction, with the server's own limit on each statement."""
        from watch.probes.wire.databases.mysql import Refused  # noqa: PLC0415 - as above

        seconds = self.statement_timeout.total_seconds()
        limit = f"max_execution_time = {int(1000 * seconds)}"  # MySQL's, of SELECT alone
        if session.maria:
            limit = f"max_statement_time = {seconds}"
        try:
            await session.run(f"set session {limit}, sql_select_limit = {MOST_ROWS}")
        except Refused as refused:
            if refused.code != _NO_SUCH_VARIABLE:  # a server before 5.7 has no such limit
                raise
        await session.run("start transaction read only")


async def _health(session: Session) -> dict[str, FactValue]:
    settings = _only(await session.ask(_SETTINGS, 2))
    rows = await session.ask(_COUNTERS, 10)
    counters = {(row[0][1] or "").lower(): row[-1][1] for row in rows}
    facts: dict[str, FactValue] = {"version": session.version, "writable": settings.get("closed") == "0"}
    named = {"uptime": "uptime", "connections": "threads_connected"}
    for fact, name in named.items():
        value = number(counters.get(name) or "")
        if value is not None:
            facts[fact] = value
    most = number(settings.get("most") or "")
    if most and "connections" in facts:
        facts["connections.used"] = float(facts["connections"]) / most
    return facts


async def _replication(session: Session) -> dict[str, FactValue]:
    """Return the facts about replication; none when the server does not let us see it."""
    from watch.probes.wire.databases.mysql import Refused  # noqa: PLC0415 - as above

    # MySQL knows the new word since 8.0.22 and the old one until 8.3; old MariaDBs know only the old one.
    word = "slave" if session.maria or _older(session.version, (8, 0, 22)) else "replica"
    try:
        rows = await session.ask(f"show {word} status", 100)
    except Refused as refused:
        if refused.code != _DENIED:
            raise
        return {}
    if not rows:
        return {"role": "primary"}
    # MySQL may have several sources: all must run, and the slowest counts.
    facts: dict[str, FactValue] = {
        "role": "replica",
        "replication.connected": all(_column(row, "_IO_Running") == "Yes" for row in rows),
        "replication.applying": all(_column(row, "_SQL_Running") == "Yes" for row in rows),
    }
    lags = [
        number(next((text or "" for name, text in row if name.startswith("Seconds_Behind_")), ""))
        for row in rows
    ]
    known = [lag for lag in lags if lag is not None]
    return facts | ({"replication.lag": max(known)} if len(known) == len(rows) else {})


def _older(version: str, than: tuple[int, ...]) -> bool:
    """Whether *version*, such as 5.7.44-log, is older than *than*; False if it does not begin with numbers."""
    match = _VERSION.match(version)
    return match is not None and tuple(map(int, match.groups())) < than


def _column(row: Row, end: str) -> str:
    return next((text or "" for name, text in row if name.endswith(end)), "")


def _only(rows: Sequence[Row]) -> Mapping[str, str | None]:
    if len(rows) != 1:
        raise ProbeFailure(Reason.PROTOCOL, "sends an answer that does not fit the question")
    return dict(rows[0])
