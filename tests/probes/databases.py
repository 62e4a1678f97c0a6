"""Real servers as children, unprivileged: those that refuse root get a user namespace in which we are somebody else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from tests.probes.conftest import until_listening
from tests.yardstick import PATIENCE

UNPRIVILEGED = ["unshare", "-U", "--map-user=1", "--map-group=1", "--"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def running(*program, port, folder, env=None):
    """A server in its own process group, from when it takes connections."""
    log = (folder / f"{port}.log").open("wb")
    with log:
        process = subprocess.Popen(
            [*UNPRIVILEGED, *map(str, program)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL": "C", **(env or {})},
        )
    try:
        until_listening(process, ("127.0.0.1", port))
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def call(*program, env=None):
    """Run a program to its end; what it printed."""
    done = subprocess.run(
        [*UNPRIVILEGED, *map(str, program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL": "C", **(env or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(holds, seconds=PATIENCE):
    """Ask again until *holds* gives something true, and return that: a server's inside has no event to await."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError):
            found = holds()
            if found:
                return found
        assert time.monotonic() < deadline, "it did not come about"


async def eventually(read, holds, seconds=PATIENCE):
    """Ask again until the reading is as it should be."""
    deadline = time.monotonic() + seconds
    while not holds(reading := await read()):
        assert time.monotonic() < deadline, reading
    return reading
