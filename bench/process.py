"""Processes: started on one core, measured by the kernel's counters, ended by their pid."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TICK = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = _CORES[0], _CORES[-1]  # the same core on a machine with only one


@contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    log: Path,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    environ: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* on *core* during the block; its stderr goes to *log*."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=errors,
            env=os.environ | (environ or {}),
            cwd=cwd,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """User and system time of *pid*, its threads, and its running and finished children, in seconds."""
    # The name in the second column may contain anything, so columns are counted after it.
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, columns[11:15])) / _TICK
    return own + sum(cpu_seconds(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def resident_bytes(pid: int) -> int:
    """The resident memory of *pid* in bytes (VmRSS)."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
