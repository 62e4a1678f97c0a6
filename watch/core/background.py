"""What a letter tells about the trouble of an alert beside the trouble itself.

It is found once, when the alert is first told in full, and kept with the alert: so a retry, the next channel and a
restart say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What was asked, why it is believed, and what changed before. Empty parts are not known.

    Args:
        asked: The target of the check that explains the trouble, without secrets.
        seen_from: The vantage points that see the trouble, by their confirmed readings; *vantages* is how many ask.
        readings: How many bad readings in a row confirmed it, at each of them: the least of these.
        canaries: Whether a good canary round was needed to believe it.
        others: How many other checks of the component are in trouble too.
        good_ms: When the last good answer before it was asked for (Unix time in ms).
        before: What changed shortly before: Unix time in ms, and a sentence without a full stop; oldest first.
    """

    asked: str = ""
    seen_from: tuple[str, ...] = ()
    vantages: int = 0
    readings: int = 0
    canaries: bool = False
    others: int = 0
    good_ms: int | None = None
    before: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Background:
        """The value that `dataclasses.asdict` and JSON made *row* of."""
        before = tuple((int(at_ms), str(what)) for at_ms, what in row["before"])
        return cls(**{**row, "seen_from": tuple(row["seen_from"]), "before": before})
