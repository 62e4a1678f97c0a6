"""`threenines uptime`: the uptime of all components in a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from watch.cli.store_view import Record
    from watch.core.figures import Figure


@click.command()
@click.option("--month", metavar="YYYY-MM", help="The month; the current one without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, to the millisecond.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when a target is not met.")
@click.pass_obj
def uptime(config: str, month: str | None, *, as_json: bool, exit_code: bool) -> int:
    """Show the uptime of every component in a month, maintenance excluded, and whether the target is met."""
    from watch.cli.store_view import record  # noqa: PLC0415 - `--help` does not pay for it
    from watch.core.figures import figure  # noqa: PLC0415

    with record(config, month) as r:
        keys = [key for key in r.settings.components if key in r.book.components]
        figures = [figure(r.book, key, r.month, r.now_ms) for key in keys]
    names = {key: r.settings.components[key].name for key in keys}
    if as_json:
        _print_json(r, figures)
    elif figures:
        _print_table(figures, names)
    else:
        click.echo(f"{r.month}: nothing is on record yet.")
    return int(exit_code and any(f.account.verdict == "BREACHED" for f in figures))


def _print_json(r: Record, figures: list[Figure]) -> None:
    import orjson  # noqa: PLC0415

    answer = {
        "month": str(r.month),
        "zone": figures[0].zone if figures else r.settings.service.timezone.key,
        "as_of": figures[0].as_of_ms if figures else r.now_ms,
        "components": [_row(f, r.settings.components[f.key].name) for f in figures],
    }
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def _row(figure: Figure, name: str) -> dict[str, Any]:
    a = figure.account
    return {
        "key": figure.key, "name": name, "scope_ms": a.scope_ms, "excluded_ms": a.excluded_ms, "up_ms": a.up_ms,
        "degraded_ms": a.degraded_ms, "down_ms": a.down_ms, "unknown_ms": a.unknown_ms,
        "down_min_ms": figure.down_min_ms, "down_max_ms": figure.down_max_ms,
        "uptime": None if a.uptime is None else f"{a.uptime.numerator}/{a.uptime.denominator}",
        # Rounded down to whole milliseconds: a budget is never shown larger than it is.
        "budget_ms": a.budget_ms.__floor__(), "remaining_ms": a.remaining_ms.__floor__(),
        "verdict": a.verdict.value, "strict": a.strict.value,
    }  # fmt: skip


def _print_table(figures: list[Figure], names: dict[str, str]) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from watch.cli.texts import clock_time, percent_text, span_text, table, verdict_text  # noqa: PLC0415

    first = figures[0]
    zone = ZoneInfo(first.zone)
    so_far = f", so far: to {clock_time(first.as_of_ms, zone)}" if first.running else ""
    click.echo(f"{first.month} in {first.zone}{so_far}; target {percent_text(first.account.target)} %")
    rows = [
        (
            "component",
            "uptime",
            "down",
            "least–most",
            "excluded",
            "unknown",
            "budget left",
            "verdict",
            "strict",
        )
    ]
    for f in figures:
        a = f.account
        rows.append((
            names[f.key], "–" if a.display is None else f"{a.display} %", span_text(a.down_ms),
            f"{span_text(f.down_min_ms)}–{span_text(f.down_max_ms)}", span_text(a.excluded_ms), span_text(a.unknown_ms),
            _left(f), verdict_text(f, a.verdict), verdict_text(f, a.strict),
        ))  # fmt: skip
    for line in table(rows, right=(1, 2, 3, 4, 5, 6)):
        click.echo(line)


def _left(figure: Figure) -> str:
    from watch.cli.texts import span_text  # noqa: PLC0415

    left = figure.account.remaining_ms.__floor__()
    return f"-{span_text(-left)}" if left < 0 else span_text(left)
