"""The command `threenines`. This file imports nothing slow, so that an early Ctrl-C finds a handler in place.

`main` is where a process begins. The verbs are in `watch.cli.verbs`, one file each.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the module typing takes 5 ms
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> None:
    """Run the command *words*, or the process's own command line without them; exit with the command's code."""
    if words is None:
        from watch.cli.interrupts import leave_quietly  # noqa: PLC0415 - before anything that takes time

        leave_quietly()
    from watch.cli.verbs import answered  # noqa: PLC0415 - likewise

    code = answered(words)
    loop = sys.modules.get("watch.cli.loop")
    if loop is not None and loop.stuck():  # a probe that ignores its cancellation, or a thread that hangs
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
