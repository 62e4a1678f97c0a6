"""A condition of alert rules that holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.measured import key_of

if TYPE_CHECKING:
    from watch.core.flapping import Flapping
    from watch.core.settings import AlertRule, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition of one or more alert rules, which holds now.

    Args:
        since_ms: When it began (Unix time in ms); a rule's `for:` counts from there.
            While it flaps, that is `trouble_ms`.
        cause: The check that explains it. condition: the text of the rule's condition, for `When.FACT`.
        flapping: The transitions, while it flaps. trouble_ms: since when it is in trouble then; None while it is well.
    """

    when: When
    subject: str
    name: str
    since_ms: int
    rules: tuple[AlertRule, ...]
    reason: str = ""
    detail: str = ""
    cause: str = ""
    flapping: Flapping | None = None
    trouble_ms: int | None = None
    condition: str = ""

    @property
    def key(self) -> str:
        return key_of(self.when, self.subject, self.cause, self.condition)
