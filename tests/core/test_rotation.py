"""Who is on call: every instant has one answer, and shifts are what the answers say from one handover to the next."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watch.core.rotation import NEVER_MS, Handover, Layer, Override, Rotation
from watch.core.schedule import parse_weekly

NEW_YORK = ZoneInfo("America/New_York")
HOUR, DAY = 3_600_000, 86_400_000
ODD = (
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Africa/Casablanca",
    "UTC",
)


def ms(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000


def weekly(*people: str, start: str = "2026-11-02", **more) -> Layer:
    return Layer(
        people, timedelta(weeks=1), Handover(time(9), NEW_YORK, 0), date.fromisoformat(start), **more
    )


def always(person: str, during=None) -> Layer:
    """One person alone."""
    return Layer((person,), timedelta(weeks=1), Handover(time(), NEW_YORK, 0), date(1970, 1, 1), during)


def turns(
    *people: str, hours: int, at: time = time(9), zone: ZoneInfo = NEW_YORK, start: str = "2026-11-02"
) -> Layer:
    return Layer(people, timedelta(hours=hours), Handover(at, zone), date.fromisoformat(start))


def told(rotation: Rotation, lo: str, hi: str) -> list[tuple[str, str, str | None]]:
    """The shifts in [lo, hi), in the clock of New York."""

    def clock(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(NEW_YORK):%a %d %H:%M}"

    return [(clock(it.from_ms), clock(it.to_ms), it.person) for it in rotation.shifts(ms(lo), ms(hi))]


OFFICE = parse_weekly("Mon-Fri 08:00-18:00 America/New_York")


def test_turns_go_round_and_hand_over_at_the_same_local_time_all_year():
    rotation = Rotation("primary", (weekly("alice", "bob"),))
    found = list(rotation.shifts(ms("2026-11-02 09:00"), ms("2027-11-01 09:00")))
    assert [it.person for it in found] == ["alice", "bob"] * 26
    assert {f"{datetime.fromtimestamp(it.to_ms / 1000, NEW_YORK):%a %H:%M}" for it in found} == {"Mon 09:00"}
    assert sorted({(it.to_ms - it.from_ms) // HOUR for it in found}) == [167, 168]


def test_the_first_turn_begins_at_the_first_handover_on_the_start_or_after_it():
    rotation = Rotation("primary", (weekly("alice", "bob", start="2026-11-04"),))
    assert rotation.at(ms("2026-11-09 08:59")) == ()
    assert rotation.at(ms("2026-11-09 09:00")) == ("alice",)


def test_half_days_have_eleven_and_thirteen_hours_when_the_clocks_change():
    rotation = Rotation("half", (turns("alice", "bob", hours=12, at=time(20)),))
    night = next(rotation.shifts(ms("2026-11-01 00:00"), ms("2026-11-01 00:01")), None)
    assert night is not None
    assert night.person is None, "it starts on the second"
    rotation = Rotation("half", (turns("alice", "bob", hours=12, at=time(20), start="2026-10-01"),))
    fall = next(rotation.shifts(ms("2026-11-01 00:00"), ms("2026-11-01 00:01")))
    spring = next(rotation.shifts(ms("2027-03-14 00:00"), ms("2027-03-14 00:01")))
    assert [(it.to_ms - it.from_ms) // HOUR for it in (fall, spring)] == [13, 11]


def test_somebody_may_be_in_the_list_more_than_once():
    rotation = Rotation("primary", (turns("alice", "bob", "alice", hours=24),))
    at = ms("2026-11-02 12:00")
    assert [rotation.at(at + n * DAY)[0] for n in range(6)] == ["alice", "bob", "alice"] * 2


def test_the_last_layer_that_has_somebody_wins_and_the_one_below_goes_on_after_it():
    rotation = Rotation("primary", (weekly("alice", "bob"), always("carol", OFFICE)))
    assert told(rotation, "2026-11-06 12:00", "2026-11-09 19:00") == [
        ("Fri 06 08:00", "Fri 06 18:00", "carol"),
        ("Fri 06 18:00", "Mon 09 08:00", "alice"),
        ("Mon 09 08:00", "Mon 09 18:00", "carol"),
        ("Mon 09 18:00", "Tue 10 08:00", "bob"),
    ]


def test_a_handover_below_a_layer_that_has_somebody_is_no_end_of_a_shift():
    rotation = Rotation("primary", (turns("alice", "bob", hours=1), always("carol")))
    assert [it.person for it in rotation.shifts(ms("2026-11-03 00:00"), ms("2026-11-08 00:00"))] == ["carol"]


def test_hours_that_touch_at_midnight_are_one_shift():
    whole = parse_weekly("Mon-Fri 00:00-24:00 America/New_York")
    rotation = Rotation("primary", (always("carol", whole),))
    for at in ("2026-11-03 12:00", "2026-11-05 12:00"):
        first = told(rotation, at, "2026-11-05 12:01")[0]
        assert first == ("Mon 02 00:00", "Sat 07 00:00", "carol"), "whole, wherever the question begins"


def test_an_override_wins_over_every_layer_and_a_later_one_over_it():
    rotation = Rotation(
        "primary", (weekly("alice", "bob"), always("carol", OFFICE)),
        (Override(ms("2026-11-06 17:00"), ms("2026-11-07 12:00"), "dave"),
         Override(ms("2026-11-06 20:00"), ms("2026-11-06 22:00"), "erin", "by carol: a concert")),
    )  # fmt: skip
    assert told(rotation, "2026-11-06 09:00", "2026-11-08 00:00") == [
        ("Fri 06 08:00", "Fri 06 17:00", "carol"),
        ("Fri 06 17:00", "Fri 06 20:00", "dave"),
        ("Fri 06 20:00", "Fri 06 22:00", "erin"),
        ("Fri 06 22:00", "Sat 07 12:00", "dave"),
        ("Sat 07 12:00", "Mon 09 08:00", "alice"),
    ]
    whys = [it.why for it in rotation.shifts(ms("2026-11-06 19:00"), ms("2026-11-07 13:00"))]
    assert whys == ["override", "override by carol: a concert", "override", "turn, layer 1 of 2"]


def test_where_nobody_is_found_there_is_a_gap_with_its_end():
    rotation = Rotation("office", (weekly("carol", start="2026-11-02", during=OFFICE),))
    (first, *rest) = rotation.gaps(ms("2026-11-01 00:00"), ms("2026-11-04 12:00"))
    assert (first.from_ms, first.to_ms, first.why) == (
        ms("2026-11-01 00:00"),
        ms("2026-11-02 09:00"),
        "nobody",
    )
    assert [(it.from_ms, it.to_ms) for it in rest] == [
        (ms("2026-11-02 18:00"), ms("2026-11-03 08:00")), (ms("2026-11-03 18:00"), ms("2026-11-04 08:00"))
    ]  # fmt: skip


def test_a_gap_is_said_with_its_times_in_one_zone_and_those_after_it_are_counted():
    rotation = Rotation("office", (weekly("carol", start="2026-11-02", during=OFFICE),))
    said = rotation.gap_text(ms("2026-11-06 12:00"), ms("2026-11-10 00:00"), NEW_YORK)
    assert said == (
        "nobody is on call in office from 2026-11-06 18:00 EST to 2026-11-09 08:00 EST, and in 1 later gap"
    )
    said = rotation.gap_text(ms("2026-11-07 12:00"), ms("2026-11-08 00:00"), NEW_YORK)
    assert said == "nobody is on call in office until 2026-11-09 08:00 EST"
    assert rotation.gap_text(ms("2026-11-06 12:00"), ms("2026-11-06 13:00"), NEW_YORK) is None


def test_an_override_fills_a_gap():
    rotation = Rotation("office", (always("carol", OFFICE),))
    night = Override(ms("2026-11-03 18:00"), ms("2026-11-04 08:00"), "dave")
    assert rotation.gaps(ms("2026-11-03 12:00"), ms("2026-11-04 12:00"))
    assert rotation.overridden([night]).gaps(ms("2026-11-03 12:00"), ms("2026-11-04 12:00")) == []


@pytest.mark.parametrize(("people", "every", "handover", "why"), [
    ((), timedelta(weeks=1), Handover(time(9), NEW_YORK, 0), "nobody takes turns"),
    (("a",), timedelta(minutes=90), Handover(time(9), NEW_YORK), "use whole hours"),
    (("a",), timedelta(0), Handover(time(9), NEW_YORK), "use whole hours"),
    (("a",), timedelta(days=400), Handover(time(9), NEW_YORK), "use whole hours"),
    (("a",), timedelta(days=7), Handover(time(9), NEW_YORK), "a day of the week exactly"),
    (("a",), timedelta(days=1), Handover(time(9), NEW_YORK, 0), "a day of the week exactly"),
])  # fmt: skip
def test_a_layer_that_cannot_be_is_refused(people, every, handover, why):
    with pytest.raises(ValueError, match=why):
        Layer(people, every, handover, date(2026, 11, 2))


def test_an_override_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="its end is not after its start"):
        Override(5, 5, "alice")


zones = st.sampled_from(ODD).map(ZoneInfo)
people = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4).map(tuple)
minutes = st.sampled_from([time(0), time(2, 30), time(9), time(23, 59)])
# Around clock changes of an hour, of half an hour, of two hours, and of a whole day.
instants = st.sampled_from(
    ["2026-03-08", "2026-04-05", "2026-03-29", "2026-10-25", "2011-12-30", "2026-02-15"]
)
hours = st.sampled_from(
    ["Mon-Fri 08:00-18:00", "daily 22:00-06:00", "Sat,Sun 00:00-24:00", "daily 02:00-03:00"]
)


@st.composite
def layers(draw) -> Layer:
    zone, every = draw(zones), timedelta(hours=draw(st.sampled_from([1, 2, 5, 8, 12, 24, 36, 168, 336])))
    weekday = draw(st.integers(0, 6)) if not every % timedelta(weeks=1) else None
    during = draw(st.none() | hours.map(lambda text: parse_weekly(text, zone)))
    start = date(2011, 12, 1) + timedelta(days=draw(st.integers(0, 5500)))
    return Layer(draw(people), every, Handover(draw(minutes), zone, weekday), start, during)


@st.composite
def questions(draw) -> tuple[Rotation, int, int]:
    lo = ms(draw(instants), ZoneInfo("UTC")) + draw(st.integers(-48, 48)) * HOUR // 2
    hi = lo + draw(st.integers(1, 96)) * HOUR
    spans = draw(
        st.lists(st.tuples(st.integers(-72, 72), st.integers(1, 72), st.sampled_from("xy")), max_size=3)
    )
    overrides = tuple(Override(lo + a * HOUR, lo + (a + n) * HOUR, person) for a, n, person in spans)
    return Rotation("any", tuple(draw(st.lists(layers(), min_size=1, max_size=3))), overrides), lo, hi


@settings(max_examples=150, deadline=None)
@given(questions())
def test_shifts_lie_end_to_end_and_say_what_is_true_at_each_of_their_instants(question):
    rotation, lo, hi = question
    found = list(rotation.shifts(lo, hi))
    assert found[0].from_ms <= lo < found[0].to_ms
    assert found[-1].from_ms < hi <= found[-1].to_ms
    for before, after in pairwise(found):
        assert before.to_ms == after.from_ms
    for it in found:
        assert it.from_ms < it.to_ms
        end = min(it.to_ms, it.from_ms + 30 * DAY)
        for at in {it.from_ms, (it.from_ms + end) // 2, end - 1}:
            assert rotation.at(at) == (() if it.person is None else (it.person,))


@settings(max_examples=80, deadline=None)
@given(questions())
def test_a_shift_is_the_same_whole_whichever_of_its_instants_is_asked_about(question):
    rotation, lo, hi = question
    for it in rotation.shifts(lo, hi):
        if it.person is not None:
            for at in (it.from_ms, (it.from_ms + it.to_ms) // 2, it.to_ms - 1):
                assert next(rotation.shifts(at, at + 1)) == it


def test_without_anybody_ever_again_the_last_gap_has_no_end():
    class Empty(Layer):
        """A layer as it would be after the end of its people's time."""

        def turn(self, at_ms):
            return None

        def begins_ms(self, after_ms):
            return NEVER_MS

    rotation = Rotation(
        "gone", (Empty(("a",), timedelta(days=1), Handover(time(9), NEW_YORK), date(2026, 1, 1)),)
    )
    assert [(it.from_ms, it.to_ms) for it in rotation.shifts(5, 9)] == [(5, NEVER_MS)]
