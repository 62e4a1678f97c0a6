"""What goes with a letter: its tone, its urgency, and the incidents of providers that pair what begins with what ends."""

from __future__ import annotations

from tests.alerts.stage import UNANSWERED, Stage, rule, settings
from watch.alerts.message import Message, Thread, Tone
from watch.core.alert import Event

WEB, DB = "Acme/down:web/1", "Acme/down:db/1"


class Sending(Stage):
    """Keeps what was sent, beside its pages."""

    def __init__(self, *rules, **more) -> None:
        super().__init__(settings(*(rules or (rule("down", "web", "db", "san"),)), **more))
        self.sent: list[Message] = []

    def arrives(self, notice) -> None:
        super().arrives(notice)
        self.sent.append(self.desk.message(notice))

    def threads(self) -> list[tuple[Thread, ...]]:
        return [message.threads for message in self.sent]


def opened(key: str) -> Thread:
    return Thread(key, open=True)


def closed(key: str) -> Thread:
    return Thread(key, open=False)


def test_an_outage_is_a_failure_and_urgent_and_its_recovery_is_a_success_and_not():
    s = Sending()
    s.goes("web", "down")
    s.passes(20)
    s.goes("web", "up")
    s.passes(120)
    assert [(m.tone, m.urgent) for m in s.sent] == [(Tone.FAILURE, True), (Tone.SUCCESS, False)]
    assert s.threads() == [(opened(WEB),), (closed(WEB),)]


def test_what_is_less_than_an_outage_is_a_warning():
    s = Sending(rule("degraded", "web"))
    s.goes("web", "degraded")
    s.passes(20)
    assert [(m.tone, m.urgent) for m in s.sent] == [(Tone.WARNING, False)]


def test_what_is_told_late_is_a_warning_and_on_record_at_a_provider_that_pairs():
    s = Sending()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(20)
    s.answers.clear()
    s.goes("web", "up")
    s.passes(120)
    assert [page.event for page in s.pages] == [Event.MERGED]
    assert [(m.tone, m.urgent) for m in s.sent] == [(Tone.WARNING, False)]
    assert s.threads() == [(opened(WEB), closed(WEB))]


def test_what_was_told_in_one_letter_is_one_incident_until_the_last_is_over():
    s = Sending()
    s.goes("web", "down")
    s.goes("db", "down")
    s.passes(20)
    (together,) = s.sent
    (thread,) = together.threads
    assert together.letters[0].title.endswith("Web application, Db")
    s.goes("web", "up")
    s.passes(120)
    assert s.threads()[1:] == [(thread,)], "the incident goes on"
    s.restarts()
    s.goes("db", "up")
    s.passes(120)
    assert s.threads()[2:] == [(closed(thread.key),)]


def test_two_incidents_that_end_together_are_both_closed():
    s = Sending()
    s.goes("web", "down")
    s.passes(20)
    s.goes("db", "down")
    s.passes(20)
    s.goes("web", "up")
    s.goes("db", "up")
    s.passes(120)
    assert {thread for threads in s.threads()[2:] for thread in threads} == {closed(WEB), closed(DB)}


def test_a_letter_of_which_nothing_is_known_any_more_is_sent_as_it_was_written():
    s = Sending()
    s.goes("web", "down")
    s.passes(20)
    (row,) = s.disk.rows()[1]
    assert s.desk.message(row).letters[0].body == row.body
    empty = Sending()
    assert [(it.title, it.body) for it in empty.desk.message(row).letters] == [(row.title, row.body)]
