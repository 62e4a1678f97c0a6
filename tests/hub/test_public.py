"""What the public sees of a component over time: the words, and what maintenance may cover."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statuspage.page import Status
from tests.core.ledgers import DAY, HOUR, MINUTE, UTC, Ledger
from tests.core.shapes import at
from watch.core.figures import worked
from watch.core.localtime import from_utc_ms
from watch.core.schedule import Length, OneOff
from watch.core.timeline import State
from watch.core.window import Opens, Window
from watch.hub.public import PublicView, with_maintenance

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
START = at("2026-11-02T00:00")
OK, WORK, NO_DATA, MINOR, PARTIAL, MAJOR = Status


def ledger(needs: int | None = None, *, shows: bool = False) -> Ledger:
    """`app` of two checks, and `all`, which contains it and has a check of its own; all up."""
    made = Ledger(START)
    made.component("app", ["app/a", "app/b"], START, needs=needs, shows=shows)
    made.component("all", ["app", "all/x"], START)
    for name in ("app/a", "app/b", "all/x"):
        made.goes(name, UP, START)
    return made


def words(made: Ledger, key: str = "app", hi: int = START + 10 * HOUR):
    book = made.book
    works = worked(book, START - DAY, hi).get(key, ())
    return [(a - START, b - START, w) for a, b, w in PublicView(book).words(key, START, hi, works)]


def window(hours: float = 2, *, after: float = 1, components=("app",), **more) -> Window:
    """A window of *hours* from *after* hours on."""
    rule = OneOff(
        from_utc_ms(START, UTC).replace(tzinfo=None) + timedelta(hours=after),
        Length(timedelta(hours=hours)),
        UTC,
    )
    return Window(name="work", components=components, rule=rule, **({"suppress_alerts": True} | more))


def test_down_with_some_members_up_is_partial_and_with_none_major():
    made = ledger()
    made.goes("app/a", DOWN, START + HOUR)
    made.goes("app/b", DOWN, START + 2 * HOUR)
    assert words(made) == [(0, HOUR, OK), (HOUR, 2 * HOUR, PARTIAL), (2 * HOUR, 10 * HOUR, MAJOR)]


def test_a_degraded_member_is_degraded_performance():
    made = ledger()
    made.goes("app/a", DEGRADED, START + HOUR)
    assert words(made) == [(0, HOUR, OK), (HOUR, 10 * HOUR, MINOR)]


def test_what_nobody_could_see_is_unknown():
    made = ledger()
    made.goes("app/a", UNKNOWN, START + HOUR)
    assert words(made) == [(0, HOUR, OK), (HOUR, 10 * HOUR, NO_DATA)]


def test_redundancy_lost_is_operational_for_the_public():
    made = ledger(needs=1)
    made.goes("app/a", DOWN, START + HOUR)
    assert words(made) == [(0, 10 * HOUR, OK)]
    assert words(made, "all") == [(0, 10 * HOUR, OK)]


def test_redundancy_lost_shows_where_the_component_says_so():
    made = ledger(needs=1, shows=True)
    made.goes("app/a", DOWN, START + HOUR)
    assert words(made) == [(0, HOUR, OK), (HOUR, 10 * HOUR, MINOR)]
    assert words(made, "all") == [(0, HOUR, OK), (HOUR, 10 * HOUR, MINOR)]


def test_redundancy_lost_shows_from_when_the_component_says_so_and_not_before():
    made = ledger(needs=1)
    made.goes("app/a", DOWN, START + HOUR)
    made.component("app", ["app/a", "app/b"], START + 2 * HOUR, needs=1, shows=True)
    assert words(made) == [(0, 2 * HOUR, OK), (2 * HOUR, 10 * HOUR, MINOR)]


def test_a_member_that_nobody_could_see_takes_nothing_from_one_that_works():
    made = ledger(needs=1)
    made.goes("app/a", UNKNOWN, START + HOUR)
    assert words(made) == [(0, 10 * HOUR, OK)]


def test_a_degraded_member_is_no_mere_loss_of_redundancy():
    made = ledger(needs=1)
    made.goes("app/a", DEGRADED, START + HOUR)
    assert words(made)[-1][2] is MINOR


def test_nothing_is_said_of_the_time_before_a_component_or_after_it():
    made = ledger()
    assert PublicView(made.book).words("app", START - DAY, START) == []
    assert PublicView(made.book).words("other", START, START + DAY) == []


def test_a_window_in_progress_shows_as_maintenance_and_covers_its_component_s_trouble():
    made = ledger()
    made.window(window(), START)
    made.goes("app/a", DOWN, START + 2 * HOUR)
    made.goes("app/a", UP, START + 150 * MINUTE)
    assert words(made) == [(0, HOUR, OK), (HOUR, 3 * HOUR, WORK), (3 * HOUR, 10 * HOUR, OK)]


def test_an_outage_that_outlives_its_window_shows_from_the_window_s_end():
    made = ledger()
    made.window(window(), START)
    for name in ("app/a", "app/b"):
        made.goes(name, DOWN, START + 2 * HOUR)
    assert words(made) == [(0, HOUR, OK), (HOUR, 3 * HOUR, WORK), (3 * HOUR, 10 * HOUR, MAJOR)]


def test_a_window_over_one_component_hides_no_outage_of_another():
    made = ledger()
    made.window(window(components=("app",)), START)
    for name in ("app/a", "app/b"):
        made.goes(name, DOWN, START + HOUR)
        made.goes(name, UP, START + 2 * HOUR)
    made.goes("all/x", DOWN, START + 90 * MINUTE)
    made.goes("all/x", UP, START + 100 * MINUTE)
    assert [w for _, _, w in words(made, "all")] == [OK, PARTIAL, MAJOR, PARTIAL, OK]


def test_an_outage_longer_than_the_window_allows_shows_from_there_on():
    made = ledger()
    made.window(window(max_outage=timedelta(minutes=5)), START)
    made.goes("app/a", DOWN, START + 2 * HOUR)
    made.goes("app/b", DOWN, START + 2 * HOUR + 2 * MINUTE)
    made.goes("app/a", UP, START + 2 * HOUR + 10 * MINUTE)
    made.goes("app/b", UP, START + 2 * HOUR + 10 * MINUTE)
    assert words(made) == [
        (0, HOUR, OK), (HOUR, 125 * MINUTE, WORK), (125 * MINUTE, 130 * MINUTE, MAJOR), (130 * MINUTE, 3 * HOUR, WORK),
        (3 * HOUR, 10 * HOUR, OK),
    ]  # fmt: skip


def test_an_outage_begun_before_a_window_is_allowed_its_time_in_the_window_only():
    made = ledger()
    made.window(window(max_outage=timedelta(minutes=5)), START)
    made.goes("app/a", DOWN, START + 30 * MINUTE)
    assert [w for _, _, w in words(made)] == [OK, PARTIAL, WORK, PARTIAL]


def test_a_window_that_is_only_announced_covers_nothing():
    made = ledger()
    made.window(window(suppress_alerts=False), START)
    made.goes("app/a", DOWN, START + 2 * HOUR)
    made.goes("app/a", UP, START + 150 * MINUTE)
    assert [w for _, _, w in words(made)] == [OK, WORK, PARTIAL, WORK, OK]


@pytest.mark.parametrize("change", [{"opens": Opens.WHEN_ANNOUNCED}, {"components": ("other",)}])
def test_what_is_only_permitted_or_of_others_does_not_show(change):
    made = ledger()
    made.window(window(**change), START)
    assert words(made) == [(0, 10 * HOUR, OK)]


def test_a_window_withdrawn_while_it_runs_shows_no_longer_than_it_ran():
    made = ledger()
    made.window(window(), START)
    made.end("window", "work", START + 90 * MINUTE)
    assert words(made) == [(0, HOUR, OK), (HOUR, 90 * MINUTE, WORK), (90 * MINUTE, 10 * HOUR, OK)]


def test_maintenance_is_said_of_no_time_that_has_no_word():
    works = [(window(), (0, 100))]
    assert with_maintenance([(50, 80, NO_DATA)], works) == [(50, 80, WORK)]
    assert with_maintenance([], works) == []
