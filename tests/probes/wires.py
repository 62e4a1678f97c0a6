"""Real peers on the loopback, kind and hostile, and the asking of them as the product does it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.yardstick import cost, slice_of_work
from watch.core.expect import Judge, compile_judge
from watch.probes import of_kind
from watch.probes.base import reference
from watch.vantage.prober import observe

ANYTHING = Judge()
_TICK = 0.001  # seconds between two looks of a Meter


async def ask(kind, *, seconds=20.0, now=None, judge=ANYTHING, tries=50, **options):
    """Return the reading of one run: the first of *tries* whose program did not wait too long for a processor.

    The suite keeps a machine busy, and such a run rightly says nothing of its target.
    """
    asked = of_kind(kind)(**options)
    for _ in range(tries):
        told = await observe(asked, judge, now=now or datetime.now(UTC), timeout=timedelta(seconds=seconds))
        if not starving(told):
            break
    return told


def starving(reading):
    return said(reading) == ("unknown", "overloaded") and reading.detail.endswith("s for a processor")


async def timed(asking):
    """The reading of *asking*, and how many seconds it took: none of its durations can be longer."""
    began = time.monotonic()
    reading = await asking
    return reading, time.monotonic() - began


def enough(told, short=0.5):
    """The limit in seconds for a run that must read *told*: *short* for a timeout, else so long that none comes."""
    return short if "timeout" in told else 20.0


def assumed(kind, *expect):
    """Return the judge of a check that says *expect*."""
    cls = of_kind(kind)
    return compile_judge(list(expect), [], reference(cls).facts, cls.ASSUMED, cls.WARNED)


def said(reading):
    return reading.verdict.value, reading.reason.value


@contextlib.asynccontextmanager
async def serving(talk, *, tls=None, host="127.0.0.1", port=0):
    """Answer each connection by ``talk(reader, writer)``; yields the port."""
    tasks, over = set(), asyncio.Event()

    async def answer(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            if over.is_set():
                return
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        over.set()
        for _ in range(
            5
        ):  # a connection that was in the making still becomes a task, or closes its transport
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def datagrams(answer, *, host="127.0.0.1", port=0):
    """Answer each datagram by the ones that ``answer(data)`` gives; yields the port."""

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            for reply in answer(data):
                self.transport.sendto(reply, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, (host, port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)


def closed_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


async def silence(reader, writer):
    await reader.read()
    await asyncio.Event().wait()


async def hang_up(reader, writer):
    await reader.read(1)


async def reset(reader, writer):
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


async def garbage(reader, writer):
    noise = b"\x00\xff\x13\x37 you are not who you think \xe2\x80\xae\x1b[2J" * 40
    for _ in range(20):
        writer.write(noise)
        await writer.drain()
    await reader.read()


async def drip(reader, writer):
    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.02)


def saying(*parts, first=True):
    """A peer that reads a request and says *parts*, then hangs up."""

    async def talk(reader, writer):
        if first:
            await reader.read(65536)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


class Meter:
    """What a stretch of the loop's life cost: its own time, the longest hold of it, and memory.

    `ticked` is seconds by a timer of the loop: it does not count while the loop cannot run. `held` is the longest hold
    in slices of work (`tests.yardstick`), by this thread's processor time: others' work is no hold of ours.
    """

    async def __aenter__(self):
        # What thousands of tests before left in this process is not to be walked by a collection in between.
        gc.collect()
        gc.freeze()
        self._slice = cost(slice_of_work, of=2)
        self._longest, self._ticks, self._rss = 0.0, 0, rss()
        self._task = asyncio.ensure_future(self._tick())
        await asyncio.sleep(0)
        return self

    async def _tick(self):
        last = time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            self._longest, last = max(self._longest, time.thread_time() - last), time.thread_time()
            self._ticks += 1

    async def __aexit__(self, *_):
        self.ticked = self._ticks * _TICK
        self.grown = rss() - self._rss
        self._task.cancel()
        gc.unfreeze()
        self.held = self._longest / max(self._slice, cost(slice_of_work, of=2))


def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors():
    """Return the open ones but for the one that lists them."""
    return {link.name for link in Path("/proc/self/fd").iterdir() if link.exists() or link.is_symlink()}
