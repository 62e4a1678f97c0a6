"""An SNMP agent, by gufo_snmp; only this module uses the library.

This module adds what the library lacks:

* A datagram may be lost: a question is repeated after a second, until the check's timeout.
* For a closed port the library raises `TimeoutError` with the text "connection refused"; the reason is *refused*.
* A wrong community or privacy password gets no answer, just as a dead device. SNMP cannot tell them apart, so the
  detail names all of them.
* A walk has a limit, because an agent may answer for ever.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.address import written
from watch.probes.wire.net.blame import cut_short, shortage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watch.core.settings import Secret

T = TypeVar("T")
Value = int | float | str | bytes
_PRODUCT = "1.3.6.1.2.1.1.2.0"
_MAKER = re.compile(r"1\.3\.6\.1\.4\.1\.(\d{1,10})\b")
_PATIENCE = 1.0  # seconds until a question is repeated
_TRIES = 30
_MOST = 10_000  # rows of one column
_ROWS_AT_ONCE = 25  # what fits into one datagram of most agents
_AUTH = {
    "MD5": "Md5Key",
    "SHA": "Sha1Key",
    "SHA-224": "Sha224Key",
    "SHA-256": "Sha256Key",
    "SHA-384": "Sha384Key",
    "SHA-512": "Sha512Key",
}
_PRIVACY = {"DES": "DesKey", "AES": "Aes128Key", "AES-192": "Aes192Key", "AES-256": "Aes256Key"}


class Login(NamedTuple):
    """The login: a community (v2c), or a *user* (v3)."""

    community: Secret | None
    user: str | None
    auth: Secret | None
    auth_method: str
    privacy: Secret | None
    privacy_method: str


class Agent:
    """A device's SNMP agent. Its methods raise `ProbeFailure` for failures of the device."""

    def __init__(self, session: Any, where: str, login: Login) -> None:
        self._session = session
        self._login = login
        self._heard = False
        self._maker: int | None = None
        self.where = where

    async def greet(self) -> None:
        """Learn a v3 engine's id and time; nothing for v2c, which has no greeting."""
        await self._answer(self._session.refresh)

    async def scalars(self, *oids: str) -> dict[str, Value]:
        """Return the values of *oids*; those that the agent does not have are left out."""
        found: dict[str, Value | None] = await self._answer(lambda: self._session.get_many(oids))
        self._heard = True
        return {oid: value for oid, value in found.items() if value is not None}

    async def maker(self) -> int:
        """Return the enterprise number of the device's maker (sysObjectID); 0 if unknown."""
        if self._maker is None:
            product = str((await self.scalars(_PRODUCT)).get(_PRODUCT, ""))
            match = _MAKER.match(product)
            self._maker = int(match[1]) if match else 0
        return self._maker

    async def column(self, oid: str) -> dict[str, Value]:
        """Return the values under *oid* by the rest of their OID, the row's index."""
        found: dict[str, Value] = {}
        rows = self._session.getbulk(oid)
        for _ in range(_MOST):  # answers, not rows: an agent may repeat the same one for ever
            try:
                name, value = await self._answer(rows.__anext__)
            except StopAsyncIteration:
                return found
            found[name.removeprefix(f"{oid}.")] = value
        raise ProbeFailure(Reason.LIMIT, f"{self.where} has over {_MOST} rows under {oid}")

    async def _answer(self, question: Callable[[], Awaitable[T]]) -> T:
        from gufo.snmp import SnmpAuthError, SnmpEncodeError, SnmpError  # noqa: PLC0415 - an extra, when a check needs it

        try:
            return await self._patiently(question)
        except SnmpAuthError:
            words = f"{self.where} refuses the user {self._login.user}, its password or its security level"
            raise ProbeFailure(Reason.AUTH, words) from None
        except SnmpEncodeError as error:
            raise OurFault(f"our SNMP library cannot put the question: {error}") from error
        except SnmpError as error:
            raise ProbeFailure(Reason.PROTOCOL, f"the answer of {self.where} is not SNMP: {error}") from error
        except asyncio.CancelledError as stop:
            raise cut_short(stop, self._silent()) from stop

    async def _patiently(self, question: Callable[[], Awaitable[T]]) -> T:
        for _ in range(_TRIES):
            limit = asyncio.timeout(_PATIENCE)
            try:
                async with limit:
                    return await question()
            except TimeoutError as error:
                if not limit.expired():  # raised by the library, which does so for a closed port
                    if "refused" in f"{error} {error.__cause__}":
                        raise ProbeFailure(Reason.REFUSED, f"connection refused: {self.where}") from error
                    raise shortage() or OurFault(f"our SNMP library gave up: {error}") from error
        raise self._silent()

    def _silent(self) -> ProbeFailure:
        if self._heard:
            words = f"{self.where} stopped answering, or has more rows than there was time for"
            return ProbeFailure(Reason.TIMEOUT, words)
        secret = "the community" if self._login.user is None else "the privacy password"
        return ProbeFailure(Reason.TIMEOUT, f"no answer from {self.where}: it is dead, or {secret} is wrong")


async def greeted(ip: str, port: int, login: Login) -> Agent:
    """Return the agent at *ip*, once it has answered; its socket lives as long as it does."""
    from gufo.snmp.aio import SnmpSession  # noqa: PLC0415 - as above

    session = SnmpSession(
        ip,
        port=port,
        community=login.community.reveal() if login.community else "public",
        user=_user(login),
        timeout=3600,  # ours is shorter
        max_repetitions=_ROWS_AT_ONCE,
    )
    asked = Agent(session, written(ip, port), login)
    await asked.greet()
    return asked


def _user(login: Login) -> Any:
    if login.user is None:
        return None
    from gufo.snmp import user as keys  # noqa: PLC0415 - as above

    auth = privacy = None
    if login.auth is not None:
        auth = getattr(keys, _AUTH[login.auth_method])(login.auth.reveal().encode())
    if login.privacy is not None:
        privacy = getattr(keys, _PRIVACY[login.privacy_method])(login.privacy.reveal().encode())
    return keys.User(login.user, auth_key=auth, priv_key=privacy)
