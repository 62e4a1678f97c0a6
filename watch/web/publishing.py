"""Makes the page again after each change, and twice a minute without one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from statuspage.render import rendered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from statuspage.page import Page
    from watch.ports import Clock
    from watch.web.rendered_pages import RenderedPages

PUBLISH_EVERY = 30.0  # seconds: the page carries the time of its data
_MOST_REST = 8.0  # seconds between two pages, however long one takes: an open page shows a change within 15 s


class Publishing:
    """The loop that publishes. Call `moved` after a change."""

    def __init__(self, pages: RenderedPages, clock: Clock) -> None:
        self._pages, self._clock = pages, clock
        self._dirty = asyncio.Event()

    def moved(self) -> None:
        self._dirty.set()

    async def run(self, page: Callable[[], Awaitable[Page]]) -> None:
        """Publish what *page* gives, for ever."""
        while True:
            self._dirty.clear()
            began = self._clock.monotonic()
            self._pages.put(await asyncio.to_thread(rendered, await page()))
            took = self._clock.monotonic() - began
            # While everything changes all the time, the page takes a fifth of the time and no more.
            await self._clock.sleep(min(_MOST_REST, 4 * took))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PUBLISH_EVERY):
                    await self._dirty.wait()
