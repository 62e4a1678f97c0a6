"""The board after any story is the board that the book gives from the beginning: each state, since when, and why."""

from __future__ import annotations

import asyncio
from functools import partial

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import fakes
from tests.fakes import observation
from tests.hub.test_hub import Stage
from watch.core.book import began
from watch.core.delivery import Delivery, Load
from watch.core.marks import Edge
from watch.core.reading import Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.plan import planned

UP, DEGRADED, DOWN, UNKNOWN = Verdict.UP, Verdict.DEGRADED, Verdict.DOWN, Verdict.UNKNOWN
CHECKS = ("web/a", "web/b", "web/c", "db/a", "db/b")
MEMBERS = {
    "web": ["web/a", "web/b", "web/c"],
    "db": ["db/a", "db/b"],
    "all": ["web", "db"],
    "few": ["db", "web/a"],
}


def plan(needs: int):
    here = Vantage(name="local", site="here", canaries=(Canary(name="c0", probe=object()),))
    return fakes.settings(MEMBERS, needs={"web": needs, "few": 1}, vantages={"local": here})


class Bench(Stage):
    """A hub that is told several things before its turn comes."""

    def __init__(self) -> None:
        super().__init__(plan(2))
        self.good_ms = self.clock.ms
        self.taken: list[asyncio.Future] = []

    async def told(self, *findings, load: Load | None = None) -> None:
        """One delivery, and no turn."""
        delivery = Delivery(
            vantage="local", epoch=self.epoch, first=self.sent + 1, findings=findings, load=load
        )
        self.sent += len(findings)
        taken = asyncio.ensure_future(self.hub.take(delivery))
        await asyncio.sleep(0)
        self.taken.append(taken)

    async def play(self, what: str, *how) -> None:
        now = self.clock.ms
        if what == "read":
            name, verdict, age_ms = how
            await self.told(observation(name, now - age_ms, verdict))
        elif what == "all":
            await self.told(*(observation(name, now - 50, how[0]) for name in CHECKS))
        elif what == "wait":
            self.clock.move(how[0])
        elif what == "look":
            if not how[0]:
                self.good_ms = now - 50
            good, bad = ((), ("c0",)) if how[0] else (("c0",), ())
            await self.told(Sight("local", how[0], self.good_ms, good, bad))
        elif what == "load":
            await self.told(load=Load(checks=len(CHECKS), late=how[0], undecided=0, stood_still=0.0))
        elif what == "sweep":
            await self.hub.sweep()
        elif what == "reload":
            await self.hub.sweep()
            await self.hub.turn()
            await self.hub.plan(plan(how[0]))
        else:
            await self.hub.turn()

    def anew(self) -> Board:
        """The board, composed from the beginning."""
        hub = self.hub

        def drawn(name: str, from_ms: int, to_ms: int):
            return hub.book.check_timeline(name, Edge.FOUND, from_ms, to_ms)

        board = Board(planned(hub.settings), hub.board.checks, partial(began, hub.book), drawn)
        for _ in board.fill(self.clock.ms):
            pass
        return board


steps = st.one_of(
    st.tuples(
        st.just("read"), st.sampled_from(CHECKS), st.sampled_from([UP, UP, UP, DEGRADED, DOWN, DOWN, UNKNOWN]),
        st.sampled_from([50, 50, 900, 4_000, 20_000]),
    ),
    st.tuples(st.just("all"), st.sampled_from([UP, UP, DEGRADED, DOWN])),
    st.tuples(st.just("wait"), st.sampled_from([0.02, 0.5, 1, 3, 10, 26, 27, 40, 700])),
    st.tuples(st.just("look"), st.booleans()),
    st.tuples(st.just("load"), st.sampled_from([0, len(CHECKS)])),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("turn")),
    st.tuples(st.just("reload"), st.sampled_from([1, 2, 3])),
)  # fmt: skip


async def follow(story) -> None:
    bench = Bench()
    await bench.play("look", False)
    for n, step in enumerate(story):
        bench.clock.move(0.01)
        await bench.play(*step)
        if step[0] == "turn" or n == len(story) - 1:
            await bench.hub.sweep()
            await bench.hub.turn()
            board, now = bench.hub.board, bench.clock.ms
            for name, stands in board.checks.items():
                anew = standing_of(
                    board.settings.checks[name], bench.hub.intake, ("local",), bench.hub.book, now
                )
                assert (stands.state, stands.since_ms) == (anew.state, anew.since_ms), name
            assert board.components == bench.anew().components
    await bench.hub.turn()
    await asyncio.gather(*bench.taken)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=60))
@example(
    [
        ("load", 5),
        ("all", UP),
        ("turn",),
        ("wait", 30),
        ("sweep",),
        ("turn",),
        ("read", "web/a", UP, 4_000),
        ("turn",),
    ]
)  # a state lapsed while the reading was under way that shows that it had not
def test_the_board_is_what_the_book_gives_from_the_beginning(story):
    asyncio.run(follow(story))
