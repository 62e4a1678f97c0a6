"""The headline of the page: the worst status, since when, and what still works.

It is read in an emergency. So it names the component, its status in everyday words, and the time; every other
status follows in one line. No jargon, no apology, no promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from statuspage.page import Component, Page, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

# Shown beside a component's name.
LABELS = {
    Status.OPERATIONAL: "Working",
    Status.MAINTENANCE: "In maintenance",
    Status.UNKNOWN: "No data",
    Status.DEGRADED: "Has problems",
    Status.PARTIAL: "Partly down",
    Status.MAJOR: "Down",
}
# The suffix of CSS classes and icons.
TONES = {
    Status.OPERATIONAL: "ok",
    Status.MAINTENANCE: "work",
    Status.UNKNOWN: "none",
    Status.DEGRADED: "warn",
    Status.PARTIAL: "part",
    Status.MAJOR: "bad",
}
_PREDICATES = {  # singular, plural
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
        since_ms: When it began; None when components changed at different times, or nothing is wrong.
        until_ms: The planned end, when the headline is about maintenance.
        also: Further sentences, the worst first.
    """

    status: Status
    text: str
    since_ms: int | None = None
    until_ms: int | None = None
    also: tuple[str, ...] = ()


def headline(page: Page) -> Headline:
    """The headline of *page*, with further sentences."""
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
    """The status of *component* as a sentence: ``Web application is down``."""
    if component.status is Status.UNKNOWN:
        return _unseen([component], everything=False)
    return f"{component.name} {_PREDICATES[component.status][0]}"


def until(page: Page, component: Component) -> int | None:
    """The planned end of the maintenance that *component* is in; None when it is in none."""
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
    """The link target of *text*; None for a sentence or a scheme that must not be linked."""
    if not text or len(text.split()) != 1:
        return None
    scheme = urlsplit(text).scheme.lower() if ":" in text else ""
    if scheme in {"http", "https", "mailto", "tel"}:
        return text
    return f"mailto:{text}" if "@" in text and not scheme else None


def linktext(text: str) -> str:
    """*text* without its scheme, for display."""
    for scheme in ("mailto:", "tel:", "https://", "http://"):
        text = text.removeprefix(scheme)
    return text.rstrip("/")
