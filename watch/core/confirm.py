"""From readings to a confirmed state, for one check seen from one vantage point (semantics §2).

One bad reading is a blip. Three in a row are an outage, which began with the first of the three. So a state changes
only when a *streak* of readings confirms it, and the change is *backdated* to the first reading of the streak.

Rules that are easy to get wrong:

* One good reading inside an outage neither ends the outage nor moves its beginning.
* *degraded* confirms like *down*, with the same counts; a *down* reading also lengthens a *degraded* streak, but
  not the other way round. After down, a *degraded* reading counts as recovery (`serving_run`).
* *unknown* readings say nothing about the target: they neither break nor lengthen a streak, nor extend validity.
* A state holds for the check's validity after its last reading, half-open; then it is unknown and the streaks
  are cleared. After such a gap *up* needs one good reading, and *down* needs full confirmation.
* *down* is confirmed only when a canary round begun after the streak's first bad reading was good: otherwise the
  fault may be the vantage point's. The streak waits for that round.
* The instant of a change is known to within one interval. The target was good at some instant of the reading before
  the streak, and bad at some instant of its first reading: `Change` carries both bounds.
"""

from __future__ import annotations

from typing import NamedTuple

from watch.core.reading import Reason, Verdict
from watch.core.timeline import State

FOREVER = 2**62
_DOWN = State.DOWN  # a member of an enum takes longer to look up than a global


class Confirmation(NamedTuple):
    """The settings of a check that its confirmation depends on; times in ms."""

    down: int
    up: int
    validity_ms: int


class Streak(NamedTuple):
    """Consecutive readings that agree.

    Args:
        done_ms: When the first of them ended.
        before_ms: When the reading before them began; None after a gap.
    """

    length: int
    from_ms: int
    done_ms: int
    before_ms: int | None


class Belief(NamedTuple):
    """The state of a check as one vantage point's readings give it, with the streaks under way.

    Args:
        last_ms: When its last reading began (not counting unknown ones); None before the first.
        down_run: Readings that are down. degraded_run: down or degraded. serving_run: up or degraded. up_run: up.
        blips: Bad streaks that were never confirmed.
    """

    state: State = State.UNKNOWN
    since_ms: int = 0
    last_ms: int | None = None
    down_run: Streak | None = None
    degraded_run: Streak | None = None
    serving_run: Streak | None = None
    up_run: Streak | None = None
    blips: int = 0

    @property
    def settled(self) -> bool:
        """Whether no streak is under way that may change the state; while one is, the check is asked again soon."""
        if self.state is State.DOWN:
            return self.serving_run is None
        if self.state is State.DEGRADED:
            return self.down_run is None and self.up_run is None
        return self.down_run is None and self.degraded_run is None

    @property
    def last_bad_ms(self) -> int | None:
        """While down: when the last bad reading began; otherwise None."""
        if self.state is not _DOWN:
            return None
        return self.last_ms if self.serving_run is None else self.serving_run.before_ms


class Change(NamedTuple):
    """A confirmed transition. The true instant is in [earliest_ms, latest_ms]; figures use effective_ms.

    Args:
        readings: How many readings in a row confirmed it; 0 when none did, as when a state lapses.
    """

    was: State
    state: State
    effective_ms: int
    earliest_ms: int
    latest_ms: int
    reason: Reason
    readings: int = 0


def observed(
    belief: Belief, confirmation: Confirmation, *, verdict: Verdict, reason: Reason, at_ms: int, took_ms: int,
    sighted_ms: int = FOREVER,
) -> tuple[Belief, tuple[Change, ...]]:  # fmt: skip
    """*belief* after one more reading, and the changes (at most a lapse, then another change).

    A reading not newer than the last one changes nothing.

    Args:
        sighted_ms: When the vantage point's last good canary round began; `FOREVER` where it has no canaries.
    """
    last_ms = belief.last_ms
    if verdict is Verdict.UNKNOWN or (last_ms is not None and at_ms <= last_ms):
        return belief, ()
    lapse: tuple[Change, ...] = ()
    if last_ms is not None and at_ms >= last_ms + confirmation.validity_ms:
        belief, lapse = lapsed(belief, confirmation, now_ms=at_ms)
    if (
        verdict is Verdict.UP and belief.state is State.UP
    ):  # by far the most common case: there is nothing to confirm
        blips = belief.blips + (belief.down_run is not None)
        return Belief(State.UP, belief.since_ms, at_ms, None, None, None, None, blips), ()
    grown = _grown(belief, verdict, at_ms, at_ms + took_ms)
    after, change = _concluded(grown, confirmation, reason, sighted_ms)
    return after, lapse if change is None else (*lapse, change)


def sighted(
    belief: Belief, confirmation: Confirmation, reason: Reason, sighted_ms: int
) -> tuple[Belief, tuple[Change, ...]]:
    """*belief* after a good canary round that began at *sighted_ms*, which may confirm a waiting streak."""
    after, change = _concluded(belief, confirmation, reason, sighted_ms)
    return after, () if change is None else (change,)


def awaits_sight(belief: Belief, confirmation: Confirmation, sighted_ms: int) -> bool:
    """Whether only a good canary round since the first bad reading is missing to confirm down."""
    run = belief.down_run
    return (
        run is not None and belief.state is not State.DOWN
        and run.length >= confirmation.down and sighted_ms <= run.from_ms
    )  # fmt: skip


def _concluded(
    grown: Belief, confirmation: Confirmation, reason: Reason, sighted_ms: int
) -> tuple[Belief, Change | None]:
    """*grown* with the change that its streaks confirm; None without a change."""
    confirmed = _confirmed(grown, confirmation, sighted_ms)
    if confirmed is None:
        return grown, None
    state, streak = confirmed
    earliest = streak.from_ms if streak.before_ms is None else streak.before_ms
    change = Change(grown.state, state, streak.from_ms, earliest, streak.done_ms, reason, streak.length)
    # When a recovery ends in degraded readings, these are a new streak; all other streaks are used up.
    degraded_run = grown.degraded_run if state is State.UP else None
    after = Belief(state, streak.from_ms, grown.last_ms, degraded_run=degraded_run, blips=grown.blips)
    return after, change


def streakless(belief: Belief) -> Belief:
    """*belief* without its streaks."""
    return belief._replace(down_run=None, degraded_run=None, serving_run=None, up_run=None)


def lapsed(belief: Belief, confirmation: Confirmation, *, now_ms: int) -> tuple[Belief, tuple[Change, ...]]:
    """*belief* at *now_ms* without a new reading: unknown once its validity is over."""
    if belief.last_ms is None or now_ms < belief.last_ms + confirmation.validity_ms:
        return belief, ()
    return blinded(belief, at_ms=belief.last_ms + confirmation.validity_ms, reason=Reason.STALE)


def blinded(belief: Belief, *, at_ms: int, reason: Reason) -> tuple[Belief, tuple[Change, ...]]:
    """*belief* when the state is unknown from *at_ms* on; streaks are cleared.

    An outage that ends in a gap may have ended right after its last bad reading: that is its earliest end.
    """
    at_ms = max(at_ms, belief.since_ms)
    unknown = Belief(State.UNKNOWN, at_ms, None, blips=belief.blips)
    if belief.state is State.UNKNOWN:
        return unknown._replace(since_ms=belief.since_ms), ()
    earliest = min(at_ms, at_ms if belief.last_bad_ms is None else belief.last_bad_ms)
    return unknown, (Change(belief.state, State.UNKNOWN, at_ms, earliest, at_ms, reason),)


def _grown(belief: Belief, verdict: Verdict, at_ms: int, done_ms: int) -> Belief:
    """*belief* with its streaks one reading longer, or broken."""
    state, since_ms, last_ms, down_run, degraded_run, serving_run, up_run, blips = belief
    if verdict is Verdict.UP:
        blips += down_run is not None and state is not State.DOWN
        serving_run, up_run = (
            _longer(serving_run, at_ms, done_ms, last_ms),
            _longer(up_run, at_ms, done_ms, last_ms),
        )
        return Belief(state, since_ms, at_ms, None, None, serving_run, up_run, blips)
    degraded_run = _longer(degraded_run, at_ms, done_ms, last_ms)
    if verdict is Verdict.DEGRADED:
        blips += down_run is not None and state is not State.DOWN
        return Belief(
            state,
            since_ms,
            at_ms,
            None,
            degraded_run,
            _longer(serving_run, at_ms, done_ms, last_ms),
            None,
            blips,
        )
    return Belief(
        state, since_ms, at_ms, _longer(down_run, at_ms, done_ms, last_ms), degraded_run, None, None, blips
    )


def _longer(streak: Streak | None, at_ms: int, done_ms: int, last_ms: int | None) -> Streak:
    if streak is None:
        return Streak(1, at_ms, done_ms, last_ms)
    return streak._replace(length=streak.length + 1)


def _confirmed(belief: Belief, confirmation: Confirmation, sighted_ms: int) -> tuple[State, Streak] | None:
    """The state that *belief*'s streaks confirm, with the confirming streak; None without one."""
    state, down_run, degraded_run, serving_run, up_run = belief[0], *belief[3:7]
    if state is State.DOWN:
        if serving_run is None or serving_run.length < confirmation.up:
            return None
        # Degraded only if every reading of the recovery was degraded; otherwise up.
        return (
            State.DEGRADED
            if degraded_run is not None and degraded_run.length >= serving_run.length
            else State.UP
        ), serving_run
    if down_run is not None and down_run.length >= confirmation.down:
        # A down streak that waits for the canaries must not become degraded meanwhile.
        return (State.DOWN, down_run) if sighted_ms > down_run.from_ms else None
    if state is State.DEGRADED:
        return (State.UP, up_run) if up_run is not None and up_run.length >= confirmation.up else None
    if degraded_run is not None and degraded_run.length >= confirmation.down:
        return State.DEGRADED, degraded_run
    return (State.UP, up_run) if state is State.UNKNOWN and up_run is not None else None
