"""The composition root: the only file that names concrete classes. Start, reload, drain.

One loop in one process: the vantage point asks, the hub judges and records, the dispatcher sends, the publisher
renders, two listeners answer. If one of them fails, all stop, in an order that loses nothing, and the error is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from watch.alerts.dispatcher import Dispatcher
from watch.alerts.reconciler import Reconciler
from watch.alerts.sender import Sender
from watch.clock import SystemClock, begin_after
from watch.config import ConfigError, Loaded, load
from watch.core.alert import Status
from watch.core.trend import WINDOW_MS
from watch.hub.answers import status_answer
from watch.hub.checkpoints import checkpoint_rows, checkpoints_due
from watch.hub.days import Days
from watch.hub.hub import Hub
from watch.hub.janitor import Janitor
from watch.hub.publisher import Publisher
from watch.hub.replay import book_now, ledger_end, live_from_ms
from watch.limits import runs_at_once
from watch.ports import Trouble
from watch.probes.wire.net.engines import close_all
from watch.reload import Watched, difference
from watch.stores.sqlite import SqliteStore, reading
from watch.stores.sqlite.backup import copied
from watch.vantage.point import VantagePoint
from watch.web.hub_socket import HubSocket
from watch.web.listen import serve, spelled
from watch.web.metrics import Metrics
from watch.web.operators import Sources, operators_app
from watch.web.public import public_server
from watch.web.publishing import Publishing
from watch.web.rendered_pages import RenderedPages
from watch.web.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from statuspage.page import Page
    from watch.core.delivery import Command
    from watch.ports import Batch

log = logging.getLogger(__name__)
T = TypeVar("T")
CHECKPOINT_LOOK = 600.0  # seconds between looks at whether a month has ended
DRAIN = 4.0  # seconds for asking, judging and sending to end; a second more for whatever does not


class App:
    """A hub with all that belongs to it. `run` ends on SIGTERM or SIGINT, or with the error that stopped it."""

    def __init__(self, path: Path, loaded: Loaded, say: Callable[[str], None]) -> None:
        settings = loaded.settings
        self._path, self._say, self._settings = path, say, settings
        self.clock = SystemClock()
        self.store = SqliteStore(settings.store)
        reads, end = self.store.reads, ledger_end(self.store.reads)
        begin_after(self.clock, end.chain.recorded_ms, settings.store)
        live_ms = live_from_ms(self.clock.now_ms(), settings.service.timezone)
        book = book_now(reads, settings.store, live_ms)
        self.metrics, self.pages = Metrics(), RenderedPages()
        self.publishing = Publishing(self.pages, self.clock)
        self._writing = True
        self._stop = asyncio.Event()
        self.desk = Reconciler(settings, *reads.alerts())
        self.dispatcher = Dispatcher(self.desk, self._commit, Sender(), self.clock)
        self.hub = Hub(
            settings, self.store, book, end, self.desk, self.metrics, self.clock, self.publishing.moved
        )
        self.hub.verbs |= {"reload": self._reload_now, "backup": self._back_up}
        self.days = Days(settings, self.hub.recorder, lambda: reading(settings.store), self.hub.committed)
        self.point = VantagePoint(
            settings.vantage,
            self.hub,
            self.clock,
            reads.canaries(settings.vantage.name),
            reads.trends(settings.vantage.name, self.clock.now_ms() - WINDOW_MS),
            most=runs_at_once(),
        )
        self.publisher = Publisher(settings, book, self.days.of)
        self.views = self._views()
        self.socket = HubSocket({"status": self._status}, self.hub.take)
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
        listen = self._settings.listen
        public, page = await serve(public_server(self.pages), *listen.page, setting="listen.page")
        self._runners.append(public)
        sources = Sources(self.views.samples, self.views.health, self.views.readiness)
        private, operators = await serve(
            operators_app(self.metrics, sources), *listen.operators, setting="listen.operators"
        )
        self._runners.append(private)
        await self.socket.open(self._settings.store)
        self._say(f"Status page   http://{spelled(*page)}/")
        self._say(f"Operators     http://{spelled(*operators)}/healthz  /readyz  /metrics")

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
            "publisher": self.publishing.run(self._page), "soundness": self._sound(), "checkpoints": self._checkpoint(),
            "janitor": self.janitor.run(), "figures": self.views.figure(), "reload": self._reload(),
            "clock": self._tend(), "stop": self._stop.wait(),
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
        await self.socket.close()
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

    async def _page(self) -> Page:
        await self.days.settle(self.clock.now_ms())
        return await self.publisher.page(self.clock.now_ms())

    async def _tend(self) -> None:
        while True:
            self.clock.adjust()
            now = self.clock.now_ms()
            self.hub.troubles.skewed(self.clock.skew_ms, now)
            self._look_at_the_store(now)
            self.hub.troubles.stuck(self.desk.waiting_since_ms(), now)
            self.metrics.outbox_pending(self.desk.pending)
            self.metrics.troubled(trouble.kind for trouble in self.hub.troubles.current())
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

    async def _sound(self) -> None:
        """End us when a page of the store is damaged. Nothing is written before that is known."""
        await self.store.sound()
        await self._stop.wait()

    async def _checkpoint(self) -> None:
        """Make the checkpoints of months that have ended, now and as they end."""
        store = self._settings.store
        while True:
            now = self.clock.now_ms()
            for month, at_ms in await asyncio.to_thread(_with_reads, store, checkpoints_due, now):
                await self.hub.committed()
                rows, through = await asyncio.to_thread(_with_reads, store, checkpoint_rows, store, at_ms)
                forget_ms = live_from_ms(now, self._settings.service.timezone)
                self.hub.keep_checkpoint(month, at_ms, rows, through, forget_ms)
                await self.hub.committed()
            await self.clock.sleep(CHECKPOINT_LOOK)

    async def _status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        hub = self.hub
        return status_answer(
            hub.settings, hub.board, self.clock.now_ms(), os.getpid(), hub.troubles.current()
        )

    async def _back_up(self, command: Command) -> Mapping[str, Any]:
        target = Path(str(command.arguments.get("file", "")))
        if not target.is_absolute():
            raise Trouble("backup: give the absolute path of the file to write")
        await self.hub.committed()
        size = await asyncio.to_thread(copied, self._settings.store, target)
        return {"file": str(target), "bytes": size}

    async def _reload(self) -> None:
        while True:
            await self._watched.changed()
            with contextlib.suppress(ConfigError):  # said where it was found
                await self._reload_now(None)

    async def _reload_now(self, _: Command | None) -> Mapping[str, Any]:
        """Take the file over now; what changed. ConfigError with every mistake, and the old one runs on."""
        before = self._watched.look()
        try:
            loaded = await asyncio.to_thread(load, self._path, environ=os.environ, now_ms=self.clock.now_ms())
            changes = difference(self._settings, loaded.settings)
            self._adopt(loaded)
            self._watched.follow(loaded.sources, before)
        except ConfigError as mistakes:
            self._refuse(mistakes)
            raise
        return changes | {"warnings": [str(warning) for warning in loaded.warnings]}

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
            raise ConfigError(
                f"{', '.join(fixed)} changed: that needs a restart. The old configuration runs on."
            )
        self._settings = new
        self.janitor.plan(new.retention)
        self.hub.plan(new)
        self.point.replan(new.vantage, new.asked_from(new.vantage))
        self.days.plan(new)
        self.publisher = Publisher(new, self.hub.book, self.days.of)
        self.metrics.reloaded(success=True)
        self.hub.troubles.note("config_reload", None, self.clock.now_ms())
        self.publishing.moved()
        log.info(
            "the configuration was read anew: %d components, %d checks", len(new.components), len(new.checks)
        )


def _with_reads(store: Path, work: Callable[..., T], *arguments: object) -> T:
    """What *work* returns of a connection to *store* that is this thread's own."""
    with reading(store) as reads:
        return work(reads, *arguments)
