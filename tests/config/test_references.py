"""`${env:…}` and `${file:…}`: filled in once, after YAML, and never shown."""

from __future__ import annotations

import os

import pytest

from watch.config import load
from watch.ports import ConfigError

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


def test_a_pipe_a_folder_and_a_huge_file_are_refused_without_waiting(desk):
    os.mkfifo(desk.folder / "pipe")
    desk.write(b"x" * 65_537, "huge")
    desk.write(b"\xff", "latin")
    text = (
        'people: {a: {channels: ["${file:pipe}", "${file:huge}", "${file:latin}", "${file:/dev/zero}"]}}\n'
        + WEB
    )
    told = desk.mistakes(text)
    assert [message.partition(": ")[2] for message in told] == [
        "it is not a file", "it is larger than 64 KiB", "it is not UTF-8", "it is not a file",
    ]  # fmt: skip


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
