"""Listeners on ephemeral loopback ports, closed with their test."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from watch.web.listen import serve


@pytest.fixture
async def served():
    """Serves an app and returns its (host, port)."""
    runners = []

    async def start(app, port=0, **more):
        runner, address = await serve(app, "127.0.0.1", port, **more)
        runners.append(runner)
        return address

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http():
    """A client that neither decodes nor follows nor remembers."""
    options = {"timeout": ClientTimeout(total=5), "cookie_jar": DummyCookieJar(), "auto_decompress": False}
    async with ClientSession(**options) as session:
        yield session
