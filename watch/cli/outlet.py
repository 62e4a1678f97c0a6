"""A standard stream of a hub, written by a thread of its own.

A write into a pipe that nobody empties waits for ever, and one to a full disk fails. The hub goes on in both cases:
what cannot be written is dropped and counted, and the next line that can be written says how much is missing.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 10_000  # pieces of text that wait to be written
_PATIENCE = 1.0  # seconds that the end of the process waits for them
_FULL = "threenines: {name} cannot be written ({why}); the hub runs on\n"


class Outlet:
    """A text stream of which no call waits or fails.

    Args:
        stream: What it writes to: its descriptor, or the stream itself when it has none.
        tell: Where to say that it cannot be written.
    """

    errors = "backslashreplace"

    def __init__(self, stream: TextIO, tell: Callable[[str], object] | None = None) -> None:
        self.encoding = stream.encoding
        self._stream, self._tell = stream, tell
        try:
            self._number: int | None = stream.fileno()
        except (OSError, ValueError):
            self._number = None
        self._texts: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        self._missing = 0
        self._gone = self._failing = False
        threading.Thread(target=self._pump, name="output", daemon=True).start()

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click asks in this way whether a stream takes bytes
            raise TypeError("this stream takes text")
        if self._texts.qsize() < _MOST:
            self._texts.put(text)
        else:
            self._missing += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: a log must not wait for its reader. `finish` waits."""

    def finish(self) -> None:
        """Wait for what was written so far, a second at most."""
        done = threading.Event()
        self._texts.put(done)
        done.wait(_PATIENCE)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def _pump(self) -> None:
        while True:
            text = self._texts.get()
            if isinstance(text, threading.Event):
                text.set()
            elif not self._gone:
                self._put(text)

    def _put(self, text: str) -> None:
        missing = f"({self._missing} pieces of output are missing here)\n" if self._missing else ""
        try:
            self._send(missing + text)
        except (BrokenPipeError, ConnectionError):
            self._gone = True  # the reader left, and no other will come
        except OSError as error:
            self._missing += 1
            if not self._failing and self._tell is not None:
                self._tell(_FULL.format(name="standard output", why=error.strerror))
            self._failing = True
        else:
            self._missing, self._failing = 0, False

    def _send(self, text: str) -> None:
        if self._number is None:
            self._stream.write(text)
            return
        data = text.encode(self.encoding, self.errors)
        while data:
            try:
                data = data[os.write(self._number, data) :]
            except BlockingIOError:  # somebody made the pipe or terminal non-blocking
                select.select([], [self._number], [])
