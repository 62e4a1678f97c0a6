"""Programs run as bounded children: what they say, and how they end."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.child import held, run, said_by
from watch.probes.wire.net.blame import carried


async def test_what_a_program_says_and_how_it_ends_is_told():
    told = await said_by("sh", "-c", "echo out; echo err >&2; exit 3", package="dash")
    assert (told.code, told.out, told.err, told.words) == (3, "out\n", "err\n", "err")


async def test_a_program_sees_nothing_of_our_environment():
    told = await said_by("env", package="coreutils")
    assert {line.partition("=")[0] for line in told.out.splitlines()} == {"PATH", "LC_ALL", "TZ"}


async def test_a_program_that_is_not_here_is_our_fault_and_its_package_named():
    with pytest.raises(OurFault, match="smartmontools"):
        await said_by("/nonexistent/smartctl", package="smartmontools")


async def test_a_program_that_never_stops_talking_is_cut_off():
    with pytest.raises(ProbeFailure) as caught:
        await said_by("yes", package="coreutils")
    assert caught.value.reason is Reason.LIMIT


async def test_a_program_that_hangs_is_killed_with_all_its_children(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 1000 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; trap '' TERM; wait"
    loop = asyncio.get_running_loop()
    run = asyncio.ensure_future(said_by("sh", "-c", script, package="dash"))
    while not pids.exists():
        await asyncio.sleep(0)
    began = loop.time()
    run.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await run
    assert loop.time() - began < 0.1
    assert carried(caught.value).reason is Reason.TIMEOUT
    for pid in map(int, pids.read_text().split()):
        while running(pid):
            await asyncio.sleep(0)


async def test_a_question_longer_than_a_pipe_is_told_while_the_answer_is_read():
    question = os.urandom(1 << 19)
    told = await run(("/bin/cat",), "cat", question=question)
    assert (told.code, told.out) == (0, question)


async def test_a_program_that_does_not_read_its_question_is_no_fault():
    told = await run(("/bin/sh", "-c", "exec <&-; echo ok"), "sh", question=bytes(1 << 19))
    assert (told.code, told.out) == (0, b"ok\n")


async def test_no_more_runs_of_a_program_are_started_when_sixteen_hang_but_others_are():
    hanging = subprocess.Popen(["sleep", "60"])
    held["/bin/cat"] = [hanging] * 16
    try:
        with pytest.raises(OurFault) as caught:
            await run(("/bin/cat",), "cat")
        assert caught.value.reason is Reason.OVERLOADED
        assert (await said_by("echo", "a", package="coreutils")).out == "a\n"
    finally:
        hanging.kill()
        hanging.wait()
    assert (await run(("/bin/cat",), "cat")).code == 0
    assert "/bin/cat" not in held


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
