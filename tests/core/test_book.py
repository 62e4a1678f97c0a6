"""The book: what the ledger says of any stretch of the past, by the terms that held then."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.ledgers import DAY, MINUTE, SECOND, Ledger
from watch.core.book import Book, Edge, UnknownKind, began, held_at
from watch.core.confirm import Belief, Confirmation, lapsed, observed
from watch.core.ledger import Kind
from watch.core.reading import Reason, Verdict
from watch.core.settings import Audience
from watch.core.spans import clipped, total
from watch.core.timeline import State, filled, spans_of, state_at, within

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
END = 10 * DAY


def one() -> Ledger:
    ledger = Ledger()
    ledger.component("web", ["web/home"], 0)
    return ledger


def pair(needs: int | None = None) -> Ledger:
    ledger = Ledger()
    ledger.component("app", ["app/a", "app/b"], 0, needs=needs)
    ledger.goes("app/a", UP, 0)
    ledger.goes("app/b", UP, 0)
    return ledger


def known(timeline):
    return [item for item in timeline if item[2] is not UNKNOWN]


# ---- edges


def test_an_edge_is_where_it_was_found_unless_the_least_or_the_most_is_asked():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    ledger.goes("web/home", DOWN, 100, sure=(90, 103))
    ledger.goes("web/home", UP, 200, sure=(195, 202))
    down = {edge: spans_of(ledger.book.component_timeline("web", edge, 0, 1000), DOWN) for edge in Edge}
    assert down == {Edge.FOUND: [(100, 200)], Edge.LEAST: [(103, 195)], Edge.MOST: [(90, 202)]}


def test_only_the_edges_of_outages_are_in_doubt():
    ledger = one()
    ledger.goes("web/home", UP, 10, sure=(0, 20))
    ledger.goes("web/home", DEGRADED, 100, sure=(90, 110))
    for edge in Edge:
        assert known(ledger.book.check_timeline("web/home", edge, 0, 200)) == [
            (10, 100, UP),
            (100, 200, DEGRADED),
        ]


def test_an_edge_that_may_lie_over_a_bound_is_drawn_from_both_sides_of_it():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    ledger.goes("web/home", DOWN, 100, sure=(90, 103))
    assert ledger.book.check_timeline("web/home", Edge.MOST, 80, 95) == [(80, 90, UP), (90, 95, DOWN)]
    assert ledger.book.check_timeline("web/home", Edge.LEAST, 101, 110) == [(101, 103, UP), (103, 110, DOWN)]


# What a vantage point may read: seconds since the last reading, how long the reading took, what it said.
readings = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 12), st.sampled_from(list(Verdict))), min_size=1, max_size=40
)


THREE_TWO = Confirmation(3, 2, 35 * SECOND)


def history(ledger: Ledger, name: str, by: str, read, terms: Confirmation = THREE_TWO) -> int:
    """Write what these readings confirm, as the hub would; return when the last one was."""
    belief, at = Belief(), 0
    for gap, took, verdict in read:
        at += gap * SECOND
        took_ms = min(took, gap) * SECOND
        belief, changes = observed(
            belief, terms, verdict=verdict, reason=Reason.TIMEOUT, at_ms=at, took_ms=took_ms
        )
        for c in changes:
            ledger.goes(name, c.state, c.effective_ms, by=by, sure=(c.earliest_ms, c.latest_ms))
    for c in lapsed(belief, terms, now_ms=at + DAY)[1]:
        ledger.goes(name, c.state, c.effective_ms, by=by, sure=(c.earliest_ms, c.latest_ms))
    return at


def rival(audience: Audience, down_when, reads, terms: Confirmation) -> Ledger:
    """A check seen from here, and from two places elsewhere."""
    ledger = Ledger()
    for name in ("dallas", "chicago"):
        ledger.vantage(name, 0, site=name)
    ledger.component("web", ["web/home", "web/api"], 0)
    ledger.check("web/home", 0, audience=audience, down_when=down_when)
    for vantage, read in zip(("local", "dallas", "chicago"), reads, strict=True):
        history(ledger, "web/home", vantage, read, terms)
    ledger.goes("web/api", UP, 0)
    return ledger


ledgers = st.builds(
    rival,
    st.sampled_from(Audience),
    st.sampled_from(["any", "majority", "all"]),
    st.tuples(readings, readings, readings),
    st.sampled_from([THREE_TWO, Confirmation(1, 1, 35 * SECOND), Confirmation(2, 4, 90 * SECOND)]),
)


@given(ledgers)
def test_the_least_downtime_lies_in_what_was_found_and_that_in_the_most(ledger):
    book, end = ledger.book, 3000 * SECOND
    for ask in (book.check_timeline, book.component_timeline):
        least, found, most = (
            spans_of(ask("web/home" if ask == book.check_timeline else "web", edge, 0, end), DOWN)
            for edge in (Edge.LEAST, Edge.FOUND, Edge.MOST)
        )
        assert total(within_spans(least, found)) == total(least)
        assert total(within_spans(found, most)) == total(found)


def within_spans(inner, outer):
    return [(a, b) for a, b, _ in within([(a, b, DOWN) for a, b in inner], outer)]


@given(ledgers, st.integers(0, 1600), st.integers(0, 1600), st.sampled_from(Edge))
def test_a_stretch_is_that_part_of_the_whole(ledger, a, b, edge):
    lo, hi = sorted((a * SECOND, b * SECOND))
    whole = ledger.book.component_timeline("web", edge, 0, 3000 * SECOND)
    assert filled(ledger.book.component_timeline("web", edge, lo, hi), lo, hi) == filled(whole, lo, hi)


@given(ledgers, st.integers(0, 200))
def test_folding_one_by_one_equals_folding_all(ledger, cut):
    book = Book(ledger.entries[:cut])
    for entry in ledger.entries[cut:]:
        book.add(entry)
    assert contents(book) == contents(Book(ledger.entries))


def contents(book: Book) -> dict:
    return vars(book) | {"naming": vars(book.naming)}


@given(readings)
def test_every_instant_is_as_the_readings_confirmed_it(read):
    ledger = one()
    history(ledger, "web/home", "local", read)
    timeline = ledger.book.check_timeline("web/home", Edge.FOUND, 0, END)
    for entry in ledger.entries:
        if entry.kind == Kind.TRANSITION:
            later = [e for e in ledger.entries if e.seq > entry.seq and e.kind == Kind.TRANSITION]
            if not later or later[0].effective_ms > entry.effective_ms:
                assert state_at(timeline, entry.effective_ms) == entry.facts["to"]


# ---- eras of terms


def test_terms_hold_from_when_they_were_recorded_and_not_before():
    ledger = pair()
    ledger.goes("app/a", DOWN, 100)
    ledger.component("app", ["app/a", "app/b"], 500, needs=1)
    assert ledger.book.component_timeline("app", Edge.FOUND, 0, 1000) == [
        (0, 100, UP),
        (100, 500, DOWN),
        (500, 1000, DEGRADED),
    ]


def test_a_member_counts_from_when_it_was_added():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    ledger.component("web", ["web/home", "web/api"], 500)
    ledger.goes("web/api", DOWN, 500)
    assert ledger.book.component_timeline("web", Edge.FOUND, 0, 1000) == [(0, 500, UP), (500, 1000, DOWN)]


def test_a_removed_component_has_no_timeline_and_no_lifetime_until_it_comes_back():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    ledger.end(Kind.COMPONENT, "web", 400)
    ledger.end(Kind.CHECK, "web/home", 400)
    ledger.goes("web/home", UNKNOWN, 400)
    ledger.component("web", ["web/home"], 700)
    ledger.check("web/home", 700)
    ledger.goes("web/home", UP, 800)
    assert clipped(ledger.book.lifetime("web"), 0, 1000) == [(0, 400), (700, 1000)]
    assert known(ledger.book.component_timeline("web", Edge.FOUND, 0, 1000)) == [
        (0, 400, UP),
        (800, 1000, UP),
    ]


def test_a_check_never_asked_is_unknown_and_so_is_a_component_without_members():
    ledger = one()
    ledger.component("empty", [], 0)
    assert ledger.book.component_timeline("web", Edge.FOUND, 0, 10) == [(0, 10, UNKNOWN)]
    assert ledger.book.component_timeline("empty", Edge.FOUND, 0, 10) == [(0, 10, UNKNOWN)]


def test_what_the_book_does_not_know_is_no_time_at_all():
    assert one().book.component_timeline("other", Edge.FOUND, 0, 10) == []
    assert one().book.check_timeline("other/x", Edge.FOUND, 0, 10) == []
    assert one().book.lifetime("other") == []


def test_a_component_is_composed_of_those_it_contains():
    ledger = pair(needs=1)
    ledger.component("all", ["app", "all/x"], 0)
    ledger.goes("all/x", UP, 0)
    ledger.goes("app/a", DOWN, 100)
    ledger.goes("app/b", DOWN, 200)
    assert ledger.book.component_timeline("all", Edge.FOUND, 0, 300) == [
        (0, 100, UP),
        (100, 200, DEGRADED),
        (200, 300, DOWN),
    ]


def test_an_uncritical_kind_of_a_later_version_is_passed_over():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    later = ledger.add("postscript", "web", {"x": 1}, 5)
    ledger.entries[-1] = later._replace(critical=0)
    assert ledger.book.component_timeline("web", Edge.FOUND, 0, 10) == [(0, 10, UP)]
    assert ledger.book.version == later.seq


def test_a_critical_kind_of_a_later_version_is_refused_by_its_name():
    ledger = one()
    ledger.add("adjustment", "web", {"x": 1}, 5)
    with pytest.raises(UnknownKind, match="adjustment"):
        Book(ledger.entries)


# ---- renames


def renamed() -> Ledger:
    ledger = one()
    ledger.component("all", ["web"], 0)
    ledger.goes("web/home", UP, 0)
    ledger.goes("web/home", DOWN, 100)
    ledger.rename("site", "web", 200)
    ledger.goes("site/home", UP, 300)
    return ledger


def test_a_renamed_component_carries_its_history_its_checks_and_its_parents_on():
    book = renamed().book
    expected = [(0, 100, UP), (100, 300, DOWN), (300, 400, UP)]
    assert book.component_timeline("site", Edge.FOUND, 0, 400) == expected
    assert book.component_timeline("all", Edge.FOUND, 0, 400) == expected
    assert book.component_timeline("web", Edge.FOUND, 0, 400) == []
    assert book.lifetime("site")[0][0] == 0


def test_a_component_remembers_its_first_key_through_two_renames():
    ledger = renamed()
    ledger.rename("portal", "site", 500)
    assert ledger.book.naming.origins["portal"] == "web"
    assert known(ledger.book.component_timeline("portal", Edge.FOUND, 0, 400))[0] == (0, 100, UP)


def test_where_a_renamed_component_stands_is_not_forgotten():
    ledger = Ledger()
    ledger.vantage("dallas", 0, site="dallas")
    ledger.component("web", ["web/home"], 0)
    ledger.goes("web/home", UP, 0, by="dallas")  # internal: what dallas sees is no business of this site's
    ledger.rename("site", "web", 100)
    assert known(ledger.book.check_timeline("site/home", Edge.FOUND, 0, 200)) == []


# ---- several vantage points


def test_a_majority_of_vantage_points_must_see_it_down():
    ledger = Ledger()
    ledger.component("web", ["web/home"], 0)
    for name in ("b", "c"):
        ledger.vantage(name, 0)
    for n, name in enumerate(("local", "b", "c")):
        ledger.goes("web/home", UP, 0, by=name)
        ledger.goes("web/home", DOWN, 100 * (n + 1), by=name)
    assert ledger.book.check_timeline("web/home", Edge.FOUND, 0, 500) == [
        (0, 100, UP),
        (100, 200, DEGRADED),
        (200, 500, DOWN),
    ]


def test_moving_a_component_to_another_site_does_not_rewrite_its_past():
    ledger = one()
    ledger.goes("web/home", UP, 0)
    ledger.goes("web/home", DOWN, 100)
    ledger.component("web", ["web/home"], 500, site="elsewhere")
    assert ledger.book.check_timeline("web/home", Edge.FOUND, 0, 800) == [
        (0, 100, UP),
        (100, 500, DOWN),
        (500, 800, UNKNOWN),
    ]


def test_a_vantage_point_that_was_revoked_speaks_for_the_past_only():
    ledger = one()
    ledger.vantage("b", 0)
    for name, state in (("local", UP), ("b", DOWN)):
        ledger.goes("web/home", state, 0, by=name)
    ledger.end(Kind.VANTAGE, "b", 500)
    assert ledger.book.check_timeline("web/home", Edge.FOUND, 0, 800) == [(0, 500, DEGRADED), (500, 800, UP)]


def test_one_vantage_point_is_too_few_where_two_must_see_it():
    ledger = one()
    ledger.check("web/home", 0, down_when=2)
    ledger.goes("web/home", DOWN, 10)
    assert ledger.book.check_timeline("web/home", Edge.FOUND, 0, 20) == [(0, 20, UNKNOWN)]


def test_how_vantage_points_are_counted_changes_when_the_file_does_and_not_before():
    ledger = one()
    ledger.vantage("b", 0)
    for name, state in (("local", UP), ("b", DOWN)):
        ledger.goes("web/home", state, 0, by=name)
    ledger.check("web/home", 500, down_when="any")
    assert ledger.book.check_timeline("web/home", Edge.FOUND, 0, 800) == [
        (0, 500, DEGRADED),
        (500, 800, DOWN),
    ]


# ---- terms of the service, and since when


def test_before_the_first_terms_the_first_terms_hold():
    ledger = Ledger(100, target="0.99")
    ledger.service(200, target="0.999")
    targets = [held_at(ledger.book.service, ms).target for ms in (0, 100, 199, 200)]
    assert targets == [Fraction(99, 100)] * 3 + [Fraction(999, 1000)]
    assert held_at(Book().service, 0) is None


def test_a_state_began_where_the_account_says_however_long_ago():
    ledger = one()
    ledger.goes("web/home", UP, 10)
    ledger.goes("web/home", DOWN, 5 * DAY)
    book = ledger.book
    assert began(book, "web", UP, 5 * DAY - 1) == 10
    assert began(book, "web", DOWN, 5 * DAY + MINUTE) == 5 * DAY
    assert began(book, "web", UP, 6 * DAY) == 6 * DAY, "the book says otherwise: from now on"
    assert began(book, "other", UP, 7) == 7


def test_ninety_days_of_a_flapping_check_are_drawn_without_looking_at_the_year_before():
    ledger, rng = one(), random.Random(7)
    at = 0
    for n in range(5000):
        at += rng.randrange(1, 2 * 7 * DAY // 100)
        ledger.goes("web/home", DOWN if n % 2 else UP, at)
    whole = ledger.book.check_timeline("web/home", Edge.FOUND, 0, at + DAY)
    lo = at - 90 * DAY
    assert ledger.book.check_timeline("web/home", Edge.FOUND, lo, at) == filled(whole, lo, at)


def test_a_key_that_is_used_again_stands_for_another_component():
    made = Ledger(0)
    made.component("old", ["old/a"], 0)
    made.rename("new", "old", 3_600_000)
    made.component("old", ["old/a"], 7_200_000)
    assert made.book.naming.origins["new"] == "old"
    assert made.book.naming.origins["old"] == f"old@{7_200_000}"


def test_a_component_that_was_away_is_still_itself():
    made = Ledger(0)
    made.component("web", ["web/a"], 0)
    made.end(Kind.COMPONENT, "web", 3_600_000)
    made.component("web", ["web/a"], 7_200_000)
    assert made.book.naming.origins == {"web": "web"}
