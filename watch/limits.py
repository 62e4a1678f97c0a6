"""What the operating system lets this process hold open."""

from __future__ import annotations

import resource

_FILES = 20_480


def runs_at_once() -> int:
    """How many probes this process can have under way: as many open files as it may have, but for our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return int(wanted * 0.8)
