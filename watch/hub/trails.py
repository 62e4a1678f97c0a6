"""The readings that may become the evidence of a transition: the one before a streak, and those of the streak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.hub.check_names import move

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import Observation

_MOST = 24  # readings kept as evidence of one transition at most: the first and the last of them
Key = tuple[str, str]


class Trails:
    """One trail a check and vantage point, while its streak lasts."""

    def __init__(self) -> None:
        self._trails: dict[Key, list[Observation]] = {}

    def follow(self, key: Key, o: Observation, before: Observation | None) -> None:
        """Add *o* to the trail of *key*, which begins with the reading *before* it."""
        trail = self._trails.get(key)
        if trail is None:
            trail = self._trails[key] = [] if before is None else [before]
        if len(trail) >= _MOST:
            del trail[_MOST // 2]
        trail.append(o)

    def proof(self, key: Key, o: Observation | None) -> list[Observation]:
        """What proves a change of *key* that *o* brought about."""
        return list(self._trails.get(key) or ([o] if o is not None else []))

    def rename(self, keys: Mapping[Key, Key]) -> None:
        """Know checks by other names: former → new."""
        move(self._trails, keys)
        for key in self._trails.keys() & set(keys.values()):
            self._trails[key] = [o._replace(check=key[0]) for o in self._trails[key]]

    def drop(self, key: Key) -> None:
        self._trails.pop(key, None)
