"""Whatever a file holds, reading it costs little time and at most 100 MB, and ends in a typed error or in settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.yardstick import cost
from watch.config import load
from watch.errors import ConfigError

from .conftest import WEB

FULL = 2 * 1024 * 1024 - 100
CHECK = 'http: "http://127.0.0.1/"'


def laughs(levels=9, each=9):
    lines = [f"a0: &a0 [{', '.join(['x'] * each)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * each)}]" for n in range(1, levels)]
    return "\n".join(lines)


def web(check):
    return f"components: {{web: {{checks: {{x: {{{check}}}}}}}}}\n"


def many(count, line):
    return "components:\n" + "".join(line(n) for n in range(count))


BOMBS = {
    "billion laughs": laughs,
    "a hundred aliases of a known key": lambda: laughs(4, 20) + "\ncomponents: *a3",
    "endless brackets": lambda: "[" * FULL,
    "endless braces": lambda: "{a: " * (FULL // 4),
    "deep by indentation": lambda: "\n".join(" " * n + "a:" for n in range(1500)),
    "a million words": lambda: "[" + "a," * (FULL // 2) + "]",
    "half a million lists": lambda: "[" + "[]," * (FULL // 3) + "]",
    "lines of nothing": lambda: "\n" * FULL,
    "one long word": lambda: "a" * FULL,
    "one long key": lambda: "components: {" + "a" * (FULL - 20) + ": {}}",
    "one long reference": lambda: 'service: {name: "' + "${" * (FULL // 2 - 20) + '"}',
    "many references": lambda: 'service: {name: "' + "${x}" * (FULL // 4 - 20) + '"}',
    "many unknown keys": lambda: "".join(f"k{n}: 1\n" for n in range(40_000)),
    "many duplicate keys": lambda: "service: 1\n" * (FULL // 11),
    "many components of nothing": lambda: many(30_000, lambda n: f"  c{n}:\n"),
    "many windows of nothing": lambda: (
        WEB + "maintenance:\n" + "".join(f"  w{n}: {{components: all}}\n" for n in range(20_000))
    ),
    "many unknown names": lambda: WEB + "catch_all: [" + ", ".join(f"p{n}" for n in range(50_000)) + "]",
    "a chain of components": lambda: (
        many(15_000, lambda n: f"  c{n}: {{contains: [c{n + 1}]}}\n")
        + f"  c15000: {{checks: {{x: {{{CHECK}}}}}}}\n"
    ),
    "a ring of components": lambda: many(15_000, lambda n: f"  c{n}: {{contains: [c{(n + 1) % 15_000}]}}\n"),
    "a ladder of components": lambda: (
        many(7_000, lambda n: "".join(f"  {x}{n}: {{contains: [a{n + 1}, b{n + 1}]}}\n" for x in "ab"))
        + "".join(f"  {x}5000: {{checks: {{x: {{{CHECK}}}}}}}\n" for x in "ab")
    ),
    "numbers beyond all bounds": lambda: web(
        f"{CHECK}, every: {'9' * 100_000}s, confirm: {{down: {'9' * 99_000}}}"
    ),
    "a rule that never matches": lambda: (
        WEB
        + "maintenance: {w: {components: all, rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30, first: 2026-01-01 00:00, length: 1h}}"
    ),
    "quotes without end": lambda: 'a: "' + "\\n\n" * (FULL // 3),
    "tags": lambda: "a: !" + "x" * FULL,
    "an expectation without end": lambda: web(f"{CHECK}, expect: ['{'not ' * 100_000}status == 1']"),
    "an expectation of brackets": lambda: web(f"{CHECK}, expect: ['{'(' * 100_000}status == 1']"),
    "a pattern that backtracks": lambda: web(
        f"{CHECK}, expect: ['body matches \"(a*)*{'(x+x+)+' * 200}y\"']"
    ),
    "zeroes": lambda: b"\0" * FULL,
    "noise": lambda: bytes(range(256)) * 8_000,
}


def written(desk, name):
    bomb = BOMBS[name]()
    return desk.write(bomb if isinstance(bomb, bytes) else bomb.encode())


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_at_most_as_much_as_a_plain_file_of_its_size_could(desk, name):
    """25 times as much as 500 checks in 138 kB: a file may have 2 MB."""
    told = []

    def read() -> None:
        try:
            load(path, environ={}, now_ms=1_800_000_000_000)
        except ConfigError as error:
            told.append(str(error))

    path = desk.write(plain(500).encode())
    yardstick = cost(read, of=2)
    assert not told
    path = written(desk, name)
    assert cost(read) < 25 * yardstick
    assert len("".join(told)) < 200_000


@pytest.mark.parametrize(
    "name",
    [
        "a million words",
        "half a million lists",
        "many unknown keys",
        "one long word",
        "a ladder of components",
    ],
)
def test_a_bomb_takes_no_more_than_100_mb(desk, name):
    script = (
        "import sys; from pathlib import Path\n"
        "from watch.config import ConfigError, load\n"
        "try: load(Path(sys.argv[1]), environ={})\n"
        "except ConfigError: pass\n"
        # Not getrusage: its peak includes what the parent weighed when it forked.
        "peak = next(it for it in open('/proc/self/status') if it.startswith('VmHWM'))\n"
        "print(int(peak.split()[1]) // 1024)"
    )
    command = [sys.executable, "-c", script, str(written(desk, name))]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100


def plain(count):
    return many(
        count,
        lambda n: (
            f"""  c{n}:
    name: Component {n}
    checks:
      home:
        http: {{url: "http://127.0.0.1:{n + 1}/", headers: {{Host: c{n}.example}}}}
        every: 15s
        audience: internal
        expect: [status == 200, body contains "c{n}", latency < 2s]
        warn: [latency < 800ms]
"""
        ),
    )


def test_the_cost_of_reading_grows_with_the_number_of_checks_and_no_faster(desk):
    costs = {}
    for count in (500, 2000):
        path = desk.write(plain(count).encode())
        costs[count] = cost(lambda path=path: load(path, environ={}), of=2)
        assert len(load(path, environ={}).settings.checks) == count
    assert costs[2000] < 2.5 * (2000 / 500) * costs[500]


def test_after_enough_mistakes_reading_stops_and_says_so(desk):
    written(desk, "many unknown keys")
    with pytest.raises(ConfigError, match="200 mistakes; reading stopped here, there may be more") as caught:
        load(desk.path, environ={})
    assert len(caught.value.mistakes) == 200
