"""What became of a letter is one line, whatever number of rows it tells."""

from __future__ import annotations

import pytest

from tests.stores.test_sqlite import alert, notice
from watch.alerts.page_happenings import page_happenings
from watch.core.alert import Event, Status

TITLE = "[Acme] DOWN: Db, 1 resolved"
ALERTS = (alert(1), alert(2))


def rows(*said: tuple[Event, Status], attempts: tuple[int, ...] = (1, 1)):
    return [
        notice(n, alert_ids=(n,), event=event, status=status, attempts=tries)
        for n, ((event, status), tries) in enumerate(zip(said, attempts, strict=False), 1)
    ]


def lines(found) -> list[tuple[str, str, int]]:
    told = page_happenings(found, TITLE, "", ALERTS, 0)
    return [(h.word, h.facts["event"], len(h.facts["dedup_keys"])) for h in told]


def test_a_letter_of_a_failure_and_a_recovery_is_one_line_with_its_own_title():
    found = rows((Event.RESOLVED, Status.DELIVERED), (Event.TRIGGERED, Status.DELIVERED))
    assert lines(found) == [("delivered", "triggered", 2)]
    (told,) = page_happenings(found, TITLE, "", ALERTS, 0)
    assert told.text == f"`{TITLE}` to alice by channel 1: delivered"


def test_what_another_channel_had_delivered_before_is_not_told():
    assert lines(rows((Event.RESOLVED, Status.SUPERSEDED))) == []
    found = rows((Event.RESOLVED, Status.SUPERSEDED), (Event.TRIGGERED, Status.PENDING))
    assert lines(found) == [("failed", "triggered", 1)]


@pytest.mark.parametrize(("attempts", "told"), [((2, 1), 1), ((3, 1), 1), ((3, 3), 0), ((4, 3), 1)])
def test_a_letter_that_fails_again_is_told_when_that_is_new_for_one_of_its_rows(attempts, told):
    found = rows((Event.RESOLVED, Status.PENDING), (Event.TRIGGERED, Status.PENDING), attempts=attempts)
    assert len(lines(found)) == told
