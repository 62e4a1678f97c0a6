"""`threenines validate`, `init`, `schema` and `probes`, as a shell hears them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from watch import probes

ROOT = Path(__file__).parents[2]
GOOD = """
vantages: {here: {canaries: [{http: "http://127.0.0.9/"}]}}
people: {alice: {channels: ["ntfy://a"]}}
alerts: [{when: down}]
components: {web: {checks: {home: {http: "http://127.0.0.1/"}}}}
"""


def test_a_good_file_is_summed_up_in_a_line(threenines):
    Path("checks.yaml").write_text(GOOD)
    answer = threenines("validate")
    assert (answer.code, answer.out) == (0, "checks.yaml: 1 component, 1 check: no mistakes\n")


def test_warnings_follow_the_summary_and_are_no_failure(threenines):
    Path("checks.yaml").write_text(GOOD.replace("people:", "# people:"))
    answer = threenines("validate")
    assert answer.code == 0
    assert answer.out == (
        "checks.yaml: 1 component, 1 check: no mistakes, 1 warning\n\n"
        "checks.yaml: warning: there are no `people`: nobody is notified of alerts\n    add a person with a channel\n"
    )


def test_a_channel_that_can_never_work_is_told_without_its_address(threenines):
    Path("checks.yaml").write_text(GOOD.replace('"ntfy://a"', '"ntfy://a", "slack://s3cret/x"'))
    answer = threenines("validate")
    assert answer.code == 0
    assert (
        "checks.yaml:3:41: warning: channel 2 of alice cannot be used: apprise does not accept its URL"
        in answer.out
    )
    assert "s3cret" not in answer.out + answer.err


def test_mistakes_go_to_the_error_stream_with_exit_2(threenines):
    Path("checks.yaml").write_text(GOOD.replace("when: down", "when: dwn").replace("http: ", "htp: "))
    answer = threenines("validate")
    assert (answer.code, answer.out) == (2, "")
    assert "checks.yaml:4:17: `dwn` is not `down`" in answer.err
    assert answer.err.endswith("3 mistakes\n")


def test_a_path_beats_the_configuration_option(threenines):
    Path("a.yaml").write_text(GOOD)
    assert threenines("--config", "b.yaml", "validate", "a.yaml").code == 0
    assert threenines("--config", "a.yaml", "validate").code == 0
    assert threenines("--config", "a.yaml", "validate", "b.yaml").code == 2


def test_ci_validates_without_secrets(threenines):
    Path("checks.yaml").write_text(
        GOOD.replace('"ntfy://a"', '"${env:NTFY_OF_ALICE}", "${file:/run/secrets/ntfy}"')
    )
    assert threenines("validate").code == 2
    assert threenines("validate", "--without-secrets").code == 0


def test_json_tells_the_same_to_a_script(threenines):
    Path("checks.yaml").write_text(GOOD.replace("when: down", "when: dwn"))
    answer = threenines("validate", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["valid"], told["warnings"]) == (2, False, [])
    assert {"file": "checks.yaml", "line": 4, "column": 17}.items() <= told["mistakes"][0].items()
    Path("checks.yaml").write_text(GOOD.replace("people:", "# people:"))
    answer = threenines("validate", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["valid"], told["mistakes"]) == (0, True, [])
    assert told["warnings"][0]["message"] == "there are no `people`: nobody is notified of alerts"


def test_a_missing_file_is_a_mistake_in_json_too(threenines):
    answer = threenines("validate", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["valid"], told["mistakes"]) == (2, False, [])
    assert "does not exist" in told["text"]


def test_init_writes_a_file_that_validates(threenines):
    assert threenines("init", "--yes").code == 0
    answer = threenines("validate")
    assert (answer.code, answer.out.partition("\n")[0]) == (
        0,
        "checks.yaml: 1 component, 1 check: no mistakes, 1 warning",
    )


def test_init_overwrites_nothing_unless_forced(threenines):
    Path("checks.yaml").write_text(GOOD)
    answer = threenines("init", "--yes")
    assert (answer.code, answer.out) == (2, "")
    assert "--force" in answer.err
    assert Path("checks.yaml").read_text() == GOOD
    assert threenines("init", "--yes", "--force").code == 0
    assert Path("checks.yaml").read_text() != GOOD


def test_init_asks_and_keeps_the_answers_to_itself(threenines):
    answers = 'Acme "Cloud": {x}\nhttp://127.0.0.1:1/\nEurope/Berlin\nntfy://hunter2\n'
    answer = threenines("--config", "conf.yaml", "init", stdin=answers)
    assert answer.code == 0
    assert "hunter2" not in answer.out.replace("ntfy://hunter2\n", "")
    assert Path("conf.yaml").stat().st_mode & 0o077 == 0
    answer = threenines("--config", "conf.yaml", "validate")
    assert answer.out == "conf.yaml: 1 component, 1 check: no mistakes\n"
    assert 'name: "Acme \\"Cloud\\": {x}"' in Path("conf.yaml").read_text()


def test_init_asks_again_after_a_wrong_answer(threenines, monkeypatch):
    monkeypatch.setenv("THREENINES_TEST_TOPIC", "alerts")
    wrong_and_right = [
        "Ac\u202eme", "Acme", "nowhere", "https://", "http://127.0.0.1:1/", "Europe/Berlim", "Europe/Berlin",
        "slak://s3cret", "slack://s3cret", "s3cret", "ntfy://${env:THREENINES_TEST_UNSET}", "ntfy://${env:THREENINES_TEST_TOPIC}", "never read",
    ]  # fmt: skip
    answer = threenines("init", stdin="\n".join(wrong_and_right))
    assert answer.code == 0
    said = [line.partition("Error: ")[2] for line in answer.err.splitlines() if "Error: " in line]
    assert said == [
        "the text contains an invisible or control character: remove it",
        "`nowhere` is not valid: write it like https://www.example.org/health",
        "`https://` is not valid: write it like https://www.example.org/health",
        "`Europe/Berlim` is not a time zone: write an IANA name, like Europe/Berlin",
        "apprise knows no service with the scheme `slak`: did you mean `slack://`?",
        "apprise does not accept this channel: write one of its URLs, like ntfy://topic",
        "this is not an apprise URL like ntfy://topic or mailto://…: the value is not shown, because it may be secret",
        (
            "the environment variable `THREENINES_TEST_UNSET` is not set: "
            "set it, or write a default: `${env:THREENINES_TEST_UNSET:-default}`"
        ),
    ]
    assert "s3cret" not in answer.err
    written = Path("checks.yaml").read_text()
    assert 'http: "http://127.0.0.1:1/"' in written
    assert 'timezone: "Europe/Berlin"' in written
    assert '"ntfy://${env:THREENINES_TEST_TOPIC}"' in written
    assert [path.name for path in Path().iterdir()] == ["checks.yaml"]


@pytest.mark.parametrize("answers", ["", "Acme", "Acme\nnot an address\n", "Acme\n\n\n"])
def test_init_ends_cleanly_when_the_input_ends(threenines, answers):
    answer = threenines("init", stdin=answers)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.endswith("\nThe input ended before the last question; nothing was written.\n")
    assert list(Path().iterdir()) == []


def test_init_does_not_ask_a_program_for_ever(threenines):
    answer = threenines("init", stdin="y\n" * 1000)
    assert answer.code == 2
    assert answer.err.endswith(
        "nothing was written after 20 wrong answers: `y` is not valid: write it like https://www.example.org/health\n"
    )
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("words", [["--url", "nowhere"], ["--name", ""]])
def test_init_without_questions_writes_nothing_that_is_wrong(threenines, words):
    answer = threenines("init", "--yes", *words)
    assert answer.code == 2
    assert "nothing was written: " in answer.err
    assert list(Path().iterdir()) == []


def test_schema_prints_the_schema(threenines):
    answer = threenines("schema")
    assert answer.code == 0
    assert set(json.loads(answer.out)["$defs"]) == set(probes.kinds())


def test_probes_is_a_line_a_kind_with_the_kind_first(threenines):
    answer = threenines("probes")
    assert [line.split()[0] for line in answer.out.splitlines()] == list(probes.kinds())


def test_probes_as_json_tells_everything(threenines):
    pages = json.loads(threenines("probes", "--json").out)
    assert [page["kind"] for page in pages] == list(probes.kinds())
    http = next(page for page in pages if page["kind"] == "http")
    assert http == json.loads(threenines("probes", "http", "--json").out)
    assert {"name": "url", "required": True}.items() <= http["options"][0].items()
    assert http["assumed"] == ["status in 200..299"]
    raid = next(page for page in pages if page["kind"] == "raid")
    assert (raid["assumed"], raid["warned"]) == (["active == true"], ["degraded == 0", "failed == 0"])
    assert http["warned"] == []


def test_a_kinds_page_says_what_it_expects_and_warns_of_unasked(threenines):
    page = threenines("probes", "raid").out
    assert "Built-in expectations:\n  active == true\n" in page
    assert "Built-in warnings:\n  degraded == 0\n  failed == 0\n" in page


@pytest.mark.parametrize("kind", probes.kinds())
def test_a_kinds_page_has_its_options_facts_reasons_and_an_example(threenines, kind):
    from watch.probes.base import reference

    text = reference(probes.of_kind(kind))
    page = threenines("probes", kind).out
    assert page.startswith(f"{kind}: {text.summary.split()[0]}")
    assert all(f"  {name} (" in page for name in (*text.options, *text.facts))
    assert all(str(reason) in page for reason in text.reasons)
    assert text.example.splitlines()[0] in page


def test_an_unknown_kind_is_answered_with_a_near_one(threenines):
    answer = threenines("probes", "htpt")
    assert answer.code == 2
    assert "`htpt` is not a kind of probe; did you mean `http`?" in answer.err
