"""What is wrong with us: the alerts about ourselves (semantics §1, §3, §8), each as long as it lasts.

A fault of ours never reads as an outage of theirs; it must not go unnoticed either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.quorum import SelfAlert, SelfAlertKind
from watch.core.standing import CheckStanding, OwnTrouble, Sight
from watch.hub.clock_words import epoch_text, pause_text, step_text
from watch.hub.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.clock_epoch import ClockEpoch
    from watch.core.settings import Settings
    from watch.hub.intake import Intake, Key

_TOLD_MS = 300_000  # how long that is said which is over at once
_STUCK_MS = 600_000
_NAMED = 5
_LOOKED_AT = 1000  # checks, before the loop may do something else


class Troubles:
    """Those that hold now; `since_ms` is when each was first seen."""

    def __init__(self, started_ms: int, blind: Iterable[str] = (), epoch: ClockEpoch | None = None) -> None:
        self._started_ms = started_ms
        self._now: dict[str, OwnTrouble] = {}
        self._until_ms: dict[str, int] = {}
        if epoch is not None:
            self.tell("clock_epoch", epoch_text(epoch), started_ms)
        for vantage in blind:
            text = f"vantage point {vantage} was blind when the hub stopped, and has not seen since"
            self.note(f"vantage_blind:{vantage}", text, started_ms)
        self._planned: Settings | None = None
        self._validity_ms: dict[str, int] = {}
        self._silences: Deadlines[Key] = Deadlines()
        self._silent: set[Key] = set()  # found so far in this look

    def current(self) -> Sequence[OwnTrouble]:
        return tuple(self._now.values())

    def note(self, key: str, text: str | None, now_ms: int) -> None:
        """Trouble *key* reads *text* now, or is over when that is None."""
        if text is None:
            self._now.pop(key, None)
        else:
            since = self._now[key].since_ms if key in self._now else now_ms
            self._now[key] = OwnTrouble(key, text, since)

    def tell(self, key: str, text: str, now_ms: int) -> None:
        """Trouble *key* has happened and is over; it is said for five minutes."""
        self.note(key, text, now_ms)
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
        self._started_ms = until_ms
        self.tell("hub_paused", pause_text(from_ms, until_ms), until_ms)

    def refused(self, person: str, channel: int, now_ms: int, *, dead: bool) -> None:
        """A notice to *person* was refused for good by one of their channels, or has got through."""
        text = f"channel {channel + 1} of {person} refuses notices for good: it cannot work as it is written"
        self.note(f"channel_refused:{person}:{channel + 1}", text if dead else None, now_ms)

    def unwritten(self, why: str | None, now_ms: int) -> None:
        """Why the store takes nothing just now; None while it does."""
        text = f"nothing can be written, all is kept in memory: {why}"
        self.note("store_stuck", None if why is None else text, now_ms)

    def stuck(self, waiting_since_ms: int | None, now_ms: int) -> None:
        """The notice that has waited longest to be delivered was written at *waiting_since_ms*."""
        late = waiting_since_ms is not None and now_ms - waiting_since_ms > _STUCK_MS
        text = "notices have been waiting for over ten minutes: their channels do not take them"
        self.note("sender_stuck", text if late else None, now_ms)

    def unseen(self, standings: Sequence[CheckStanding], now_ms: int) -> None:
        """Checks of several vantage points of which none can say how they are; of one, `sighted` says it."""
        none = SelfAlert(SelfAlertKind.NO_HEALTHY_VANTAGE)
        names = sorted(s.name for s in standings if none in s.about_us and len(s.about_us) > 1)
        text = f"all vantage points are blind that could say how these are: {_named(names)}"
        self.note("no_healthy_vantage", text if names else None, now_ms)

    def look(self, intake: Intake, settings: Settings, now_ms: int) -> bool:
        """Find checks that stopped running; False when there are more to look at, for the next call.

        Each vantage point owes the checks it is to ask.
        """
        for key in [key for key, until_ms in self._until_ms.items() if now_ms >= until_ms]:
            del self._until_ms[key]
            self.note(key, None, now_ms)
        if settings is not self._planned:
            self._planned = settings
            self._validity_ms = {
                name: check.confirmation.validity_ms for name, check in settings.checks.items()
            }
            self._silences = Deadlines(
                (check.name, vantage.name)
                for vantage in settings.vantages.values() for check in settings.asked_from(vantage)
            )  # fmt: skip

        def silent_ms(key: Key) -> int:
            last = intake.latest.get(key)
            return (
                max(self._started_ms, last.at_ms if last is not None else 0) + self._validity_ms[key[0]] + 1
            )

        self._silent.update(self._silences.past(now_ms, silent_ms, _LOOKED_AT))
        if self._silences.next_ms <= now_ms:
            return False
        silent, self._silent = sorted(key for key in self._silent if key[1] not in intake.sights.blind), set()
        several = len(settings.vantages) > 1
        names = [f"{name} from {vantage}" if several else name for name, vantage in silent]
        self.note(
            "checks_stopped", f"checks that have stopped running: {_named(names)}" if names else None, now_ms
        )
        return True


def _named(names: Sequence[str]) -> str:
    """The first few of *names*, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
