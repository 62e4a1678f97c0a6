"""SMB by smbprotocol: the protocol that a server speaks, and the space of a share.

The library's calls block, so each conversation runs on a thread (`watch.probes.wire.shares.smb_thread`). Its
logging is off: at its lower levels it logs what was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import socket
import struct
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.blame import cut_short, ours
from watch.probes.wire.net.engines import shared
from watch.probes.wire.shares.smb_thread import AT_ONCE, Threads, Wire, blocking, threaded

if TYPE_CHECKING:
    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line

_SIGNING_REQUIRED = 2
_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
_STATUS = {
    0xC000006D: (Reason.AUTH, "refuses our name or password"),
    0xC000006E: (Reason.AUTH, "restricts this account"),
    0xC0000071: (Reason.AUTH, "says that the password has expired"),
    0xC0000072: (Reason.AUTH, "says that the account is disabled"),
    0xC0000234: (Reason.AUTH, "says that the account is locked"),
    0xC0000022: (Reason.AUTH, "denies access"),
    0xC00000CC: (Reason.MISSING, "has no such share"),
    0xC0000034: (Reason.MISSING, "has no such folder in the share"),
    0xC000003A: (Reason.MISSING, "has no such folder in the share"),
    0xC0000103: (Reason.MISSING, "has a file there, not a folder"),
}


# What the login's library says when it cannot even make its part of a login.
_OUR_LOGIN = ("BadMechanismError", "NoCredentialError", "OperationNotAvailableError", "FeatureMissingError")


class Wanted(NamedTuple):
    """The login, and the share."""

    host: str
    username: str | None
    password: Secret | None
    share: str
    folder: str
    encrypt: bool


class Found(NamedTuple):
    """What a server reported; without a login there is no share."""

    dialect: str
    signed: bool
    encrypted: bool
    room: tuple[int, int] | None  # free bytes, total bytes


class Conversation:
    """One run's conversation with a server. *stage*: what it waits for, for the text of a failure."""

    def __init__(self, wire: Wire, wanted: Wanted, where: str) -> None:
        self._wire, self._wanted, self._where = wire, wanted, where
        self.stage = "the first answer"

    def held(self) -> Found:
        """Return what the server reports. Blocks."""
        known = _library("exceptions")
        try:
            return self._held()
        except known.SMBConnectionClosed:
            words = f"{self._where} closed the connection before {self.stage}"
            raise ProbeFailure(Reason.RESET, words) from None
        except known.SMBException as error:
            raise (ours(error) or self._failure(error)) from None
        except (ValueError, LookupError, struct.error) as error:
            # The library raises these for malformed data; none of our own code runs in between.
            words = f"{self._where} sends data that is not SMB before {self.stage}"
            raise ProbeFailure(Reason.PROTOCOL, words) from error

    def _held(self) -> Found:
        connection = _connection(self._wire, self._wanted.host)
        try:
            connection.connect(timeout=3600)  # the check has its own limit
            wanted, dialect = self._wanted, _DIALECTS.get(connection.dialect, "?")
            signed = bool(connection.server_security_mode & _SIGNING_REQUIRED)
            if wanted.encrypt and not connection.supports_encryption:
                raise ProbeFailure(Reason.TLS, f"{self._where} offers no encryption")
            if wanted.username is None or wanted.password is None:
                return Found(dialect, signed, encrypted=False, room=None)
            tree = self._share(connection, wanted.username, wanted.password)
            encrypted = bool(tree.session.encrypt_data or tree.encrypt_data)
            room = self._room(tree)
            return Found(dialect, signed, encrypted, room)
        finally:
            connection.disconnect(close=False)

    def _share(self, connection: Any, username: str, password: Secret) -> Any:
        self.stage = "the login"
        # NTLM explicitly: with a Kerberos library installed, "negotiate" would look for a ticket.
        session = _library("session").Session(
            connection,
            username,
            password.reveal(),
            require_encryption=self._wanted.encrypt,
            auth_protocol="ntlm",
        )
        session.connect()
        self.stage = "the share"
        tree = _library("tree").TreeConnect(session, rf"\\{self._wanted.host}\{self._wanted.share}")
        tree.connect()
        return tree

    def _room(self, tree: Any) -> tuple[int, int]:
        infos, opened = _library("file_info"), _library("open")
        self.stage = "its free space"
        folder = opened.Open(tree, self._wanted.folder)
        folder.create(
            opened.ImpersonationLevel.Impersonation,
            opened.DirectoryAccessMask.FILE_READ_ATTRIBUTES,
            infos.FileAttributes.FILE_ATTRIBUTE_DIRECTORY,
            opened.ShareAccess.FILE_SHARE_READ
            | opened.ShareAccess.FILE_SHARE_WRITE
            | opened.ShareAccess.FILE_SHARE_DELETE,
            opened.CreateDisposition.FILE_OPEN,
            opened.CreateOptions.FILE_DIRECTORY_FILE,
        )
        asked = opened.SMB2QueryInfoRequest()
        room = infos.FileFsFullSizeInformation()
        asked["info_type"], asked["file_info_class"] = room.INFO_TYPE, room.INFO_CLASS
        asked["output_buffer_length"], asked["file_id"] = 64, folder.file_id
        connection = tree.session.connection
        told = connection.receive(connection.send(asked, tree.session.session_id, tree.tree_connect_id))
        answer = opened.SMB2QueryInfoResponse()
        answer.unpack(told["data"].get_value())
        room.unpack(answer["buffer"].get_value())
        unit = room["sectors_per_unit"].get_value() * room["bytes_per_sector"].get_value()
        available = room["caller_available_units"].get_value()
        total = room["total_allocation_units"].get_value()
        folder.close()
        if not 0 <= available <= total < (1 << 62) // max(unit, 1):
            raise ProbeFailure(
                Reason.PROTOCOL, f"{self._where} reports {available} of {total} units of {unit} bytes"
            )
        return available * unit, total * unit

    def _failure(self, error: Any) -> ProbeFailure | OurFault:
        if type(error.__cause__).__name__ in _OUR_LOGIN:
            return OurFault(f"our NTLM library cannot log in: {type(error.__cause__).__name__}")
        status = int(getattr(error, "status", 0))
        if status in _STATUS:
            reason, words = _STATUS[status]
        elif status:
            reason, words = Reason.STATUS, f"answers with status {status:#010x} instead of {self.stage}"
        elif self.stage == "the login":  # a guest session, or a failed security context
            reason, words = Reason.AUTH, "accepts the login only as a guest, or not at all"
        else:
            reason, words = Reason.PROTOCOL, f"sends data that is not SMB before {self.stage}"
        return ProbeFailure(reason, f"{self._where} {words}")


async def held(line: Line, wanted: Wanted) -> Found:
    """Return what the server reports; the conversation uses up *line*."""
    threads = shared(Threads)
    try:
        await threads.free.acquire()
    except asyncio.CancelledError as stop:
        busy = OurFault(f"all {AT_ONCE} threads for SMB are busy", Reason.OVERLOADED)
        raise cut_short(stop, busy) from stop
    try:
        sock = blocking(line)
    except OSError:
        threads.free.release()
        raise
    talk = Conversation(Wire(sock, line.where), wanted, line.where)
    outcome = threaded(talk.held, sock, threads.free.release)
    try:
        return await outcome
    except asyncio.CancelledError as stop:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        words = f"connected to {line.where}, waiting for {talk.stage}"
        late = ProbeFailure(Reason.TIMEOUT, words, phases=line.phases)
        raise cut_short(stop, late) from stop
    except ProbeFailure as failure:
        raise ProbeFailure(failure.reason, failure.detail, phases=line.phases) from failure


def _library(part: str) -> Any:
    """Return a module of smbprotocol, imported on the thread that needs it: this takes 60 ms."""
    try:
        return importlib.import_module(f"smbprotocol.{part}")
    except ModuleNotFoundError as error:
        raise OurFault("the library smbprotocol is not installed: pip install 'threenines[smb]'") from error


def _connection(wire: Wire, host: str) -> Any:
    """Return a connection of the library that uses *wire*."""
    for library in ("smbprotocol", "spnego"):
        logging.getLogger(library).setLevel(logging.CRITICAL)

    class Ours(_library("connection").Connection):  # type: ignore[misc] # without types
        """A connection with a transport of ours."""

        @property
        def transport(self) -> Wire:
            return wire

        @transport.setter
        def transport(self, _made: object) -> None:
            """Keep our transport."""

    return Ours(uuid.uuid4(), host)
