"""The limits of this process: open files, and how often garbage is collected."""

from __future__ import annotations

import gc
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.settings import Settings

_FILES = 20_480
_OURS = 64  # open files for the store, the listeners and their visitors, and the senders


def runs_at_once() -> int:
    """How many probes may run at once, by the open files allowed; raises the soft limit to that end.

    Some probes need more than one file, so four fifths of what we do not need ourselves.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, int((wanted - min(_OURS, wanted // 2)) * 0.8))


def collect_rarely() -> None:
    """Exempt what exists now from garbage collection, and collect the rest seldom.

    A full collection blocks the event loop for 50 to 100 ms with 10,000 checks. Reference counting frees nearly
    everything; cycles are few and young. The middle generation is collected at every second chance, while it is small:
    left for longer, it has 200,000 objects when 10,000 checks change, and takes as long as a full collection.
    """
    gc.freeze()
    gc.set_threshold(10_000, 1, 500)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Collect no garbage in the block, and never look at what was made in it: most of it lives until the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def let_go(settings: Settings) -> None:
    """Free *settings* piece by piece, for a thread: freed at once, 50,000 checks would hold the event loop."""
    pieces = [*settings.checks.values(), *settings.components.values()]
    del settings
    while pieces:
        pieces.pop()
