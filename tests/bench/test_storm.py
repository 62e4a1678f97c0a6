"""What `bench storm` counts, and where its targets can be reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bench.storm import TRIALS, alerts_in
from bench.switchboard import Switchboard
from tests.yardstick import PATIENCE

LISTENS = "0A"
README = Path(__file__).parents[2] / "bench" / "README.md"


@pytest.mark.parametrize(
    ("title", "count"),
    [
        ("[Storm] DOWN: c1", 1),
        ("[Storm] DOWN: c1, c2 (+7); 2 resolved", 11),
        ("[Storm] RESOLVED: c1 was down for 3m", 1),
        ("[Storm] RESOLVED: c1, c2 (+498)", 500),
        ("[Storm] DOWN: c1; 2 degraded; 1 resolved", 4),
    ],
)
def test_a_title_says_how_many_alerts_its_letter_tells(title, count):
    assert alerts_in(title) == count


def test_the_targets_listen_on_the_loopback_alone_and_go_down_one_by_one():
    with Switchboard() as board:
        port = int(board.url(0).rpartition("/")[0].rpartition(":")[2])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        at = [place for _, place, _, state, *_ in rows if state == LISTENS and place.endswith(f":{port:04X}")]
        assert len(at) > 1
        assert all(place.partition(":")[0].endswith("7F") for place in at), at
        board.down(1, 2)
        board.up(0, 1)
        while status(board.url(1)) != 503:  # what is told arrives in order, after a moment
            pass
        assert [status(board.url(n)) for n in range(3)] == [200, 503, 200]


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_stands_in_the_readme(name):
    assert f"\n| `{name}` |" in README.read_text("utf-8")
