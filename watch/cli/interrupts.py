"""What Ctrl-C does: it ends the process with one line and exit code 2, at any moment, without a traceback.

Python's own handler raises KeyboardInterrupt wherever the program is. In the middle of an import, that leaves half a
module and prints tracebacks that nobody can catch. So the signal ends the process at once, except where something
must be cleaned up: an event loop cancels its work (`watch.cli.loop`), and a file that is being written is finished.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # the module typing takes 5 ms, and until the handler is in place, Python's own is
if TYPE_CHECKING:
    from types import FrameType

MESSAGE = "Interrupted before it was done."
CODE = 2


def leave_quietly() -> None:
    """From now on, Ctrl-C ends the process at once."""
    signal.signal(signal.SIGINT, leave)


def leave(_: int, __: FrameType | None) -> None:
    """End the process."""
    try:
        os.write(2, f"\n{MESSAGE}\n".encode())
    finally:
        os._exit(CODE)
