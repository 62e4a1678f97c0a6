"""The hub's Unix socket beside the store: how the command line asks and tells a running hub.

One line of JSON in, one line out, then the connection ends::

    → {"verb": "reload", "arguments": {}, "by": "alice"}
    ← {"code": 0, "answer": {...}}          or  {"code": 2, "error": "..."}

The file has mode 0600: who may open it may do what the hub's own user may. Each side says its line within a few
seconds, and no line is longer than a megabyte (an answer may be).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from typing import TYPE_CHECKING, Any

import orjson

from watch.core.delivery import Command
from watch.core.wording import one_line
from watch.errors import ListenError, Trouble
from watch.web.hub_client import place, short_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from watch.core.delivery import Receipt

log = logging.getLogger(__name__)
_MOST = 1 << 20  # bytes of a request
_PATIENCE = 5.0  # seconds for a request to arrive


class HubSocket:
    """Answers on the socket until `close`.

    Args:
        questions: Reading verbs: they change nothing and are not recorded.
        take: The hub's door for commands.
    """

    def __init__(
        self,
        questions: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]],
        take: Callable[[Command], Awaitable[Receipt]],
    ) -> None:
        self._questions, self._take = questions, take
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._file = os.stat_result(range(10))
        self._open: set[asyncio.StreamWriter] = set()
        self._closing = False

    async def open(self, store: Path) -> None:
        """Listen beside *store*, whose lock we hold: what lies there is a dead hub's, or planted."""
        path = place(store)
        if self._server is not None:  # its file was removed
            self._server.close()
        _unlinked(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        mask = os.umask(0o177)
        try:
            with short_name(path) as name:
                listening.bind(name)
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=_MOST)
        except OSError as error:
            listening.close()
            raise ListenError(
                f"{path}: cannot be listened on ({error.strerror}). Check its folder."
            ) from error
        finally:
            os.umask(mask)
        self._path, self._file = path, path.lstat()

    @property
    def present(self) -> bool:
        """Whether verbs find us: the file that we made is at its place."""
        try:
            return self._path is not None and os.path.samestat(self._path.lstat(), self._file)
        except OSError:
            return False

    async def close(self) -> None:
        self._closing = True
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)  # those who waited for a line see that there is none
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await reader.readline()
            if self._closing:
                return
            writer.write(orjson.dumps(await self._answer(line, _account(writer))) + b"\n")
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        except asyncio.CancelledError:
            return  # the hub stops
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("a request on the socket came to nothing: %s", type(error).__name__)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, account: str) -> dict[str, Any]:
        try:
            said = orjson.loads(line)
            verb, arguments, by = (
                str(said["verb"]),
                dict(said.get("arguments") or {}),
                str(said.get("by") or ""),
            )
        except (KeyError, TypeError, ValueError):
            return {"code": 2, "error": "a request is one line of JSON with a verb"}
        try:
            if verb in self._questions:
                return {"code": 0, "answer": await self._questions[verb](arguments)}
            command = Command(
                verb=one_line(verb, 80), arguments=arguments, by=one_line(by, 80), account=account
            )
            receipt = await self._take(command)
        except Trouble as trouble:
            return {"code": trouble.exit_code, "error": str(trouble)}
        except (OSError, ValueError) as error:
            return {"code": 2, "error": f"{verb}: {one_line(str(error))}"}
        if receipt.refused:
            return {"code": 2, "error": receipt.refused[0].why}
        return {"code": 0, "answer": receipt.answer}


def _unlinked(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"{path}: cannot be listened on ({error.strerror}). Check its folder.") from error


def _account(writer: asyncio.StreamWriter) -> str:
    """The operating system's name of who is at the other end."""
    try:
        there = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        uid = struct.unpack("3i", there)[1]
    except (AttributeError, OSError, struct.error):
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
