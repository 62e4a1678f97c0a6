"""YAML as people mean it: 1.2's scalars, no surprises, no bombs."""

from __future__ import annotations

from pathlib import Path

import pytest

from watch.config import load
from watch.config.composer import composed
from watch.config.findings import Findings
from watch.config.node import Source, Table, resolved
from watch.config.reader import decoded
from watch.config.syntax import Unreadable

from .conftest import WEB


def value(text):
    source = Source("x.yaml", Path("x.yaml"), tuple(f"key: {text}".split("\n")))
    root = composed(source, Findings())
    assert isinstance(root, Table)
    return resolved(root.entries["key"][1])


@pytest.mark.parametrize(
    "text",
    [
        "22:00",
        "NO",
        "no",
        "on",
        "off",
        "yes",
        "y",
        "010",
        "0123",
        "2026-11-23",
        "1_000",
        "1:30:00",
        "0b1",
        "0o9",
        "12e03x",
        ".",
        "1.2.3",
    ],
)
def test_what_yaml_1_1_takes_for_something_else_stays_text(text):
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10", 10),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_numbers_bools_and_nothing_are_those_of_yaml_1_2(text, meant):
    assert value(text) == meant
    assert type(value(text)) is type(meant)


@pytest.mark.parametrize("text", ['"10"', "'true'", '"null"', "!!str 10", "! 10", "|\n  10"])
def test_what_is_quoted_is_text(text):
    assert value(text).strip() in {"10", "true", "null"}


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(desk):
    assert desk.read(b"\xef\xbb\xbf" + WEB.replace("\n", "\r\n").encode()).settings.checks


def test_a_file_of_exactly_two_mebibytes_is_read_and_one_byte_more_is_not(desk):
    full = WEB + "#" * (2 * 1024 * 1024 - len(WEB))
    assert desk.read(full).settings.checks
    assert desk.mistakes(full + "#") == ["this file is larger than 2 MiB"]


def test_twenty_levels_are_read_and_one_more_is_not():
    def deep(levels):
        return Source("x", Path("x"), ("[" * levels + "]" * levels,))

    assert composed(deep(20), Findings())
    with pytest.raises(Unreadable, match="more than 20 levels"):
        composed(deep(21), Findings())


def test_an_alias_counts_as_deep_as_what_it_stands_for():
    lines = ("a: &a " + "[" * 12 + "]" * 12, "b: " + "[" * 9 + "*a" + "]" * 9)
    with pytest.raises(Unreadable, match="more than 20 levels"):
        composed(Source("x", Path("x"), lines), Findings())


def test_a_hundred_aliases_are_read_and_one_more_is_not():
    def aliases(count):
        return Source("x", Path("x"), ("a: &a x", f"b: [{', '.join(['*a'] * count)}]"))

    assert composed(aliases(100), Findings())
    with pytest.raises(Unreadable, match="more than 100 aliases"):
        composed(aliases(101), Findings())


def test_an_anchor_cannot_hold_itself():
    with pytest.raises(Unreadable, match="no anchor"):
        composed(Source("x", Path("x"), ("a: &a [*a]",)), Findings())


def test_a_merge_key_fills_in_what_is_not_written(desk):
    settings = desk.settings("""
        components:
          web:
            checks:
              one: &one {http: "http://127.0.0.1/1", every: 1m, timeout: 3s}
              two: {<<: *one, every: 2m}
              three: {every: 3m, <<: [*one]}
    """)
    minutes = {name: check.every.total_seconds() / 60 for name, check in settings.checks.items()}
    assert minutes == {"web/one": 1, "web/two": 2, "web/three": 3}
    assert {check.timeout.total_seconds() for check in settings.checks.values()} == {3}


def test_lines_end_where_yaml_says_they_end():
    source = decoded(b"a: 1\r\nb: 2\rc: 3\nd: 4", Path("x.yaml"))
    assert source.lines == ("a: 1", "b: 2", "c: 3", "d: 4")


ANCHORS = """
x-times: &times {every: 1m, timeout: 3s}
x-web: &web {<<: *times, expect: [status == 200], http: &url "http://127.0.0.1/"}
x-anything: [1, {a: [b]}, "${env:NOBODY_SETS_THIS}", *times]
x-: null
components:
  web:
    checks:
      one: *web
      two: {<<: *web, every: 2m}
      three: {<<: [*times, *web], http: {url: *url, method: HEAD}}
"""


def test_keys_that_begin_with_x_are_places_for_anchors(desk):
    checks = desk.settings(ANCHORS).checks
    assert {name: check.every.total_seconds() for name, check in checks.items()} == {
        "web/one": 60, "web/two": 120, "web/three": 60,
    }  # fmt: skip
    assert {check.timeout.total_seconds() for check in checks.values()} == {3}
    assert checks["web/three"].probe.method == "HEAD"


def test_each_file_of_a_folder_may_have_its_own(desk):
    for name in "ab":
        check = '{<<: *d, tcp: "127.0.0.1:1"}'
        text = f"x-d: &d {{every: {ord(name)}s}}\ncomponents: {{{name}: {{checks: {{c: {check}}}}}}}\n"
        desk.write(text, f"conf/{name}.yaml")
    checks = load(desk.folder / "conf", environ={}).settings.checks
    assert [check.every.total_seconds() for check in checks.values()] == [97, 98]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x_d: {}\n" + WEB, "a configuration has no `x_d`"),
        ("X-d: {}\n" + WEB, "a configuration has no `X-d`"),
        (WEB + "service: {x-d: 1}\n", "`service` has no `x-d`"),
        ("components: {web: {x-d: {}, checks: {c: {tcp: 'a:1'}}}}\n", "a component has no `x-d`"),
        (
            "x-d: &d {evry: 1m}\ncomponents: {web: {checks: {c: {<<: *d, tcp: 'a:1'}}}}\n",
            "a check has no `evry`",
        ),
    ],
)
def test_unknown_keys_elsewhere_and_in_what_is_merged_stay_mistakes(desk, text, said):
    assert desk.mistakes(text) == [said]
