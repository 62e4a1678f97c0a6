"""What all dialogues in lines share."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from tests.probes.scripted import lines
from tests.probes.wires import serving
from watch.core.reading import ProbeFailure
from watch.probes.smtp import SmtpProbe
from watch.probes.wire.mail import dialogue

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def called(port):
    return await dialogue.call(SmtpProbe(address=f"127.0.0.1:{port}", tls="none"), NOW)


async def test_what_is_said_leaves_at_once():
    async with serving(lines(b"hello\r\n")) as port:
        with await called(port) as talk:
            assert talk.line._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_lines_come_one_by_one_however_they_were_cut():
    async with serving(lines(b"one\r\ntw", b"o\nthree\xff\r\n", stays=False)) as port:
        with await called(port) as talk:
            assert await talk.greeted() == "one"
            await talk.say("more")
            assert [await talk.hear("x"), await talk.hear("x")] == ["two", "three\ufffd"]
            with pytest.raises(ProbeFailure, match=r"closed the connection instead of sending x") as caught:
                await talk.hear("x")
            assert set(caught.value.phases) == {"connect", "first_byte", "transfer"}
            assert caught.value.facts == {"address": f"127.0.0.1:{port}"}


async def test_bytes_are_taken_by_number():
    async with serving(lines(b"abcdef")) as port:
        with await called(port) as talk:
            assert [await talk.take(2, "x"), await talk.take(0, "x"), await talk.take(4, "x")] == [
                b"ab",
                b"",
                b"cdef",
            ]
            with pytest.raises(ProbeFailure, match="too much"):
                await talk.take(1 << 30, "x")


async def test_nothing_is_quoted_once_a_secret_was_said():
    async with serving(lines(b"hello\r\n", b"hello\r\n")) as port:
        with await called(port) as talk:
            assert talk.quoted("yours\x1b") == "yours\\x1b"
            await talk.say("word", secret=True)
            assert talk.quoted("word") == "text that is not shown because it could contain the password"
