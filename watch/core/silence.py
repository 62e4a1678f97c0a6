"""Silences: for what alerts nobody is called, until when, who said so and why.

A silence matches by component, group and kind of alert. It holds alerts back and changes no state: when it ends while
the trouble lasts, the page comes. It always has an end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.settings import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One silence. What is empty matches everything, but something is always named.

    Args:
        components: Keys of components. groups: names of their groups; a component matches by either.
        whens: The kinds of alerts.
        by: Who said so. account: the operating system's account.
        ended_ms: When somebody ended it before its time (Unix time in ms). ended_by: who.
    """

    id: int
    components: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    whens: tuple[When, ...] = ()
    from_ms: int
    until_ms: int
    reason: str
    by: str
    account: str = ""
    ended_ms: int | None = None
    ended_by: str = ""

    def in_force(self, at_ms: int) -> bool:
        """Whether it holds at *at_ms*."""
        return self.ended_ms is None and at_ms < self.until_ms

    def matches(self, when: When, subject: str, components: Mapping[str, Component]) -> bool:
        """Whether it is about an alert of kind *when* for *subject*."""
        if self.whens and when not in self.whens:
            return False
        if not self.components and not self.groups:
            return True
        if when is When.MONITOR:
            return False
        component = components.get(subject)
        return subject in self.components or (component is not None and component.group in self.groups)

    def renamed(self, parts: Mapping[str, str]) -> Silence:
        """It with components' new keys: former → new."""
        return replace(self, components=tuple(parts.get(key, key) for key in self.components))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def of_json(cls, text: str | bytes) -> Silence:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        lists = {name: tuple(row[name]) for name in ("components", "groups")}
        return cls(**{**row, **lists, "whens": tuple(map(When, row["whens"]))})
