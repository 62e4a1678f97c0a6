"""The prober draws the line between the target's fault and ours."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from watch.core.expect import Judge, compile_judge
from watch.core.reading import FactSpec, FactType, OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.probes.wire.net.blame import cut_short
from watch.vantage.prober import observe

NOW = datetime(2026, 11, 23, tzinfo=UTC)
UP = Reading(Verdict.UP, facts={"latency": 0.5})


@dataclass(frozen=True, slots=True)
class Scripted:
    """A probe that does what it is told."""

    what: object
    KIND = "scripted"

    async def run(self, *, now):
        if isinstance(self.what, BaseException):
            raise self.what
        return await self.what() if callable(self.what) else self.what


async def reading_of(what, *, judge=None, seconds=1.0):
    return await observe(Scripted(what), judge or Judge(), now=NOW, timeout=timedelta(seconds=seconds))


def told(reading):
    return reading.verdict, reading.reason


async def test_an_answer_is_judged():
    slow = {"latency": FactSpec("latency", FactType.DURATION, Reason.SLOW, "how long")}
    judge = compile_judge(["latency < 2s"], ["latency < 100ms"], slow, {})
    assert told(await reading_of(UP, judge=judge)) == (Verdict.DEGRADED, Reason.SLOW)
    assert await reading_of(UP) is UP


async def test_a_failure_of_the_target_is_down_with_what_it_brought():
    failure = ProbeFailure(Reason.PROTOCOL, "speaks in tongues", facts={"size": 3}, phases={"connect": 0.1})
    reading = await reading_of(failure)
    assert reading == Reading(
        Verdict.DOWN, Reason.PROTOCOL, "speaks in tongues", {"size": 3}, {"connect": 0.1}
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Reason.REFUSED),
        (ConnectionResetError(errno.ECONNRESET, "x"), Reason.RESET),
        (ConnectionResetError("no errno"), Reason.RESET),
        (BrokenPipeError(errno.EPIPE, "x"), Reason.RESET),
        (EOFError(), Reason.RESET),
        (asyncio.IncompleteReadError(b"", 4), Reason.RESET),
        (OSError(errno.EHOSTUNREACH, "x"), Reason.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "x"), Reason.UNREACHABLE),
        (OSError(errno.ETIMEDOUT, "x"), Reason.TIMEOUT),
        (TimeoutError(), Reason.TIMEOUT),
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.DNS),
        (ssl.SSLError("bad"), Reason.TLS),
        (ssl.SSLCertVerificationError("bad"), Reason.CERTIFICATE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_errors_that_only_a_peer_can_cause_are_down(error, reason):
    assert told(await reading_of(error)) == (Verdict.DOWN, reason)


@pytest.mark.parametrize("hidden", ["cause", "context", "suppressed"])
async def test_the_error_behind_a_librarys_own_is_found(hidden):
    def library():
        try:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "x")
        except OSError as error:
            if hidden == "cause":
                raise RuntimeError("cannot") from error
            if hidden == "suppressed":
                raise RuntimeError("cannot") from None
            raise RuntimeError("cannot")  # noqa: B904 - as libraries do

    async def run():
        library()

    assert told(await reading_of(run)) == (Verdict.DOWN, Reason.REFUSED)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OurFault("no permission"), Reason.INTERNAL),
        (OSError(errno.EMFILE, "x"), Reason.OVERLOADED),
        (OSError(errno.EADDRNOTAVAIL, "x"), Reason.OVERLOADED),
        (PermissionError(errno.EPERM, "x"), Reason.INTERNAL),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.INTERNAL),
        (MemoryError(), Reason.OVERLOADED),
        (RuntimeError("can't start new thread"), Reason.OVERLOADED),
        (BlockingIOError(errno.EAGAIN, "x"), Reason.OVERLOADED),
        (OSError(errno.ENETDOWN, "x"), Reason.INTERNAL),
        (OSError(errno.EBADF, "x"), Reason.INTERNAL),
        (socket.gaierror(socket.EAI_MEMORY, "x"), Reason.INTERNAL),
        (FileNotFoundError(errno.ENOENT, "x"), Reason.INTERNAL),
        (ModuleNotFoundError("No module named 'x'", name="x"), Reason.INTERNAL),
        (KeyError("x"), Reason.INTERNAL),
        (RecursionError(), Reason.INTERNAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_what_we_lack_or_did_wrong_is_unknown_never_down(error, reason):
    assert told(await reading_of(error)) == (Verdict.UNKNOWN, reason)


async def test_a_bug_while_handling_a_refused_connection_is_still_a_bug():
    async def run():
        try:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "x")
        except OSError:
            {}["missing"]

    assert told(await reading_of(run)) == (Verdict.UNKNOWN, Reason.INTERNAL)


async def test_a_bug_in_an_expectation_is_unknown():
    class Broken:
        def of(self, reading):
            raise ZeroDivisionError

    assert told(await reading_of(UP, judge=Broken())) == (Verdict.UNKNOWN, Reason.INTERNAL)


async def test_no_answer_within_the_limit_is_a_timeout():
    reading = await reading_of(asyncio.Event().wait, seconds=0.05)
    assert (told(reading), reading.detail) == (
        (Verdict.DOWN, Reason.TIMEOUT),
        "no answer in time (limit 0.05 s)",
    )


@pytest.mark.parametrize("fault", [ProbeFailure(Reason.TIMEOUT, "no first byte"), OurFault("resolver dead")])
async def test_a_run_that_is_cut_short_tells_what_it_waited_for(fault):
    async def run():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stop:
            raise cut_short(stop, fault) from stop

    reading = await reading_of(run, seconds=0.05)
    ours = isinstance(fault, OurFault)
    assert told(reading) == ((Verdict.UNKNOWN, Reason.INTERNAL) if ours else (Verdict.DOWN, Reason.TIMEOUT))
    assert reading.detail.startswith(fault.detail)


async def test_cancellation_from_outside_passes_through():
    async def run():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stop:
            raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, "x")) from stop

    task = asyncio.ensure_future(reading_of(run, seconds=60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_details_are_one_visible_line_of_200_characters():
    reading = await reading_of(ProbeFailure(Reason.PROTOCOL, "evil\x1b[2J\r\n\u202etxt " + "x" * 500))
    assert len(reading.detail) == 200
    assert reading.detail.isprintable()
    reading = await reading_of(OurFault("a\nb\0c"))
    assert reading.detail == "a bc"


async def test_neither_log_nor_detail_of_a_bug_holds_what_the_probe_or_the_error_said(caplog):
    reading = await reading_of(ValueError("password=hunter2"))
    assert told(reading) == (Verdict.UNKNOWN, Reason.INTERNAL)
    assert "hunter2" not in reading.detail + caplog.text
    assert "a bug in the probe scripted: ValueError at test_prober.py" in caplog.text
