"""What depends on something else is paged in the usual time, and not for the outage of its cause."""

from __future__ import annotations

import pytest

from tests.rehearsal.scenes import pages

CONFIG = """
service: {name: Acme, timezone: America/New_York}
vantages: {hub: {local: true, canaries: [{tcp: "127.0.0.1:1"}]}}
components:
  switch: {checks: {ping: {icmp: 192.0.2.1}}}
  web: {DEPENDS checks: {home: {http: "https://www.example.org/", every: EVERY}}}
people: {alice: {channels: ["ntfy://topic"]}}
alerts: [{when: down, components: all}]
alerting: {group_wait: 0s, resolve_hold: HOLD}
"""


def config(*, depends: bool = True, every: str = "30s", hold: str = "1m") -> str:
    needs = "depends_on: [switch]," if depends else ""
    return CONFIG.replace("DEPENDS", needs).replace("EVERY", every).replace("HOLD", hold)


def titles(simulation) -> list[str]:
    return [title for *_, title in pages(simulation)]


WEB_FAILS = "faults: [{component: web, goes: down, from: 1h, for: 30m}]\n"


@pytest.mark.parametrize("every", ["30s", "10m"])
def test_while_its_cause_is_well_it_is_paged_when_it_would_be_without_one(scene, every):
    (alone, *_), (behind, *_) = (
        pages(scene.simulated(WEB_FAILS, config(depends=depends, every=every))) for depends in (False, True)
    )
    assert behind == alone
    assert behind[-1] == "[Acme] DOWN: web"


@pytest.mark.parametrize("first", ["switch", "web"])
@pytest.mark.parametrize("every", ["10s", "30s", "10m"])
def test_whichever_is_found_down_first_one_outage_is_one_alert(scene, first, every):
    config_ = config(every=every)
    if first == "web":
        config_ = config_.replace("{icmp: 192.0.2.1}", "{icmp: 192.0.2.1, every: 10m}")
    script = "faults: [{component: switch, goes: down, from: 1h, for: 40m}, {component: web, goes: down, from: 1h, for: 40m}]\n"
    told = titles(scene.simulated(script, config_))
    assert told[0].startswith("[Acme] DOWN: switch")
    assert not [title for title in told if title.startswith("[Acme] DOWN: web")]


@pytest.mark.parametrize("hold", ["0s", "1s", "1m"])
@pytest.mark.parametrize("every", ["30s", "10m", "1h"])
def test_when_its_cause_recovers_it_is_read_at_once_and_what_was_read_before_pages_nobody(scene, hold, every):
    script = "faults: [{component: switch, goes: down, from: 1h, for: 20m}, {component: web, goes: down, from: 1h, for: 20m}]\n"
    told = titles(scene.simulated(script, config(hold=hold, every=every)))
    assert [title.partition(" was")[0] for title in told if "web" in title.casefold()] == []


@pytest.mark.parametrize("hold", ["0s", "1s", "1m"])
def test_what_is_still_down_after_its_cause_pages(scene, hold):
    script = "faults: [{component: switch, goes: down, from: 1h, for: 20m}, {component: web, goes: down, from: 1h, for: 90m}]\n"
    simulation = scene.simulated(script, config(hold=hold, every="1h"))
    assert [title for title in titles(simulation) if title.startswith("[Acme] DOWN: web")]
