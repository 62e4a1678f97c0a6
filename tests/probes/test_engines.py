"""What several checks share is made when needed, shared, bounded, and gone at the end; its parsers are total."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.wires import ask, said, serving, silence
from watch.probes.wire.http.engine import Engine
from watch.probes.wire.http.headers import Headers
from watch.probes.wire.net.engines import adopt, close_all, shared
from watch.probes.wire.net.line import place
from watch.probes.wire.net.question import A, answer, question
from watch.probes.wire.net.resolver import Resolver


async def test_an_engine_is_made_once_for_a_loop_and_again_after_closing():
    engine = shared(Engine)
    assert shared(Engine) is engine
    await close_all()
    assert shared(Engine) is not engine


async def test_each_loop_has_its_own():
    mine = shared(Resolver)
    others = []

    async def elsewhere():
        others.append(shared(Resolver))
        await close_all()

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    thread.join()
    assert others[0] is not mine


async def test_an_engine_can_be_replaced():
    resolver = Resolver([])
    adopt(resolver)
    assert shared(Resolver) is resolver


async def test_closing_ends_runs_under_way_as_our_fault():
    async with serving(silence) as port:
        runs = [
            asyncio.ensure_future(ask("http", url=f"http://127.0.0.1:{port}/", seconds=30)) for _ in range(3)
        ]
        await asyncio.wait(runs, timeout=0.1)
        await close_all()
        assert {said(await run) for run in runs} == {("unknown", "internal")}


async def test_idle_handles_are_bounded(nginx):
    await asyncio.gather(*(ask("http", url=nginx.url + "/", seconds=20) for _ in range(150)))
    assert len(shared(Engine)._idle) == 64


async def test_a_cancelled_run_leaves_the_engine_in_order(nginx):
    async with serving(silence) as port:
        for _ in range(20):
            await ask("http", url=f"http://127.0.0.1:{port}/", seconds=0.01)
            assert said(await ask("http", url=nginx.url + "/")) == ("up", "ok")
    assert not shared(Engine)._waiting


@given(st.binary(max_size=600), st.booleans())
def test_any_datagram_is_an_answer_or_none(noise, ours):
    asked = question(7, "web.test", A)
    message = asked[:2] + b"\x81\x80\0\1\0\5\0\0\0\0" + asked[12:] + noise if ours else noise
    found = answer(message, asked)
    assert found is None or len(found.ips) <= 256


@given(st.text(max_size=80))
def test_any_text_is_a_place_or_a_value_error(text):
    try:
        host, port = place(text, 443)
    except ValueError:
        return
    assert host
    assert 0 < port < 65536


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_header_lines_make_a_mapping(lines):
    headers = Headers(lines)
    assert all(name == name.lower() for name in headers)
    assert len(headers) == len(dict(headers))


def test_a_header_that_came_twice_is_joined():
    headers = Headers([b"HTTP/1.1 200 OK\r\n", b"A: 1\r\n", b"a:2\r\n", b"\r\n"])
    assert dict(headers) == {"a": "1, 2"}
    with pytest.raises(KeyError):
        headers["b"]
