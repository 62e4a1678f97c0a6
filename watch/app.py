"""The composition root: the only file that names concrete classes. Start, reload, drain.

One loop in one process: the vantage point asks, the hub judges and records, the dispatcher sends, the publisher
renders, two listeners answer. If one of them fails, all stop, in an order that loses nothing, and the error is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watch.alerts.dispatcher import Dispatcher
from watch.alerts.pager_audit import PagerAudit
from watch.alerts.rehearsal import Rehearsal
from watch.alerts.sender import Sender
from watch.changes import compared, told
from watch.clock import SystemClock
from watch.config import ConfigError, Loaded
from watch.core.synthetic import real_notices
from watch.core.trend import WINDOW_MS
from watch.errors import Trouble
from watch.heartbeat import Heartbeat
from watch.hub.days import Days
from watch.hub.events_answer import Events
from watch.hub.hub import Hub
from watch.hub.janitor import Janitor
from watch.hub.month_ends import MonthEnds
from watch.hub.publisher import Publisher
from watch.hub.replay import book_now, ledger_end, live_from_ms
from watch.hub.store_watch import StoreWatch
from watch.hub.taken_over import TakenOver, epoch_from
from watch.hub.usual_latency import UsualLatency
from watch.limits import collecting_later, let_go, runs_at_once
from watch.paging import Paging
from watch.probes.wire.net.engines import close_all
from watch.refusal import refusal
from watch.reload import Watched, read_to_run
from watch.stores.sqlite import SqliteStore
from watch.stores.sqlite.backup import copied
from watch.tending import Tending
from watch.vantage.point import VantagePoint
from watch.web.hub_socket import HubSocket
from watch.web.listen import serve, serve_all, spelled
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
    from watch.core.settings import Settings
    from watch.ports import Batch

log = logging.getLogger(__name__)
DRAIN = 4.0  # seconds for asking, judging and sending to end; a second more for whatever does not


class App:
    """A hub with all that belongs to it. `run` ends on SIGTERM or SIGINT, or with the error that stopped it.

    Args:
        follows: The hub before this one ended because *clock* was set.
    """

    def __init__(
        self, path: Path, loaded: Loaded, say: Callable[[str], None], clock: SystemClock | None = None,
        *, follows: bool = False,
    ) -> None:  # fmt: skip
        settings = loaded.settings
        self._path, self._say, self._settings, self._loaded = path, say, settings, loaded
        self.clock = clock or SystemClock()
        self.store = SqliteStore(settings.store)
        reads = self.store.reads
        last_ms = reads.last_sign_ms()
        self.clock.go_on_from(last_ms)
        now = self.clock.now_ms()
        epoch = epoch_from(reads, last_ms, now, followed=follows, boot=self.clock.boot)
        end = ledger_end(reads, epoch)
        book = book_now(reads, settings.store, live_from_ms(now, settings.service.timezone), pending=epoch)
        self.metrics, self.pages = Metrics(), RenderedPages()
        self.publishing = Publishing(self.pages, self.clock)
        self._followed = False
        self._stop = asyncio.Event()
        self.paging = Paging(lambda: self._settings, reads, self.clock, 0 if epoch is None else now - last_ms)
        self.desk = self.paging.desk
        sender = Sender()
        self.dispatcher = Dispatcher(self.desk, self._commit, sender, self.clock)
        self.hub = Hub(
            settings, self.store, book, end, self.desk, self.metrics, self.clock, self.publishing.moved, epoch
        )
        self.hub.troubles.unusable(loaded.unusable, now)
        self.paging.follow(self.hub)
        self.usual = UsualLatency(self.store.reading, self.hub.intake.measures, self.clock)
        tests = Rehearsal(sender, lambda: self._settings, self.clock, self.hub.chronicle.note).verbs
        self.hub.verbs |= {"reload": self._reload_now, "backup": self._back_up, **self.paging.verbs, **tests}
        self.month_ends = MonthEnds(self.store, self.hub, self.clock)
        self.days = Days(settings, self.hub.recorder, self.store.reading, self.month_ends.on_disk)
        self.store_watch = StoreWatch(self.store, self.hub.troubles, self.clock)
        self.point = VantagePoint(
            settings.vantage, self.hub, self.clock, reads.canaries(settings.vantage.name),
            TakenOver(reads, now).trends(settings.vantage.name, now - WINDOW_MS), most=runs_at_once(),
        )  # fmt: skip
        self.publisher = Publisher(settings, book, self.days.of)
        self.views = self._views()
        events = Events(self.store.reading, lambda: self._settings, self.clock)
        questions = {**self.views.questions, **self.paging.questions, "events": events.answer}
        self.socket = HubSocket(questions, self.hub.take)
        self.janitor = Janitor(self.store, self.clock, settings.retention)
        self.tending = Tending(
            self.clock, self.store_watch, self.desk, self.point, self.hub.troubles, self.metrics, self._follow,
            lambda: self.socket.open(settings.store) if not self.socket.present else None, self.views.troubles,
        )  # fmt: skip
        self.audit = PagerAudit(
            self.store.reading, lambda: self._settings, self.hub.troubles, self.clock, lambda: self.store.trouble
        )  # fmt: skip
        self.heartbeat = Heartbeat(
            lambda: self._settings, self.desk.circuit, self.views.troubles, self.audit, self.hub.troubles, self.clock
        )  # fmt: skip
        self._watched = Watched(loaded.sources)
        self._reloading, self._drawing = asyncio.Lock(), asyncio.Lock()
        self._runners: list[web.BaseRunner] = []

    def again(self) -> App:
        """The hub that goes on with the time that the wall clock says now."""
        return App(self._path, self._loaded, self._say, self.clock.anew(), follows=True)

    async def run(self) -> bool:
        """Serve until told to stop, then drain; return whether the hub must go on as `again`.

        Raises `Trouble` for what the user can put right.
        """
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
        return self._followed

    def _follow(self) -> None:
        self._followed = True
        self._stop.set()

    async def _listen(self) -> None:
        listen = self._settings.listen
        public, pages = await serve_all(public_server(self.pages, listen.trusted_proxies), listen.page)
        self._runners.append(public)
        sources = Sources(self.views.samples, self.views.health, self.views.readiness)
        private, operators = await serve(
            operators_app(self.metrics, sources, self.paging.pages(self.hub.take)),
            *listen.operators, setting="listen.operators",
        )  # fmt: skip
        self._runners.append(private)
        await self.tending.open_socket(must=True)
        for page in pages:
            self._say(f"Status page   http://{spelled(*page)}/")
        self._say(f"Operators     http://{spelled(*operators)}/healthz  /readyz  /metrics")

    def _views(self) -> Views:
        beats = {
            "vantage": lambda: self.point.ticked,
            "hub": lambda: self.hub.turned,
            "alerts": lambda: self.dispatcher.active,
        }
        return Views(
            self.hub, self.clock, beats, lambda: self.store.trouble, lambda: len(self.desk.outbox),
            self.store_watch.room,
        )  # fmt: skip

    async def _work(self) -> None:
        """Run every loop until one ends, which only `stop` or an error makes it do."""
        loops = {
            "vantage": self.point.run(), "hub": self.hub.run(), "alerts": self.dispatcher.run(),
            "publisher": self.publishing.run(self._page), "store": self.store_watch.run(),
            "months": self.month_ends.run(), "janitor": self.janitor.run(), "figures": self.views.figure(),
            "audit": self.audit.run(), "reload": self._reload(), "clock": self.tending.run(), "stop": self._stop.wait(),
            "heartbeat": self.heartbeat.run(), "usual": self.usual.run(),
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
        """Commit what the dispatcher has done; time what it delivered, and note which channels fail."""
        await self.store.commit(batch)
        for notice in real_notices(batch.notices.values()):
            self.hub.troubles.sent(notice, self.clock.now_ms())
            if notice.delivered_ms is not None:
                self.metrics.outbox_dwell((notice.delivered_ms - notice.created_ms) / 1000)

    async def _page(self) -> Page:
        async with self._drawing:
            await self.month_ends.settle(self.days)
            return await self.publisher.page(self.clock.now_ms())

    async def _back_up(self, command: Command) -> Mapping[str, Any]:
        target = Path(str(command.arguments.get("file", "")))
        if not target.is_absolute():
            raise Trouble("backup: give the absolute path of the file to write")
        await self.hub.committed()
        if (why := self.store.trouble) is not None:
            raise Trouble(f"backup: a copy of the store would lack what is only in memory now. {why}")
        size = await asyncio.to_thread(copied, self._settings.store, target)
        return {"file": str(target), "bytes": size}

    async def _reload(self) -> None:
        while True:
            await self._watched.changed()
            with contextlib.suppress(ConfigError):  # said where it was found
                await self._reload_now(None)

    async def _reload_now(self, command: Command | None) -> Mapping[str, Any]:
        """Take the file over now; what changed. ConfigError with every mistake, and the old one runs on."""
        async with self._reloading:
            before, now = self._watched.look(), self.clock.now_ms()
            with collecting_later():
                try:
                    loaded = await asyncio.to_thread(read_to_run, self._path, now)
                    found, new = await asyncio.to_thread(compared, self._settings, loaded.settings)
                except ConfigError as mistakes:
                    self._refuse(mistakes)
                    raise
                await self._adopt(new)
            self._loaded = replace(loaded, settings=new)
            self.hub.troubles.unusable(loaded.unusable, now)
            self._watched.follow(loaded.sources, before)
        what, by = told(found), "" if command is None else command.by or command.account
        self.hub.chronicle.reloaded(what, self._path.name, by, self.clock.now_ms())
        log.info("the configuration was taken over: %s", what)
        return found | {"warnings": [str(warning) for warning in loaded.warnings]}

    def _refuse(self, mistakes: ConfigError) -> None:
        """Keep what runs, and say what is wrong with the new."""
        self.metrics.reloaded(success=False)
        self.hub.troubles.refused(*refusal(mistakes, self._path), self.clock.now_ms())
        log.error("the configuration was not taken over; the old one runs on.\n%s", mistakes)

    async def _adopt(self, new: Settings) -> None:
        """Let every part follow *new*. No page is made meanwhile: it would be of the one and of the other."""
        asked = await asyncio.to_thread(new.asked_from, new.vantage)
        async with self._drawing:
            # The vantage point in the same instant: no reading may answer a former question.
            plan = await self.hub.plan(new, self.point.replanning(new.vantage, asked))
            former, self._settings = self._settings, new
            self.hub.troubles.replan(former, new)
            self.janitor.plan(new.retention)
            self.days.plan(new, plan.parents)
            self.publisher = Publisher(new, self.hub.book, self.days.of)
        self.metrics.reloaded(success=True)
        self.hub.troubles.note("config_reload", None, self.clock.now_ms())
        self.publishing.moved()
        await asyncio.to_thread(let_go, former)
