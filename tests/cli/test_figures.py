"""uptime, explain and status on a store that a hub has left behind."""

from __future__ import annotations

import re
import sqlite3
from zoneinfo import ZoneInfo

import pytest

from tests.cli.stores import BAD, BEGIN, CONFIG, END, GOOD, Desk, filled
from tests.core.ledgers import DAY, HOUR
from watch.core.ledger import digest
from watch.core.merkle import leaf_hash, tree_hash
from watch.stores.sqlite import SqliteReads

FEBRUARY = 29 * DAY
BUDGET = FEBRUARY // 1000


@pytest.fixture
def desk(tmp_path, capsys) -> Desk:
    """Configured, and with a past."""
    made = Desk(tmp_path, capsys)
    made.configure()
    made.keep(filled())
    return made


def test_uptime_as_json_is_the_contract_s_to_the_key_and_the_millisecond(desk):
    said = desk.run("uptime", "--month", "2024-02", "--json")
    down = GOOD - BAD
    web = {
        "key": "web", "name": "Web application", "scope_ms": FEBRUARY, "excluded_ms": 0, "up_ms": FEBRUARY - down,
        "degraded_ms": 0, "down_ms": down, "unknown_ms": 0, "down_min_ms": down - 12_000, "down_max_ms": down + 10_020,
        "uptime": "4171/4176", "budget_ms": BUDGET, "remaining_ms": BUDGET - down, "verdict": "BREACHED",
        "strict": "BREACHED",
    }  # fmt: skip
    assert said.json["components"][0] == web
    assert {k: v for k, v in said.json.items() if k != "components"} == {
        "month": "2024-02",
        "zone": "UTC",
        "as_of": END,
    }
    assert [c["key"] for c in said.json["components"]] == ["web", "db"]
    assert (said.code, said.err) == (0, "")


def test_uptime_as_a_table_says_it_for_people(desk):
    said = desk.run("uptime", "--month", "2024-02")
    assert said.out.splitlines()[0] == "2024-02 in UTC; target 99.9 %"
    web = next(line for line in said.out.splitlines() if line.startswith("Web application"))
    assert "99.880 %" in web
    assert "50m 00.000s" in web
    assert "-8m 14.400s" in web
    assert web.split()[-2:] == ["BREACHED", "BREACHED"]


@pytest.mark.parametrize(("month", "code"), [("2024-02", 1), ("2024-01", 0)])
def test_a_missed_target_is_bad_news_only_when_asked_for_an_exit_code(desk, month, code):
    assert desk.run("uptime", "--month", month).code == 0
    assert desk.run("uptime", "--month", month, "--exit-code").code == code


def test_a_month_before_anything_was_on_record_has_no_data(desk):
    said = desk.run("uptime", "--month", "2020-01", "--json")
    assert {(c["scope_ms"], c["uptime"], c["verdict"]) for c in said.json["components"]} == {
        (0, None, "NO_DATA")
    }
    assert "–" in desk.run("uptime", "--month", "2020-01").out


def test_what_nobody_asked_since_the_hub_stopped_is_unknown_not_up(desk):
    web = desk.run("uptime", "--month", "2024-03", "--json").json["components"][0]
    validity = 35_000  # of the ledger's terms: 2.5 × 10 s + 10 s less 5 s
    assert web["up_ms"] == HOUR + validity - 5_000
    assert web["unknown_ms"] == 31 * DAY - web["up_ms"]


def test_the_running_month_goes_to_now_and_is_so_far(desk):
    assert ", so far: to " in desk.run("uptime").out.splitlines()[0]


def test_a_component_without_a_record_is_left_out_and_an_empty_record_said(tmp_path, capsys):
    desk = Desk(tmp_path, capsys)
    desk.configure(CONFIG.replace("  db:", "  other:"))
    desk.keep(filled())
    assert [c["key"] for c in desk.run("uptime", "--json").json["components"]] == ["web"]
    desk.store.unlink()
    desk.keep(type(filled())())
    empty = desk.run("uptime", "--month", "2024-02", "--json").json
    assert (empty["zone"], empty["components"]) == ("UTC", [])
    assert desk.run("uptime", "--month", "2024-02").out == "2024-02: nothing is on record yet.\n"


# ---- explain


def test_explain_gives_all_that_is_needed_to_do_the_sum_again(desk):
    said = desk.run("explain", "web", "--month", "2024-02")
    assert (said.code, said.err) == (0, "")
    for piece in (
        "Web application (web), 2024-02 in UTC",
        "1 of 1: web/home",
        "2024-02-06 00:00:00 UTC  2024-02-06 00:50:00 UTC  50m 00.000s  down",
        "2024-02-06 00:00:00.000 UTC  2024-02-05 23:59:50.000 UTC  2024-02-06 00:00:02.000 UTC  refused",
        "2 readings",
        "No maintenance window is in force for it in this month.",
        f"scope         {FEBRUARY}  = X 0 + D 3000000 + U {FEBRUARY - 3_000_000} + K 0",
        "down, at least 2988000, at most 3010020",
        "99.880 %, cut to three decimals",
        f"(100 − 99.9) % × {FEBRUARY} = {BUDGET}",
        "as measured BREACHED, strictly BREACHED",
    ):
        assert piece in said.out


def test_all_instants_of_one_output_are_in_one_zone(tmp_path, capsys):
    desk = Desk(tmp_path, capsys)
    desk.configure(CONFIG.replace("timezone: UTC", "timezone: America/New_York"))
    desk.keep(filled(zone=ZoneInfo("America/New_York")))
    out = desk.run("explain", "web", "--month", "2024-02").out
    assert re.search(r"2024-02-05 19:00:00 EST +2024-02-05 19:50:00 EST +50m 00\.000s +down", out)
    assert "2024-02-05 19:00:00.000 EST  2024-02-05 18:59:50.000 EST  2024-02-05 19:00:02.000 EST" in out
    assert "Not seen" in desk.run("explain", "web", "--month", "2024-03").out
    for month in ("2024-02", "2024-03"):
        assert not re.search(r"UTC|\dZ", desk.run("explain", "web", "--month", month).out)


def test_explain_says_when_nothing_is_on_record(desk):
    assert "Nothing is on record in this month yet." in desk.run("explain", "web", "--month", "2020-01").out


def test_explain_shows_the_windows_as_they_then_stood(tmp_path, capsys):
    from tests.cli.stores import past
    from tests.core.test_figures import window
    from watch.ports import Batch

    desk, ledger = Desk(tmp_path, capsys), past()
    ledger.window(window("2024-02-20T00:00", 2, "web", announced_ms=BEGIN), GOOD)
    ledger.end("window", "work", BEGIN + 19 * DAY + HOUR)
    desk.configure()
    desk.keep(Batch(entries=ledger.entries))
    out = desk.run("explain", "web", "--month", "2024-02").out
    assert "work: 2024-02-20 00:00:00 UTC to 2024-02-20 01:00:00 UTC" in out
    assert "excluded: 2024-02-20 00:00:00 UTC to 2024-02-20 01:00:00 UTC, 1h 00m 00.000s" in out


# ---- status


def test_status_without_a_hub_is_unknown_and_says_why(desk):
    said = desk.run("status")
    assert "no hub is running" in said.out.splitlines()[0]
    assert said.code == 0
    answer = desk.run("status", "--json").json
    assert answer["hub_running"] is False
    assert [(c["key"], c["state"]) for c in answer["components"]] == [("web", "unknown"), ("db", "unknown")]
    assert answer["components"][0]["since_ms"] == END + HOUR + 30_000
    assert desk.run("status", "--exit-code").code == 1


# ---- what was wrong with the request


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("explain", "wob"), "there is no component 'wob' on record; did you mean 'web'?"),
        (("explain", "zzzzz"), "there is no component 'zzzzz' on record"),
        (("explain",), "Missing argument 'COMPONENT'"),
        (("uptime", "--month", "soon"), "'soon' is no month; write one like 2026-11"),
        (("uptime", "--month", "2024-13"), "2024-13 is no month"),
        (("check", "wob"), "there is no check or component 'wob'; did you mean 'web'?"),
        (("report",), "'report' is planned but not built yet"),
        (("uptimes",), "there is no verb 'uptimes'; did you mean 'uptime'?"),
    ],
)
def test_a_wrong_request_is_one_clear_message_and_exit_2(desk, words, message):
    said = desk.run(*words)
    assert said.code == 2
    assert message in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


VERBS = [("uptime",), ("explain", "web"), ("status",), ("ledger", "verify"), ("ledger", "export")]


@pytest.mark.parametrize("words", VERBS)
def test_without_a_store_every_reading_verb_says_how_to_get_one(tmp_path, capsys, words):
    desk = Desk(tmp_path, capsys)
    desk.configure()
    said = desk.run(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"{desk.store}: there is no store yet. `threenines run` creates it.\n"


@pytest.mark.parametrize("words", VERBS)
def test_without_a_configuration_every_reading_verb_names_it(tmp_path, capsys, words):
    said = Desk(tmp_path, capsys).run(*words)
    assert said.code == 2
    assert "checks.yaml" in said.err
    assert len(said.err.splitlines()) <= 4


@pytest.mark.parametrize("words", VERBS)
def test_a_damaged_store_is_said_with_its_cure_and_left_alone(tmp_path, capsys, words):
    desk = Desk(tmp_path, capsys)
    desk.configure()
    garbage = b"SQLite format 3\0" + bytes(range(256)) * 40
    desk.store.write_bytes(garbage)
    said = desk.run(*words)
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert "t.db" in said.err
    assert "Traceback" not in said.err
    assert desk.store.read_bytes() == garbage


# ---- the ledger


def altered(desk: Desk, sql: str) -> None:
    """Edit the store behind our back, as anybody can who may write the file."""
    connection = sqlite3.connect(desk.store)
    with connection:
        connection.execute(sql)
    connection.close()


def test_an_honest_ledger_holds_and_its_last_hash_is_told(desk):
    reads = SqliteReads(desk.store)
    entries = list(reads.entries())
    reads.shut()
    said = desk.run("ledger", "verify")
    assert said.code == 0
    assert f"{len(entries)} entries verified, with evidence. The last hash is {entries[-1].hash}" in said.out
    root = tree_hash(leaf_hash(bytes.fromhex(entry.hash)) for entry in entries).hex()
    assert f"The tree over them has the root {root}" in said.out
    assert desk.run("ledger", "verify", "--json").json == {
        "entries": len(entries), "hash": entries[-1].hash, "log": {"size": len(entries), "root": root},
        "broken": None, "figures": None,
    }  # fmt: skip


EVIDENCE_EDITS = {
    "a verdict": "UPDATE evidence SET verdict = 'up' WHERE entry = 10",
    "an instant": "UPDATE evidence SET at_ms = at_ms + 1 WHERE entry = 10",
    "a reading gone": "DELETE FROM evidence WHERE entry = 10 AND at_ms = (SELECT max(at_ms) FROM evidence)",
    "all readings gone": "DELETE FROM evidence WHERE entry = 10",
    "a reading too many": (
        "INSERT INTO evidence SELECT id + 100, entry, check_name, vantage, at_ms, took_ms, seq, verdict, reason, "
        "detail, latency_us, tainted, body FROM evidence WHERE entry = 10 LIMIT 1"
    ),
    "evidence of another entry": "UPDATE evidence SET entry = 9 WHERE entry = 10",
    "evidence of no entry": "UPDATE evidence SET entry = 99 WHERE entry = 10",
}


@pytest.mark.parametrize("edit", EVIDENCE_EDITS)
def test_evidence_that_was_tampered_with_is_bad_news(desk, edit):
    altered(desk, EVIDENCE_EDITS[edit])
    said = desk.run("ledger", "verify")
    assert said.code == 1
    assert "The ledger is broken at entry" in said.out


EDITS = {
    "a body": "UPDATE ledger SET body = replace(body, 'down', 'up') WHERE seq = 10",
    "a time": "UPDATE ledger SET effective_ms = effective_ms + 1 WHERE seq = 10",
    "a vantage point": "UPDATE ledger SET vantage = 'other' WHERE seq = 10",
    "a hash": "UPDATE ledger SET hash = '0' WHERE seq = 10",
    "an entry gone": "DELETE FROM ledger WHERE seq = 10",
    "bytes for text": "UPDATE ledger SET body = x'00ff' WHERE seq = 10",
    "text that is not UTF-8": "UPDATE ledger SET body = CAST(x'00ff' AS TEXT) WHERE seq = 10",
    "words for a number": "UPDATE ledger SET recorded_ms = 'soon' WHERE seq = 10",
    "half a millisecond": "UPDATE ledger SET effective_ms = effective_ms + 0.5 WHERE seq = 10",
    "nonsense for a body": "UPDATE ledger SET body = '{]' WHERE seq = 10",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_ledger_that_was_tampered_with_is_bad_news(desk, edit):
    altered(desk, EDITS[edit])
    said = desk.run("ledger", "verify")
    assert said.code == 1
    assert ("The ledger is broken" in said.out) is (edit != "text that is not UTF-8")
    assert ("holds text that is not UTF-8" in said.err) is (edit == "text that is not UTF-8")
    assert desk.run("ledger", "verify", "--json").code == 1


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("words", [("uptime",), ("explain", "web"), ("status",), ("ledger", "export")])
def test_no_verb_shows_a_traceback_of_a_ledger_that_was_tampered_with(desk, edit, words):
    altered(desk, EDITS[edit])
    said = desk.run(*words)
    assert said.code in (0, 2)
    assert "a bug of ours" not in said.err


def test_figures_that_rest_on_a_broken_ledger_say_so(desk):
    altered(desk, EDITS["a time"])
    said = desk.run("uptime", "--month", "2024-02", "--json")
    assert "The ledger is broken at entry 10" in said.err
    assert said.json["components"][0]["down_ms"] == GOOD - BAD - 1


def test_an_export_is_every_entry_and_each_can_be_hashed_again(desk):
    import json

    from watch.core.ledger import Entry, verified

    entries = [Entry(**json.loads(line)) for line in desk.run("ledger", "export").out.splitlines()]
    assert verified(entries)[2] is None
    assert all(entry.hash == digest(entry) for entry in entries)


def test_people_hear_breached_only_when_nothing_is_left_to_lose(tmp_path, capsys):
    import time

    from tests.core.ledgers import Ledger
    from watch.core.timeline import State
    from watch.ports import Batch

    now = time.time_ns() // 1_000_000
    desk, ledger = Desk(tmp_path, capsys), Ledger(now - 20_000)
    ledger.component("web", ["web/home"], now - 20_000)
    ledger.goes("web/home", State.UP, now - 20_000)
    ledger.goes("web/home", State.DOWN, now - 10_000)
    desk.configure(CONFIG.replace("99.9%", "99%"))
    desk.keep(Batch(entries=ledger.entries))
    said = desk.run("uptime")
    verdict = desk.run("uptime", "--json").json["components"][0]
    told = (
        "BREACHED" if verdict["remaining_ms"] < 0 else "below target"
    )  # in a month's last seconds little is left
    assert verdict["verdict"] == "BREACHED"
    assert said.out.splitlines()[-1].count(told) == 2
    assert told in desk.run("explain", "web").out.splitlines()[-1]
