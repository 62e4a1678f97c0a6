"""Any text at all is settings or mistakes: never a traceback, never a secret told."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from watch.config import load
from watch.errors import ConfigError

# One file, overwritten by each example.
patient = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = """
components checks http web every 30s all maintenance when from to people alice channels ntfy://x alerts down expect
needs contains listen page ${env:A} ${ null 0 -1 true http://127.0.0.1/ vantages canaries service timezone UTC target
99.9% store sqlite:///x escalations defaults confirm rrule first length FREQ=DAILY start duration 4h catch_all
alerting status_page retention url headers rotations primary every handover layers during overrides person bob
1 week 12h 2026-11-02
"""
words = st.sampled_from([*WORDS.split(), "latency < 2s", "1 of 2", "2026-12-05 22:00", "Sat 00:00-03:00"])
trees = st.recursive(
    words | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
WHOLE = """\
service: {name: Acme, timezone: Europe/Berlin, target: 99.9%}
vantages: {here: {canaries: [{http: "http://127.0.0.1/"}]}}
components:
  web:
    checks:
      home: {http: "http://127.0.0.1/", expect: [status == 200, latency < 2s], every: 15s}
maintenance: {w: {components: all, when: "Sat 00:00-03:00", max_outage: 60s}}
people: {alice: {channels: ["ntfy://hunter2-hunter2"]}}
alerts: [{when: down, components: [web], for: 10m}]
rotations: {first: {people: [alice], every: 1 week, handover: Mon 09:00, start: 2026-11-02, overrides: []}}
"""


@pytest.fixture
def outcome(tmp_path):
    """What a file of those bytes is: settings, or the error that says why not."""
    path = tmp_path / "checks.yaml"

    def read(raw):
        path.write_bytes(raw)
        try:
            return load(path, environ={"A": "x"}, now_ms=1_800_000_000_000)
        except ConfigError as error:
            return error

    return read


@patient
@given(tree=trees)
def test_any_tree_of_known_words_is_settings_or_mistakes(outcome, tree):
    outcome(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@patient
@given(text=st.text(max_size=200))
def test_any_text_is_settings_or_mistakes(outcome, text):
    outcome(text.encode("utf-8", "surrogatepass"))


@patient
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_settings_or_mistakes(outcome, raw):
    outcome(raw)


@patient
@given(
    at=st.integers(0, len(WHOLE)),
    cut=st.integers(0, 12),
    text=st.text(alphabet=" \t\n:-[]{}'\"#&*!|>%@`,?a0$é\u202e", max_size=4),
)
@example(at=348, cut=3, text="0")  # the scheme loses its boundary
@example(at=346, cut=9, text="[")  # … or goes altogether
def test_a_slip_of_the_hand_is_settings_or_mistakes_and_the_secret_is_kept(outcome, at, cut, text):
    told = outcome((WHOLE[:at] + text + WHOLE[at + cut :]).encode())
    assert "hunter2-hunter2" not in repr(told)
    assert "hunter2-hunter2" not in str(told)
