"""Rows written by a clock that was ahead wait for nothing."""

from __future__ import annotations

import pytest

from tests.fakes import START_MS
from watch.alerts.not_ahead import not_ahead
from watch.alerts.outbox import Outbox
from watch.core.alert import Alert, Event, Heard, Notice, Status
from watch.core.settings import When

AHEAD = {
    "20 s": 20_000,
    "90 s": 90_000,
    "50 min": 3_000_000,
    "1 day": 86_400_000,
    "10 years": 315_360_000_000,
}


def rows(at_ms: int) -> tuple[list[Alert], list[Notice], list[Heard]]:
    alert = Alert(
        id=1, when=When.DOWN, subject="web", name="Web", n=1, opened_ms=at_ms, since_ms=at_ms, recipients=("alice",),
        policies=(), dedup_key="k", resolved_ms=at_ms, recovered_ms=at_ms,
    )  # fmt: skip
    notice = Notice(
        id=2, alert_ids=(1,), event=Event.TRIGGERED, recipient="alice", channel=0, status=Status.SENDING,
        created_ms=at_ms, due_ms=at_ms, title="t", body="b", attempts=1, tried_ms=at_ms, lease_until_ms=at_ms,
    )  # fmt: skip
    return [alert], [notice], [Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=at_ms)]


@pytest.mark.parametrize("ahead_ms", AHEAD.values(), ids=AHEAD.keys())
def test_a_notice_that_was_due_ahead_of_the_clock_is_sent_now(ahead_ms):
    (alert,), notices, (heard,) = not_ahead(*rows(START_MS + ahead_ms), START_MS)
    assert (alert.opened_ms, alert.since_ms, alert.resolved_ms, alert.recovered_ms) == (START_MS,) * 4
    assert heard.at_ms == START_MS
    outbox = Outbox(notices, iter(range(3, 9)).__next__, lambda: 0.5, lambda _: 1)
    taken, _ = outbox.lease(START_MS, 8)
    assert [(n.id, n.tried_ms) for n in taken] == [(2, START_MS)]


def test_rows_that_lie_behind_are_as_they_were():
    kept = rows(START_MS - 1)
    assert not_ahead(*kept, START_MS) == kept
