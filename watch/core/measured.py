"""What readings show of a check without a change of its state: slowness, or that a condition over its facts holds.

Such a finding has a key, that of its alert: one for each slow component, one for each check and condition. Three
answers are possible: it holds, it does not hold, and nothing is known. Nothing known opens no alert and closes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Mapping

MEASURED = frozenset((When.SLOW, When.FACT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One that holds now.

    Args:
        subject: The key of the component. check: the check that shows it.
        since_ms: Since when (Unix time in ms), as far as it is known.
        detail: What was measured, for people.
        condition: The text of the condition; empty for `slow`.
        seen_from: The vantage points whose readings show it.
    """

    when: When
    subject: str
    check: str
    since_ms: int
    detail: str
    condition: str = ""
    seen_from: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return key_of(self.when, self.subject, self.check, self.condition)


class Measures(Protocol):
    """The findings of the hub, as the alert desk asks for them."""

    @property
    def holding(self) -> Mapping[str, Finding]:
        """Those that hold now, by key; another mapping each time that any of them changed."""

    def well(self, key: str) -> bool:
        """Whether readings say that the finding with this key does not hold; False while nothing is known."""


class NothingMeasured:
    """No findings: for a desk without a hub."""

    holding: Mapping[str, Finding] = {}

    def well(self, _: str) -> bool:
        return False


def key_of(when: When, subject: str, check: str, condition: str) -> str:
    """The key of an alert; that of a condition has its check and its text."""
    return f"{when}:{subject}" if when is not When.FACT else f"{when}:{check} {condition}"


def part_of(key: str) -> tuple[When, str, str, str]:
    """What `key_of` made *key* of; the check is empty unless it is about a condition."""
    word, _, rest = key.partition(":")
    if word != When.FACT:
        return When(word), rest, "", ""
    check, _, condition = rest.partition(" ")
    return When.FACT, check.partition("/")[0], check, condition
