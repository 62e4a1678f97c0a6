"""What is wrong with us: the alerts about ourselves (semantics §1, §3, §8), each as long as it lasts.

A fault of ours never reads as an outage of theirs; it must not go unnoticed either.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from watch.config.channels import refused
from watch.core.alert import Status
from watch.core.delivery import RECENT
from watch.core.quorum import SelfAlert, SelfAlertKind
from watch.hub.clock_words import epoch_text, pause_text, span, step_text
from watch.hub.owed import Owed, named
from watch.hub.trouble_kinds import NEVER_PAGES_MS, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watch.core.alert import Notice
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.delivery import Load
    from watch.core.settings import Secret, Settings
    from watch.core.standing import CheckStanding, OwnTrouble, Sight
    from watch.hub.awaited import Awaited
    from watch.hub.intake import Intake
    from watch.hub.plan import Plan

log = logging.getLogger(__name__)
_TOLD_MS = 300_000  # how long that is said which is over at once
_WRITING_MS = 300_000  # a mistaken file that is corrected by then pages nobody
_STUCK_MS = 600_000
_STILL = 5.0  # seconds
_BRIEF_MS = 60_000  # an overload that is over by then pages nobody
_SURE_MS = 15_000  # by then an overload that explains it is known
_A_LINE_MS = 60_000
_FAILING = 3  # attempts
_OF_A_CHANNEL = ("channel_refused", "channel_failing", "channel_unanswered", "channel_lease")
_OF_A_VANTAGE = ("vantage_blind", "canary_never_good", "overloaded")


class Troubles:
    """Those that hold now; `since_ms` is when each was first seen."""

    def __init__(self, started_ms: int, blind: Iterable[str] = (), epoch: ClockEpoch | None = None) -> None:
        self._now: dict[str, OwnTrouble] = {}
        self.owed = Owed(started_ms)
        self._logged_ms = 0
        self._until_ms: dict[str, int] = {}
        if epoch is not None:
            self.tell("clock_epoch", epoch_text(epoch), started_ms)
        for vantage in blind:
            text = f"vantage point {vantage} was blind when the hub stopped, and has not seen since"
            self.note(f"vantage_blind:{vantage}", text, started_ms)

    def current(self) -> Sequence[OwnTrouble]:
        return tuple(self._now.values())

    def note(self, key: str, text: str | None, now_ms: int, *, hold_ms: int = 0, cure: str = "") -> None:
        """Trouble *key* reads *text* now, or is over when that is None; nobody is paged before *hold_ms*.

        Args:
            cure: What to do about it; that of its kind without it.
        """
        if text is None:
            self._now.pop(key, None)
        else:
            since = self._now[key].since_ms if key in self._now else now_ms
            self._now[key] = trouble(key, text, since, since + hold_ms, cure)

    def tell(self, key: str, text: str, now_ms: int, *, pages: bool = True) -> None:
        """Trouble *key* has happened and is over; it is said for five minutes."""
        self.note(key, text, now_ms, hold_ms=0 if pages else 2 * _TOLD_MS)
        self._until_ms[key] = now_ms + _TOLD_MS

    def sighted(self, sight: Sight, now_ms: int) -> None:
        blind = f"vantage point {sight.vantage} is blind: {', '.join(sight.bad)} cannot be reached from it"
        self.note(f"vantage_blind:{sight.vantage}", blind if sight.blind else None, now_ms)
        never = f"canaries of {sight.vantage} that were never good and do not count: {', '.join(sight.never)}"
        self.note(f"canary_never_good:{sight.vantage}", never if sight.never else None, now_ms)

    def stepped(self, step: tuple[int, int, int | None] | None, now_ms: int) -> None:
        """The wall clock differs from ours by *step* (see `step_text`)."""
        self.note("clock_skew", None if step is None else step_text(*step), now_ms)

    def paused(self, from_ms: int, until_ms: int) -> None:
        """The hub did not run in that time, so no check had its turn."""
        self.owed.since_ms = until_ms
        brief = until_ms - from_ms < _BRIEF_MS
        self.tell("hub_paused", pause_text(from_ms, until_ms), until_ms, pages=not brief)

    def sent(self, notice: Notice, now_ms: int) -> None:
        """What became of *notice*, and so of the channel that it went over; what is only leased says nothing yet."""
        person, number = notice.recipient, notice.channel + 1
        channel = f"channel {number} of {person}"
        why = notice.detail and f"; {notice.detail}"
        refused = unanswered = failing = None
        if notice.status is Status.DEAD and notice.unanswered > 1:
            said = "takes notices and does not answer, so it is not known whether they arrive"
            unanswered = f"{channel} {said}{why}"
        elif notice.status is Status.DEAD:
            refused = f"{channel} refuses notices for good{why}"
        elif notice.status is Status.PENDING and notice.attempts >= _FAILING:
            failing = f"{channel} does not take notices: {notice.attempts} attempts have failed{why}"
        elif notice.status is not Status.DELIVERED:
            return
        self.note(f"channel_refused:{person}:{number}", refused, now_ms)
        self.note(f"channel_unanswered:{person}:{number}", unanswered, now_ms)
        self.note(f"channel_failing:{person}:{number}", failing, now_ms, hold_ms=_TOLD_MS)

    def unusable(self, channels: Iterable[tuple[str, int]], now_ms: int) -> None:
        """These channels (person, number from 1) have URLs that apprise does not accept."""
        for person, number in channels:
            self.note(f"channel_refused:{person}:{number}", refused(person, number), now_ms, hold_ms=_TOLD_MS)

    def refused(self, text: str, cure: str, now_ms: int) -> None:
        """The configuration was not taken over. Who is still writing it is paged by nobody."""
        self.note("config_reload", text, now_ms, hold_ms=_WRITING_MS, cure=cure)

    def replan(self, old: Settings, new: Settings) -> None:
        """Drop what is about channels and vantage points that *new* has not, or has otherwise than *old*."""
        for found in tuple(self._now.values()):
            kind, _, it = found.key.partition(":")
            if kind in _OF_A_CHANNEL:
                person, _, number = it.rpartition(":")
                channel = _channel(new, person, number)
                kept = channel is not None and channel == _channel(old, person, number)
            else:
                kept = kind not in _OF_A_VANTAGE or it in new.vantages
            if not kept:
                self._now.pop(found.key)

    def unread(self, checks: int, now_ms: int) -> None:
        """So many checks have had no reading since the hub began; `look` says it if that lasts."""
        has = "1 check has" if checks == 1 else f"{checks:,} checks have"
        text = f"{has} no first reading yet"
        self.note("first_readings", text if checks else None, now_ms, hold_ms=NEVER_PAGES_MS)

    def silent(self, loop: str, ago_ms: int | None, now_ms: int) -> None:
        """A loop of the hub has not run for *ago_ms*, which is too long; None while it runs."""
        text = f"the loop {loop} of the hub has not run for {span(ago_ms)}" if ago_ms is not None else None
        self.note(f"loop_stuck:{loop}", text, now_ms)

    def stuck(self, waiting_since_ms: int | None, now_ms: int) -> None:
        """The notice that has waited longest to be delivered was written at *waiting_since_ms*."""
        late = waiting_since_ms is not None and now_ms - waiting_since_ms > _STUCK_MS
        text = "notices have been waiting for over ten minutes: their channels do not take them"
        self.note("sender_stuck", text if late else None, now_ms)

    def unseen(self, standings: Sequence[CheckStanding], now_ms: int) -> None:
        """Checks of several vantage points of which none can say how they are; of one, `sighted` says it."""
        none = SelfAlert(SelfAlertKind.NO_HEALTHY_VANTAGE)
        names = sorted(s.name for s in standings if none in s.about_us and len(s.about_us) > 1)
        text = f"all vantage points are blind that could say how these are: {named(names)}"
        self.note("no_healthy_vantage", text if names else None, now_ms)

    def plan(self, plan: Plan) -> Iterator[None]:
        """Replace the plan, in small steps."""
        yield from self.owed.plan(plan)

    def look(self, intake: Intake, awaited: Awaited, now_ms: int) -> bool:
        """Find checks that give nothing to believe; False when there are more to look at, for the next call."""
        for key in [key for key, until_ms in self._until_ms.items() if now_ms >= until_ms]:
            del self._until_ms[key]
            self.note(key, None, now_ms)
        said = self.owed.look(intake, awaited, now_ms)
        if said is None:
            return False
        self.note("checks_stopped", said[0], now_ms, hold_ms=_SURE_MS)
        self.note("checks_unknown", said[1], now_ms, hold_ms=_SURE_MS)
        return True

    def loaded(self, vantage: str, load: Load, now_ms: int) -> bool:
        """How *vantage* keeps up; return whether it is overloaded."""
        said = _overload(load)
        text = f"vantage point {vantage} is overloaded: {said}" if said else None
        self.note(f"overloaded:{vantage}", text, now_ms, hold_ms=_BRIEF_MS)
        if text is not None and now_ms - self._logged_ms >= _A_LINE_MS:
            self._logged_ms = now_ms
            log.warning("%s", text)
        return text is not None


def _channel(settings: Settings, person: str, number: str) -> Secret | None:
    """That channel, counted from 1; None when there is none."""
    channels = settings.people[person].channels if person in settings.people else ()
    return channels[int(number) - 1] if int(number) <= len(channels) else None


def _overload(load: Load) -> str:
    """What shows that a vantage point is overloaded; empty when nothing does."""
    said = []
    if load.late * 100 > load.checks:
        said.append(f"{load.checks - load.late:,} of {load.checks:,} checks are asked on time")
    if load.undecided:
        said.append(
            f"{load.undecided:,} readings of the last {RECENT:.0f} s waited for us and decide nothing"
        )
    if load.stood_still >= _STILL:
        said.append(f"nothing ran for {load.stood_still:.0f} s")
    return "; ".join(said)
