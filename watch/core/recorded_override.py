"""An override that a person made by command, as it is kept: who, when and why, and who removed it.

What has happened is not changed afterwards: removing one that is in force ends it then, and one that is over stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watch.core.rotation import Override, Rotation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from watch.core.settings import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOverride:
    """*person* is on call in *rotation* in `[from_ms, to_ms)`.

    Args:
        id: Its number, for `oncall override --remove`.
        author: The name that the author gave; not verified. account: their account of the operating system.
        removed_ms, remover: When it was removed, and by whom.
    """

    id: int
    rotation: str
    person: str
    from_ms: int
    to_ms: int
    recorded_ms: int
    author: str
    account: str
    reason: str = ""
    removed_ms: int | None = None
    remover: str = ""

    @property
    def end_ms(self) -> int:
        """When it ends, or ended by removal; not after `from_ms` when it was removed before it began."""
        return self.to_ms if self.removed_ms is None else min(self.to_ms, self.removed_ms)

    @property
    def override(self) -> Override | None:
        """The override; None when it was removed before it began."""
        if self.from_ms >= self.end_ms:
            return None
        note = f"by {self.author}" + (f": {self.reason}" if self.reason else "")
        return Override(self.from_ms, self.end_ms, self.person, note)


def with_recorded(
    rotation: Rotation, recorded: Iterable[RecordedOverride], people: Collection[str], since_ms: int
) -> Rotation:
    """*rotation* with those of *recorded* that are for it, name one of *people* and last after *since_ms*.

    The newest wins, and all of them win over those in checks.yaml.
    """
    mine = (
        it for it in recorded if it.rotation == rotation.name and it.end_ms > since_ms and it.person in people
    )
    found = (it.override for it in sorted(mine, key=lambda it: it.id))
    return rotation.overridden(it for it in found if it is not None)


def renamed(recorded: Iterable[RecordedOverride], people: Mapping[str, Person]) -> list[RecordedOverride]:
    """Those of *recorded* whose person is now called otherwise (`was`), under the new name."""
    former = {it.was: name for name, it in people.items() if it.was and it.was not in people}
    return [replace(it, person=former[it.person]) for it in recorded if it.person in former]
