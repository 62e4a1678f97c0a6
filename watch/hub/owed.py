"""Finds checks that give nothing to believe: not asked any more, or asked and never answered usably.

Each vantage point owes the checks it is to ask. A check that gave only *unknown* for longer than its state holds is
never an outage, so it must be said as a trouble of ours: otherwise nobody would learn of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import Verdict
from watch.hub.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.settings import Settings
    from watch.hub.intake import Intake, Key

_LOOKED_AT = 1000  # checks, before the loop may do something else
_NAMED = 5


class Owed:
    """The look at all checks, in slices. *since_ms*: nothing is owed from before."""

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self._planned: Settings | None = None
        self._validity_ms: dict[str, int] = {}
        self._deadlines: Deadlines[Key] = Deadlines()
        self._found: set[Key] = set()  # so far in this look

    def look(self, intake: Intake, settings: Settings, now_ms: int) -> tuple[str | None, str | None] | None:
        """What is to be said of checks that stopped, and of checks that give only unknown; None before it is known.

        Call it again after None. Checks of a vantage point that is blind or overloaded are not named: that is said.
        """
        if settings is not self._planned:
            self._planned = settings
            self._validity_ms = {
                name: check.confirmation.validity_ms for name, check in settings.checks.items()
            }
            self._deadlines = Deadlines(
                (check.name, vantage.name)
                for vantage in settings.vantages.values() for check in settings.asked_from(vantage)
            )  # fmt: skip

        def owed_ms(key: Key) -> int:
            belief = intake.beliefs.get(key)
            last_ms = 0 if belief is None or belief.last_ms is None else belief.last_ms
            return max(self.since_ms, last_ms) + self._validity_ms[key[0]] + 1

        self._found.update(self._deadlines.past(now_ms, owed_ms, _LOOKED_AT))
        if self._deadlines.next_ms <= now_ms:
            return None
        found, self._found = sorted(k for k in self._found if k[1] not in intake.unseeing), set()
        useless = [key for key in found if self._useless(key, intake, now_ms)]
        stopped = [key for key in found if key not in set(useless)]
        several = len(settings.vantages) > 1
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
        return last.at_ms + last.took_ms + self._validity_ms[key[0]] >= now_ms


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
