"""The page from the book: what customers see, and what they never see."""

from __future__ import annotations

import random
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from statuspage.page import Day, Status
from statuspage.render import rendered
from tests.core.ledgers import DAY, HOUR, MINUTE, UTC, Ledger
from tests.core.shapes import at
from tests.fakes import MemoryStore, settings
from watch.core.book import Book
from watch.core.figures import figure
from watch.core.ledger import Kind
from watch.core.localtime import Month, from_utc_ms
from watch.core.schedule import Length, OneOff
from watch.core.timeline import State
from watch.core.window import Window
from watch.hub.days import Days, days_of
from watch.hub.page_history import first_open_day
from watch.hub.publisher import Publisher
from watch.hub.recorder import Recorder
from watch.hub.replay import book_for, ledger_end
from watch.ports import Batch

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
BORN = at("2026-10-01T06:00")
NOW = at("2026-11-20T15:00")
PARTS = {"web": ["web/home", "web/api"], "db": ["db/q"]}


def grown(parts=None, born: int = BORN) -> Ledger:
    """A ledger of these components, all up since *born*."""
    made = Ledger(born)
    for key, members in (parts or PARTS).items():
        made.component(key, members, born)
    for members in (parts or PARTS).values():
        for name in members:
            if "/" in name:
                made.goes(name, UP, born)
    return made


def outage(
    made: Ledger, start: int, end: int | None, *names: str, state: State = DOWN, reason: str = "timeout"
) -> None:
    for name in names:
        made.goes(name, state, start, reason=reason)
    for name in names if end is not None else ():
        made.goes(name, UP, end)


def plan(parts=None, *, hidden=(), options=None, **more):
    """Settings with *parts*; *hidden* ones are private, *options* are a component's own."""
    made = settings(parts or PARTS, **more)
    own = options or {}
    changed = {k: replace(c, public=k not in hidden, **own.get(k, {})) for k, c in made.components.items()}
    return replace(made, components=changed)


class Over:
    """The 88 days before yesterday, drawn from the same book that the page is."""

    def __init__(self, settings, book: Book) -> None:
        self._zone, self._book, self.now_ms = settings.service.timezone, book, NOW

    def of(self, key: str) -> list[Day]:
        open_ = first_open_day(self.now_ms, self._zone)
        dates = [open_ - timedelta(days=n) for n in range(88, 0, -1)]
        rows = days_of(self._book, [key], self._zone, dates)
        return [
            Day(
                date=date.fromisoformat(r.date), scope_ms=r.scope_ms, down_ms=r.down_ms, degraded_ms=r.degraded_ms,
                unknown_ms=r.unknown_ms, excluded_ms=r.excluded_ms, worst=Status(r.worst),
            )
            for r in rows
        ]  # fmt: skip


async def published(settings, book: Book, *pages: tuple[int, int], entries=()):
    """The last of *pages* of one publisher whose book grows meanwhile: (now, how many of *entries* it knows)."""
    over, found = Over(settings, book), None
    publisher = Publisher(settings, book, over.of)
    for now_ms, known in pages:
        for entry in entries[book.version : known]:
            book.add(entry)
        over.now_ms = now_ms
        found = await publisher.page(now_ms)
    return found


async def page(made: Ledger, *, now_ms: int = NOW, settings=None):
    return await published(settings or plan(), made.book, (now_ms, 0))


async def shown(made: Ledger, key: str = "web", **more):
    return next(c for c in (await page(made, **more)).components if c.key == key)


def window(start: str, hours: float, *components: str, name: str = "disk-swap", **more) -> Window:
    rule = OneOff(from_utc_ms(at(start), UTC).replace(tzinfo=None), Length(timedelta(hours=hours)), UTC)
    plain = {"suppress_alerts": True, "sla_exclude": True, "announced_ms": at("2026-11-01T00:00")}
    return Window(name=name, components=components, rule=rule, **(plain | more))


# ---- status


async def test_all_is_well_since_the_beginning():
    web = await shown(grown())
    assert (web.status, web.since_ms, web.created_ms) == (Status.OPERATIONAL, BORN, BORN)


async def test_an_outage_is_on_the_page_since_its_first_bad_reading():
    made = grown()
    outage(made, NOW - 5 * MINUTE, None, "web/home")
    web = await shown(made)
    assert (web.status, web.since_ms) == (Status.PARTIAL, NOW - 5 * MINUTE)


async def test_what_has_lasted_longer_than_the_bars_still_says_since_when():
    born = NOW - 300 * DAY
    made = grown(born=born)
    outage(made, born + DAY, born + 2 * DAY, "db/q")
    web, db = await shown(made, "web"), await shown(made, "db")
    assert (web.since_ms, db.since_ms) == (born, born + 2 * DAY)


async def test_without_data_it_says_since_when_and_what_it_was_before():
    made = grown()
    outage(made, NOW - HOUR, None, "web/home", "web/api", state=UNKNOWN)
    web = await shown(made)
    assert (web.status, web.since_ms, web.before) == (Status.UNKNOWN, NOW - HOUR, Status.OPERATIONAL)


async def test_a_component_never_observed_was_nothing_before():
    made = grown()
    made.component("new", ["new/x"], NOW - HOUR)
    new = await shown(made, "new", settings=plan(PARTS | {"new": ["new/x"]}))
    assert (new.status, new.since_ms, new.before) == (Status.UNKNOWN, NOW - HOUR, None)


async def test_a_component_not_yet_on_record_is_unknown_and_has_no_figure():
    new = await shown(grown(), "new", settings=plan(PARTS | {"new": ["new/x"]}))
    assert (new.status, new.since_ms, new.uptime, new.created_ms) == (Status.UNKNOWN, NOW, None, NOW)
    assert {day.scope_ms for day in new.days} == {0}


async def test_redundancy_lost_is_operational_unless_the_component_shows_it():
    parts, needs, shown_ = {"app": ["app/a", "app/b"]}, {"app": 1}, {}
    for shows in (False, True):
        made = Ledger(BORN)
        made.component("app", ["app/a", "app/b"], BORN, needs=1, shows=shows)
        for name in ("app/a", "app/b"):
            made.goes(name, UP, BORN)
        outage(made, NOW - HOUR, None, "app/a")
        shown_[shows] = await page(made, settings=plan(parts, needs=needs))
    quiet, open_ = shown_[False], shown_[True]
    assert (quiet.status, quiet.incidents) == (Status.OPERATIONAL, ())
    assert quiet.components[0].days[-1].degraded_ms == 0
    assert (open_.status, len(open_.incidents)) == (Status.DEGRADED, 1)
    assert open_.components[0].days[-1].degraded_ms == HOUR


# ---- what is private


async def test_a_private_component_appears_nowhere():
    parts = PARTS | {"secret-core": ["secret-core/up"], "all": ["web", "secret-core"]}
    made = grown(parts)
    outage(made, NOW - HOUR, None, "secret-core/up")
    made.window(window("2026-11-20T12:00", 6, "secret-core", name="only-secret-core"), BORN)
    made.window(window("2026-11-21T12:00", 6, "secret-core", "web"), BORN)
    found = await page(made, settings=plan(parts, hidden=("secret-core",)))
    assert [c.key for c in found.components] == ["web", "db", "all"]
    assert [m.components for m in found.maintenance] == [("web",)]
    assert "secret-core" not in repr(found)
    assert not [path for path, body in everything(rendered(found)) if b"secret" in body.lower()]


def everything(made) -> list[tuple[str, bytes]]:
    """Every path that was rendered, with its bytes."""
    return [(path, document.body) for path, document in dict(made).items()]


async def test_what_contains_a_private_component_still_suffers_with_it():
    parts = PARTS | {"secret-core": ["secret-core/up"], "all": ["web", "secret-core"]}
    made = grown(parts)
    outage(made, NOW - HOUR, None, "secret-core/up")
    assert (await shown(made, "all", settings=plan(parts, hidden=("secret-core",)))).status is Status.PARTIAL


# ---- maintenance


async def test_a_window_in_progress_shows_as_maintenance_and_makes_no_incident():
    made = grown()
    made.window(window("2026-11-20T14:00", 2, "web"), BORN)
    outage(made, NOW - 30 * MINUTE, None, "web/home", "web/api")
    found = await page(made)
    web = found.components[0]
    assert (web.status, web.since_ms) == (Status.MAINTENANCE, at("2026-11-20T14:00"))
    assert (found.incidents, [m.name for m in found.active_maintenance]) == ((), ["Disk swap"])


async def test_a_window_over_one_component_cannot_hide_an_outage_of_another():
    made = grown()
    made.window(window("2026-11-20T14:00", 2, "web"), BORN)
    outage(made, NOW - 30 * MINUTE, None, "db/q")
    found = await page(made)
    assert [c.status for c in found.components] == [Status.MAINTENANCE, Status.MAJOR]
    assert [i.component for i in found.ongoing] == ["db"]


async def test_an_outage_longer_than_its_window_allows_is_shown():
    made = grown()
    made.window(window("2026-11-20T14:00", 2, "web", max_outage=timedelta(seconds=60)), BORN)
    outage(made, NOW - 2 * MINUTE, None, "web/home", "web/api")
    early = await page(made, now_ms=NOW - 90_000)
    late = await page(made)
    assert (early.status, early.incidents) == (Status.MAINTENANCE, ())
    assert (late.status, [i.from_ms for i in late.ongoing]) == (Status.MAJOR, [NOW - MINUTE])


async def test_what_is_still_down_after_the_window_is_an_incident_from_its_end():
    made = grown()
    made.window(window("2026-11-20T12:00", 2, "web"), BORN)
    outage(made, at("2026-11-20T13:00"), None, "web/home", "web/api", reason="dns")
    (incident,) = (await page(made)).incidents
    assert (incident.from_ms, incident.to_ms) == (at("2026-11-20T14:00"), None)
    assert incident.why == "Its name cannot be found."


async def test_what_is_planned_for_the_next_two_weeks_is_on_the_page_and_a_withdrawn_window_is_not():
    made = grown()
    made.window(window("2026-11-25T00:00", 2, "web", name="soon"), BORN)
    made.window(window("2026-12-20T00:00", 2, "web", name="later"), BORN)
    made.window(window("2026-11-26T00:00", 2, "web", name="withdrawn"), BORN)
    made.end(Kind.WINDOW, "withdrawn", NOW - DAY)
    found = await page(made)
    assert [m.name for m in found.upcoming_maintenance] == ["Soon"]


async def test_windows_of_private_components_take_no_place_from_others():
    parts = PARTS | {"core": ["core/up"]}
    made = grown(parts)
    for n in range(30):
        made.window(window("2026-11-21T00:00", 2, "core", name=f"a{n}"), BORN)
    made.window(window("2026-11-22T00:00", 2, "web", name="ours"), BORN)
    found = await page(made, settings=plan(parts, hidden=("core",)))
    assert [m.name for m in found.maintenance] == ["Ours"]


# ---- incidents


async def test_an_incident_has_its_span_its_worst_and_its_reason_in_plain_words():
    made = grown()
    start = NOW - 3 * HOUR
    outage(made, start, start + 20 * MINUTE, "web/home", reason="refused")
    made.goes("web/home", UP, start + 20 * MINUTE)
    found = (await page(made)).ended
    assert [(i.component, i.status, i.from_ms, i.to_ms, i.why) for i in found] == [
        ("web", Status.PARTIAL, start, start + 20 * MINUTE, "It is not accepting connections.")
    ]


async def test_trouble_that_changes_is_one_incident_as_bad_as_its_worst():
    made = grown()
    start = NOW - 3 * HOUR
    made.goes("web/home", DEGRADED, start, reason="slow")
    made.goes("web/home", DOWN, start + 5 * MINUTE)
    made.goes("web/api", DOWN, start + 10 * MINUTE)
    for name in ("web/home", "web/api"):
        made.goes(name, UP, start + 20 * MINUTE)
    (incident,) = (await page(made)).ended
    assert (incident.status, incident.from_ms, incident.why) == (
        Status.MAJOR,
        start,
        "It is answering slowly.",
    )


async def test_an_incident_keeps_its_id_from_page_to_page_and_through_a_rename():
    made = grown()
    outage(made, NOW - 2 * DAY, None, "web/home")
    first = (await page(made)).incidents[0]
    assert (await page(made, now_ms=NOW + 5 * DAY)).incidents[0].id == first.id
    made.rename("portal", "web", NOW)
    parts = {"portal": ["portal/home", "portal/api"], "db": ["db/q"]}
    later = await page(made, now_ms=NOW + DAY, settings=plan(parts))
    assert (later.incidents[0].id, later.components[0].id) == (
        first.id,
        (await page(grown())).components[0].id,
    )


async def test_incidents_of_two_weeks_are_shown_and_older_ones_are_not():
    made = grown()
    outage(made, NOW - 15 * DAY, NOW - 15 * DAY + HOUR, "db/q")
    outage(made, NOW - 13 * DAY, NOW - 13 * DAY + HOUR, "db/q")
    assert [i.from_ms for i in (await page(made)).ended] == [NOW - 13 * DAY]


async def test_a_long_outage_over_a_gap_in_the_data_is_one_that_lasts():
    made = grown()
    outage(made, NOW - 5 * HOUR, None, "db/q")
    made.goes("db/q", UNKNOWN, NOW - 4 * HOUR)
    made.goes("db/q", DOWN, NOW - 3 * HOUR)
    found = await page(made)
    assert [(i.from_ms, i.to_ms) for i in found.incidents] == [(NOW - 5 * HOUR, None)]


# ---- days and figures


async def test_there_are_ninety_days_and_those_before_its_time_have_no_scope():
    made = grown()
    days = (await shown(made)).days
    assert (len(days), days[0].date, days[-1].date) == (90, date(2026, 8, 23), date(2026, 11, 20))
    by_date = {day.date: day for day in days}
    assert {d.scope_ms for d in days if d.date < date(2026, 10, 1)} == {0}
    assert by_date[date(2026, 10, 1)].scope_ms == 18 * HOUR
    assert by_date[date(2026, 10, 2)].scope_ms == DAY
    assert days[-1].scope_ms == 15 * HOUR


async def test_a_day_tells_what_was_down_degraded_unknown_and_excluded():
    made = grown()
    made.window(window("2026-11-10T20:00", 1, "db"), BORN)
    outage(made, at("2026-11-10T10:00"), at("2026-11-10T10:07"), "db/q")
    outage(made, at("2026-11-10T11:00"), at("2026-11-10T11:30"), "db/q", state=DEGRADED)
    outage(made, at("2026-11-10T12:00"), at("2026-11-10T13:00"), "db/q", state=UNKNOWN)
    day = next(d for d in (await shown(made, "db")).days if d.date == date(2026, 11, 10))
    assert (day.down_ms, day.degraded_ms, day.unknown_ms, day.excluded_ms) == (
        7 * MINUTE,
        30 * MINUTE,
        HOUR,
        HOUR,
    )
    assert day.worst is Status.MAJOR


async def test_days_are_those_of_the_service_s_zone():
    made = grown()
    service = replace(plan().service, timezone=ZoneInfo("America/Los_Angeles"))
    outage(made, at("2026-11-10T05:00"), at("2026-11-10T06:00"), "db/q")
    found = await shown(made, "db", settings=replace(plan(), service=service))
    assert [d.date for d in found.days if d.down_ms] == [date(2026, 11, 9)]
    assert next(d for d in found.days if d.date == date(2026, 11, 1)).scope_ms == 25 * HOUR


async def test_the_percentage_is_the_figure_that_the_sla_is_judged_by():
    made = grown()
    made.window(window("2026-11-10T20:00", 1, "web"), BORN)
    outage(made, at("2026-11-10T20:30"), at("2026-11-10T22:00"), "web/home")
    web, account = await shown(made), figure(made.book, "web", Month(2026, 11), NOW).account
    assert web.uptime is not None
    assert (web.uptime.ratio, web.uptime.down_ms, web.uptime.excluded_ms) == (account.uptime, HOUR, HOUR)
    assert (web.uptime.from_ms, web.uptime.to_ms) == (at("2026-11-01T00:00"), NOW)


async def test_at_the_first_instant_of_a_month_there_is_nothing_to_count():
    web = await shown(grown(), now_ms=at("2026-11-01T00:00"))
    assert web.uptime is not None
    assert web.uptime.ratio is None
    assert (web.days[-1].date, web.days[-1].scope_ms) == (date(2026, 11, 1), 0)


async def test_a_component_that_came_back_counts_only_while_it_was_there():
    made = grown()
    made.end(Kind.COMPONENT, "db", at("2026-11-05T00:00"))
    made.end(Kind.CHECK, "db/q", at("2026-11-05T00:00"))
    made.goes("db/q", UNKNOWN, at("2026-11-05T00:00"))
    made.component("db", ["db/q"], at("2026-11-07T00:00"))
    made.check("db/q", at("2026-11-07T00:00"))
    made.goes("db/q", UP, at("2026-11-07T00:00"))
    db = await shown(made, "db")
    by_date = {day.date.day: day for day in db.days if day.date.month == 11}
    assert [by_date[n].scope_ms for n in (4, 5, 6, 7)] == [DAY, 0, 0, DAY]
    assert db.uptime is not None
    assert db.uptime.ratio == Fraction(1)


# ---- what is kept from page to page


async def test_a_page_made_after_others_is_the_page_made_at_once():
    rng = random.Random(4)
    made = grown(born=NOW - 100 * DAY)
    made.window(window("2026-11-10T20:00", 1, "web", max_outage=timedelta(minutes=1)), NOW - 99 * DAY)
    at_ms, pages = NOW - 95 * DAY, []
    while at_ms < NOW:
        at_ms += rng.randrange(MINUTE, 4 * DAY)
        made.goes(
            rng.choice(["web/home", "web/api", "db/q"]), rng.choice([UP, UP, DOWN, DEGRADED, UNKNOWN]), at_ms
        )
        pages.append((at_ms + rng.randrange(1, 10 * MINUTE), len(made.entries)))
    end = max(pages[-1][0], made.chain.recorded_ms) + HOUR
    pages.append((end, len(made.entries)))
    assert await published(plan(), Book(), *pages, entries=made.entries) == await page(made, now_ms=end)


async def test_what_turns_out_to_have_lapsed_long_ago_corrects_the_bars_already_shown():
    made = grown()
    store = MemoryStore([Batch(entries=made.entries)])
    book = book_for(store, Path("x"), 0)
    recorder = Recorder(book, ledger_end(store))

    async def flushed() -> bool:
        await store.commit(recorder.take())
        return True

    days = Days(plan(), recorder, lambda: nullcontext(store), flushed)
    publisher = Publisher(plan(), book, days.of)
    await days.settle(NOW)
    before = (await publisher.page(NOW)).components[1]
    assert sum(day.unknown_ms for day in before.days) == 0
    lapse = {"from": "up", "to": "unknown", "reason": "stale", "detail": "", "earliest_ms": 0, "latest_ms": 0}
    recorder.entry(
        Kind.TRANSITION, "db/q", lapse, now_ms=NOW + 1000, effective_ms=NOW - 10 * DAY, vantage="local"
    )
    await days.settle(NOW + 1000)
    db = (await publisher.page(NOW + 1000)).components[1]
    assert (db.status, db.since_ms) == (Status.UNKNOWN, NOW - 10 * DAY)
    assert sum(day.unknown_ms for day in db.days) == 10 * DAY + 1000
    await flushed()
    kept = store.days("UTC", "2026-11", "2026-11")
    assert [row.date for row in kept if row.component == "db" and row.unknown_ms] == [
        f"2026-11-{n}" for n in range(10, 19)
    ], "and so in the store"


# ---- the rest of it


async def test_groups_and_components_are_in_the_file_s_order():
    parts = {"a": ["a/x"], "b": ["b/x"], "c": ["c/x"], "d": ["d/x"]}
    groups = {"a": {"group": "Two"}, "b": {"group": None}, "c": {"group": "Two"}, "d": {"group": "One"}}
    found = await page(grown(parts), settings=plan(parts, options=groups))
    assert [(g.name, [c.key for c in g.components]) for g in found.groups] == [
        ("Two", ["a", "c"]), (None, ["b"]), ("One", ["d"]),
    ]  # fmt: skip


async def test_a_page_of_an_empty_book_is_a_page():
    found = await page(Ledger(NOW))
    assert found.status is Status.UNKNOWN


@pytest.mark.parametrize("now_ms", [NOW, at("2026-03-29T00:59"), at("2026-10-25T01:00")])
async def test_a_page_can_be_made_on_any_day_of_the_year(now_ms):
    service = replace(plan().service, timezone=ZoneInfo("Europe/Berlin"))
    web = await shown(
        grown(born=now_ms - 100 * DAY), now_ms=now_ms, settings=replace(plan(), service=service)
    )
    assert len(web.days) == 90
    assert sum(day.unknown_ms for day in web.days) == 0


async def test_trouble_lasts_while_nothing_is_seen_of_it():
    made = grown()
    outage(made, NOW - HOUR, None, "db/q")
    made.goes("db/q", UNKNOWN, NOW - 10 * MINUTE)
    (incident,) = (await page(made)).incidents
    assert (incident.component, incident.from_ms, incident.to_ms) == ("db", NOW - HOUR, None)


async def test_trouble_that_was_over_when_we_saw_again_ended_when_we_last_saw_it():
    made = grown()
    outage(made, NOW - HOUR, None, "db/q")
    made.goes("db/q", UNKNOWN, NOW - 30 * MINUTE)
    made.goes("db/q", UP, NOW - 10 * MINUTE)
    (incident,) = (await page(made)).incidents
    assert (incident.from_ms, incident.to_ms) == (NOW - HOUR, NOW - 30 * MINUTE)
