"""What is written becomes what is meant: every key, its default, and what it leaves to others."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from watch.core.alerting import Alerting, LetterPace
from watch.core.escalation import Policy, Severity, Step
from watch.core.settings import AlertRule, Audience, Listen, Secret, Vantage, When

from .conftest import WEB

SECOND = timedelta(seconds=1)


def test_components_alone_are_a_whole_configuration(desk):
    settings = desk.settings(WEB)
    service = settings.service
    assert (service.name, service.url, service.timezone, service.target) == (
        "Status",
        None,
        ZoneInfo("UTC"),
        Fraction(999, 1000),
    )
    assert settings.vantage == Vantage(name="local", site="local")
    assert settings.page.title == "Status"
    assert settings.store == desk.folder / "threenines.db"
    assert settings.listen == Listen()
    assert settings.alerting == Alerting()
    assert settings.retention == timedelta(hours=48)
    assert (settings.people, settings.alerts, settings.catch_all, settings.windows) == ({}, (), (), {})


def test_a_check_has_the_defaults_of_the_language(desk):
    check = desk.check('{http: "http://127.0.0.1/"}')
    assert (check.name, check.component, check.kind) == ("web/home", "web", "http")
    assert (check.every, check.timeout, check.retry_every) == (30 * SECOND, 10 * SECOND, 5 * SECOND)
    assert (check.confirm_down, check.confirm_up, check.down_when) == (3, 2, "majority")
    assert (check.audience, check.sources) == (Audience.INTERNAL, ())


def test_defaults_hold_for_what_a_check_leaves_out(desk):
    before = "defaults: {every: 1m, timeout: 3s, retry_every: 2s, confirm: {down: 5, up: 4}, audience: any, down_when: all}\n"
    check = desk.check('{http: "http://127.0.0.1/", confirm: {up: 1}, every: 2m}', before)
    assert (check.every, check.timeout, check.retry_every) == (120 * SECOND, 3 * SECOND, 2 * SECOND)
    assert (check.confirm_down, check.confirm_up, check.down_when, check.audience) == (
        5,
        1,
        "all",
        Audience.ANY,
    )


def test_a_single_value_is_the_main_option_and_a_mapping_is_all_of_them(desk):
    assert (
        desk.check('{http: "http://127.0.0.1/"}').probe
        == desk.check('{http: {url: "http://127.0.0.1/"}}').probe
    )


def test_options_have_the_types_of_the_probe(desk):
    options = """url: "http://127.0.0.1/", headers: {X-Number: 010, X-Word: NO}, verify: false, family: 4,
        version: 1.1, ca_file: certs/ca.pem, password: 0123, username: alice"""
    probe = desk.check(f"{{http: {{{options}}}}}").probe
    assert probe.headers == {"X-Number": "010", "X-Word": "NO"}
    assert (probe.verify, probe.family, probe.version) == (False, "4", "1.1")
    assert probe.ca_file == desk.folder / "certs" / "ca.pem"
    assert probe.password == Secret("0123")


def test_expectations_are_compiled_and_the_kinds_own_assumption_holds_beside_them(desk):
    judge = desk.check('{http: "http://127.0.0.1/", expect: latency < 2s, warn: [latency < 1s]}').judge
    assert [it.text for it in judge.expect] == ["status in 200..299", "latency < 2s"]
    assert [it.text for it in judge.warn] == ["latency < 1s"]


@pytest.mark.parametrize(
    ("written", "expect", "warn"),
    [
        ("", ["active == true"], ["degraded == 0", "failed == 0"]),
        ("warn: [failed < 2]", ["active == true"], ["degraded == 0", "failed < 2"]),
        ("warn: [degraded < 2 and failed < 2]", ["active == true"], ["degraded < 2 and failed < 2"]),
        ("expect: [degraded < 2]", ["active == true", "degraded < 2"], ["failed == 0"]),
        ("warn: [active == true]", ["active == true"], ["degraded == 0", "failed == 0", "active == true"]),
        ("expect: [active exists]", ["active exists"], ["degraded == 0", "failed == 0"]),
    ],
)
def test_a_kinds_own_warnings_hold_until_the_check_speaks_of_their_facts(desk, written, expect, warn):
    judge = desk.check(f"{{raid: md0, {written}}}").judge
    assert [it.text for it in judge.expect] == expect
    assert [it.text for it in judge.warn] == warn


def test_down_when_may_be_a_number_and_from_a_single_name(desk):
    check = desk.check('{http: "http://127.0.0.1/", down_when: 1, from: here}', "vantages: {here: {}}\n")
    assert (check.down_when, check.sources) == (1, ("here",))


def test_a_component_knows_its_members_in_the_order_of_the_file(desk):
    settings = desk.settings("""
        service: {site: irvine}
        components:
          all-of-it: {name: Everything, group: Product, description: "All.", needs: 2 of 3, contains: [db, web],
                      was: everything, public: false, show_redundancy_loss: true, site: dallas,
                      checks: {front: {http: "http://127.0.0.1/"}}}
          db: {checks: {b: {http: "http://127.0.0.1/b"}, a: {http: "http://127.0.0.1/a"}}}
          web: {checks: {x: {http: "http://127.0.0.1/x"}}}
    """)
    whole, db = settings.components["all-of-it"], settings.components["db"]
    assert whole.members == ("all-of-it/front", "db", "web")
    assert (whole.needs, whole.name, whole.group, whole.description) == (2, "Everything", "Product", "All.")
    assert (whole.public, whole.show_redundancy_loss, whole.site, whole.was) == (
        False,
        True,
        "dallas",
        "everything",
    )
    assert db.members == ("db/b", "db/a")
    assert (db.name, db.needs, db.public, db.site, db.was) == ("db", None, True, "irvine", None)


@pytest.mark.parametrize(
    ("text", "name", "site"),
    [
        ("vantages: {irvine-1: {site: irvine, local: true}}\n", "irvine-1", "irvine"),
        ("vantages: {irvine-1: {site: irvine}}\n", "irvine-1", "irvine"),
        ("vantages: {irvine-1: }\n", "irvine-1", "local"),
        ("vantages: {irvine-1: {}}\nservice: {site: irvine}\n", "irvine-1", "irvine"),
        ("service: {site: irvine}\n", "local", "irvine"),
    ],
)
def test_the_hubs_own_vantage_point_is_the_one_that_is_written_or_an_implicit_one(desk, text, name, site):
    settings = desk.settings(text + WEB)
    assert (settings.vantage.name, settings.vantage.site) == (name, site)
    assert settings.service.site == settings.components["web"].site == site


def test_canaries_are_probes_with_short_timeouts_and_names_that_tell_no_secret(desk):
    text = """
        vantages:
          here:
            canaries:
              - {http: "http://127.0.0.1/"}
              - {http: {url: "http://127.0.0.2/", method: HEAD}, timeout: 500ms}
              - {http: "http://alice:hunter2@127.0.0.1/"}
              - {postgres: "host=127.0.0.1 password=hunter2"}
        components: {web: {checks: {home: {http: "http://127.0.0.1/"}}}}
    """
    one, two, three, four = desk.settings(text).vantage.canaries
    assert (one.name, one.timeout) == ("http http://127.0.0.1/", 2 * SECOND)
    assert (two.name, two.timeout) == ("http http://127.0.0.2/", SECOND / 2)
    assert three.name == "http"
    assert four.name == "postgres"


PEOPLE = """
people: {alice: {channels: ["ntfy://a", "mailto://a"]}, bob: {channels: ntfy://b}}
escalations: {urgent: [{page: alice}], hours: {page: [bob, alice, bob]}}
"""


def test_everyone_is_the_catch_all_unless_the_file_says_otherwise(desk):
    assert desk.settings(WEB + PEOPLE).catch_all == ("alice", "bob")
    assert desk.settings(WEB + PEOPLE + "catch_all: [bob]\n").catch_all == ("bob",)
    assert desk.settings(WEB + PEOPLE + "catch_all: []\n").catch_all == ()


def test_an_escalation_is_one_step_or_several_or_steps_that_repeat(desk):
    text = """
people: {alice: {channels: ntfy://a}, bob: {channels: ntfy://b}}
service: {timezone: Europe/Budapest}
escalations:
  urgent: [{page: alice}]
  hours: {page: [bob, alice, bob]}
  late: [{page: alice}, {after: 10m, page: [bob]}, {after: 10m, page: [alice, bob], during: Mon-Fri 08:00-18:00}]
  again: {steps: [{page: alice, during: "Sat 00:00-24:00 Asia/Tokyo"}], repeat: 30m}
"""
    settings = desk.settings(WEB + text)
    tokyo, here = "Sat 00:00-24:00 Asia/Tokyo", "Mon-Fri 08:00-18:00 Europe/Budapest"
    both = Step(page=("alice", "bob"), after_ms=600_000, during=here)
    assert settings.escalations == {
        "urgent": Policy(steps=(Step(page=("alice",)),)),
        "hours": Policy(steps=(Step(page=("bob", "alice")),)),
        "late": Policy(steps=(Step(page=("alice",)), Step(page=("bob",), after_ms=600_000), both)),
        "again": Policy(steps=(Step(page=("alice",), during=tokyo),), repeat_ms=1_800_000),
    }


def test_channels_are_in_order_and_secret(desk):
    settings = desk.settings(WEB + PEOPLE)
    assert [channel.reveal() for channel in settings.people["alice"].channels] == ["ntfy://a", "mailto://a"]


def test_alert_rules_are_resolved(desk):
    text = """
alerts:
  - {when: down, components: all, escalate: urgent}
  - {when: redundancy_lost, components: [web], for: 10m}
  - {when: unknown}
  - {when: monitor, escalate: hours}
"""
    assert desk.settings(WEB + PEOPLE + text).alerts == (
        AlertRule(when=When.DOWN, components=("web",), escalate="urgent"),
        AlertRule(when=When.REDUNDANCY_LOST, components=("web",), lasting=600 * SECOND),
        AlertRule(when=When.UNKNOWN, components=("web",)),
        AlertRule(when=When.MONITOR, components=(), escalate="hours"),
    )


def test_a_rule_covers_the_components_of_its_groups_and_sites_and_may_say_how_much_they_matter(desk):
    text = """
service: {site: irvine}
components:
  web: {group: Product, checks: {home: {http: "http://127.0.0.1/"}}}
  db: {site: dallas, checks: {q: {http: "http://127.0.0.1/"}}}
  san: {group: Storage, site: dallas, checks: {lun: {http: "http://127.0.0.1/"}}}
people: {alice: {channels: ntfy://a}}
alerts:
  - {when: down, groups: [Product], severity: normal}
  - {when: down, sites: [dallas]}
  - {when: down, groups: Storage, components: [web]}
  - {when: degraded, sites: irvine, components: all, severity: urgent}
"""
    said = [(rule.components, rule.severity) for rule in desk.settings(text).alerts]
    assert said == [
        (("web",), Severity.NORMAL),
        (("db", "san"), None),
        (("web", "san"), None),
        (("web", "db", "san"), Severity.URGENT),
    ]


def test_the_rest_is_read_as_written(desk):
    settings = desk.settings(
        WEB
        + """
service: {name: Acme, url: "https://status.acme.example", timezone: America/New_York, target: 99.95%}
alerting: {group_wait: 0s, resolve_hold: 2m, reopen: 1h, pace: {burst: 5, every: 1m}}
status_page: {title: How we are, support: support@acme.example, terms: "https://acme.example/terms"}
retention: {observations: 3d}
listen: {page: "0.0.0.0:80", operators: "[::1]:0"}
store: sqlite:////var/lib/threenines.db
"""
    )
    assert settings.service.target == Fraction(9995, 10_000)
    assert settings.service.timezone == ZoneInfo("America/New_York")
    assert settings.alerting == Alerting(
        group_wait=timedelta(0),
        resolve_hold=timedelta(minutes=2),
        reopen=timedelta(hours=1),
        pace=LetterPace(burst=5, every=timedelta(minutes=1)),
    )
    assert (settings.page.title, settings.page.support, settings.page.privacy) == (
        "How we are",
        "support@acme.example",
        None,
    )
    assert (settings.listen.page, settings.listen.operators) == ((("0.0.0.0", 80),), ("::1", 0))
    assert str(settings.store) == "/var/lib/threenines.db"
    assert settings.retention == timedelta(days=3)


@pytest.mark.parametrize(
    "url",
    [
        "https://hc-ping.com/0f8fad5b-d9cb-469f-a165-70867728950e",
        "http://10.0.0.7:3001/api/push/token?status=up&msg=OK",
        "https://[2001:db8::1]/hub",
        "https://me:pass@hc.example/ping",
    ],
)
def test_a_heartbeat_goes_to_any_web_address_and_is_secret(desk, url):
    for text in (url, '"${env:URL}"', f'"${{env:NONE:-{url}}}"'):
        settings = desk.settings(f"{WEB}heartbeat_to: {text}\n", {"URL": url})
        assert settings.heartbeat_to == Secret(url)
        assert url not in repr(settings)


def test_a_section_left_empty_is_as_if_it_were_not_there(desk):
    empty = "".join(
        f"{key}:\n"
        for key in (
            "service",
            "vantages",
            "defaults",
            "maintenance",
            "people",
            "catch_all",
            "escalations",
            "alerts",
            "alerting",
            "status_page",
            "retention",
            "listen",
        )
    )
    assert desk.settings(WEB + empty) == desk.settings(WEB)


def test_equal_texts_are_equal_settings(desk):
    assert desk.settings(WEB + PEOPLE) == desk.settings("# again\n" + WEB + PEOPLE)


@pytest.mark.parametrize(
    "name", ["Acme\\nBcc: eve", "Acme\\r", "Acme\\u202e", "Acme\\u2028", "Acme\\x1b[31m"]
)
def test_a_name_is_one_visible_line(desk, name):
    assert desk.mistakes(f'service: {{name: "{name}x"}}\n{WEB}') == [
        "the text contains an invisible or control character"
    ]


@pytest.mark.parametrize("name", ["Café", "日本語", "می‌خواهم", "👩‍💻 desk", "a: b # c"])
def test_a_name_may_be_in_any_language(desk, name):
    assert desk.settings(f'service: {{name: "{name}"}}\n{WEB}').service.name == name


def test_a_description_may_have_several_lines(desk):
    settings = desk.settings("""
        components:
          web:
            description: |
              One.
              Two.
            checks: {home: {http: "http://127.0.0.1/"}}
    """)
    assert settings.components["web"].description == "One.\nTwo."


def listens(desk, text):
    return desk.settings(f"{WEB}listen: {{{text}}}\n").listen


def test_the_page_may_be_at_several_addresses(desk):
    assert listens(desk, 'page: ["127.0.0.1:80", "[::1]:80"]').page == (("127.0.0.1", 80), ("::1", 80))
    assert listens(desk, 'page: "[::]:8080"').page == (("::", 8080),)
    assert listens(desk, 'page: ["127.0.0.1:0", "127.0.0.1:0"]').page == (("127.0.0.1", 0),) * 2


def test_trusted_proxies_are_networks(desk):
    networks = listens(desk, 'trusted_proxies: [10.0.0.0/8, 192.0.2.1, "fd00::/8"]').trusted_proxies
    assert [str(network) for network in networks] == ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]
    assert listens(desk, "trusted_proxies: 10.0.0.0/8").trusted_proxies == networks[:1]
    assert listens(desk, "trusted_proxies: []").trusted_proxies == ()


def test_components_may_change_places_and_people_may_have_had_another_name(desk):
    settings = desk.settings(
        "components:\n"
        '  a: {was: b, checks: {x: {http: "http://127.0.0.1/"}}}\n'
        '  b: {was: c, checks: {x: {http: "http://127.0.0.1/"}}}\n'
        '  c: {was: a, checks: {x: {http: "http://127.0.0.1/"}}}\n'
        'people: {alicia: {was: alice, channels: ["json://127.0.0.1"]}}\n'
    )
    assert [c.was for c in settings.components.values()] == ["b", "c", "a"]
    assert settings.people["alicia"].was == "alice"


def test_what_a_component_depends_on_is_a_name_or_a_list_of_names(desk):
    settings = desk.settings("""
components:
  core: {checks: {up: {tcp: "127.0.0.1:1"}}}
  san: {depends_on: core, checks: {up: {tcp: "127.0.0.1:2"}}}
  web: {depends_on: [san, core, san], checks: {home: {http: "http://127.0.0.1/"}}}
""")
    assert {key: part.depends_on for key, part in settings.components.items()} == {
        "core": (),
        "san": ("core",),
        "web": ("san", "core"),
    }
