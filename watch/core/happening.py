"""What happened, as one line for people and a row for scripts: kept for what the ledger does not say.

The ledger holds what figures need. Who was paged, how a component stood, what a reload changed and what troubled us
are happenings: rows of their own, deleted after `retention`.

A happening with the word `BEGUN` lasts until one of the same kind and key with the word `OVER`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGUN, OVER = "begun", "over"
_LONGEST = 1000  # characters of a text


class Sort(StrEnum):
    """What a happening is about; its key is in brackets."""

    STATE = "state"  # a component stands otherwise (its key)
    ALERT = "alert"  # an alert opens, calls people, closes (its dedup key)
    PAGE = "page"  # a letter to a person was sent, or was not (the person)
    SILENCE = "silence"  # a silence begins and ends (its number)
    MAINTENANCE = "maintenance"  # a maintenance window begins and ends (the window)
    ONCALL = "oncall"  # an override of a rotation begins and ends (its number)
    TROUBLE = "trouble"  # a trouble of our own begins and is over (its key)
    RELOAD = "reload"  # another configuration is in force (the file)
    HUB = "hub"  # the hub starts and stops (the process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened at *at_ms* (Unix time in ms).

    Args:
        word: What happened: `down`, `opened`, `delivered`, `begun`, `over` …
        text: One line for people, without the instant.
        about: The components and checks that it is about.
        facts: More for scripts; instants have names that end with `_ms`.
    """

    at_ms: int
    sort: Sort
    key: str
    word: str
    text: str
    about: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The part that is in no column of its own; texts from outside are made one line."""
        row = {"text": one_line(self.text, _LONGEST), "about": self.about, "facts": dict(self.facts)}
        return json.dumps(row, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def of_row(cls, at_ms: int, sort: str, key: str, word: str, body: str) -> Happening:
        """The happening of these columns."""
        row = json.loads(body)
        return cls(
            at_ms=at_ms, sort=Sort(sort), key=key, word=word, text=row["text"], about=tuple(row["about"]),
            facts=dict(row["facts"]),
        )  # fmt: skip
