"""The answer to `oncall`: plain values, for JSON, for the command line and for calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core.recorded_override import with_recorded
from watch.core.rotation import NEVER_MS
from watch.errors import Trouble
from watch.hub.on_call_words import moment, rotation_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.recorded_override import RecordedOverride
    from watch.core.rotation import Rotation, Shift
    from watch.core.settings import Settings

_DAY_MS = 86_400_000
DAYS, MOST_DAYS = 7, 400
_NEXT_DAYS = 92  # how far ahead the next person is looked for


def on_call_answer(
    settings: Settings, recorded: Sequence[RecordedOverride], said: Mapping[str, Any], now_ms: int
) -> dict[str, Any]:
    """Each rotation: who is on call at an instant, until when, and who is next; shifts, gaps, overrides not yet over.

    Args:
        recorded: The overrides that were made by command, under the names that people have now.
        said: What was asked: `rotation` (one of them), `at` (a time as text; now), `days` (for shifts and gaps).

    Raises:
        Trouble: The request is wrong.
    """
    zone, days = settings.service.timezone, said.get("days")
    days = DAYS if days is None else days
    if type(days) is not int or not 1 <= days <= MOST_DAYS:
        raise Trouble(f"--days: write a number from 1 to {MOST_DAYS}")
    at_ms = moment(said.get("at") or "now", "--at", zone, now_ms)
    chosen = settings.rotations
    if said.get("rotation"):
        one = rotation_for(said["rotation"], settings.rotations)
        chosen = {one.name: one}
    return {
        "as_of": now_ms, "at": at_ms, "zone": zone.key, "service": settings.service.name, "days": days,
        "rotations": [_rotation(it, recorded, settings, at_ms, days) for it in chosen.values()],
        "without_effect": [
            _override(it) for it in recorded
            if _ahead(it, at_ms) and (it.rotation not in settings.rotations or it.person not in settings.people)
        ],
    }  # fmt: skip


def _rotation(
    rotation: Rotation, recorded: Sequence[RecordedOverride], settings: Settings, at_ms: int, days: int
) -> dict[str, Any]:
    whole = with_recorded(rotation, recorded, settings.people, at_ms - MOST_DAYS * _DAY_MS)
    shifts = list(whole.shifts(at_ms, at_ms + days * _DAY_MS))
    now, following = _now_and_next(whole, at_ms, days)
    made = [
        it
        for it in recorded
        if it.rotation == rotation.name and it.person in settings.people and _ahead(it, at_ms)
    ]
    written = [it for it in rotation.overrides if it.to_ms > at_ms]
    return {
        "name": rotation.name, "now": _shift(now), "next": None if following is None else _shift(following),
        "shifts": [_shift(it) for it in shifts], "gaps": [_shift(it) for it in shifts if it.person is None],
        "overrides": [
            *({"number": None, "rotation": rotation.name, "person": it.person, "from_ms": it.from_ms,
               "to_ms": it.to_ms, "by": "checks.yaml", "reason": ""} for it in written),
            *map(_override, made),
        ],
    }  # fmt: skip


def _now_and_next(rotation: Rotation, at_ms: int, days: int) -> tuple[Shift, Shift | None]:
    """The shift at *at_ms*, up to when somebody else has it, and that one; None when nobody else follows soon.

    Consecutive turns of one person are one here: nothing is handed over between them.
    """
    now = next(rotation.shifts(at_ms, at_ms + 1))
    until_ms = (
        max(now.to_ms + 1, at_ms + max(days, _NEXT_DAYS) * _DAY_MS) if now.to_ms < NEVER_MS else at_ms + 1
    )
    last_ms = now.to_ms
    for after in rotation.shifts(at_ms, until_ms):
        if after.person != now.person:
            return now._replace(to_ms=last_ms), after
        last_ms = after.to_ms
    return now._replace(to_ms=NEVER_MS), None


def _ahead(it: RecordedOverride, at_ms: int) -> bool:
    """Whether it is in force at *at_ms* or later."""
    return it.end_ms > max(at_ms, it.from_ms)


def _shift(it: Shift) -> dict[str, Any]:
    return {
        "person": it.person, "from_ms": it.from_ms, "to_ms": None if it.to_ms == NEVER_MS else it.to_ms, "why": it.why
    }  # fmt: skip


def _override(it: RecordedOverride) -> dict[str, Any]:
    return {
        "number": it.id, "rotation": it.rotation, "person": it.person, "from_ms": it.from_ms, "to_ms": it.end_ms,
        "by": it.author, "account": it.account, "recorded_ms": it.recorded_ms, "reason": it.reason,
    }  # fmt: skip
