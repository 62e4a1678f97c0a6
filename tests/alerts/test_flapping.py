"""Flapping is one page, trouble that lasts pages all the same, and nothing is lost. Outage scripts on virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.alerts.stage import Stage, component, person, policy, rule, settings, step
from watch.core.alert import Event
from watch.core.alerting import Alerting
from watch.core.flapping import FlappingTerms

if TYPE_CHECKING:
    from watch.core.settings import Settings

WEB = (component("web", name="Web application"), component("db"))
ALICE = (person("alice"),)


def config(*rules, **more) -> Settings:
    more = {"components": WEB, "people": ALICE, "group_wait": 0} | more
    return settings(*(rules or (rule("down", "web", "db"),)), **more)


def flaps(s: Stage, times: int, *, down: float = 30, up: float = 30, key: str = "web") -> None:
    """*key* goes down and up again *times* times."""
    for _ in range(times):
        s.goes(key, "down")
        s.passes(down)
        s.goes(key, "up")
        s.passes(up)


def titles(s: Stage) -> list[str]:
    return [page.title for page in s.pages]


def test_six_transitions_within_an_hour_are_one_page_and_then_quiet_until_it_is_over():
    s = Stage(config())
    flaps(s, 3)
    assert titles(s) == ["[Acme] DOWN: Web application", "[Acme] FLAPPING: Web application"]
    assert s.pages[1].at == 150
    assert (
        "flapping since 2025-11-24 19:14:30 PST (UTC-08:00). It changed 6 times between down and not."
        in s.pages[1].body
    )
    flaps(s, 20)
    assert len(s.pages) == 2
    s.passes(3700)
    assert titles(s)[2:] == ["[Acme] RESOLVED: Web application was flapping for 20m"]
    assert s.open() == set()


def test_slow_flapping_is_told_as_it_is_until_the_sixth_transition():
    s = Stage(config())
    flaps(s, 5, down=120, up=300)
    assert [title.removeprefix("[Acme] ").split(":")[0] for title in titles(s)] == [
        "DOWN", "RESOLVED", "DOWN AGAIN", "RESOLVED", "DOWN AGAIN", "FLAPPING",
    ]  # fmt: skip


def test_ten_minutes_down_in_a_row_page_normally_and_once():
    s = Stage(config())
    flaps(s, 3)
    s.goes("web", "down")
    s.passes(599)
    assert len(s.pages) == 2
    s.passes(1)
    assert titles(s)[2:] == ["[Acme] DOWN: Web application"]
    assert "down since 2025-11-24 19:15:00 PST" in s.pages[2].body
    s.passes(1200)
    assert len(s.pages) == 3


def test_after_it_went_on_flapping_ten_minutes_down_page_again():
    s = Stage(config())
    flaps(s, 3)
    s.goes("web", "down")
    s.passes(700)
    s.goes("web", "up")
    s.passes(30)
    s.goes("web", "down")
    s.passes(700)
    assert titles(s)[2:] == ["[Acme] DOWN: Web application", "[Acme] DOWN: Web application"]


def test_trouble_that_lasts_until_the_flapping_is_over_ends_like_any_other():
    s = Stage(config())
    flaps(s, 3)
    s.goes("web", "down")
    s.passes(4000)
    assert titles(s)[2:] == ["[Acme] DOWN: Web application"]
    s.goes("web", "up")
    s.passes(100)
    assert titles(s)[3:] == ["[Acme] RESOLVED: Web application was down for 1h6m40s"]


def test_ten_minutes_down_begin_the_escalation_again():
    s = Stage(config(
        rule("down", "web", escalate="urgent"), people=(*ALICE, person("bob")),
        escalations={"urgent": policy(step("alice"), step("bob", after=60))},
    ))  # fmt: skip
    flaps(s, 3)
    s.goes("web", "down")
    s.passes(700)
    lasting = [(page.at, page.who) for page in s.pages if page.at >= 780]
    assert lasting == [(780, "alice"), (840, "bob")]


def test_what_somebody_has_acknowledged_pages_nobody_for_flapping():
    s = Stage(config())
    s.goes("web", "down")
    s.passes(1)
    s.tells("ack", alert=1)
    s.passes(29)
    s.goes("web", "up")
    s.passes(30)
    flaps(s, 3)
    assert titles(s) == ["[Acme] DOWN: Web application"]


@pytest.mark.parametrize("moment", [0, 40, 100, 149, 151, 200, 500, 1000])
def test_a_restart_forgets_no_flapping(moment):
    s = Stage(config())
    restarted = False
    for n in range(30):
        s.goes("web", "up" if n % 2 else "down")
        for _ in range(30):
            s.passes(1)
            if s.at >= moment and not restarted:
                restarted = True
                s.restarts()
    assert len(s.pages) <= 3
    assert titles(s).count("[Acme] FLAPPING: Web application") == 1


def test_time_without_data_is_no_transition():
    s = Stage(config())
    for _ in range(8):
        s.goes("web", "down")
        s.passes(20)
        s.goes("web", "unknown")
        s.passes(20)
    assert titles(s) == ["[Acme] DOWN: Web application"]


def test_what_recovers_before_the_for_of_its_rule_pages_nobody_however_often():
    s = Stage(config(rule("down", "web", lasting=60)))
    flaps(s, 20)
    assert s.pages == []


def test_what_flapped_in_a_maintenance_window_pages_nobody_while_it_is_well_after_it():
    s = Stage(config())
    s.quiet = {"web": 2**62}
    flaps(s, 5)
    s.quiet = {}
    s.passes(4000)
    assert s.pages == []


def test_flapping_of_one_leaves_the_others_alone():
    s = Stage(config())
    flaps(s, 4)
    s.goes("db", "down")
    s.passes(1)
    assert titles(s)[2:] == ["[Acme] DOWN: Db"]
    s.goes("db", "up")
    s.passes(61)
    assert titles(s)[3:] == ["[Acme] RESOLVED: Db was down for 1s"]


def test_a_renamed_component_goes_on_flapping():
    s = Stage(config())
    flaps(s, 4)
    s.desk.rename({"web": "site"})
    s.standings["site"] = replace(s.standings.pop("web"), key="site")
    s.reloads(config(rule("down", "site", "db"), components=(component("site", name="Site"), WEB[1])))
    flaps(s, 4, key="site")
    assert len(s.pages) == 2


def test_the_terms_are_those_of_the_configuration():
    quick = replace(
        config(),
        alerting=Alerting(
            group_wait=timedelta(0), flapping=FlappingTerms(window=timedelta(minutes=5), start=4, stop=0)
        ),
    )
    s = Stage(quick)
    flaps(s, 2)
    assert titles(s) == ["[Acme] DOWN: Web application", "[Acme] FLAPPING: Web application"]
    s.passes(400)
    assert titles(s)[2:] == ["[Acme] RESOLVED: Web application was flapping for 0s"]


def test_a_thousand_that_flap_are_few_pages_and_an_unrelated_one_is_out_in_half_a_minute():
    keys = [f"c{n}" for n in range(1000)]
    s = Stage(config(rule("down", *keys, "bank"), components=tuple(map(component, (*keys, "bank")))))
    for n in range(20):
        for key in keys:
            s.goes(key, "up" if n % 2 else "down")
        s.passes(1)
        s.at_ms += 28_000
        s.passes(1)
        if n == 13:
            s.goes("bank", "down")
            at = s.at
    assert len(s.pages) <= 50
    bank = next(a.id for a in s.desk.alerts if a.subject == "bank")
    assert next(page.at for page in s.pages if bank in page.said) - at <= 30
    told = {alert for page in s.pages for alert, said in page.said.items() if said is Event.TRIGGERED}
    assert len(told) == 1001
