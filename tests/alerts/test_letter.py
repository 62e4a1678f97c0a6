"""A notice says what, since when, why, seen from where, and which alert it is; strangers' text cannot bend it."""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.stage import START_MS, component, rule, settings
from watch.alerts import letter as made
from watch.alerts.letter_order import root_first
from watch.core.alert import Alert, Event, dedup_key
from watch.core.background import Background
from watch.core.settings import When

CONFIG = settings(rule("down", "web"))


def alert(subject: str = "web", when: When = When.DOWN, **more) -> Alert:
    plain = {
        "id": 1, "when": when, "subject": subject, "name": "Web application", "n": 3, "opened_ms": START_MS, "since_ms": START_MS,
        "recipients": ("alice",), "policies": ("urgent",), "dedup_key": dedup_key("Acme", when, subject, 3),
        "reason": "refused", "detail": "connection refused", "cause": "web/home",
    }  # fmt: skip
    return Alert(**(plain | more))


def letter(event, alerts, config):
    return made.letter([(event, one) for one in alerts], config)


def letters(event, alerts, config):
    return made.letters([(event, one) for one in alerts], config)


BACKGROUND = Background(
    asked="https://www.acme.example/", seen_from=("irvine-1",), vantages=1, readings=3, canaries=True, others=2,
    good_ms=START_MS - 15_000,
    before=((START_MS - 900_000, "the configuration was reloaded: changed check web/home"),
            (START_MS - 60_000, "db/q of Db went down: connection refused")),
)  # fmt: skip
RUNBOOK = replace(CONFIG.components["web"], runbook="https://wiki.acme.example/web")
WITH_RUNBOOK = replace(CONFIG, components={**CONFIG.components, "web": RUNBOOK})
ACK = ["To acknowledge: threenines ack 1"]


def test_a_page_answers_what_the_person_on_call_asks_next():
    news = [(Event.TRIGGERED, alert(background=BACKGROUND))]
    found = made.letter(news, WITH_RUNBOOK, lines=ACK)
    assert found.title == "[Acme] DOWN: Web application"
    assert found.body == (
        "Web application has been down since 2025-11-24 19:12:00 PST (UTC-08:00).\n"
        "Why: connection refused\n"
        "Check: web/home, which asks https://www.acme.example/; 2 others of its checks too\n"
        "Seen from: irvine-1, whose canaries answered; 3 bad readings in a row\n"
        "Last good answer: 19:11:45\n"
        "\n"
        "Before that:\n"
        "- 18:57:00 the configuration was reloaded: changed check web/home\n"
        "- 19:11:00 db/q of Db went down: connection refused\n"
        "\n"
        "To acknowledge: threenines ack 1\n"
        "Runbook: https://wiki.acme.example/web\n"
        "To look further: threenines explain web\n"
        "Page: https://status.acme.example/components/web\n"
        "Alert: Acme/down:web/3"
    )


def test_what_is_worth_least_to_somebody_who_was_woken_is_left_out_first():
    news = [(Event.TRIGGERED, alert(background=BACKGROUND))]
    forms = made.letters(news, WITH_RUNBOOK, lines=ACK)
    order = (
        "To look further",
        "Before that",
        "Page: ",
        "Seen from",
        "Last good",
        "Alert: ",
        "Runbook",
        "Check: ",
    )
    worth = {
        "To look further": 1,
        "Before that": 2,
        "Page: ": 2,
        "Seen from": 3,
        "Last good": 4,
        "Alert: ": 5,
    }
    whole = [it for it in forms if "threenines ack 1" in it.body]
    left_out = [{word for word in order if word not in it.body} for it in whole]
    assert left_out[0] == set()
    assert len(left_out) > 2
    for some in left_out:
        least = min((worth.get(word, 6) for word in order if word not in some), default=10)
        assert all(worth.get(word, 7) <= least or worth.get(word, 6) == 6 for word in some)


def test_a_component_that_is_not_public_has_no_page_of_its_own():
    config = replace(CONFIG, components={"web": replace(CONFIG.components["web"], public=False)})
    assert "\nStatus page: https://status.acme.example\n" in letter(Event.TRIGGERED, [alert()], config).body


def titled(*whens: str) -> str:
    parts = [alert(f"c{n}", When(when), id=n, name=f"Part {n}") for n, when in enumerate(whens)]
    return letter(Event.TRIGGERED, root_first(parts, CONFIG), CONFIG).title


def test_the_title_names_as_many_as_a_line_holds_and_counts_each_by_what_it_is():
    assert titled("down", "down") == "[Acme] DOWN: Part 0, Part 1"
    assert titled("degraded", "down", "down") == "[Acme] DOWN: Part 1, Part 2; 1 degraded"
    assert titled("degraded", "unknown", "degraded") == "[Acme] DEGRADED: Part 0, Part 2; 1 no data"
    assert titled(*["down"] * 20, "degraded") == (
        "[Acme] DOWN: Part 0, Part 1, Part 2, Part 3, Part 4, Part 5, Part 6 (+13); 1 degraded"
    )


def test_down_time_is_that_of_the_ledger_and_a_part_of_a_second_counts_as_one():
    begun = alert(resolved_ms=START_MS + 200_000, recovered_ms=START_MS + 150_000, down_ms=119_001)
    found = letter(Event.RESOLVED, [begun], CONFIG)
    assert found.title == "[Acme] RESOLVED: Web application was down for 2m of 2m30s"
    assert found.body.startswith(
        "Web application was in trouble from 2025-11-24 19:12:00 to 19:14:30 PST (UTC-08:00): "
        "it was down for 2m of these 2m30s.\n"
    )
    exact = replace(begun, recovered_ms=START_MS + 756_387, down_ms=756_387)
    assert letter(Event.RESOLVED, [exact], CONFIG).title.endswith("was down for 12m37s")


def test_a_list_of_what_to_do_stays_a_list():
    cure = "Correct this; the hub loads the file when you save it:\n- line 4: a\n- line 9: b\x1b[2J"
    ours = alert("config_reload", When.MONITOR, name="checks.yaml has 2 mistakes", detail=cure, cause="")
    body = letter(Event.TRIGGERED, [ours], CONFIG).body
    told = "What to do: Correct this; the hub loads the file when you save it:\n- line 4: a\n- line 9: b[2J"
    assert f"\n{told}\n" in body
    assert "\nTo look further: threenines doctor\n" in body


def test_a_recovery_says_from_when_to_when():
    recovered = alert(resolved_ms=START_MS + 600_000, recovered_ms=START_MS + 540_000)
    found = letter(Event.RESOLVED, [recovered], CONFIG)
    assert found.title == "[Acme] RESOLVED: Web application was down for 9m"
    assert "from 2025-11-24 19:12:00 to 19:21:00 PST (UTC-08:00), for 9m." in found.body


def test_the_zone_is_told_with_both_times_when_the_clock_changed_in_between():
    summer = 1_761_987_600_000  # 2025-11-01 02:00 PDT
    long = alert(since_ms=summer, resolved_ms=0, recovered_ms=summer + 2 * 86_400_000)
    assert "from 2025-11-01 02:00:00 PDT (UTC-07:00) to 2025-11-03 01:00:00 PST (UTC-08:00)" in (
        letter(Event.RESOLVED, [long], CONFIG).body
    )


def test_a_late_one_over_midnight_names_the_days():
    night = alert(since_ms=START_MS + 4 * 3_600_000, resolved_ms=0, recovered_ms=START_MS + 6 * 3_600_000)
    assert (
        letter(Event.MERGED, [night], CONFIG).title
        == "[Acme] DELIVERED LATE: Web application was down 2025-11-24 23:12–2025-11-25 01:12"
    )


@given(name=st.text(max_size=400), detail=st.text(max_size=400), event=st.sampled_from(Event))
def test_no_name_and_no_detail_can_break_a_line_or_turn_a_sentence_round(name, detail, event):
    nasty = "\r\nBcc: eve@example.com\u202e\x00\x1b[2J"
    found = letter(event, [alert(name=name + nasty, detail=nasty + detail, resolved_ms=1)] * 2, CONFIG)
    assert len(found.title) <= 200
    assert found.title.isprintable()
    assert found.body.replace("\n", "").isprintable()
    tame = letter(event, [alert(resolved_ms=1)] * 2, CONFIG)
    assert len(found.body.splitlines()) <= len(tame.body.splitlines())


def test_a_target_cannot_call_a_whole_company_by_what_it_answers():
    body = letter(
        Event.TRIGGERED,
        [alert(detail="@everyone look <!channel> <@U1>, mail ops@example.com, @Here")],
        CONFIG,
    ).body
    assert "Why: refused: @ everyone look < !channel> < @U1>, mail ops@example.com, @ Here" in body


def test_the_root_is_urgent_and_contained_in_most_of_the_others():
    parts = (component("shop", "web"), component("web", "san"), component("san"), component("lone"))
    config = settings(rule("down", "web"), components=parts)
    shop, web, san = (alert(key, id=n, since_ms=START_MS + n) for n, key in enumerate(("shop", "web", "san")))
    lone = alert("lone", id=9, since_ms=START_MS - 9)
    degraded = alert("san", When.DEGRADED, id=0, since_ms=0)
    assert root_first([degraded, shop, lone, web, san], config) == [san, web, lone, shop, degraded]


def test_a_trouble_of_ours_never_hides_an_outage_of_theirs():
    ours = alert(
        "loop_stopped", When.MONITOR, id=1, since_ms=START_MS - 60_000, name="the loop has not run for 1 min"
    )
    found = letter(Event.TRIGGERED, root_first([ours, alert(id=2)], CONFIG), CONFIG)
    assert found.title == "[Acme] DOWN: Web application; 1 of the monitoring"


def test_components_that_contain_each_other_end_nothing():
    config = settings(rule("down", "web"), components=(component("a", "b"), component("b", "a")))
    assert len(root_first([alert("a"), alert("b")], config)) == 2


def test_a_recovery_after_time_out_of_sight_claims_no_more_than_it_knows():
    gone = alert(
        resolved_ms=START_MS + 60_000, recovered_ms=START_MS + 37_000, since_ms=START_MS, unseen=True
    )
    said = letter(Event.RESOLVED, [gone], settings())
    assert "was down for at most 37s" in said.title
    assert "For part of that time there was no data." in said.body


def test_trouble_of_our_own_reads_as_a_sentence():
    ours = alert(
        "checks_stopped",
        When.MONITOR,
        name="checks that have stopped running: web/home",
        detail="Start the agent. " * 20,
        since_ms=START_MS,
    )
    begun = letter(Event.TRIGGERED, [ours], settings())
    assert begun.title == "[Acme] MONITORING TROUBLE: checks that have stopped running: web/home"
    assert begun.body.startswith(
        "Monitoring trouble since 2025-11-24 19:12:00 PST (UTC-08:00): checks that have stopped running: web/home.\n"
    )
    assert f"\nWhat to do: {('Start the agent. ' * 20).strip()}\n" in begun.body
    over = replace(ours, resolved_ms=START_MS + 34_000, recovered_ms=START_MS + 34_000)
    ended = letter(Event.RESOLVED, [over], settings())
    assert ended.title == "[Acme] OVER: checks that have stopped running: web/home (lasted 34s)"
    assert ", for 34s: checks that have stopped running: web/home.\n" in ended.body
    assert "What to do" not in ended.body


@pytest.mark.parametrize("event", [Event.TRIGGERED, Event.RESOLVED])
def test_trouble_that_is_a_sentence_ends_with_one_full_stop(event):
    name = "t.db: the store was removed. Another file is there. Move it away."
    ours = alert("store_lost", When.MONITOR, name=name, since_ms=START_MS, resolved_ms=START_MS + 1000)
    body = letter(event, [ours], settings()).body
    assert f"{name}\n" in body
    assert ".." not in body


def test_a_zone_without_a_name_is_told_by_its_offset_and_utc_once():
    assert "since 2025-11-25 03:12:00 UTC." in letter(Event.TRIGGERED, [alert()], in_zone("UTC")).body
    assert (
        "since 2025-11-25 00:12:00 UTC-03:00."
        in letter(Event.TRIGGERED, [alert()], in_zone("America/Sao_Paulo")).body
    )


def in_zone(name):
    return replace(CONFIG, service=replace(CONFIG.service, timezone=ZoneInfo(name)))


# ---- lengths ----


@given(
    name=st.text(max_size=300), detail=st.text(max_size=300), event=st.sampled_from(Event), again=st.booleans(),
    when=st.sampled_from(When), count=st.integers(1, 60), closing=st.sampled_from(("", "the component was removed")),
    closed=st.booleans(),
)  # fmt: skip
def test_a_letter_of_each_length_fits_it_and_says_what_and_how_many(
    name, detail, event, again, when, count, closing, closed
):
    more = {"again": again, "resolved_ms": START_MS + 10**8, "closing": closing}
    one = alert(
        when=when, name=f"x{name}", detail=detail, **(more if closed or event is not Event.TRIGGERED else {})
    )
    found = letters(event, [one] * count, CONFIG)
    assert found[0] == letter(event, [one] * count, CONFIG)
    assert len(found[-1].title) + len(found[-1].body) + 2 <= 66
    sizes = [len(it.title) + len(it.body) + 2 for it in found]
    assert sizes == sorted(sizes, reverse=True)
    for it in found:
        assert it.body
        more = re.search(r" (?:\(\+(\d+)\)|\+(\d+))$", it.title)
        named = 1 if more is None else count - int(more[1] or more[2])
        assert 1 <= named <= count
        assert count == 1 or more is not None or it.title.count("x") >= count, (
            "all others are counted or named"
        )


def test_a_short_letter_tells_the_root_and_names_or_counts_the_rest():
    parts = [alert(f"c{n}", id=n, name=f"Component {n}") for n in range(40)]
    by_size = {len(it.title) + len(it.body): it for it in letters(Event.TRIGGERED, parts, CONFIG)}
    whole, *_, shortest = by_size.values()
    assert whole.title == "[Acme] DOWN: Component 0, Component 1, Component 2, Component 3 (+36)"
    others = [f"- Component {n}: down since 19:12:00, connection refused" for n in range(1, 21)]
    named = f"And 19 more: {', '.join(f'Component {n}' for n in range(21, 40))}."
    assert "\n\n" + "\n".join(["Also:", *others, named]) + "\n\n" in whole.body
    (middle,) = (it for size, it in by_size.items() if 300 < size <= 480)
    assert middle.body.splitlines()[-1] == (
        "And 39 more: Component 1, Component 2, Component 3, Component 4, Component 5, Component 6, Component 7, "
        "Component 8, Component 9, Component 10, Component 11, Component 12, Component 13, Component 14, Component 15, "
        "Component 16, Component 17, Component 18 and 21 others."
    )
    assert (shortest.title, shortest.body) == ("DOWN: Component 0 (+39)", "since 19:12 PST, Acme/down:c0/3")
