"""A look at all alerts that takes long is not had in every turn; what people did is committed all the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tests.alerts.stage import START_MS, rule, settings
from watch.alerts.proven_desk import ProvenDesk
from watch.core.standing import Standing
from watch.core.timeline import State
from watch.ports import Batch

DAY_MS = 86_400_000


def desk(looks: float) -> ProvenDesk:
    """One whose looks take *looks* seconds each."""
    spent = count(0, looks)
    return ProvenDesk(
        settings(rule("down", "web", "db", escalate=None), group_wait=0), spent=lambda: next(spent)
    )


def stands(**states: State) -> dict[str, Standing]:
    return {key: Standing(key=key, state=state, since_ms=START_MS - DAY_MS) for key, state in states.items()}


def step(it: ProvenDesk, after_ms: int, **states: State) -> Batch:
    batch = Batch()
    it.step(batch, START_MS + after_ms, stands(**states), [], {})
    it.committed()
    return batch


def opened(batch: Batch) -> list[str]:
    return [alert.subject for alert in batch.alerts.values()]


def test_after_a_long_look_the_next_is_later_and_nothing_is_lost():
    it = desk(0.1)
    assert opened(step(it, 0, web=State.DOWN)) == ["web"]
    assert opened(step(it, 499, web=State.DOWN, db=State.DOWN)) == []
    assert opened(step(it, 500, web=State.DOWN, db=State.DOWN)) == ["db"]


def test_after_a_short_look_the_next_may_be_at_once():
    it = desk(0.009)
    assert opened(step(it, 0, web=State.DOWN)) == ["web"]
    assert opened(step(it, 1, web=State.DOWN, db=State.DOWN)) == ["db"]


def test_what_a_person_did_does_not_wait_for_the_next_look():
    it = desk(0.1)
    (alert,) = step(it, 0, web=State.DOWN).alerts.values()
    it.update(replace(alert, muted=True))
    assert step(it, 1, web=State.DOWN, db=State.DOWN).alerts[alert.id].muted
    assert it.open_alerts.alerts.keys() == {alert.id}, "it has not looked"


def test_a_clock_set_back_does_not_end_the_looks():
    it = desk(0.1)
    step(it, 0, web=State.DOWN)
    assert opened(step(it, -3_600_000, web=State.DOWN, db=State.DOWN)) == ["db"]
