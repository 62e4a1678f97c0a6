"""What holds, and what only looks as if it did."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes import START_MS, settings
from watch.alerts.condition import Conditions, nobody
from watch.core.reading import Reason
from watch.core.settings import AlertRule, When
from watch.core.standing import Standing
from watch.core.timeline import State

RULES = tuple(AlertRule(when=when, components=("web",)) for when in (When.UNKNOWN, When.DEGRADED, When.DOWN))


def holding(standing: Standing, after_ms: int, unasked=nobody) -> set[str]:
    conditions = Conditions(replace(settings({"web": ["web/home"]}), alerts=RULES))
    found = conditions.holding(START_MS + after_ms, {"web": standing}, [], unasked)
    return {str(c.when) for c in found.values()}


def stands(state: State, **more) -> Standing:
    return Standing(key="web", state=state, since_ms=START_MS, cause="web/home", **more)


def test_what_was_not_asked_yet_is_not_missing_however_long_that_takes():
    new = stands(State.UNKNOWN, reason=Reason.MISSING)
    assert holding(new, 3_600_000, lambda key: key == "web") == set()
    assert holding(new, 0) == {"unknown"}


def test_what_was_not_asked_again_yet_may_still_be_down():
    assert holding(stands(State.DOWN), 0, lambda key: key == "web") == {"down"}


def test_what_lapsed_is_missing_at_once():
    assert holding(stands(State.UNKNOWN, reason=Reason.STALE), 0) == {"unknown"}


def test_what_works_though_we_do_not_see_all_of_it_pages_nobody():
    assert holding(stands(State.UP, redundancy_unknown=True), 0) == set()
    assert holding(stands(State.DEGRADED), 0) == {"degraded"}
