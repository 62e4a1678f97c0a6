"""An iSCSI initiator (RFC 7143) that logs in, asks and logs out: one connection, one command at a time.

No Python library for it is maintained, and a probe needs little: login with CHAP, SendTargets, and commands
that only read. Digests, immediate data and error recovery are not implemented, and so not offered.

The name of the initiator and its ISID identify a session, and a target that sees the same pair again ends the
former session. So every login takes a random ISID: two vantage points that ask the same target at once, or a
host that has our name by mistake, do not end each other's sessions.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.net.reader import Reader
from watch.probes.wire.storage import scsi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.probes.wire.net.line import Line
    from watch.probes.wire.storage.chap import Chap

_HEAD = 48
_MOST = 64 << 10  # bytes of data in a unit; we announce it to the target
_NOBODY = 0xFFFFFFFF
_IMMEDIATE, _FINAL, _MORE = 0x40, 0x80, 0x40
_NOP_OUT, _COMMAND, _LOGIN, _TEXT, _LOGOUT = 0x00, 0x01, 0x03, 0x04, 0x06
_NOP_IN, _RESPONSE, _LOGGED_IN, _SAID, _DATA, _LOGGED_OUT, _EVENT, _REJECT = (
    0x20, 0x21, 0x23, 0x24, 0x25, 0x26, 0x32, 0x3F,
)  # fmt: skip
_SECURITY, _OPERATION, _FULL = 0, 1, 3
_TURNS = 16  # answers to one question, so that a target cannot keep us busy for ever
_LOGIN_STATUS = {
    0x0201: (Reason.AUTH, "refuses our name or password"),
    0x0202: (Reason.AUTH, "does not let this initiator in"),
    0x0203: (Reason.MISSING, "knows no such target"),
    0x0204: (Reason.MISSING, "had this target and removed it"),
    0x0206: (Reason.STATUS, "has too many connections"),
    0x0301: (Reason.STATUS, "says that the target is out of service"),
    0x0302: (Reason.STATUS, "is out of resources"),
}
_OPERATIONAL = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "MaxRecvDataSegmentLength": str(_MOST),
    "MaxConnections": "1",
    "InitialR2T": "Yes",
    "ImmediateData": "No",
    "MaxBurstLength": "262144",
    "FirstBurstLength": "65536",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "0",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
    "ErrorRecoveryLevel": "0",
}


class Moved(Exception):  # noqa: N818 - no error: the target says where to ask instead
    """The portal redirects us to *address* (``host:port``)."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Unit(NamedTuple):
    """One received unit (PDU)."""

    head: bytes
    data: bytes

    @property
    def code(self) -> int:
        return self.head[0] & 0x3F

    def number(self, at: int) -> int:
        return int.from_bytes(self.head[at : at + 4], "big")


class Session:
    """A conversation with a portal over a connected line."""

    __slots__ = ("_commands", "_in", "_isid", "_line", "_seen", "_tag", "_tsih")

    def __init__(self, line: Line) -> None:
        self._line, self._in = line, Reader(line, most=None)
        self._isid, self._tsih = b"\x80" + secrets.token_bytes(3) + b"\0\1", b"\0\0"
        self._tag, self._commands, self._seen = 1, 1, 0

    async def login(self, initiator: str, target: str | None, chap: Chap | None) -> None:
        """Begin a session with *target*; a discovery session without one.

        Raises:
            Moved: The portal redirects us to another.
            ProbeFailure: The login is refused.
        """
        who = {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery"}
        who |= {"TargetName": target} if target else {}
        method = "CHAP" if chap else "None"
        answer = await self._agree(_SECURITY, who | {"AuthMethod": method}, leave=chap is None)
        if chap is not None:
            if answer.get("AuthMethod") != "CHAP":
                raise self._failed(Reason.AUTH, "asks for no password, although one is given")
            answer = await self._agree(_SECURITY, chap.offer(), leave=False)
            chap.confirm(await self._agree(_SECURITY, chap.reply(answer), leave=True))
        await self._agree(_OPERATION, _OPERATIONAL, leave=True)

    async def _agree(self, stage: int, keys: Mapping[str, str], *, leave: bool) -> dict[str, str]:
        """Send *keys* in a stage of the login and return the answer's; *leave* the stage after it."""
        to = (_OPERATION if stage == _SECURITY else _FULL) if leave else 0
        flags = (_FINAL if leave else 0) | stage << 2 | to
        heard: dict[str, str] = {}
        for _ in range(_TURNS):
            place, data = self._isid + self._tsih, _written(keys)
            await self._send(_LOGIN | _IMMEDIATE, flags, place, data=data)
            unit = await self._next(_LOGGED_IN, "the login")
            heard |= _keys(unit.data)
            self._admitted(unit.head[36] << 8 | unit.head[37], heard)
            self._tsih = unit.head[14:16]
            if not unit.head[1] & _MORE and (not leave or unit.head[1] & _FINAL):
                return heard
            keys = {}
        raise self._failed(Reason.PROTOCOL, "does not finish the login")

    def _admitted(self, status: int, keys: Mapping[str, str]) -> None:
        if status >> 8 == 1 and keys.get("TargetAddress"):
            raise Moved(keys["TargetAddress"].partition(",")[0])
        if status:
            fallback = Reason.STATUS, f"refuses the login with status {status:#06x}"
            raise self._failed(*_LOGIN_STATUS.get(status, fallback))

    async def targets(self) -> tuple[list[str], int]:
        """Return the names of the targets, and how many portals they announce (in a discovery session)."""
        data, transfer = b"SendTargets=All\0", _NOBODY
        heard = b""
        self._tag += 1
        for _ in range(_TURNS):
            await self._send(_TEXT, _FINAL, bytes(8), transfer.to_bytes(4, "big"), data, counted=True)
            unit = await self._next(_SAID, "the list of targets")
            heard += unit.data
            if unit.head[1] & _FINAL:
                pairs = heard.split(b"\0")
                names = [pair[11:] for pair in pairs if pair.startswith(b"TargetName=")]
                # An address ends in the tag of its portal group: 192.0.2.10:3260,1.
                portals = {p[14:].partition(b",")[0] for p in pairs if p.startswith(b"TargetAddress=")}
                return [one_line(name.decode("utf-8", "replace"), 223) for name in names], len(portals)
            transfer, data = unit.number(20), b""
        raise self._failed(Reason.LIMIT, "does not finish its list of targets")

    async def command(self, lun: int, cdb: bytes, room: int) -> bytes:
        """Return the data of the command, *room* bytes at most; it is repeated after a unit attention."""
        for _ in range(4):
            status, data, told = await self._commanded(lun, cdb, room)
            if status == 0:
                return data
            why = scsi.sense(told[2:]) if status == scsi.CONDITION else None
            if why is not None and why.recovered:
                return data
            if why is None or not why.passing:
                break
        raise scsi.failure(lun, status, why)

    async def _commanded(self, lun: int, cdb: bytes, room: int) -> tuple[int, bytes, bytes]:
        """Return the status of one try, its data, and the sense data."""
        flags = _FINAL | (0x40 if room else 0) | 1
        self._tag += 1
        place, size = scsi.wire(lun), room.to_bytes(4, "big")
        await self._send(_COMMAND, flags, place, size, rest=cdb, counted=True)
        data, what = b"", f"the answer of LUN {lun}"
        for _ in range(_TURNS):
            unit = await self._next((_RESPONSE, _DATA), what)
            if unit.code == _RESPONSE:
                if unit.head[2]:
                    raise self._failed(
                        Reason.STATUS, f"could not deliver the command (response {unit.head[2]})"
                    )
                return unit.head[3], data, unit.data
            data += unit.data
            if len(data) > room:
                raise self._failed(Reason.PROTOCOL, "sends more data than was asked for")
            if unit.head[1] & 1:  # the status is included
                return unit.head[3], data, b""
        raise self._failed(Reason.LIMIT, "answers in too many pieces")

    async def logout(self) -> None:
        """Log out, so that the target's log has no broken connection."""
        self._tag += 1
        await self._send(_LOGOUT, _FINAL, bytes(8), counted=True)
        await self._next(_LOGGED_OUT, "the logout")

    async def _send(
        self,
        code: int,
        flags: int,
        place: bytes,
        fourth: bytes = b"\0\0\0\0",
        data: bytes = b"",
        *,
        rest: bytes = b"",
        tag: int | None = None,
        counted: bool = False,
    ) -> None:
        """Send a unit; *counted*: it has its own number in the order of commands."""
        head = struct.pack("!BBxxB", code, flags, 0) + len(data).to_bytes(3, "big") + place
        head += struct.pack("!I", self._tag if tag is None else tag) + fourth
        head += struct.pack("!II", self._commands, self._seen) + rest
        self._commands += counted
        await self._line.send(head.ljust(_HEAD, b"\0") + data + bytes(-len(data) % 4))

    async def _next(self, wanted: int | tuple[int, ...], what: str) -> Unit:
        """Return the next unit of a *wanted* kind; other units are handled in between."""
        codes = (wanted,) if isinstance(wanted, int) else wanted
        words = f"connected to {self._line.where}, waiting for {what}"
        for _ in range(_TURNS):
            unit = await self._unit(words)
            if unit.code in codes and unit.number(16) == self._tag:
                return unit
            await self._aside(unit, what)
        raise self._failed(Reason.LIMIT, "sends too many units that were not asked for")

    async def _unit(self, what: str) -> Unit:
        head = await self._in.exactly(_HEAD, what)
        size, more = int.from_bytes(head[5:8], "big"), 4 * head[4]
        if head[0] & 0x3F not in _FROM_TARGET:
            raise self._failed(Reason.PROTOCOL, "does not speak iSCSI")
        data = (await self._in.exactly(more + size + -size % 4, what, most=_MOST + 1024))[more : more + size]
        unit = Unit(head, data)
        # Data units have a number only if they include the status; a NOP of the target has no new number.
        if (unit.code != _DATA or head[1] & 1) and not (unit.code == _NOP_IN and unit.number(16) == _NOBODY):
            self._seen = (unit.number(24) + 1) & _NOBODY
        return unit

    async def _aside(self, unit: Unit, what: str) -> None:
        """Answer a ping (NOP); ignore events; raise when the target ends the session."""
        if unit.code == _NOP_IN:
            if unit.number(20) != _NOBODY:
                place, transfer = unit.head[8:16], unit.head[20:24]
                await self._send(_NOP_OUT | _IMMEDIATE, _FINAL, place, transfer, unit.data, tag=_NOBODY)
            return
        if unit.code == _EVENT and unit.head[36] not in (1, 2, 3):
            return
        if unit.code == _EVENT:
            raise self._failed(Reason.RESET, "asks us to log out")
        if unit.code == _REJECT:
            raise self._failed(Reason.PROTOCOL, f"rejects {what} (reason {unit.head[2]:#04x})")
        raise self._failed(Reason.PROTOCOL, f"sends something other than {what}")

    def _failed(self, reason: Reason, words: str) -> ProbeFailure:
        return ProbeFailure(reason, f"{self._line.where} {words}", phases=self._line.phases)


_FROM_TARGET = frozenset((_NOP_IN, _RESPONSE, _LOGGED_IN, _SAID, _DATA, _LOGGED_OUT, _EVENT, _REJECT))


def _written(keys: Mapping[str, str]) -> bytes:
    return b"".join(f"{name}={value}\0".encode() for name, value in keys.items())


def _keys(data: bytes) -> dict[str, str]:
    pairs = (pair.partition(b"=") for pair in data.split(b"\0"))
    return {name.decode("latin-1"): value.decode("latin-1") for name, equal, value in pairs if equal}
