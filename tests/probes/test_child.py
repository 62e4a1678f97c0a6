"""Programs run as bounded children: what they say, and how they end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.probes.starved import only
from tests.probes.wires import descriptors
from tests.yardstick import cancelled
from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.child import held, run, said_by
from watch.probes.wire.net.blame import carried
from watch.probes.wire.processor import starved

LATE = ProbeFailure(Reason.TIMEOUT, "it did not end")


async def test_what_a_program_says_and_how_it_ends_is_told():
    told = await said_by("sh", "-c", "echo out; echo err >&2; exit 3", package="dash")
    assert (told.code, told.out, told.err, told.words) == (3, "out\n", "err\n", "err")


async def test_a_program_sees_nothing_of_our_environment():
    told = await said_by("env", package="coreutils")
    names = {line.partition("=")[0] for line in told.out.splitlines()}
    assert names == {"PATH", "LC_ALL", "TZ", "THREENINES_RUN"}


async def test_a_program_that_is_not_here_is_our_fault_and_its_package_named():
    with pytest.raises(OurFault, match="smartmontools"):
        await said_by("/nonexistent/smartctl", package="smartmontools")


async def test_a_program_that_never_stops_talking_is_cut_off():
    with pytest.raises(ProbeFailure) as caught:
        await said_by("yes", package="coreutils")
    assert caught.value.reason is Reason.LIMIT


LEAVES = {
    "it ignores SIGTERM": "trap '' TERM HUP INT; echo $$ >> {pids}; while :; do sleep 1000; done",
    "it has a child": "sleep 1000 & echo $$ $! >> {pids}; trap '' TERM; wait",
    "its child leads a session of its own": "setsid sh -c 'echo $$ >> {pids}; exec sleep 1000' & echo $$ >> {pids}; wait",
    "its child is a daemon": "(setsid sh -c 'echo $$ >> {pids}; exec sleep 1000' </dev/null >/dev/null 2>&1 &); "
    "echo $$ >> {pids}; exec sleep 1000",
    "its child starts others": "sh -c 'setsid sh -c \"echo \\$\\$ >> {pids}; sleep 1000\" & wait' & echo $$ >> {pids}; wait",
}


@pytest.mark.parametrize("name", LEAVES)
async def test_of_a_program_that_hangs_nothing_is_left(name, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    running = asyncio.ensure_future(said_by("sh", "-c", LEAVES[name].format(pids=pids), package="dash"))
    began, wanted = time.monotonic(), 1 if "ignores" in name else 2
    while len(pids.read_text().split()) < wanted:
        await asyncio.sleep(0)
    while starved("sh", map(int, pids.read_text().split()), time.monotonic() - began):  # a busy machine
        await asyncio.sleep(0)
    await cancelled(running)
    with pytest.raises(asyncio.CancelledError) as caught:
        await running
    assert carried(caught.value).reason is Reason.TIMEOUT
    for pid in map(int, pids.read_text().split()):
        while alive(pid):
            await asyncio.sleep(0)
    assert "/usr/bin/sh" not in held
    assert "/bin/sh" not in held


async def test_a_run_that_is_cancelled_twice_leaves_nothing_either(tmp_path):
    before = descriptors()
    pids = tmp_path / "pids"
    pids.touch()
    running = asyncio.ensure_future(
        said_by("sh", "-c", f"echo $$ >> {pids}; exec sleep 1000", package="dash")
    )
    while not pids.read_text():
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    while alive(int(pids.read_text())):
        await asyncio.sleep(0)
    assert descriptors() <= before


async def test_without_descriptors_no_program_is_left_running(tmp_path):
    """With every number of free descriptors: pipes, then the handle on the child, cannot be had."""
    said, pids = [], tmp_path / "pids"
    pids.touch()
    for free in range(14):
        with only(free):
            try:
                said.append((await said_by("sh", "-c", f"echo $$ >> {pids}", package="dash")).code)
            except OurFault as fault:
                said.append(fault.reason)
    assert said[0] is Reason.OVERLOADED
    assert said[-1] == 0
    assert set(said) == {Reason.OVERLOADED, 0}
    for pid in map(int, pids.read_text().split()):
        while alive(pid):
            await asyncio.sleep(0)


async def test_a_program_has_no_terminal_to_ask_on():
    told = await said_by("sh", "-c", "read word; : < /dev/tty", package="dash")
    assert told.code != 0
    assert "/dev/tty" in told.err


async def test_a_program_that_somebody_kills_says_nothing_of_the_target():
    with pytest.raises(OurFault) as caught:
        await said_by("sh", "-c", "kill -9 $$", package="dash")
    assert caught.value.reason is Reason.OVERLOADED
    with pytest.raises(OurFault, match="a signal: Segmentation fault"):
        await said_by("sh", "-c", "kill -SEGV $$", package="dash")


async def test_at_most_thirty_two_programs_run_at_once_and_waiting_for_a_turn_is_ours(tmp_path):
    begun = tmp_path / "begun"
    begun.touch()
    script = f"echo $$ >> {begun}; exec sleep 1000"
    runs = [asyncio.ensure_future(said_by("sh", "-c", script, package="dash")) for _ in range(40)]
    while len(begun.read_text().split()) < 32:
        await asyncio.sleep(0)
    assert not any(it.done() for it in runs)
    for it in runs:
        it.cancel()
    ends = []
    for it in runs:
        with pytest.raises(asyncio.CancelledError) as caught:
            await it
        ends.append(carried(caught.value))
    assert len(begun.read_text().split()) == 32
    assert sorted(it.reason.value for it in ends) == ["overloaded"] * 8 + ["timeout"] * 32
    assert {type(it) for it in ends if it.reason is Reason.OVERLOADED} == {OurFault}
    for pid in map(int, begun.read_text().split()):
        while alive(pid):
            await asyncio.sleep(0)


async def test_a_question_longer_than_a_pipe_is_told_while_the_answer_is_read():
    question = os.urandom(1 << 19)
    told = await run(("/bin/cat",), "cat", late=LATE, question=question)
    assert (told.code, told.out) == (0, question)


async def test_a_program_that_does_not_read_its_question_is_no_fault():
    told = await run(("/bin/sh", "-c", "exec <&-; echo ok"), "sh", late=LATE, question=bytes(1 << 19))
    assert (told.code, told.out) == (0, b"ok\n")


async def test_no_more_runs_of_a_program_are_started_when_sixteen_hang_but_others_are():
    hanging = subprocess.Popen(["sleep", "60"])
    held["/bin/cat"] = [hanging] * 16
    try:
        with pytest.raises(OurFault) as caught:
            await run(("/bin/cat",), "cat", late=LATE)
        assert caught.value.reason is Reason.OVERLOADED
        assert (await said_by("echo", "a", package="coreutils")).out == "a\n"
    finally:
        hanging.kill()
        hanging.wait()
    assert (await run(("/bin/cat",), "cat", late=LATE)).code == 0
    assert "/bin/cat" not in held


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


async def test_a_program_that_waited_for_a_processor_says_nothing_of_the_target():
    one = str(min(os.sched_getaffinity(0)))
    busy = "while :; do :; done"
    idle = ("taskset", "-c", one, "chrt", "--idle", "0", "sh", "-c", busy)
    with subprocess.Popen(["taskset", "-c", one, "sh", "-c", busy]) as other:
        before = children()
        running = asyncio.ensure_future(said_by("env", *idle, package="coreutils"))
        while starved("the program", [it for it in children() if it not in before], 4.0) is None:
            await asyncio.sleep(0)
        await cancelled(running)
        other.kill()
    with pytest.raises(asyncio.CancelledError) as caught:
        await running
    found = carried(caught.value)
    assert isinstance(found, OurFault)
    assert found.reason is Reason.OVERLOADED
    assert "for a processor" in found.detail


def children() -> list[int]:
    """The processes that this one has started."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
