"""Finds checks that give nothing to believe: not asked any more, or asked and never answered usably.

Each vantage point owes the checks it is to ask. A check that gave only *unknown* for longer than its state holds is
never an outage, so it must be said as a trouble of ours: otherwise nobody would learn of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import Verdict
from watch.hub.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watch.core.confirm import Confirmation
    from watch.hub.awaited import Awaited
    from watch.hub.beliefs import Key
    from watch.hub.intake import Intake
    from watch.hub.plan import Plan

_LOOKED_AT = 1000  # checks, before the loop may do something else
_NAMED = 5


class Owed:
    """The look at all checks, in slices. *since_ms*: nothing is owed from before."""

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self._confirmations: Mapping[str, Confirmation] = {}
        self._several = False
        self._deadlines: dict[str, Deadlines[Key]] = {}  # by vantage point
        self._found: set[Key] = set()  # so far in this look

    def plan(self, plan: Plan) -> Iterator[None]:
        """Replace the plan, in small steps."""
        deadlines: dict[str, Deadlines[Key]] = {vantage: Deadlines() for vantage in plan.owed}
        for key in plan.keys:
            deadlines[key[1]].add(key)
            yield
        self._deadlines, self._found, self._confirmations = deadlines, set(), plan.confirmations
        self._several = len(plan.settings.vantages) > 1

    def look(self, intake: Intake, awaited: Awaited, now_ms: int) -> tuple[str | None, str | None] | None:
        """What is to be said of checks that stopped, and of checks that give only unknown; None before it is known.

        Call it again after None. Checks of a vantage point that is blind or overloaded are not named: that is said.
        """

        def owed_ms(key: Key) -> int:
            belief = intake.beliefs.get(key)
            last_ms = 0 if belief is None or belief.last_ms is None else belief.last_ms
            from_ms = max(self.since_ms, awaited.joined_ms(key[0]), last_ms)
            return from_ms + self._confirmations[key[0]].validity_ms + 1

        unseeing = intake.unseeing
        for vantage, deadlines in self._deadlines.items():
            if vantage in unseeing:  # most of its checks are overdue, each second
                continue
            self._found.update(deadlines.past(now_ms, owed_ms, _LOOKED_AT))
            if deadlines.next_ms <= now_ms:
                return None
        found, self._found = sorted(k for k in self._found if k[1] not in unseeing), set()
        useless = [key for key in found if self._useless(key, intake, now_ms)]
        stopped = [key for key in found if key not in set(useless)]
        several = self._several
        return (
            _said("checks that have stopped running", [_name(key, several) for key in stopped]),
            _said(
                "checks that give only unknown",
                [f"{_name(key, several)} ({_why(key, intake)})" for key in useless],
            ),
        )

    def _useless(self, key: Key, intake: Intake, now_ms: int) -> bool:
        """Whether *key* is still asked, but says nothing."""
        last = intake.latest.get(key)
        if last is None or last.verdict is not Verdict.UNKNOWN:
            return False
        return last.at_ms + last.took_ms + self._confirmations[key[0]].validity_ms >= now_ms


def _name(key: Key, several: bool) -> str:
    return f"{key[0]} from {key[1]}" if several else key[0]


def _why(key: Key, intake: Intake) -> str:
    last = intake.latest[key]
    return f"{last.reason.value}: {last.detail}" if last.detail else last.reason.value


def _said(what: str, names: Sequence[str]) -> str | None:
    return f"{what}: {named(names)}" if names else None


def named(names: Sequence[str]) -> str:
    """The first few of *names*, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
