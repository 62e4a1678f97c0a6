"""The golden cases of the semantics, one test each; THREENINES_VECTORS names another folder of the same kinds."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watch.core.account import account, percentage
from watch.core.component import composed_state, composed_timeline
from watch.core.confirm import Belief, Confirmation, lapsed, observed
from watch.core.exclusion import qualifying
from watch.core.flapping import Flapping, FlappingTerms
from watch.core.localtime import Month, to_utc_ms
from watch.core.quorum import Seen, quorum
from watch.core.reading import Reason, Verdict
from watch.core.rotation import Handover, Layer, Override, Rotation
from watch.core.schedule import Length, OneOff, Recurring, Weekly, spans_of_rule
from watch.core.settings import Audience
from watch.core.spans import total, union
from watch.core.timeline import State, filled, spans_of
from watch.core.window import Window

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / os.environ.get("THREENINES_VECTORS", "tests/vectors")

NOT_BUILT_YET = {"burn_rate.json"}
RUN_HERE = {
    "sla.json",
    "local_time.json",
    "composition.json",
    "quorum.json",
    "confirmation.json",
    "oncall.json",
    "flapping.json",
}
RUN_ELSEWHERE = {"darkness.json"}  # tests/hub/test_darkness.py

UTC = ZoneInfo("UTC")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def test_every_file_of_vectors_is_run_or_named_as_not_built_yet():
    found = {path.name for path in FOLDER.glob("*.json")}
    assert found, f"no vectors in {FOLDER}"
    assert found <= RUN_HERE | RUN_ELSEWHERE | NOT_BUILT_YET


def vectors(file: str, part: str | None = None):
    path = FOLDER / file
    held = json.loads(path.read_text("utf-8")) if path.exists() else []
    cases = (held.get(part, []) if isinstance(held, dict) else held) if part else held
    return [pytest.param(case, id=name(case, n)) for n, case in enumerate(cases)]


def name(case: dict, n: int) -> str:
    if "id" in case:
        return case["id"]
    if "rule" in case:
        return f"{case['rule']}: {' '.join(case['states'])}"
    if "local" in case:
        return f"{case['tz']} {case['local']}"
    return f"{case['tz']} {case['year']}-{case['month']:02}" if "month" in case else str(n)


def ms(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


# ---- sla.json


@pytest.mark.parametrize("case", vectors("sla.json", "sla"))
def test_sla(case):
    zone = ZoneInfo(case["period"]["tz"])
    month = Month(case["period"]["year"], case["period"]["month"]).bounds_ms(zone)
    policy = case.get("policy") or {}
    cap_s = policy.get("maintenance_cap_s")
    result = account(
        [(ms(item["from"]), ms(item["to"]), State(item["state"])) for item in case["timeline"]],
        month,
        Fraction(case["target"]),
        windows=maintenance(case, month),
        cap_ms=None if cap_s is None else int(cap_s * 1000),
        lifetime=lifetime(case, month),
        service_hours=service_hours(case, month),
        as_of_ms=ms(case["as_of"]) if case.get("as_of") else None,
        degraded_counts_as=State(policy.get("degraded_counts_as") or "up"),
    )
    expected = case["expected"]
    assert {
        "period_start_utc": month[0],
        "period_end_utc": month[1],
        "period_ms": month[1] - month[0],
        "in_scope_ms": result.scope_ms,
        "excluded_ms": result.excluded_ms,
        "down_ms": result.down_ms,
        "up_ms": result.up_ms,
        "degraded_ms": result.degraded_ms,
        "unknown_ms": result.unknown_ms,
        "uptime_fraction": result.uptime,
        "uptime_pct_floor3": result.display,
        "coverage_fraction": result.coverage,
        "budget_ms": result.budget_ms,
        "budget_remaining_ms": result.remaining_ms,
        "verdict_measured": result.verdict,
        "verdict_strict": result.strict,
    } == {key: read(key, value) for key, value in expected.items() if key != "anchor_models"}


def read(key: str, value):
    if value is None:
        return None
    if key.startswith("period_") and key.endswith("_utc"):
        return ms(value)
    if key in ("uptime_fraction", "coverage_fraction", "budget_ms", "budget_remaining_ms"):
        return Fraction(value)
    return value


def maintenance(case: dict, month: tuple[int, int]):
    """The vector's windows, put to the code as people would have written them and the hub recorded them."""
    notice_s = (case.get("policy") or {}).get("min_notice_s")
    windows = []
    for n, written in enumerate(case.get("maintenance") or []):
        # A one-off that ends before it begins cannot be written: it is refused, and excludes nothing.
        with contextlib.suppress(ValueError):
            announced = written.get("announced_at")
            windows.append(
                Window(
                    name=f"w{n}",
                    components=("c",),
                    rule=rule(written),
                    sla_exclude=written.get("sla_exclude") is not False,
                    announced_ms=ms(announced) if announced else None,
                )
            )
    recorded = {window.name: window.announced_ms for window in windows if window.announced_ms is not None}
    return qualifying(windows, [], recorded, None if notice_s is None else int(notice_s * 1000), month)


def rule(written: dict):
    if "start" in written:
        return OneOff.between(naive_utc(written["start"]), naive_utc(written["end"]), UTC)
    zone = ZoneInfo(written["tz"])
    if "start_local" in written:
        start, end = (datetime.fromisoformat(written[key]) for key in ("start_local", "end_local"))
        return OneOff.between(start, end, zone)
    days = written["weekly"] if isinstance(written["weekly"], str) else ",".join(written["weekly"])
    text = f"FREQ=WEEKLY;BYDAY={days}"
    if written.get("last"):
        text += f";UNTIL={written['last'].replace('-', '')}"
    start = datetime.fromisoformat(written.get("first") or "2000-01-01")
    opens = clock(written["from"])
    return Recurring(text, start + opens, Length(wall_clock_length(opens, clock(written["to"]))), zone)


def naive_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def clock(text: str) -> timedelta:
    hours, minutes, *seconds = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def wall_clock_length(opens: timedelta, closes: timedelta) -> timedelta:
    return closes - opens if closes > opens else closes + timedelta(days=1) - opens


def lifetime(case: dict, month: tuple[int, int]):
    if not case.get("lifetime"):
        return None
    born, died = case["lifetime"]
    return union([(ms(born) if born else month[0], ms(died) if died else month[1])])


def service_hours(case: dict, month: tuple[int, int]):
    hours = case.get("service_hours")
    if not hours:
        return None
    opens, length = clock(hours["from"]), Length(wall_clock_length(clock(hours["from"]), clock(hours["to"])))
    days = frozenset(DAYS.index(day) for day in hours["days"])
    weekly = Weekly(
        days, (datetime.combine(datetime(2026, 1, 1), time()) + opens).time(), length, ZoneInfo(hours["tz"])
    )
    return union(spans_of_rule(weekly, *month))


@pytest.mark.parametrize("case", vectors("sla.json", "budget"))
def test_budget(case):
    bounds = Month(case["year"], case["month"]).bounds_ms(ZoneInfo(case["tz"]))
    assert bounds == (ms(case["start_utc"]), ms(case["end_utc"]))
    assert bounds[1] - bounds[0] == case["seconds"] * 1000
    budgets = {
        target: account([(*bounds, State.UP)], bounds, Fraction(target)).budget_ms
        for target in case["budget_seconds"]
    }
    assert {target: budget / 1000 for target, budget in budgets.items()} == {
        target: Fraction(seconds) for target, seconds in case["budget_seconds"].items()
    }
    if "0.999" in budgets:
        assert int(budgets["0.999"] / 1000) == case["max_whole_seconds_down_999"]


# ---- local_time.json


@pytest.mark.parametrize("case", vectors("local_time.json"))
def test_local_time(case):
    assert to_utc_ms(datetime.fromisoformat(case["local"]), ZoneInfo(case["tz"])) == ms(case["utc"])


# ---- composition.json


@pytest.mark.parametrize("case", vectors("composition.json", "truth_table"))
def test_composition_truth_table(case):
    assert composed_state([State(state) for state in case["states"]], case["k"]) == case["result"]


@pytest.mark.parametrize("case", vectors("composition.json", "timelines"))
def test_composition_of_timelines(case):
    members = [
        [(a * 1000, b * 1000, State(state)) for a, b, state in member] for member in case["components"]
    ]
    assert len(members) == case["n"]
    end = case["duration_s"] * 1000
    timeline = composed_timeline(members, case["k"], 0, end)
    assert timeline == [(a * 1000, b * 1000, state) for a, b, state in case["timeline"]]
    assert {state: total(spans_of(timeline, State(state))) // 1000 for state in case["totals_s"]} == case[
        "totals_s"
    ]
    uptime = account(timeline, (0, end), Fraction("0.999")).uptime
    assert uptime == (None if case["uptime_fraction"] is None else Fraction(case["uptime_fraction"]))


# ---- quorum.json


@pytest.mark.parametrize("case", vectors("quorum.json"))
def test_quorum(case):
    seen = [
        Seen(f"v{n}", one["group"] == "onsite", State(one["state"]), one.get("canary_ok") is not False)
        for n, one in enumerate(case["vantages"])
    ]
    found = quorum(seen, Audience(case.get("audience") or "internal"), case.get("down_when") or "majority")
    assert {
        "state": found.state,
        "confidence": found.confidence,
        "self_alerts": sorted(alert.kind for alert in found.self_alerts),
    } == {**case["expected"], "self_alerts": sorted(case["expected"]["self_alerts"])}


# ---- confirmation.json

VERDICTS = {"ok": Verdict.UP, "fail": Verdict.DOWN} | {str(verdict): verdict for verdict in Verdict}
DEFAULT_TTL_S = 2.5 * 30 + 10


@pytest.mark.parametrize("case", vectors("confirmation.json"))
def test_confirmation(case):
    start, end = (round(s * 1000) for s in (case.get("start", 0), case["end"]))
    assert filled(confirmed(case, end), start, end) == [
        (round(a * 1000), round(b * 1000), state) for a, b, state in case["timeline"]
    ]


def confirmed(case: dict, end: int):
    """The items that the vector's readings leave, each change backdated as the code says, to *end*."""
    params = case.get("params") or {}
    ttl_ms = round(params.get("ttl_s", DEFAULT_TTL_S) * 1000)
    terms = Confirmation(params.get("fail_threshold", 3), params.get("recover_threshold", 2), ttl_ms)
    belief, found = Belief(), []
    for at, result in case["results"]:
        belief, changes = observed(
            belief, terms, verdict=VERDICTS[result], reason=Reason.OK, at_ms=round(at * 1000), took_ms=0
        )
        found += changes
    found += lapsed(belief, terms, now_ms=end)[1]
    ends = [change.effective_ms for change in found[1:]] + [end]
    return [(change.effective_ms, to, change.state) for change, to in zip(found, ends, strict=False)]


def test_a_percentage_is_cut_and_never_rounded_up():
    assert percentage(Fraction(2589407, 2592000)) == "99.899"
    assert percentage(Fraction(1)) == "100.000"
    assert percentage(Fraction(99_999_999, 100_000_000)) == "99.999"
    assert percentage(Fraction(0)) == "0.000"


# ---- oncall.json


def rotation() -> Rotation:
    held = json.loads((FOLDER / "oncall.json").read_text("utf-8"))
    zone = ZoneInfo(held["tz"])
    day, clock = held["handoff"].split()
    week = Handover(time.fromisoformat(clock), zone, DAYS.index(day))
    layer = Layer(tuple(held["users"]), timedelta(weeks=1), week, date.fromisoformat(held["start"]))
    overrides = (
        Override(
            *(to_utc_ms(datetime.fromisoformat(it[f"{edge}_local"]), zone) for edge in ("start", "end")),
            it["user"],
        )
        for it in held["overrides"]
    )
    return Rotation("vector", (layer,), tuple(overrides))


@pytest.mark.parametrize("case", vectors("oncall.json", "cases"))
def test_who_is_on_call(case):
    assert rotation().at(ms(case["at"])) == ((case["user"],) if case["user"] else ())


@pytest.mark.parametrize("case", vectors("oncall.json", "shift_lengths_s"))
def test_how_long_a_shift_lasts(case):
    shift = next(rotation().shifts(ms(case["start"]), ms(case["start"]) + 1))
    assert (shift.from_ms, shift.to_ms - shift.from_ms) == (ms(case["start"]), case["seconds"] * 1000)


def test_an_override_of_the_vectors_holds_from_its_start_to_its_end():
    (it,) = rotation().overrides
    assert [rotation().at(at) for at in (it.from_ms - 1, it.from_ms, it.to_ms - 1, it.to_ms)] == [
        ("C",), ("A",), ("A",), ("C",)
    ]  # fmt: skip


# ---- flapping.json


@pytest.mark.parametrize("case", vectors("flapping.json"))
def test_flapping(case):
    params = case["params"]
    terms = FlappingTerms(
        window=timedelta(seconds=params["window_s"]),
        start=params["start_transitions"],
        stop=params["stop_transitions"],
    )
    found, left = Flapping(), [round(s * 1000) for s in case["transitions"]]
    for at, expected in case["expected"]:
        while left and left[0] <= round(at * 1000):
            found = found.changed(left.pop(0), terms)
        found = found.at(round(at * 1000), terms)
        assert (found.since_ms is not None) is expected, at
