"""Metrics that Prometheus itself would accept, cheap enough to count everything."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.yardstick import cost
from watch.core.reading import Reason, Verdict
from watch.web.metrics import Metrics
from watch.web.series import CheckSample, ComponentSample, Samples, SeriesWriter

OPEN = "application/openmetrics-text;version=1.0.0"
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer", "total")
HARD = 'we"b\\ho%sme\n{}'


def some():
    return Samples(
        checks=(
            CheckSample("web/home", "web", "up", {"connect": 0.0021, "total": 0.5}),
            CheckSample(HARD, HARD, "down"),
        ),
        components=(
            ComponentSample("web", {"month": Fraction(10**12 - 1, 10**12), "90d": None}, -1_500),
            ComponentSample(HARD, {"month": Fraction(1)}),
        ),
    )


def read(metrics, samples=None, accept=""):
    """All samples, by name and labels, as the reference parser reads them."""
    body, _ = metrics.exposition(samples or Samples(), accept)
    parse = openmetrics if accept else prometheus
    families = list(parse(body.decode()))
    assert len({f.name for f in families}) == len(families)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def at(read, name, **labels):
    return read[name, frozenset(labels.items())]


@pytest.mark.parametrize("accept", ["", OPEN])
def test_the_names_are_the_contracts(accept):
    metrics = Metrics()
    metrics.observed(Verdict.UP, Reason.OK)
    metrics.seen("irvine-1", 3.0)
    names = {name for name, _ in read(metrics, some(), accept)}
    assert {
        "threenines_check_state",
        "threenines_probe_duration_seconds",
        "threenines_schedule_lag_seconds_bucket",
        "threenines_observations_total",
        "threenines_uptime_ratio",
        "threenines_error_budget_remaining_seconds",
        "threenines_outbox_pending",
        "threenines_outbox_dwell_seconds_bucket",
        "threenines_loop_lag_seconds_bucket",
        "threenines_agent_last_seen_seconds",
        "threenines_config_reload_success",
        "process_resident_memory_bytes",
    } <= names
    assert not [name for name in names if name.endswith("_created")]


@pytest.mark.parametrize("accept", ["", OPEN])
def test_hard_names_survive_the_way_through_the_parser(accept):
    said = read(Metrics(), some(), accept)
    assert at(said, "threenines_check_state", check=HARD, component=HARD, state="down") == 1
    assert at(said, "threenines_uptime_ratio", component=HARD, window="month") == 1


def test_a_check_is_in_exactly_one_state():
    said = read(Metrics(), some())
    states = {
        s: at(said, "threenines_check_state", check="web/home", component="web", state=s) for s in Verdict
    }
    assert states == {"up": 1, "degraded": 0, "down": 0, "unknown": 0}


def test_an_uptime_is_never_rounded_up_and_none_is_left_out():
    said = read(Metrics(), some())
    assert at(said, "threenines_uptime_ratio", component="web", window="month") == 0.999999999
    assert ("threenines_uptime_ratio", frozenset({"component": "web", "window": "90d"}.items())) not in said
    assert at(said, "threenines_error_budget_remaining_seconds", component="web") == -1.5


def test_observations_are_counted_by_verdict_and_reason():
    metrics = Metrics()
    for _ in range(3):
        metrics.observed(Verdict.DOWN, Reason.TIMEOUT)
    metrics.observed(Verdict.UP, Reason.OK)
    said = read(metrics)
    assert at(said, "threenines_observations_total", verdict="down", reason="timeout") == 3
    assert at(said, "threenines_observations_total", verdict="up", reason="ok") == 1


def test_lags_fall_into_buckets_up_to_and_including_their_bound():
    metrics = Metrics()
    for seconds in (0.0, 0.1, 0.11, 60.0):
        metrics.lag(seconds)
    said = read(metrics)
    assert at(said, "threenines_loop_lag_seconds_bucket", le="0.1") == 2
    assert at(said, "threenines_loop_lag_seconds_bucket", le="+Inf") == 4
    assert at(said, "threenines_loop_lag_seconds_sum") == pytest.approx(60.21)


def test_gauges_say_the_last_word():
    metrics = Metrics()
    metrics.outbox_pending(4)
    metrics.outbox_dwell(1.5)
    metrics.reloaded(False)
    metrics.seen("dallas-1", 12.5)
    said = read(metrics)
    assert at(said, "threenines_outbox_pending") == 4
    assert at(said, "threenines_config_reload_success") == 0
    assert at(said, "threenines_agent_last_seen_seconds", vantage="dallas-1") == 12.5
    metrics.forgotten("dallas-1")
    assert "dallas-1" not in metrics.exposition(Samples())[0].decode()


def test_what_is_kept_follows_a_check_through_its_changes():
    scribe = SeriesWriter()
    phases = {"total": 0.25}
    first = scribe.written(Samples([CheckSample("a/b", "a", "up", phases)]))
    assert scribe.written(Samples([CheckSample("a/b", "a", "up", phases)])) == first
    moved = scribe.written(
        Samples([CheckSample("a/b", "other", "down", {"connect": 0.5, "total": 1})])
    ).decode()
    assert 'check="a/b",component="other",state="down"} 1' in moved
    assert 'phase="connect"} 0.5\n' in moved
    assert "0.25" not in moved
    assert b"a/b" not in scribe.written(Samples())


def test_34_000_series_cost_about_as_much_as_formatting_their_lines():
    # As much, and a margin of eight. It takes 10 ms on an idle machine; the library, 218.
    scribe, lines = SeriesWriter(), []
    ours, plain = [], []
    for turn in range(8):
        checks = [
            CheckSample(f"c{i}/check", f"c{i}", "up", dict.fromkeys(PHASES, 0.0123 + turn / 1000))
            for i in range(3400)
        ]
        ours.append(cost(lambda checks=checks: lines.append(scribe.written(Samples(checks)))))
        plain.append(
            cost(lambda turn=turn: "\n".join(f"name{{check={n}}} {n + turn}" for n in range(34_000)))
        )
    assert lines[-1].count(b"\n") == 34_000 + 8
    assert min(ours) < 8 * min(plain)


def test_counting_costs_a_few_times_what_counting_in_a_dictionary_costs():
    metrics, counts = Metrics(), Counter()

    def plain() -> None:
        counts["up", "ok"] += 1

    def many(count):
        return cost(lambda: [count() for _ in range(10_000)], of=5)

    found = {
        "observed": many(lambda: metrics.observed("up", "ok")),
        "lag": many(lambda: metrics.lag(0.01)),
        "schedule_lag": many(lambda: metrics.schedule_lag(0.01)),
    }
    print(found, many(plain))
    assert max(found.values()) < 12 * many(plain), found
