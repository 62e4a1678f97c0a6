"""What people write about on-call: an instant, a rotation, a person; each with the mistake it may be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from watch.core.quantity import instant
from watch.core.wording import one_line
from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from watch.core.rotation import Rotation

_LONGEST = 100  # characters of a time
_LAST_MS = 221_845_392_000_000  # the year 9000: turns after it would leave the calendar
_EXAMPLE = "write it like 2026-12-24 09:00 America/New_York"


def moment(written: object, option: str, zone: ZoneInfo, now_ms: int) -> int:
    """The instant *written*, in *zone* if it names none, or `now`; in ms. *option* is named in the mistake."""
    text = str(written)[: _LONGEST + 1].strip()
    if text == "now":
        return now_ms
    if not text:
        raise Trouble(f"{option}: a time is missing; {_EXAMPLE}")
    if len(text) > _LONGEST:
        raise Trouble(f"{option}: this is no time; {_EXAMPLE}")
    try:
        found = int(instant(text, zone).timestamp()) * 1000
    except (ValueError, OverflowError) as error:
        raise Trouble(f"{option}: {one_line(str(error))}") from None
    if found >= _LAST_MS:
        raise Trouble(f"{option}: write a year before 9000")
    return found


def rotation_for(word: object, rotations: Mapping[str, Rotation]) -> Rotation:
    """The rotation that *word* names; the only one when *word* is empty."""
    if not rotations:
        raise Trouble("there are no `rotations` in checks.yaml; add one first")
    if not word:
        if len(rotations) > 1:
            raise Trouble(
                f"there are {len(rotations)} rotations; say which one with --rotation: {_listed(rotations)}"
            )
        return next(iter(rotations.values()))
    if (found := rotations.get(str(word))) is not None:
        return found
    raise _unknown("rotation", str(word), rotations)


def no_person(word: str, people: Iterable[str]) -> Trouble:
    """The mistake that *word* is none of *people*."""
    return _unknown("person", word, people)


def _unknown(what: str, word: str, known: Iterable[str]) -> Trouble:
    names = list(known)
    near = get_close_matches(word[:64].lower(), names, 1)
    cure = (
        f"did you mean {near[0]!r}?" if near else f"there is {_listed(names)}" if names else "none is defined"
    )
    return Trouble(f"there is no {what} {one_line(word, 64)!r}; {cure}")


def _listed(names: Iterable[str]) -> str:
    *most, last = sorted(names)[:8]
    return f"{', '.join(most)} and {last}" if most else last
