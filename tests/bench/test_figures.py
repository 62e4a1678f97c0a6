"""The bench's own arithmetic: a figure nobody checks is a claim nobody made."""

from __future__ import annotations

import asyncio
import gzip
import math
import subprocess
import sys

import pytest

from bench.ours import Figures, Spent
from bench.process import cpu_seconds, resident_bytes
from bench.scraper import scrape


def spent(before, after):
    bounds = (0.01, 0.1, math.inf)
    early, late = (tuple(zip(bounds, counts, strict=True)) for counts in (before, after))
    return Spent(1.0, 2.0, Figures(10, 10, early), Figures(30, 30, late))


def test_lag_is_of_the_window_alone():
    assert spent((50, 90, 90), (50, 190, 190)).lag(0.5) == pytest.approx(0.055)


@pytest.mark.parametrize(("q", "lag"), [(0.25, 0.005), (0.5, 0.01), (0.75, 0.055), (1.0, 0.1)])
def test_a_quantile_is_interpolated_within_its_bucket(q, lag):
    assert spent((0, 0, 0), (50, 100, 100)).lag(q) == pytest.approx(lag)


def test_beyond_the_last_bound_nothing_is_known_but_the_bound():
    assert spent((0, 0, 0), (0, 0, 10)).lag(0.99) == pytest.approx(0.1)


def test_checks_are_those_taken_in_the_window():
    assert spent((0, 0, 0), (0, 0, 1)).checks == 20


def test_cpu_and_memory_of_a_process_are_what_the_system_says():
    script = "import os, sys; sum(range(5_000_000)); print(sum(os.times()[:2]), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        used = float(process.stdout.readline())
        assert used - 0.02 <= cpu_seconds(process.pid) <= used + 0.1
        assert resident_bytes(process.pid) > 5_000_000


@pytest.mark.parametrize("packed", [False, True])
async def test_the_scraper_asks_everything_once_and_counts_successes(packed):
    asked = []

    async def answer(reader, writer):
        while head := await _head(reader):
            asked.append(head.split()[1].decode())
            body = b"# up\nprobe_success " + (b"0\n" if asked[-1].endswith("/bad") else b"1\n")
            assert packed == (b"gzip" in head)
            coding = b"Content-Encoding: gzip\r\n" if packed else b""
            body = gzip.compress(body) if packed else body
            writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (coding, len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        paths = [f"/{n}" for n in range(40)] + ["/bad"]
        assert await scrape({"port": port, "paths": paths, "rate": 10_000, "gzip": packed}) == 40
    assert sorted(asked) == sorted(paths)


async def _head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
