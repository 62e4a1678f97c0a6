"""Standard output and standard error, which may be closed, full, or read by nobody.

None of that is bad news of the targets, and none of it may stop what a verb does:

* A reader who left (``| head -1``) has seen enough: the rest is dropped, and the exit code is the verb's own.
* Output that cannot be written (a full disk) is said on standard error, and the exit code is 2.
* Standard error that cannot be written is dropped: there is no other place to say it.
* A hub's output is written by a thread of its own (`detach`): a pipe that nobody empties holds up that thread only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT = frozenset(
    {errno.EPIPE, errno.ECONNRESET, errno.EBADF}
)  # nobody reads; EBADF: closed by who started us


class Loss:
    """Why a stream can no longer be written; None while it can."""

    error: OSError | None = None


class Guarded:
    """A standard stream that drops what cannot be written, and knows why.

    Args:
        loss: Shared by the text stream and the bytes below it.
    """

    def __init__(self, stream: IO[Any], loss: Loss | None = None) -> None:
        self._stream = stream
        self.loss = loss or Loss()

    def write(self, text: Any) -> int:
        if self.loss.error is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        if self.loss.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def finish(self) -> None:
        """Write out what is buffered."""
        self.flush()

    @property
    def buffer(self) -> Guarded:
        return Guarded(self._stream.buffer, self.loss)  # type: ignore[attr-defined]  # a text stream has it

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        """Note *error*. What the stream still holds goes nowhere, or it would fail again when the process ends."""
        self.loss.error = error
        with contextlib.suppress(OSError, ValueError):
            number, nowhere = self._stream.fileno(), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextlib.contextmanager
def guarded() -> Iterator[Loss]:
    """Guard both streams until the end of the block. Yields the loss of standard output."""
    _open_all()
    before = sys.stdout, sys.stderr
    out, err = Guarded(before[0]), Guarded(before[1])
    sys.stdout, sys.stderr = out, err
    try:
        yield out.loss
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.finish()
        sys.stdout, sys.stderr = before


def full(loss: Loss) -> str:
    """The message for output that could not be written; empty when it was, or when its reader left."""
    if loss.error is None or loss.error.errno in _LEFT:
        return ""
    why = loss.error.strerror
    return f"Standard output cannot be written: {why}. Part of the answer is missing; write it elsewhere."


def unread() -> bool:
    """Whether nobody will read what is written to standard output from now on."""
    return isinstance(sys.stdout, Guarded) and sys.stdout.loss.error is not None


def detach() -> None:
    """Let threads write both streams from now on, as `Outlet`; the end of `guarded` waits a moment for them."""
    from watch.cli.outlet import Outlet  # noqa: PLC0415 - for hubs only

    err = Outlet(sys.stderr)
    out = Outlet(sys.stdout, tell=err.write)
    sys.stdout, sys.stderr = out, err


def _open_all() -> None:
    """Open what is closed of the three standard streams on nothing.

    Otherwise the first file that we open, such as the store, would be standard output, and libraries would write to it.
    """
    with contextlib.suppress(OSError):  # without /dev/null there is nothing to open
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until we end
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - likewise
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - likewise
