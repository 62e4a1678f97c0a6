"""`threenines explain`: how one figure is calculated, complete enough to recalculate it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from watch.cli.store_view import Record
    from watch.core.book import Mark
    from watch.core.figures import Figure
    from watch.core.spans import Span
    from watch.core.window import Window

_TROUBLE = ("down", "degraded", "unknown")


@click.command()
@click.argument("component")
@click.option("--month", metavar="YYYY-MM", help="The month; the current one without it.")
@click.pass_obj
def explain(config: str, component: str, month: str | None) -> None:
    """Show the intervals, transitions, maintenance and arithmetic behind COMPONENT's uptime (its key or its name)."""
    from watch.cli.naming import component_named, no_component  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.store_view import record  # noqa: PLC0415
    from watch.core.figures import figure  # noqa: PLC0415

    with record(config, month) as r:
        names = {
            key: r.settings.components[key].name if key in r.settings.components else key
            for key in r.book.components
        }
        key = component_named(component, names)
        if key is None:
            raise no_component(component, "component {} on record", [*names, *names.values()])
        found = figure(r.book, key, r.month, r.now_ms)
        for line in _lines(r, found):
            click.echo(line)


def _lines(r: Record, f: Figure) -> Iterator[str]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    zone = ZoneInfo(f.zone)
    yield from _heading(r, f, zone)
    yield ""
    yield from _members(r, f, zone)
    yield ""
    yield from _intervals(f, zone)
    yield ""
    yield from _transitions(r, f, zone)
    yield ""
    if unseen := list(_unseen(r, f, zone)):
        yield from [*unseen, ""]
    yield from _maintenance(r, f, zone)
    yield ""
    yield from _arithmetic(f)


def _heading(r: Record, f: Figure, zone: ZoneInfo) -> Iterator[str]:
    from watch.cli.texts import clock_time  # noqa: PLC0415

    part = r.settings.components.get(f.key)
    yield f"{part.name if part else f.key} ({f.key}), {f.month} in {f.zone}"
    yield f"  month     {clock_time(f.span[0], zone)} to {clock_time(f.span[1], zone)}"
    for lo, hi in f.lifetime:
        yield f"  on record {clock_time(lo, zone)} to {clock_time(min(hi, f.as_of_ms), zone)}"
    if f.running:
        yield f"  so far    to {clock_time(f.as_of_ms, zone)}"


def _members(r: Record, f: Figure, zone: ZoneInfo) -> Iterator[str]:
    from watch.cli.texts import clock_time  # noqa: PLC0415
    from watch.core.book import eras  # noqa: PLC0415

    yield "Made of"
    for lo, _, terms in eras(r.book.components[f.key], *f.span):
        if terms is None:
            yield f"  from {clock_time(lo, zone)}  none: the component was removed"
            continue
        n = len(terms.members)
        yield f"  from {clock_time(lo, zone)}  {terms.needs or n} of {n}: {', '.join(terms.members)}"


def _intervals(f: Figure, zone: ZoneInfo) -> Iterator[str]:
    """Every stretch of the component's timeline that is not simply up."""
    from watch.cli.texts import clock_time, span_text, table  # noqa: PLC0415
    from watch.core.spans import clipped, intersection, total  # noqa: PLC0415
    from watch.core.timeline import within  # noqa: PLC0415

    alive = clipped(list(f.lifetime), f.span[0], f.as_of_ms)
    trouble = [(lo, hi, s) for lo, hi, s in within(f.timeline, alive) if s.value in _TROUBLE]
    nothing = "It was up all the time." if alive else "Nothing is on record in this month yet."
    yield "Intervals that were not up" if trouble else nothing
    rows = [("from", "to", "lasted", "state", "of it excluded")]
    for lo, hi, state in trouble:
        out = total(intersection([(lo, hi)], list(f.out)))
        rows.append(
            (
                clock_time(lo, zone),
                clock_time(hi, zone),
                span_text(hi - lo),
                state.value,
                span_text(out) if out else "",
            )
        )
    if trouble:
        yield from (f"  {line}" for line in table(rows, right=(2, 4)))


def _transitions(r: Record, f: Figure, zone: ZoneInfo) -> Iterator[str]:
    """The transitions that each vantage point confirmed, with their bounds and ledger entries."""
    from watch.cli.texts import exact_time, table  # noqa: PLC0415
    from watch.core.figures import checks_of  # noqa: PLC0415

    rows = [("entry", "check", "seen from", "became", "at", "between", "and", "reason", "proof")]
    for name in checks_of(r.book, f.key):
        for vantage, marks in r.book.marks.get(name, {}).items():
            for mark in _in(marks, (f.span[0], f.as_of_ms)):
                proofs = len(r.reads.evidence(mark.seq))
                proof = f"{proofs} reading{'s' * (proofs != 1)}"
                why = f"{mark.reason}: {mark.detail}" if mark.detail else mark.reason
                rows.append((
                    str(mark.seq), name, vantage, mark.state.value, exact_time(mark.effective_ms, zone),
                    exact_time(mark.earliest_ms, zone), exact_time(mark.latest_ms, zone), why, proof,
                ))  # fmt: skip
    yield "Confirmed transitions (the true instant lies between the two)"
    yield from (f"  {line}" for line in table(rows))


def _unseen(r: Record, f: Figure, zone: ZoneInfo) -> Iterator[str]:
    """The stretches in which vantage points did not see its checks, with their ledger entries."""
    from watch.cli.texts import exact_time, table  # noqa: PLC0415
    from watch.core.figures import checks_of  # noqa: PLC0415
    from watch.core.marks import Edge  # noqa: PLC0415

    rows = [("entries", "vantage point", "was", "check", "unknown from", "to")]
    for vantage, darks in r.book.darks.items():
        for dark in darks:
            for name in sorted(set(checks_of(r.book, f.key))):
                if (gap := dark.gap(name)) is None:
                    continue
                span = dark.span(name, Edge.FOUND, r.book.validity_ms(name, gap.last_ms))
                if span is None or span[0] >= f.as_of_ms or span[1] <= f.span[0]:
                    continue
                end = exact_time(span[1], zone) if span[1] <= f.as_of_ms else "now"
                entries = ", ".join(map(str, dark.entries)) or "none yet"
                rows.append((entries, vantage, dark.why.value, name, exact_time(span[0], zone), end))
    if len(rows) > 1:
        yield "Not seen"
        yield from (f"  {line}" for line in table(rows))


def _in(marks: list[Mark], span: Span) -> list[Mark]:
    return [mark for mark in marks if span[0] <= mark.effective_ms < span[1]]


def _maintenance(r: Record, f: Figure, zone: ZoneInfo) -> Iterator[str]:
    from watch.cli.texts import clock_time, span_text  # noqa: PLC0415
    from watch.core.figures import Excusing, parts_of, worked  # noqa: PLC0415

    works = worked(r.book, *f.span)
    planned = sorted(
        ((w, span, part) for part in parts_of(r.book, f.key) for w, span in works.get(part, ())),
        key=lambda p: p[1],
    )
    yield "Maintenance" if planned or f.out else "No maintenance window is in force for it in this month."
    excusing = Excusing(r.book, f.notice_ms)
    for window, span, part in planned:
        over = "" if part == f.key else f" over {part}"
        effect = _effect(r, f, window, span, excusing(part, *span))
        yield f"  {window.name}{over}: {clock_time(span[0], zone)} to {clock_time(span[1], zone)}, {effect}"
    for lo, hi in f.out:
        yield f"  excluded: {clock_time(lo, zone)} to {clock_time(hi, zone)}, {span_text(hi - lo)}"


def _effect(r: Record, f: Figure, window: Window, span: Span, qualifying: list[Span]) -> str:
    """How much an occurrence excludes from the figure of its component, and why not more."""
    from watch.cli.texts import span_text  # noqa: PLC0415
    from watch.core.spans import total  # noqa: PLC0415

    if not window.sla_exclude:
        return "excludes nothing: `sla_exclude` is false"
    if taken := total(qualifying):
        return "excluded" if taken == span[1] - span[0] else f"{span_text(taken)} of it excluded"
    if window.announced_ms is None:
        return "excludes nothing: it was never announced"
    recorded_ms = next((at for at, w in r.book.windows[window.name] if w == window), span[0])
    notice = span[0] - max(window.announced_ms, recorded_ms)
    ahead = f"{span_text(notice)} ahead" if notice > 0 else "only after it had begun"
    return f"excludes nothing: announced and recorded {ahead}; the terms require {span_text(f.notice_ms)}"


def _arithmetic(f: Figure) -> Iterator[str]:
    from watch.cli.texts import percent_text, span_text, verdict_text  # noqa: PLC0415

    a = f.account
    yield "Arithmetic (milliseconds)"
    yield f"  scope     {a.scope_ms:>14}  = X {a.excluded_ms} + D {a.down_ms} + U {a.up_ms} + K {a.unknown_ms}"
    yield f"  X         {a.excluded_ms:>14}  excluded: maintenance that qualifies"
    yield f"  D         {a.down_ms:>14}  down, at least {f.down_min_ms}, at most {f.down_max_ms}"
    yield f"  U         {a.up_ms:>14}  up, of which degraded {a.degraded_ms}"
    yield f"  K         {a.unknown_ms:>14}  unknown: no valid reading"
    if a.uptime is None or a.coverage is None:
        yield "  uptime    none: no data yet"
    else:
        yield f"  uptime    U / (U + D) = {a.up_ms} / {a.up_ms + a.down_ms} = {a.display} %, cut to three decimals"
        yield f"  coverage  (U + D) / (scope − X) = {a.up_ms + a.down_ms} / {a.scope_ms - a.excluded_ms}"
    left, budget, target = a.remaining_ms.__floor__(), a.budget_ms.__floor__(), percent_text(a.target)
    counted = "" if a.target == 1 else f" = (100 − {target}) % × {(a.budget_ms / (1 - a.target)).__floor__()}"
    yield f"  budget    (1 − target) × (whole month − X − K){counted} = {budget} = {span_text(budget)}"
    yield f"  remaining {'-' if left < 0 else ''}{span_text(abs(left))}"
    so_far = ", so far" if f.running else ""
    yield f"  verdict   as measured {verdict_text(f, a.verdict)}, strictly {verdict_text(f, a.strict)}{so_far}"
