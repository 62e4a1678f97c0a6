"""Rows outlive us: what is written reads back as it was."""

from __future__ import annotations

from watch.core.alert import Alert, Event, Heard, Notice, Status, dedup_key
from watch.core.escalation import Severity
from watch.core.settings import When

ALERT = Alert(
    id=7, when=When.DOWN, subject="web", name="Web", n=2, opened_ms=5, since_ms=1, recipients=("alice", "bob"), policies=("urgent",),
    dedup_key=dedup_key("Acme", When.DOWN, "web", 2), detail="“é”\ud800", recovered_ms=9,
)  # fmt: skip
NOTICE = Notice(
    id=8, alert_ids=(7, 9), event=Event.TRIGGERED, recipient="alice", channel=0, status=Status.PENDING, created_ms=5, due_ms=6,
    title="DOWN: Web", body="…",
)  # fmt: skip


def test_rows_read_back_as_they_were_written():
    heard = Heard(alert_id=7, recipient="alice", event=Event.MERGED, at_ms=3)
    assert Alert.of_json(ALERT.to_json()) == ALERT
    assert Notice.of_json(NOTICE.to_json().encode()) == NOTICE
    assert Heard.of_json(heard.to_json()) == heard


def test_a_dedup_key_depends_on_service_kind_component_and_opening_only():
    assert ALERT.dedup_key == "Acme/down:web/2"
    assert dedup_key("Ac\nme\u202e", When.DOWN, "web", 2) == "Ac me/down:web/2"


def test_an_outage_and_trouble_of_our_own_are_urgent():
    assert ALERT.severity is Severity.URGENT
    assert ALERT.key == "down:web"
    assert ALERT.open
    assert NOTICE.lane == ("alice", 0)
