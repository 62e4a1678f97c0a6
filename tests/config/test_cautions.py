"""What works, but perhaps not as meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from watch.config.cautions import caution, pool
from watch.config.findings import Findings
from watch.config.node import NOWHERE, Node
from watch.core.settings import Audience, Vantage

QUIET = """
vantages: {here: {canaries: [{http: "http://127.0.0.9/"}]}}
people: {alice: {channels: ["ntfy://a"]}}
alerts: [{when: down}]
components: {web: {checks: {home: {http: "http://127.0.0.1/"}}}}
"""
NOW_MS = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * 1000


def with_check(text):
    return QUIET.replace('{http: "http://127.0.0.1/"}}}}', f'{{http: "http://127.0.0.1/", {text}}}}}}}}}')


def told(settings):
    findings = Findings()
    caution(settings, lambda _: Node(NOWHERE, 0), findings, NOW_MS)
    return [remark.message for remark in findings.warnings()]


def test_a_careful_configuration_gets_no_warning(desk):
    assert desk.warnings(QUIET, now_ms=NOW_MS) == []


@pytest.mark.parametrize("text", ["vantages: {here: {}}", ""])
def test_a_vantage_point_without_canaries_cannot_tell_its_own_faults(desk, text):
    (message,) = desk.warnings(
        QUIET.replace('vantages: {here: {canaries: [{http: "http://127.0.0.9/"}]}}', text)
    )
    assert "has no canaries, so it cannot tell its own faults from its targets' faults" in message


def test_audience_public_without_an_offsite_vantage_point_is_simply_onsite(desk):
    (message,) = desk.warnings(with_check("audience: public"))
    assert message.startswith("`web/home`: the audience is `public`, but no vantage point is offsite")


def test_one_warning_speaks_for_all_checks_alike(desk):
    many = 'checks: {a: {http: "http://127.0.0.1/"}, b: {http: "http://127.0.0.2/"}, c: {http: "http://127.0.0.3/"}}'
    text = (
        QUIET.replace('checks: {home: {http: "http://127.0.0.1/"}}', many) + "defaults: {audience: public}\n"
    )
    (message,) = desk.warnings(text)
    assert message.startswith("`web/a` and 2 more: ")


def test_an_internal_check_of_a_component_where_no_vantage_point_stands_is_always_unknown(desk):
    text = QUIET.replace("web: {", "web: {site: dallas, ")
    (message,) = desk.warnings(text)
    assert "site `dallas` has no vantage point" in message
    assert "always unknown" in message


def test_a_pool_of_exactly_two_can_tie(desk):
    settings = desk.settings(QUIET)
    check = replace(settings.checks["web/home"], audience=Audience.ANY)
    canaries = settings.vantage.canaries
    others = {
        name: Vantage(name=name, site=name, local=False, canaries=canaries) for name in ("dallas", "chicago")
    }
    two = replace(
        settings, checks={"web/home": check}, vantages={**settings.vantages, "dallas": others["dallas"]}
    )
    three = replace(two, vantages={**settings.vantages, **others})
    assert told(two) == [
        "`web/home`: only `here` and `dallas` run it: when they disagree, the state is degraded"
    ]
    assert told(three) == []


def test_a_public_check_is_asked_from_elsewhere_where_there_is_an_elsewhere(desk):
    settings = desk.settings(QUIET)
    check = replace(settings.checks["web/home"], audience=Audience.PUBLIC)
    dallas = Vantage(name="dallas", site="dallas", local=False)
    wide = replace(settings, vantages={**settings.vantages, "dallas": dallas})
    assert pool(check, wide) == (dallas,)
    assert pool(check, settings) == (settings.vantage,)
    assert pool(replace(check, sources=("here",)), wide) == (settings.vantage,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "every: 10s, timeout: 10s",
            "`timeout` is 10s, but the check runs every 10s: some runs will be skipped",
        ),
        ("every: 30s, retry_every: 1m", "`retry_every` is 1m, but the check runs every 30s anyway"),
        (
            "every: 61s, timeout: 1m, confirm: {down: 20}",
            "an outage by timeout is confirmed only after 21m35s",
        ),
    ],
)
def test_a_rhythm_beyond_sense_is_told(desk, text, said):
    (message,) = desk.warnings(with_check(text))
    assert said in message


def test_without_people_alerts_go_nowhere(desk):
    (remark,) = desk.read(QUIET.replace("people:", "# people:")).warnings
    assert remark.message == "there are no `people`: nobody is notified of alerts"
    assert (remark.line, remark.excerpt, str(remark).partition("\n")[0]) == (
        0,
        "",
        f"{desk.path}: {remark.message}",
    )


@pytest.mark.parametrize("alerts", ["", "alerts: [{when: monitor}]"])
def test_people_without_a_rule_over_components_hear_of_no_outage(desk, alerts):
    (message,) = desk.warnings(QUIET.replace("alerts: [{when: down}]", alerts))
    assert message == "no alert rule covers components: nobody is notified of an outage"


def test_an_empty_catch_all_is_told(desk):
    (message,) = desk.warnings(QUIET + "catch_all: []\n")
    assert message.startswith("`catch_all` is empty")


def test_a_window_that_a_clock_change_swallows_is_named_with_its_dates(desk):
    text = QUIET + 'maintenance: {night: {components: all, when: "Sun 02:30-03:15 America/New_York"}}\n'
    (remark,) = desk.read(text, now_ms=NOW_MS).warnings
    assert (
        remark.message
        == "on 2027-03-14, 2028-03-12 a clock change skips all of `night`: nothing is excluded then"
    )
    assert (remark.line, remark.column) == (6, 15)
    assert desk.warnings(text) == []


def test_a_warning_points_at_what_it_is_about(desk):
    (remark,) = desk.read(with_check("audience: public")).warnings
    assert remark.excerpt[len(remark.pointer) - 1 :].startswith("home:")


def test_two_components_that_people_cannot_tell_apart_are_told(desk):
    text = QUIET.replace("components: {web: {", "components: {api: {name: web, contains: [web]}, web: {")
    assert desk.warnings(text) == ["the components `api` and `web` have the same name, `web`"]


WINDOW = "maintenance: {{work: {{components: all, {}, sla_exclude: true}}}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('when: "Sun 01:00-05:00 UTC"', "`work` excludes nothing from the SLA: it is not announced"),
        (
            "from: 2027-01-05 22:00 UTC, to: 2027-01-06 02:00 UTC, announced: 2027-01-05 09:00 UTC",
            "`work` excludes nothing from the SLA: it was announced too late",
        ),
    ],
)
def test_a_window_that_cannot_leave_the_figures_alone_is_told(desk, text, said):
    assert said in desk.warnings(QUIET + WINDOW.format(text))


@pytest.mark.parametrize(
    "text",
    [
        'when: "Sun 01:00-05:00 UTC", announced: 2026-11-01 09:00 UTC',
        'when: "Sun 01:00-05:00 UTC", opens: when_announced',
        "from: 2027-01-05 22:00 UTC, to: 2027-01-06 02:00 UTC, announced: 2027-01-01 09:00 UTC",
    ],
)
def test_a_window_that_was_announced_in_time_is_not_talked_about(desk, text):
    assert desk.warnings(QUIET + WINDOW.format(text)) == []


def test_a_one_off_that_was_announced_is_open_whatever_it_says(desk):
    text = "from: 2027-01-05 22:00 UTC, to: 2027-01-06 02:00 UTC, announced: 2027-01-01 09:00 UTC, opens: when_announced"
    assert desk.settings(QUIET + WINDOW.format(text)).windows["work"].opens == "always"


SECRETS = """
    components:
      web:
        checks:
          a: {imap: {address: "mail.example.org", username: watch, password: hunter2-hunter2}}
          b: {imap: {address: "mail.example.org", username: watch, password: "${env:PW}"}}
          c: {postgres: {dsn: "postgresql://watch:hunter2-hunter2@db.example.org/"}}
          d: {postgres: {dsn: "postgresql://watch@db.example.org/"}}
          e: {postgres: {dsn: "host=db.example.org password=hunter2-hunter2"}}
          f: {http: {url: "https://example.org/", body: "{}", proxy: "http://192.0.2.1:3128"}}
"""


def test_a_secret_that_stands_in_the_file_is_warned_of_and_not_shown(desk):
    told = desk.read(SECRETS, {"PW": "x"}).warnings
    found = [it for it in told if it.message.startswith("this file contains a secret")]
    assert [(it.line, it.message.partition(": ")[2]) for it in found] == [
        (5, "`password` of `imap`"),
        (7, "`dsn` of `postgres`"),
        (9, "`dsn` of `postgres`"),
    ]
    assert not any("hunter2" in str(it) for it in told)
    assert all("${env:NAME}" in it.cure for it in found)
