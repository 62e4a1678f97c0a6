"""What the page says first, in words: the worst, since when, and what still works.

Somebody reads this in the worst minute of their day. So: the thing by its name, the state in words that need
no explaining, the time; then the rest in one line each. No jargon, no apology, no promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from statuspage.page import Component, Page, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

# Beside a component's name.
LABELS = {
    Status.OPERATIONAL: "Working",
    Status.MAINTENANCE: "In maintenance",
    Status.UNKNOWN: "No data",
    Status.DEGRADED: "Has problems",
    Status.PARTIAL: "Partly down",
    Status.MAJOR: "Down",
}
# The suffix of style classes, icons and colours.
TONES = {
    Status.OPERATIONAL: "ok",
    Status.MAINTENANCE: "work",
    Status.UNKNOWN: "none",
    Status.DEGRADED: "warn",
    Status.PARTIAL: "part",
    Status.MAJOR: "bad",
}
_PREDICATES = {  # one, several
    Status.MAJOR: ("is down", "are down"),
    Status.PARTIAL: ("is partly down", "are partly down"),
    Status.DEGRADED: ("is working, with problems", "are working, with problems"),
    Status.MAINTENANCE: ("is in planned maintenance", "are in planned maintenance"),
    Status.OPERATIONAL: ("is working", "are working"),
}
_UNSEEN = "This is about our measurements: the service itself may be working."


@dataclass(frozen=True, slots=True)
class Headline:
    """The first thing on the page.

    Args:
        since_ms: When it began; None when several began at several times, or nothing is wrong.
        until_ms: When planned maintenance is to end, where that is the headline.
        also: Further sentences, worst first.
    """

    status: Status
    text: str
    since_ms: int | None = None
    until_ms: int | None = None
    also: tuple[str, ...] = ()


def headline(page: Page) -> Headline:
    """*page* in one sentence, and what else there is to say."""
    classes = [(status, _of(page, status)) for status in sorted(Status, key=_worst_first)]
    wrong = [(status, them) for status, them in classes if them and status is not Status.OPERATIONAL]
    if not page.components:
        return Headline(Status.UNKNOWN, "Nothing is being measured yet")
    if not wrong:
        return Headline(Status.OPERATIONAL, "Everything is working")
    (status, them), *others = wrong
    since = them[0].since_ms if len({c.since_ms for c in them}) == 1 else None
    first = (_UNSEEN,) if status is Status.UNKNOWN else ()
    also = tuple(_sentence(page, state, rest) + "." for state, rest in others)
    text, end = _sentence(page, status, them), _until(page, status, them)
    return Headline(status, text, since, end, (*first, *also, *_rest(page)))


def sentence(component: Component) -> str:
    """The state of *component* alone: ``Web application is down``."""
    if component.status is Status.UNKNOWN:
        return _unseen([component], everything=False)
    return f"{component.name} {_PREDICATES[component.status][0]}"


def until(page: Page, component: Component) -> int | None:
    """When the planned maintenance that *component* is in is to end; None when it is in none."""
    if component.status is not Status.MAINTENANCE:
        return None
    return max((m.to_ms for m in page.active_maintenance if component.key in m.components), default=None)


def _until(page: Page, status: Status, them: Sequence[Component]) -> int | None:
    ends = [end for c in them if (end := until(page, c)) is not None]
    return max(ends, default=None) if status is Status.MAINTENANCE else None


def _of(page: Page, status: Status) -> list[Component]:
    return [c for c in page.components if c.status is status]


def _worst_first(status: Status) -> int:
    return -status.severity


def _sentence(page: Page, status: Status, them: Sequence[Component]) -> str:
    everything = len(them) == len(page.components) > 1
    if status is Status.UNKNOWN:
        return _unseen(them, everything=everything)
    one, several = _PREDICATES[status]
    if everything:
        return f"{page.service} {one}"
    return f"{listed([c.name for c in them])} {one if len(them) == 1 else several}"


def _unseen(them: Sequence[Component], *, everything: bool) -> str:
    never = all(c.before is None for c in them)
    if everything:
        return "No measurements yet" if never else "No current data"
    return f"{'No measurements yet' if never else 'No current data'} for {listed([c.name for c in them])}"


def _rest(page: Page) -> tuple[str, ...]:
    working, total = len(_of(page, Status.OPERATIONAL)), len(page.components)
    if not working:
        return ()
    if working == total - 1:
        return ("Everything else is working.",)
    return (f"{working} of {total} parts of the service are working.",)


def listed(names: Sequence[str]) -> str:
    """``Web``, ``Web and Mail``, ``Web, Mail and 3 others``."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) <= 3:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} others"


def link(text: str | None) -> str | None:
    """Where *text* leads, if it is an address we may link; None for a sentence or another scheme."""
    if not text or len(text.split()) != 1:
        return None
    scheme = urlsplit(text).scheme.lower() if ":" in text else ""
    if scheme in {"http", "https", "mailto", "tel"}:
        return text
    return f"mailto:{text}" if "@" in text and not scheme else None


def linktext(text: str) -> str:
    """*text* without the scheme that only machines need."""
    for scheme in ("mailto:", "tel:", "https://", "http://"):
        text = text.removeprefix(scheme)
    return text.rstrip("/")
