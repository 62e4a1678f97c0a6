"""Which maintenance an SLA excludes: what was announced long enough ahead, up to the promised amount.

Notice counts from the announcement or from its record in the hub, whichever is later; a recurring occurrence
uses that of its rule. It is measured to the start of the announced span. If it is too short, nothing of the
span is excluded, not even the later part. Enlarging a window is a new announcement for the added time only.
Time added to a window that is already running never qualifies, however far ahead it is: an overrun is downtime.

Where notice is required, unannounced work never qualifies. A retroactive exclusion is not a window but an
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
    """The maintenance within *bounds* that the SLA excludes; tidy, before the contract's cap is applied.

    Args:
        windows: The windows of one component; those without `sla_exclude` are ignored.
        first_recorded: When the hub first recorded each window's rule, by window name.
        notice_ms: The notice required; None when the contract requires none.
        outages: The component's measured outages, not cut at the bounds: what exceeds a window's `max_outage` is
            not excluded.
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
    """*span* without the part of each outage in it that exceeds *longest*."""
    allowed = longest // _MS
    excess = [(start + allowed, end) for start, end in clipped(outages, *span) if end - start > allowed]
    return difference([span], excess)


def _rule_told_ms(window: Window, recorded_ms: int | None) -> int | None:
    """When the rule was announced and recorded; None when it is not both."""
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
    """The spans that announcements add with enough notice, each compared with what was known when it was made."""
    mine = sorted(mine, key=lambda a: a.told_ms)
    for n, one in enumerate(mine):
        if one.from_ms >= bounds[1] or one.to_ms <= bounds[0]:
            continue
        since = min(
            one.told_ms, one.from_ms
        )  # occurrences over by then can neither be running nor be enlarged
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
