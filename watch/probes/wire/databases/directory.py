"""LDAP, the part that a check needs: StartTLS, bind, and one entry.

Only these three requests are made, and none changes anything. Each waits for the answer to the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import Reason
from watch.probes.wire.databases import ber

if TYPE_CHECKING:
    from watch.probes.wire.mail.dialogue import Dialogue

_BIND, _BOUND = 0x60, 0x61
_SEARCH, _ENTRY, _DONE = 0x63, 0x64, 0x65
_EXTENDED, _EXTENDED_DONE = 0x77, 0x78
_UNBIND = b"\x42\x00"
_START_TLS = "1.3.6.1.4.1.1466.20037"
_SIMPLE, _PRESENT, _NAME = 0x80, 0x87, 0x80  # context tags: a plain password, "has this attribute", an OID
_NO_SUCH_ENTRY = 32
_CODES = {
    1: (Reason.STATUS, "operations error"),
    7: (Reason.AUTH, "authentication method not supported"),
    8: (Reason.AUTH, "stronger authentication required"),
    10: (Reason.STATUS, "referral to another server"),
    13: (Reason.TLS, "confidentiality required"),
    32: (Reason.MISSING, "no such entry"),
    34: (Reason.STATUS, "invalid DN"),
    48: (Reason.AUTH, "inappropriate authentication"),
    49: (Reason.AUTH, "invalid credentials"),
    50: (Reason.AUTH, "insufficient access rights"),
    51: (Reason.STATUS, "busy"),
    52: (Reason.STATUS, "unavailable"),
    53: (Reason.STATUS, "unwilling to perform"),
}

Entry = dict[str, list[bytes]]


class Directory:
    """A conversation with an LDAP server."""

    def __init__(self, talk: Dialogue) -> None:
        self._talk = talk
        self._number = 0

    async def start_tls(self) -> None:
        _, done = await self._asked(
            ber.element(_EXTENDED, ber.text(_START_TLS, _NAME)), _EXTENDED_DONE, "STARTTLS"
        )
        code, words = self._result(done)
        if code:
            raise self._talk.failure(
                Reason.TLS, f"does not start TLS: {words}; write `tls: none` to do without TLS"
            )
        await self._talk.secure()

    async def bind(self, name: str, password: str) -> None:
        request = ber.element(_BIND, ber.number(3), ber.text(name), ber.text(password, _SIMPLE))
        _, done = await self._asked(request, _BOUND, "a login", secret=True)
        self._granted(done, "a login")

    async def entry(self, base: str, attribute: str | None) -> Entry | None:
        """Return the attributes of the entry *base*, by lower-case name; None when it does not exist."""
        request = ber.element(
            _SEARCH,
            ber.text(base),
            ber.number(0, ber.ENUMERATED),  # scope: the entry itself
            ber.number(0, ber.ENUMERATED),  # aliases are not followed
            ber.number(1),  # one entry at most
            ber.number(10),  # seconds
            ber.element(ber.BOOLEAN, b"\0"),
            ber.text("objectClass", _PRESENT),
            ber.element(ber.SEQUENCE, ber.text(attribute or "1.1")),  # 1.1: no attribute at all
        )
        entries, done = await self._asked(request, _DONE, "a search")
        code, _ = self._result(done)
        if code == _NO_SUCH_ENTRY:
            return None
        self._granted(done, "a search")
        try:
            return _attributes(entries[0]) if entries else None
        except (ValueError, IndexError) as error:
            raise self._broken() from error

    async def leave(self) -> None:
        self._number += 1
        await self._talk.put(ber.element(ber.SEQUENCE, ber.number(self._number), _UNBIND))

    async def _asked(
        self, request: bytes, wanted: int, what: str, *, secret: bool = False
    ) -> tuple[list[bytes], bytes]:
        """Return the entries, and the message with the tag *wanted* that ends the answer."""
        self._number += 1
        message = ber.element(ber.SEQUENCE, ber.number(self._number), request)
        await self._talk.put(message, secret=secret)
        entries = list[bytes]()
        while True:
            number, tag, body = await self._heard(f"an answer to {what}")
            if number == 0:
                _, words = self._result(body)
                raise self._talk.failure(Reason.STATUS, f"the server ends the connection: {words}")
            if number != self._number:
                raise self._talk.failure(Reason.PROTOCOL, f"sends something other than {what}")
            if tag == wanted:
                return entries, body
            if tag == _ENTRY:
                entries.append(body)

    async def _heard(self, what: str) -> tuple[int, int, bytes]:
        """Return the next message's number, its tag and its content."""
        head = await self._talk.take(2, what)
        if head[0] != ber.SEQUENCE:
            raise self._broken()
        try:
            more = await self._talk.take(ber.length_of_length(head[1]), what)
            size = int.from_bytes(more, "big") if more else head[1]
            (kind, number), (tag, body), *_ = ber.parts(await self._talk.take(size, what))
        except ValueError as error:
            raise self._broken() from error
        if kind != ber.INTEGER:
            raise self._broken()
        return ber.integer(number), tag, body

    def _result(self, body: bytes) -> tuple[int, str]:
        """Return the code of an LDAPResult, and its text."""
        try:
            (_, code), _, (_, words), *_ = ber.parts(body)
        except ValueError as error:
            raise self._broken() from error
        number = ber.integer(code)
        known = _CODES.get(number, (Reason.STATUS, f"code {number}"))[1]
        said = self._talk.quoted(words.decode("utf-8", "replace")) if words else ""
        return number, f"{known}, {said}" if said else known

    def _granted(self, body: bytes, what: str) -> None:
        code, words = self._result(body)
        if code:
            reason = _CODES.get(code, (Reason.STATUS, ""))[0]
            raise self._talk.failure(reason, f"refuses {what}: {words}")

    def _broken(self) -> Exception:
        return self._talk.failure(Reason.PROTOCOL, "the answer is not LDAP")


def _attributes(entry: bytes) -> Entry:
    _, (_, attributes), *_ = ber.parts(entry)
    found: Entry = {}
    for _, attribute in ber.parts(attributes):
        (_, name), (_, values), *_ = ber.parts(attribute)
        found[name.decode("utf-8", "replace").lower()] = [value for _, value in ber.parts(values)]
    return found
