"""The silences on record, and which alerts they hold back now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watch.core.settings import Settings, When
    from watch.core.silence import Silence


class Silences:
    """All silences by number; those that are over stay on record."""

    def __init__(self, settings: Settings, silences: Iterable[Silence]) -> None:
        self._settings = settings
        self.all: dict[int, Silence] = {silence.id: silence for silence in silences}
        self._now: Sequence[Silence] = ()

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings = settings

    def rename(self, parts: Mapping[str, str]) -> list[Silence]:
        """Know components by other keys: former → new; the silences that changed."""
        changed = [after for s in self.all.values() if (after := s.renamed(parts)) != s]
        self.all.update((silence.id, silence) for silence in changed)
        return changed

    def look(self, now_ms: int) -> None:
        """Note which are in force at *now_ms*."""
        self._now = [silence for silence in self.all.values() if silence.in_force(now_ms)]

    def hold(self, when: When, subject: str) -> bool:
        """Whether one that is in force holds back alerts of kind *when* for *subject*."""
        return any(s.matches(when, subject, self._settings.components) for s in self._now)

    def next_id(self) -> int:
        return max(self.all, default=0) + 1
