"""The composition root: the only file that names concrete classes. Start, reload, drain.

One loop in one process: the vantage point asks, the hub judges and records, the dispatcher sends, the publisher
renders, two listeners answer. If one of them fails, all stop, in an order that loses nothing, and the error is said.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from typing import TYPE_CHECKING, Any

from statuspage.render import rendered
from watch.alerts.dispatcher import Dispatcher
from watch.alerts.reconciler import Reconciler
from watch.alerts.sender import Sender
from watch.clock import SystemClock
from watch.config import ConfigError, Loaded, load
from watch.core.alert import Status
from watch.core.trend import WINDOW_MS
from watch.hub.hub import Hub
from watch.hub.janitor import Janitor
from watch.hub.publisher import Publisher
from watch.hub.record import folded
from watch.ports import StoreError
from watch.probes.wire.net.engines import close_all
from watch.reload import Watched
from watch.stores.sqlite import SqliteStore
from watch.vantage.point import VantagePoint
from watch.web.listen import serve
from watch.web.metrics import Metrics
from watch.web.operators import Sources, operators_app
from watch.web.public import public_server
from watch.web.shelf import Shelf
from watch.web.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from watch.core.ledger import Chain
    from watch.ports import Batch

log = logging.getLogger(__name__)
PUBLISH_EVERY = 30.0  # seconds: the page carries the time of its data
DRAIN = 4.0  # seconds for asking, judging and sending to end; a second more for whatever does not
_BEHIND_MS = 3_600_000
_FILES = 20_480


class App:
    """A hub with all that belongs to it. `run` ends on SIGTERM or SIGINT, or with the error that stopped it."""

    def __init__(self, path: Path, loaded: Loaded, say: Callable[[str], None]) -> None:
        settings = loaded.settings
        self._path, self._say, self._settings = path, say, settings
        self.clock = SystemClock()
        self.store = SqliteStore(settings.store)
        book, chain = folded(self.store.entries(), settings.store)
        _agree(self.clock, chain, settings.store)
        self.metrics, self.shelf = Metrics(), Shelf()
        self._dirty = asyncio.Event()
        self._writing = True
        self._stop = asyncio.Event()
        self.desk = Reconciler(settings, *self.store.alerts())
        self.dispatcher = Dispatcher(self.desk, self._commit, Sender(), self.clock)
        self.hub = Hub(
            settings, self.store, book, chain, self.desk, self.metrics, self.clock, self._dirty.set
        )
        self.point = VantagePoint(
            settings.vantage,
            self.hub,
            self.clock,
            self.store.canaries(settings.vantage.name),
            self.store.trends(settings.vantage.name, self.clock.now_ms() - WINDOW_MS),
            most=_runs_at_once(),
        )
        self.publisher = Publisher(settings, book)
        self.janitor = Janitor(self.store, self.clock, settings.retention)
        self._watched = Watched(loaded.sources)
        self._runners: list[web.BaseRunner] = []

    async def run(self) -> None:
        """Serve until told to stop, then drain. Raises `Trouble` for what the user can put right."""
        loop = asyncio.get_running_loop()
        try:
            await self._listen()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            loop.add_signal_handler(signal.SIGHUP, self._watched.touch)
            self.point.replan(self._settings.vantage, self._settings.asked_from(self._settings.vantage))
            await self._work()
        finally:
            await self._close()

    async def _listen(self) -> None:
        listen, views = self._settings.listen, self._views()
        public, page = await serve(public_server(self.shelf), *listen.page, setting="listen.page")
        self._runners.append(public)
        sources = Sources(views.samples, views.health, views.readiness)
        private, operators = await serve(
            operators_app(self.metrics, sources), *listen.operators, setting="listen.operators"
        )
        self._runners.append(private)
        self._say(f"Status page   http://{_spelled(*page)}/")
        self._say(f"Operators     http://{_spelled(*operators)}/healthz  /readyz  /metrics")

    def _views(self) -> Views:
        beats = {
            "vantage": lambda: self.point.ticked,
            "hub": lambda: self.hub.turned,
            "alerts": lambda: self.dispatcher.active,
        }
        return Views(self.hub, self.clock, beats, lambda: self.store.trouble, lambda: self.desk.pending)

    async def _work(self) -> None:
        """Run every loop until one ends, which only `stop` or an error makes it do."""
        loops = {
            "vantage": self.point.run(), "hub": self.hub.run(), "alerts": self.dispatcher.run(),
            "publisher": self._publish(),
            "janitor": self.janitor.run(), "reload": self._reload(), "clock": self._tend(), "stop": self._stop.wait(),
        }  # fmt: skip
        tasks = [asyncio.create_task(work, name=name) for name, work in loops.items()]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failed = [error for task in done if (error := task.exception()) is not None]
        await self._drain(tasks)
        if failed:
            raise failed[0]

    async def _drain(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Stop asking, write what was asked, let the senders finish what they hold."""
        named = {task.get_name(): task for task in tasks}
        leaving = asyncio.create_task(
            self._leave()
        )  # a visitor who reads slowly must not use up the others' time
        for name, stop in (
            ("vantage", self.point.stop),
            ("hub", self.hub.stop),
            ("alerts", self.dispatcher.stop),
        ):
            stop()
            await asyncio.wait([named[name]], timeout=DRAIN / 3)
        for task in tasks:
            task.cancel()
        await asyncio.wait([*tasks, leaving], timeout=1)

    async def _leave(self) -> None:
        """Close the listeners."""
        runners, self._runners = self._runners, []
        await asyncio.gather(*(runner.cleanup() for runner in runners))

    async def _close(self) -> None:
        await self._leave()
        await close_all()
        await self.store.close()

    async def _commit(self, batch: Batch) -> None:
        """Commit what the dispatcher has done; time what it delivered, and note which channel refuses for good."""
        await self.store.commit(batch)
        for notice in batch.notices.values():
            if notice.status in (Status.DEAD, Status.DELIVERED):
                dead = notice.status is Status.DEAD
                self.hub.troubles.refused(*notice.lane, self.clock.now_ms(), dead=dead)
            if notice.delivered_ms is not None:
                self.metrics.outbox_dwell((notice.delivered_ms - notice.created_ms) / 1000)

    async def _publish(self) -> None:
        while True:
            self._dirty.clear()
            page = await self.publisher.page(self.clock.now_ms())
            self.shelf.put(await asyncio.to_thread(rendered, page))
            try:
                async with asyncio.timeout(PUBLISH_EVERY):
                    await self._dirty.wait()
            except TimeoutError:
                continue

    async def _tend(self) -> None:
        while True:
            self.clock.adjust()
            now = self.clock.now_ms()
            self.hub.troubles.skewed(self.clock.skew_ms, now)
            self._look_at_the_store(now)
            self.hub.troubles.stuck(self.desk.waiting_since_ms(), now)
            self.metrics.outbox_pending(self.desk.pending)
            self.metrics.seen(self.point.name, self.clock.monotonic() - self.point.ticked)
            await self.clock.sleep(1)

    def _look_at_the_store(self, now_ms: int) -> None:
        why = self.store.trouble
        if (why is None) is not self._writing:
            self._writing = why is None
            log.log(
                logging.INFO if self._writing else logging.ERROR, "the store: %s", why or "is written again"
            )
        self.hub.troubles.unwritten(None if why is None else str(why), now_ms)

    async def _reload(self) -> None:
        while True:
            await self._watched.changed()
            try:
                loaded = await asyncio.to_thread(
                    load, self._path, environ=os.environ, now_ms=self.clock.now_ms()
                )
            except ConfigError as mistakes:
                self._refuse(mistakes)
            else:
                self._adopt(loaded)

    def _refuse(self, mistakes: ConfigError) -> None:
        """Keep what runs, and say what is wrong with the new."""
        self.metrics.reloaded(success=False)
        self.hub.troubles.note(
            "config_reload", f"checks.yaml has mistakes, the old one runs on: {mistakes}", self.clock.now_ms()
        )
        log.error("the configuration was not taken over; the old one runs on.\n%s", mistakes)

    def _adopt(self, loaded: Loaded) -> None:
        old, new = self._settings, loaded.settings
        fixed = [name for name in ("store", "listen") if getattr(old, name) != getattr(new, name)]
        fixed += ["vantages"] if old.vantage.name != new.vantage.name else []
        if fixed:
            return self._refuse(ConfigError(f"{', '.join(fixed)} changed: that needs a restart"))
        self._settings = new
        self._watched = Watched(loaded.sources)
        self.hub.plan(new)
        self.point.replan(new.vantage, new.asked_from(new.vantage))
        self.publisher = Publisher(new, self.hub.book)
        self.metrics.reloaded(success=True)
        self.hub.troubles.note("config_reload", None, self.clock.now_ms())
        self._dirty.set()
        log.info(
            "the configuration was read anew: %d components, %d checks", len(new.components), len(new.checks)
        )
        return None


def _runs_at_once() -> int:
    """How many probes this process can have under way: as many open files as it may have, but for our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return int(wanted * 0.8)


def _agree(clock: SystemClock, chain: Chain, store: Path) -> None:
    """Let the clock begin where the record ends; refuse one that is so far behind that either must be wrong."""
    ahead_ms = chain.recorded_ms - clock.now_ms()
    if ahead_ms > _BEHIND_MS:
        raise StoreError(
            f"{store}: its last entry was recorded {ahead_ms / 3_600_000:.1f} h ahead of this machine's clock. "
            "Set the clock right; if it was the record's that was wrong, move the store away to begin anew."
        )
    clock.hold(chain.recorded_ms)


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
