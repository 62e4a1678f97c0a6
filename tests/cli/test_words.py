"""The words of a command line: where the configuration is named, and how verbs, options and components are."""

from __future__ import annotations

import re

import pytest

from tests.cli.stores import CONFIG, Desk, filled
from watch.cli.verbs import LATER, MEANT, VERBS, cli

NAMES = """
service: {name: Acme}
components:
  web: {name: Web application, checks: {home: {tcp: "127.0.0.1:1", timeout: 1s}}}
  api: {name: Straße/API, checks: {a: {tcp: "127.0.0.1:1"}, b: {for_each: {x: 127.0.0.1, y: 127.0.0.2}, tcp: "${item}:1"}}}
  web-2: {name: Twin, checks: {home: {tcp: "127.0.0.1:1"}}}
  web-3: {name: Twin, checks: {home: {tcp: "127.0.0.1:1"}}}
  api-2: {name: web, checks: {home: {tcp: "127.0.0.1:1"}}}
  all-of-it: {name: Everything, contains: [web, api]}
"""


@pytest.fixture
def desk(tmp_path, capsys):
    made = Desk(tmp_path, capsys)
    made.configure()
    made.keep(filled())
    return made


def leaves(group, ctx, before=()):
    """Every verb, with those of its group before it."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if hasattr(command, "list_commands"):
            yield from leaves(command, ctx, (*before, name))
        yield (*before, name), command


def test_every_verb_takes_the_configuration_after_it_too():
    with cli.make_context("threenines", ["status"]) as ctx:
        found = dict(leaves(cli, ctx))
    assert {name[0] for name in found} == set(VERBS)
    assert ("ledger", "export") in found
    for name, command in found.items():
        assert [it.opts for it in command.params].count(["--config"]) == 1, name


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "PATH", "ledger", "export"],
        ["ledger", "--config", "PATH", "export"],
        ["ledger", "export", "--config", "PATH"],
        ["ledger", "export", "--config=PATH"],
        ["--config", "nowhere.yaml", "ledger", "--config", "nowhere.yaml", "export", "--config", "PATH"],
    ],
)
def test_the_configuration_is_named_before_or_after_the_verb(desk, threenines, words, monkeypatch):
    monkeypatch.setenv("THREENINES_CONFIG", "elsewhere.yaml")
    said = threenines(*(word.replace("PATH", str(desk.folder / "checks.yaml")) for word in words))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith('{"seq":1')


def test_else_by_the_environment_and_else_it_is_checks_yaml_here(desk, threenines, monkeypatch):
    (desk.folder / "empty").mkdir()
    monkeypatch.chdir(desk.folder / "empty")
    assert "checks.yaml does not exist" in threenines("ledger", "export").err
    monkeypatch.setenv("THREENINES_CONFIG", str(desk.folder / "checks.yaml"))
    assert threenines("ledger", "export").code == 0
    monkeypatch.setenv("THREENINES_CONFIG", "")
    assert "checks.yaml does not exist" in threenines("ledger", "export").err
    monkeypatch.chdir(desk.folder)
    assert threenines("ledger", "export").code == 0


def test_the_words_of_other_tools_lead_to_verbs_that_are_built():
    assert not MEANT.keys() & (VERBS.keys() | LATER)
    named = {re.findall(r"'(\w+)", hint)[0] for hint in MEANT.values() if "'" in hint}
    assert named <= VERBS.keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["staus"], "there is no verb 'staus'; did you mean 'status'?"),
        (["maintenence"], "there is no verb 'maintenence'; 'maintenance' is planned but not built yet."),
        (["start"], "there is no verb 'start'; 'run' starts the hub."),
        (["stop"], "there is no verb 'stop'; Ctrl-C or SIGTERM ends the hub."),
        (["mute"], "there is no verb 'mute'; 'silence' keeps alerts from calling anybody."),
        (["zzz"], "there is no verb 'zzz'; --help lists the verbs."),
        (["ledger", "verfy"], "there is no verb 'verfy'; did you mean 'verify'?"),
        (["ledger", "zzz"], "there is no verb 'zzz'; --help lists the verbs."),
        (["status", "--jsno"], "No such option '--jsno'. Did you mean '--json'?"),
        (["--confg", "x", "status"], "No such option '--confg'. Did you mean '--config'?"),
        (["status", "--confg", "x"], "No such option '--confg'. Did you mean '--config'?"),
        (["ledger", "verify", "--figure"], "No such option '--figure'. Did you mean '--figures'?"),
        (["explain"], "Missing argument 'COMPONENT'."),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest(threenines, words, said):
    answer = threenines(*words)
    assert answer.code == 2
    assert said in answer.err


@pytest.fixture
def checked(tmp_path, capsys):
    """`threenines check` of words, and the names of the checks that it ran."""
    made = Desk(tmp_path, capsys)
    made.configure(NAMES)

    def ran(*words):
        said = made.run("check", *words)
        return [line.split()[0] for line in said.out.splitlines()[1:]] or said.err

    return ran


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["web"], ["web/home"]),  # a key goes before the name of another one
        (["Web application"], ["web/home"]),
        (["WEB APPLICATION"], ["web/home"]),
        (["web application/home"], ["web/home"]),
        (["STRASSE/api"], ["api/a", "api/b[x]", "api/b[y]"]),
        (["Straße/API/b"], ["api/b[x]", "api/b[y]"]),
        (["Straße/API/b[y]", "web"], ["web/home", "api/b[y]"]),
        (["web-3"], ["web-3/home"]),
        (["Everything"], ["web/home", "api/a", "api/b[x]", "api/b[y]"]),
    ],
)
def test_components_are_named_by_key_or_by_name(checked, words, names):
    assert checked(*words) == names


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("Twin", "2 components are called 'Twin'; write one of the keys 'web-2' and 'web-3'\n"),
        ("twin/home", "2 components are called 'twin'; write one of the keys 'web-2' and 'web-3'\n"),
        (
            "Web aplication",
            "there is no check or component 'Web aplication'; did you mean 'Web application'?\n",
        ),
        ("web/hmoe", "there is no check or component 'web/hmoe'; did you mean 'web/home'?\n"),
        ("Qqqqq", "there is no check or component 'Qqqqq'; `threenines status` lists them\n"),
        ("", "there is no check or component ''; `threenines status` lists them\n"),
        ("/", "there is no check or component '/'; `threenines status` lists them\n"),
    ],
)
def test_a_name_that_is_none_or_of_several_is_said(checked, word, said):
    assert checked(word).endswith(f"Error: {said}")


def test_explain_takes_the_name_too(desk):
    by_key, by_name = (desk.run("explain", word, "--month", "2024-02") for word in ("web", "web APPLICATION"))
    assert by_key.code == 0
    assert by_key.out == by_name.out
    assert "did you mean 'Database'?" in desk.run("explain", "Databse").err
    desk.configure(CONFIG.replace("name: Database", "name: Web application"))
    assert "2 components are called 'Web application'" in desk.run("explain", "Web application").err


def test_a_check_needs_no_secret_of_an_alert(tmp_path, capsys):
    desk = Desk(tmp_path, capsys)
    alerts = 'people: {a: {channels: ["${env:NTFY_OF_A}", "ntfy://${file:/run/nowhere}"]}}\nalerts: [{when: down}]\n'
    desk.configure(NAMES + alerts)
    said = desk.run("check", "web")
    assert (said.code, said.err, said.out.splitlines()[1].split()[:2]) == (1, "", ["web/home", "down"])
    said = desk.run("check", "web", "--verbose")
    assert said.err == "left out, as no alert is sent: ${env:NTFY_OF_A}, ${file:/run/nowhere}\n"
    desk.configure(NAMES.replace('"127.0.0.1:1", timeout: 1s', '"${env:NOBODY_SETS_THIS}:1"') + alerts)
    said = desk.run("check", "web")
    assert said.code == 2
    assert "the environment variable `NOBODY_SETS_THIS` is not set" in said.err
    assert "NTFY_OF_A" not in said.err.replace(alerts, "")
