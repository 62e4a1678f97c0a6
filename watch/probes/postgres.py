"""PostgreSQL: login, health, replication and one query."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.backend import MOST_ROWS, Query, answer, number
from watch.probes.wire.databases.dsn import PORT, Login, read
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import place
from watch.probes.wire.net.options import OverTls, Reached, check_address, check_name, secure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.databases.postgres import Session

_STATUS = """
select case when pg_is_in_recovery() then 'replica' else 'primary' end,
  current_setting('server_version'),
  extract(epoch from clock_timestamp() - pg_postmaster_start_time()),
  (select sum(numbackends) from pg_stat_database),
  (select sum(numbackends) from pg_stat_database)::float / current_setting('max_connections')::int,
  case when pg_is_in_recovery() then (select count(*) from pg_stat_wal_receiver) end,
  case when not pg_is_in_recovery() then (select count(*) from pg_stat_replication
    where state is distinct from 'backup') end,
  case when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
  else (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) from pg_stat_replication) end,
  case when not pg_is_in_recovery() then (select max(extract(epoch from coalesce(replay_lag, '0')))
    from pg_stat_replication where replay_lsn is not null)
  when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver)
    then 0 -- all that was received is replayed, and the connection is up
  else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end
"""
_FACTS = (
    "role",
    "version",
    "uptime",
    "connections",
    "connections.used",
    "replication.connected",
    "replication.replicas",
    "replication.behind",
    "replication.lag",
)
_TEXTS = ("role", "version")
_USER, _DATABASE = "threenines", "postgres"


@probe("postgres", main="dsn")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresProbe(Query, OverTls, Reached, Described):
    """Log in to PostgreSQL (10 or newer), look at its health and replication, and run one query that reads.

    Everything is asked in one read-only transaction. Without `tls`, a server that wants the password in the
    clear does not get it; with `tls`, a server without TLS is down. A member of pg_monitor sees how far
    replicas are behind; other roles see only how many there are. The lag of a replica is 0 while it is
    connected and has replayed all it received; else it is the time since its last replayed transaction.

    Write either `dsn`, or `address`, `user`, `password` and `database`. In a DSN, the sslmodes disable, allow
    and prefer use no TLS, because TLS that falls back to none protects nothing. require uses TLS and accepts
    any certificate; verify-ca and verify-full, and require with an sslrootcert, want a certificate that proves
    the name. Without an sslmode, `tls`, `verify` and `ca_file` decide. A DSN without a database means the
    database named like the user.

    Options:
        dsn: postgresql://user:password@host:port/database?sslmode=verify-full, or the keywords of libpq (host=…
            user=…), or only host or host:port. It is never shown.
        address: Instead of dsn: host or host:port; without a port 5432.
        user: The role to log in as, threenines by default; it needs no right but to log in, and pg_monitor for
            replication.
        password: Its password.
        database: The database to log in to, postgres by default.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        role (text): primary or replica.
        version (text): The server's version.
        uptime (duration): Since the server was started.
        connections (count, limit): How many connections it has.
        connections.used (ratio, limit): The same as a share of max_connections.
        replication.connected (bool, stale): On a replica: whether it receives from its primary.
        replication.replicas (count, missing): On a primary: how many replicas receive from it.
        replication.behind (bytes, stale): Write-ahead log that is not replayed yet: on a replica, of what it
            received; on a primary, of all, by the slowest replica.
        replication.lag (duration, stale): The same as time. On a replica it includes the difference of the two
            clocks; a replica that has replayed nothing since it was started has none.
        rows (count): How many rows the query gave, 1000 at most.
        value (count): The first value of its first row, when that is a number.
        answer (text): That value as text, its first 200 characters.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, slow, stale, missing, limit, status, dns, refused, reset, unreachable, timeout, protocol, tls,
        certificate, expectation

    Example:
        postgres: {address: db.example.org, user: threenines, query: select count(*) from orders, tls: true}
        expect: [role == "primary", value > 0, latency < 1s]
        warn: [connections.used < 80%, replication.lag < 10s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    dsn: Secret | None = None
    address: str | None = None
    user: str | None = None
    password: Secret | None = None
    database: str | None = None

    def __post_init__(self) -> None:
        login = self._login()
        check_name("server_name", self.server_name)
        self.check_query()
        if "\0" in login.user + login.database + (self.query or ""):
            raise ValueError("query: query and names must not contain a NUL character")

    def _login(self) -> Login:
        """Return the login that the options describe; ValueError where they contradict each other or are missing."""
        if self.dsn is not None:
            return self._completed(read(self.dsn.reveal(), user=_USER, database=_DATABASE))
        if self.address is None:
            raise ValueError("dsn: is missing; write postgresql://user:password@host/database")
        if "://" in self.address:
            raise ValueError("address: is more than host:port; write it as `dsn`, which is never shown")
        check_address(self.address, PORT)
        return Login(
            address=self.address,
            user=_USER if self.user is None else self.user,
            password=self.password,
            database=_DATABASE if self.database is None else self.database,
            tls=self.tls,
            verify=self.verify,
            ca_file=self.ca_file,
            server_name=self.server_name,
        )

    def _completed(self, login: Login) -> Login:
        for option in ("address", "user", "password", "database"):
            if getattr(self, option) is not None:
                raise ValueError(f"{option}: the dsn has it already; leave one of them out")
        name = self.server_name or login.server_name
        if login.tls is None:
            return replace(login, tls=self.tls, verify=self.verify, ca_file=self.ca_file, server_name=name)
        if self.tls or not self.verify or self.ca_file is not None:
            option = "tls" if self.tls else "ca_file" if self.verify else "verify"
            raise ValueError(f"{option}: the dsn has an sslmode already; leave one of them out")
        return replace(login, server_name=name)

    def peer(self) -> str:
        return place(self._login().address, PORT).host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.databases.postgres import Session, offer_tls  # noqa: PLC0415 - when a check needs it

        clock, login = asyncio.get_running_loop().time, self._login()
        there = place(login.address, PORT)
        with await dial(there, family=self.family, metadata=self.metadata) as line:
            if login.tls:
                await offer_tls(line)
                await secure(line, login, there.host)
            async with Session(line) as session:
                began = clock()
                await session.log_in(login.user, login.password, login.database)
                line.phases["first_byte"] = clock() - began
                began = clock()
                facts = await self._asked(session)
                line.phases["transfer"] = clock() - began
            facts |= {"latency": sum(line.phases.values()), "address": line.where}
            return Reading(Verdict.UP, facts=facts, phases=line.phases)

    async def _asked(self, session: Session) -> dict[str, FactValue]:
        await session.begin(int(self.statement_timeout.total_seconds() * 1000))
        facts = _status(await session.ask(_STATUS, 1))
        if self.query is None:
            return facts
        rows = await session.ask(self.query, MOST_ROWS)
        return facts | answer(len(rows), rows[0][0] if rows and rows[0] else None)


def _status(rows: Sequence[Sequence[str | None]]) -> dict[str, FactValue]:
    if [len(row) for row in rows] != [len(_FACTS)]:
        raise ProbeFailure(Reason.PROTOCOL, "sends an answer that does not fit the question")
    facts: dict[str, FactValue] = {}
    for name, text in zip(_FACTS, rows[0], strict=True):
        value = text if text is None or name in _TEXTS else number(text)
        if value is not None:
            facts[name] = value
    if "replication.lag" in facts:
        facts["replication.lag"] = max(0, float(facts["replication.lag"]))  # clocks differ
    if "replication.connected" in facts:
        facts["replication.connected"] = bool(facts["replication.connected"])
    return facts
