"""The limit on open files of this process."""

from __future__ import annotations

import gc
import resource

_FILES = 20_480


def runs_at_once() -> int:
    """How many probes may run at once: four fifths of the open files allowed; raises the soft limit to that end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return int(wanted * 0.8)


def collect_rarely() -> None:
    """Exempt what exists now from garbage collection, and collect the rest seldom.

    A full collection blocks the event loop for 50 to 100 ms with 10,000 checks. Reference counting frees nearly
    everything; cycles are few and young.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
