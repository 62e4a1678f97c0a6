"""`${env:…}` and `${file:…}`: filled in once, after YAML, and never shown."""

from __future__ import annotations

import os
import socket
from fractions import Fraction
from pathlib import Path

import pytest

from watch.config import load
from watch.errors import ConfigError

from .conftest import WEB

SERVICE = 'service: {{name: "{}"}}\n' + WEB.replace("{", "{{").replace("}", "}}")


def name(desk, text, **environ):
    return desk.settings(SERVICE.format(text), environ).service.name


def test_a_variable_is_filled_in(desk):
    assert name(desk, "Acme ${env:REGION} ${env:TIER}", REGION="West", TIER="1") == "Acme West 1"


def test_a_default_stands_in_for_a_variable_that_is_missing_or_empty(desk):
    assert name(desk, "${env:NAME:-Acme}") == "Acme"
    assert name(desk, "${env:NAME:-Acme}", NAME="") == "Acme"
    assert name(desk, "${env:NAME:-Acme}", NAME="Globex") == "Globex"


def test_two_dollars_are_one(desk):
    assert name(desk, "$${env:NAME} $$ {x}") == "${env:NAME} $$ {x}"


def test_what_a_variable_holds_is_not_filled_in_again(desk):
    assert name(desk, "${env:A}", A="${env:B}", B="x") == "${env:B}"


def test_what_a_variable_holds_cannot_become_syntax(desk):
    assert name(desk, "${env:A}", A="x}, people: {eve: {") == "x}, people: {eve: {"


def test_an_alias_is_filled_in_once(desk):
    settings = desk.settings(
        'components: {web: {name: &n "${env:A}", group: *n, checks: {home: {http: "http://127.0.0.1/"}}}}',
        {"A": "${env:A}"},
    )
    assert settings.components["web"].name == settings.components["web"].group == "${env:A}"


def test_a_file_is_filled_in_without_its_last_line_end_and_is_a_source(desk):
    secret = desk.write(b"hunter2\r\n", "token")
    loaded = desk.read(
        f"people: {{alice: {{channels: ['ntfy://${{file:{secret}}}', 'ntfy://${{file:token}}']}}}}\n" + WEB
    )
    assert [channel.reveal() for channel in loaded.settings.people["alice"].channels] == [
        "ntfy://hunter2"
    ] * 2
    assert loaded.sources == (desk.path, secret)


# What may lie where a file is meant, and what is said of it.
ODD_FILES = {
    "pipe": (os.mkfifo, "it is a pipe, not a file"),
    "folder": (Path.mkdir, "it is a folder, not a file"),
    "socket": (lambda path: socket.socket(socket.AF_UNIX).bind(str(path)), "it is a socket, not a file"),
    "loop": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "astray": (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    "huge": (lambda path: path.write_bytes(b"x" * 65_537), "it is larger than 64 KiB"),
    "endless": (lambda path: path.symlink_to("/proc/kmsg"), "Resource temporarily unavailable"),
    "latin": (lambda path: path.write_bytes(b"\xff"), "it is not UTF-8"),
    "": (lambda _: None, "it is a folder, not a file"),
}


@pytest.mark.parametrize("name", ODD_FILES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the socket that was bound is of no other use
def test_what_is_no_plain_file_is_a_mistake_with_a_cure_and_is_not_waited_for(desk, name):
    make, why = ODD_FILES[name]
    make(desk.folder / (name or "unused"))
    text = f"{WEB}people: {{a: {{channels: ['${{file:./{name}}}']}}}}\n"
    with pytest.raises(ConfigError) as caught:
        desk.read(text)
    (mistake,) = caught.value.mistakes
    assert mistake.message.endswith(f"cannot be read: {why}")
    assert mistake.cure
    assert (mistake.line, mistake.column) == (2, 25)
    desk.read(text, alerts=False)


def test_a_file_of_exactly_the_largest_size_is_read(desk):
    desk.write(b"x" * 65_536, "largest")
    assert (
        len(desk.check('{http: {url: "http://127.0.0.1/", body: "${file:largest}"}}').probe.body.reveal())
        == 65_536
    )


def test_numbers_bools_and_choices_may_come_from_a_variable(desk):
    environ = {"E": "1m", "V": "false", "F": "4", "D": "5", "A": "any", "N": "1 of 1"}
    settings = desk.settings(
        """
        components:
          web:
            needs: "${env:N}"
            checks:
              home:
                http: {url: "http://127.0.0.1/", verify: "${env:V}", family: "${env:F}"}
                every: "${env:E}"
                audience: ${env:A}
                confirm: {down: "${env:D}"}
        """,
        environ,
    )
    check = settings.checks["web/home"]
    assert (check.every.total_seconds(), check.confirm_down, check.audience) == (60, 5, "any")
    assert (check.probe.verify, check.probe.family, settings.components["web"].needs) == (False, "4", 1)


ALL_MISSING = """
    service: {name: "${env:A}", timezone: "${env:B}", target: "${env:C}", url: "${env:D}", site: "${env:E}"}
    defaults: {every: "${env:F}", audience: "${env:G}", down_when: "${env:H}", confirm: {down: "${env:I}"}}
    components:
      web:
        public: "${env:J}"
        checks:
          home:
            http: {url: "${env:K}", verify: "${env:L}", password: "${file:/run/p}", username: "${env:M}"}
            expect: ["body contains ${env:N}", "latency < ${env:O}"]
    maintenance: {w: {components: all, when: "${env:P}"}}
    people: {alice: {channels: ["${env:Q}"]}}
    listen: {page: "${env:R}"}
    retention: {observations: "${env:S}"}
    store: "${env:T}"
"""


def test_without_secrets_placeholders_stand_in_whatever_they_stand_for(desk):
    loaded = desk.read(ALL_MISSING, {"K": "not looked at"}, secrets=False)
    assert loaded.settings.checks["web/home"].kind == "http"
    assert "not looked at" not in repr(loaded)


def test_with_secrets_every_missing_one_is_a_mistake_and_nothing_else_is(desk):
    told = desk.mistakes(ALL_MISSING)
    assert len(told) == 21
    assert all("is not set" in message or "cannot be read" in message for message in told)


def test_without_secrets_defaults_still_hold(desk):
    settings = desk.settings(SERVICE.format("${env:NAME:-Acme}"), {"NAME": "Globex"}, secrets=False)
    assert settings.service.name == "Acme"


@pytest.mark.parametrize(
    "text",
    [
        'service: {timezone: "${env:S}"}\n' + WEB,
        'service: {timezone: "x${env:S}"}\n' + WEB,
        'components: {web: {checks: {home: {http: {url: "${env:S}"}}}}}\n',
        'components: {web: {checks: {home: {http: {url: "http://127.0.0.1/", method: "${env:S}"}}}}}\n',
        'components: {web: {checks: {home: {http: {url: "http://127.0.0.1/", headers: {"a b": "${env:S}"}}}}}}\n',
        'components: {web: {checks: {home: {http: "http://127.0.0.1/", expect: ["${env:S} < 5"]}}}}\n',
        'components: {web: {checks: {home: {http: "http://127.0.0.1/", from: ["${env:S}"]}}}}\n',
        'components: {web: {contains: ["${env:S}"]}}\n',
        'maintenance: {w: {components: all, when: "${env:S}"}}\n' + WEB,
        'maintenance: {w: {components: all, rrule: "${env:S}", first: 2026-12-05 22:00, length: 1h}}\n' + WEB,
        'listen: {page: "${env:S}"}\n' + WEB,
        'store: "${env:S}"\n' + WEB,
        'catch_all: ["${env:S}"]\n' + WEB,
        'service: "${env:S}"\n' + WEB,
        'components: {web: {needs: "${env:S}", checks: {home: {http: "http://127.0.0.1/"}}}}\n',
        'status_page: {support: "${env:S}"}\n' + WEB,
        'heartbeat_to: "${env:S}"\n' + WEB,
    ],
)
def test_a_mistake_about_a_value_from_a_variable_does_not_show_it(desk, text):
    with pytest.raises(ConfigError) as caught:
        desk.read(text, {"S": "hunter2 'hunter2' \\ hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.mistakes)


def test_channels_and_secret_options_are_never_shown(desk):
    settings = desk.settings("""
        people: {alice: {channels: ["ntfy://hunter2@host", "https://hooks.example/hunter2"]}}
        components:
          web:
            checks:
              home: {http: {url: "http://127.0.0.1/", token: hunter2, body: hunter2, headers: {Cookie: hunter2}}}
    """)
    assert "hunter2" not in repr(settings)
    assert settings.people["alice"].channels[1].reveal() == "https://hooks.example/hunter2"


def test_loading_takes_the_environment_it_is_given_and_no_other(desk, monkeypatch):
    monkeypatch.setenv("THREENINES_TEST_NAME", "Acme")
    desk.write(SERVICE.format("${env:THREENINES_TEST_NAME}"))
    with pytest.raises(ConfigError, match="is not set"):
        load(desk.path, environ={})


def test_a_variable_that_is_no_text_is_a_mistake(desk):
    assert desk.mistakes(SERVICE.format("${env:NAME}"), {"NAME": "caf\udce9"}) == [
        "the environment variable `NAME` is not UTF-8"
    ]


# Valid whatever the references stand for: names are not compared with what stands in for others.
COMPARED = """
    vantages: {here: {canaries: [{icmp: "${env:GATEWAY}"}, {icmp: "${env:RESOLVER}"}]}}
    components:
      web: {contains: ["${env:A}", "${env:B}", db], needs: "${env:C}"}
      app: {was: "${env:D}", needs: 1 of 2, contains: [db, "${env:E}"]}
      db: {was: "${env:F}", checks: {q: {tcp: "127.0.0.1:1", from: ["${env:G}"]}}}
    maintenance: {w: {components: ["${env:H}"], from: "${env:I}", to: "${env:J}"}}
    people: {alice: {channels: ["ntfy://${env:K}"]}}
    catch_all: ["${env:L}"]
    escalations: {urgent: [{page: ["${env:M}"]}]}
    alerts: [{when: down, components: ["${env:N}"], escalate: "${env:O}"}]
    listen: {page: "${env:P}", operators: "${env:Q}"}
"""


def test_without_secrets_no_name_is_compared_with_a_placeholder(desk):
    loaded = desk.read(COMPARED, secrets=False, now_ms=0)
    assert len(loaded.left_out) == 19
    assert loaded.settings.components["web"].members == ("db",)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("alerts: [{when: dwn}]\n", "`dwn` is not `down`"),
        ("alerts: [{when: down, escalate: nobody}]\n", "there is no escalation `nobody`"),
        ("people: {a: {channels: ['${env:X', 'ntfy://x']}}\n", "a `${` has no closing `}`"),
        ("people: {a: {channels: ['${evn:X}']}}\n", "`${evn:X}` is not a reference"),
        ("people: {a: {channels: [ntfy]}}\n", "this is not an apprise URL"),
    ],
)
def test_without_secrets_everything_else_is_checked(desk, wrong, said):
    for left in ({"secrets": False}, {"alerts": False}):
        assert any(message.startswith(said) for message in desk.mistakes(wrong + WEB, **left))


def test_without_alerts_only_their_references_are_left_out(desk):
    text = """
        components: {web: {checks: {home: {http: {url: "${env:URL}"}}}}}
        people: {alice: {channels: ["${env:NTFY}", "${file:/run/ntfy}", "${env:URL:-ntfy://x}"]}}
        alerting: {group_wait: "${env:WAIT}"}
    """
    assert desk.mistakes(text, alerts=False) == ["the environment variable `URL` is not set"]
    loaded = desk.read(text, {"URL": "http://127.0.0.1/", "NTFY": "json://hunter2"}, alerts=False)
    assert loaded.left_out == ("${env:NTFY}", "${file:/run/ntfy}", "${env:WAIT}")
    assert "hunter2" not in repr([channel.reveal() for channel in loaded.settings.people["alice"].channels])


def test_a_verb_that_reads_the_store_needs_only_the_reference_that_names_it(desk):
    text = """
        service: {name: "${env:NAME}", target: "${env:TARGET}", timezone: "${env:ZONE}"}
        components: {web: {checks: {home: {postgres: {dsn: "${env:DSN}", password: "${file:/run/p}"}}}}}
        store: "sqlite:///${env:STORE}"
    """
    assert desk.mistakes(text, store_only=True) == ["the environment variable `STORE` is not set"]
    settings = desk.settings(
        text, {"STORE": "a.db", "TARGET": "99.5%", "ZONE": "Asia/Tokyo"}, store_only=True
    )
    assert settings.store == desk.folder / "a.db"
    assert (settings.service.target, settings.service.timezone.key) == (Fraction(995, 1000), "Asia/Tokyo")
