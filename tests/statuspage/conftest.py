"""The real public listener on the loopback, and a real browser in front of it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.yardstick import PATIENCE
from watch.web.listen import serve
from watch.web.public import public_server
from watch.web.rendered_pages import RenderedPages

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="module")
def site():
    """A pages and the URL where it is handed out, by a listener in a thread of its own."""
    pages, ready, over = RenderedPages(), threading.Event(), {}

    async def listen():
        runner, (host, port) = await serve(public_server(pages), "127.0.0.1", 0)
        over["url"], over["loop"], over["stop"] = (
            f"http://{host}:{port}",
            asyncio.get_running_loop(),
            asyncio.Event(),
        )
        ready.set()
        await over["stop"].wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    assert ready.wait(PATIENCE)
    yield pages, over["url"]
    over["loop"].call_soon_threadsafe(over["stop"].set)
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()
