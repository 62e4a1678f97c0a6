"""Servers of Debian's packages, started for a session on loopback ports as somebody who may do nothing else."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.probes.conftest import until_listening

ROOT = os.geteuid() == 0
USER = pwd.getpwnam("nobody") if ROOT else pwd.getpwuid(os.geteuid())
AS_USER = (
    ["setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups", "--bounding-set=-all"]
    if ROOT
    else []
)


@contextlib.contextmanager
def folder(**files):
    """A folder that the servers' user owns and can reach, which pytest's are not; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="watch-") as name:
        path = Path(name)
        for file, text in files.items():
            (path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
            (path / file).chmod(0o600)
        give(path)
        yield path


def give(path):
    """Make the servers' user the owner of a folder and what is in it."""
    if ROOT:
        for each in (path, *path.rglob("*")):
            os.chown(each, USER.pw_uid, USER.pw_gid)


@contextlib.contextmanager
def running(*program, places, user=True, **more):
    """The server while it takes connections at *places*; yields its process."""
    log = more.pop("log", subprocess.DEVNULL)
    process = subprocess.Popen(
        [*(AS_USER if user else []), *map(str, program)],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        **more,
    )
    try:
        until_listening(process, *places)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
