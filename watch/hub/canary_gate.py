"""A check is confirmed down only after a good canary round (semantics §3).

A streak that is long enough waits here until a canary round was good that began after the streak's first bad reading.
The receipt asks the vantage point for a round at once. Without canaries nothing waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.confirm import FOREVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.settings import Settings
    from watch.core.standing import Sight
    from watch.ports import Batch


class CanaryGate:
    """The last good canary round of each vantage point, and the checks that wait for one.

    Args:
        good_ms: When the last good rounds on record began, by vantage point.
    """

    def __init__(self, good_ms: Mapping[str, int]) -> None:
        self._good_ms, self._recorded = dict(good_ms), dict(good_ms)
        self._held: dict[str, set[str]] = {}
        self._proven: set[tuple[str, str]] = set()

    def plan(self, settings: Settings) -> None:
        """Replace the vantage points."""
        self._good_ms = {
            v.name: self._good_ms.get(v.name, 0) if v.canaries else FOREVER
            for v in settings.vantages.values()
        }

    def good_ms(self, vantage: str) -> int:
        """When the last good round of *vantage* began; 0 before the first."""
        return self._good_ms[vantage]

    def blind_from(self, sight: Sight) -> int:
        """When the last good round before a blind one began. A vantage point knows of none before its own start."""
        return min(sight.good_ms, self._recorded.get(sight.vantage, sight.good_ms))

    def hold(self, check: str, vantage: str) -> None:
        """Let *check* wait for a round."""
        self._held.setdefault(vantage, set()).add(check)

    def rename(self, names: Mapping[str, str]) -> None:
        """Know checks by other names: former → new."""
        self._held = {v: {names.get(check, check) for check in held} for v, held in self._held.items()}

    def waits(self, vantage: str) -> bool:
        """Whether any check of *vantage* waits."""
        return bool(self._held.get(vantage))

    def see(self, sight: Sight, batch: Batch, now_ms: int) -> list[str]:
        """The checks that a round may confirm; a blind round ends their wait. Records canaries when first good."""
        for name in sight.good:
            if (sight.vantage, name) not in self._proven:
                self._proven.add((sight.vantage, name))
                batch.canaries[sight.vantage, name] = now_ms
        held = sorted(self._held.pop(sight.vantage, ()))
        if sight.blind:
            return []
        self._recorded.pop(sight.vantage, None)
        known = self._good_ms.get(sight.vantage, FOREVER)
        if sight.good_ms > known:
            self._good_ms[sight.vantage] = batch.sights[sight.vantage] = sight.good_ms
        return held
