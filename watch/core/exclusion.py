"""Which maintenance an SLA takes out: announced long enough ahead, and no more of it than was promised.

Notice counts from the instant people were told *and* the hub had it on record, whichever is later; a
recurring occurrence inherits its rule's. It is measured to the start of what was announced, and one that
falls short counts for nothing, not for its later part. Announcing more of the same window is a new
announcement for the added time only. Time added to a window that is already running never qualifies, however
far ahead it lies: work that overruns is downtime.

What was never announced never qualifies where notice is owed. A retroactive exclusion is no window but an
adjustment, with an author.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.core.schedule import spans_of_rule
from watch.core.spans import Span, clipped, difference, union
from watch.core.window import Opens, announced_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watch.core.window import Announcement, Window

_MS = timedelta(milliseconds=1)


def qualifying(
    windows: Iterable[Window],
    announcements: Sequence[Announcement],
    first_recorded: Mapping[str, int],
    notice_ms: int | None,
    bounds: Span,
    *,
    outages: Sequence[Span] = (),
) -> list[Span]:
    """When, within *bounds*, maintenance takes time out of the SLA; tidy, the contract's cap not yet applied.

    Args:
        windows: Those over one component; the ones without `sla_exclude` are passed over.
        first_recorded: When the hub first had each window's rule on record, by the window's name.
        notice_ms: The notice owed; None when the contract asks for none.
        outages: When the component was down, as measured and not cut at the bounds: what exceeds a window's
            `max_outage` is not taken out.
    """
    found: list[Span] = []
    for window in windows:
        if not window.sla_exclude:
            continue
        mine = [a for a in announcements if a.window == window.name]
        told_ms = _rule_told_ms(window, first_recorded.get(window.name))
        by_verb = _by_verb(window, mine, told_ms, notice_ms, bounds)
        spans = union([*_by_rule(window, told_ms, notice_ms, bounds), *by_verb])
        if window.max_outage is not None:
            spans = [s for span in spans for s in excused(span, outages, window.max_outage)]
        found += spans
    return clipped(union(found), *bounds)


def excused(span: Span, outages: Sequence[Span], longest: timedelta) -> list[Span]:
    """*span* without what each single outage lasts in it beyond *longest*."""
    allowed = longest // _MS
    excess = [(start + allowed, end) for start, end in clipped(outages, *span) if end - start > allowed]
    return difference([span], excess)


def _rule_told_ms(window: Window, recorded_ms: int | None) -> int | None:
    """When people were told of the rule itself; None when nobody was, or the hub has no record of it."""
    if window.announced_ms is None or recorded_ms is None:
        return None
    return max(window.announced_ms, recorded_ms)


def _by_rule(window: Window, told_ms: int | None, notice_ms: int | None, bounds: Span) -> list[Span]:
    if window.opens is not Opens.ALWAYS:
        return []
    return [span for span in spans_of_rule(window.rule, *bounds) if _in_time(span, told_ms, notice_ms)]


def _by_verb(
    window: Window,
    mine: list[Announcement],
    rule_told_ms: int | None,
    notice_ms: int | None,
    bounds: Span,
) -> Iterator[Span]:
    """The time that announcements add in time, each to what was known when it was made."""
    mine = sorted(mine, key=lambda a: a.told_ms)
    for n, one in enumerate(mine):
        if one.from_ms >= bounds[1] or one.to_ms <= bounds[0]:
            continue
        since = min(one.told_ms, one.from_ms)  # what was over by then can neither run nor be added to
        near = [a for a in mine[:n] if a.to_ms >= since and a.from_ms <= one.to_ms]
        known = union(span for a in near for span in announced_spans(window, a.span))
        planned = spans_of_rule(window.rule, since, one.to_ms + 1) if window.opens is Opens.ALWAYS else []
        open_then = union([*known, *planned])
        running = [s for s in open_then if s[0] <= one.told_ms < s[1]]
        if rule_told_ms is not None and rule_told_ms <= one.told_ms:
            known = open_then
        for added in difference(announced_spans(window, one.span), known):
            overruns = any(added[0] <= end and start <= added[1] for start, end in running)
            if not overruns and _in_time(added, one.told_ms, notice_ms):
                yield added


def _in_time(span: Span, told_ms: int | None, notice_ms: int | None) -> bool:
    if notice_ms is None:
        return True
    return told_ms is not None and span[0] - told_ms >= notice_ms
