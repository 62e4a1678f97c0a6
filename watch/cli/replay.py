"""`threenines replay`: who would have been paged in a time that is on record, with this or another configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from watch.core.settings import Settings
    from watch.rehearsal.history import History
    from watch.rehearsal.replaying import Replay

_LONGEST_MS = 366 * 86_400_000


@click.command()
@click.option(
    "--from", "from_", metavar="TIME", required=True, help="From this time on: '2026-11-01 00:00 UTC'."
)
@click.option("--to", metavar="TIME", help="Before this time; until now without it.")
@click.option(
    "--config", metavar="PATH", help="Another configuration to replay it with; the present one without it."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def replay(ctx: click.Context, from_: str, to: str | None, config: str | None, *, as_json: bool) -> None:
    """Print who would have been paged from --from to --to, when and why, and how that differs from what was sent.

    The record is in the store of the present configuration, the one that `threenines --config PATH replay` names. It is
    only read, nothing is sent, and no secret is needed.
    """
    import asyncio  # noqa: PLC0415 - `--help` does not pay for these
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import orjson  # noqa: PLC0415

    from watch.cli.store_view import settings_at  # noqa: PLC0415
    from watch.config import load  # noqa: PLC0415
    from watch.rehearsal.comparison import compared, difference_value  # noqa: PLC0415
    from watch.rehearsal.replaying import Replay  # noqa: PLC0415
    from watch.rehearsal.telling import value  # noqa: PLC0415

    present = str(ctx.obj)
    other = None if config is None or Path(config).resolve() == Path(present).resolve() else config
    if other is not None and not Path(present).exists():
        raise click.UsageError(
            f"{present} does not exist, and its store has the record: "
            f"write `threenines --config PRESENT replay --config {other} …`"
        )
    settings = settings_at(present)
    history = _history(settings, from_, to)
    plan = settings if other is None else load(Path(other), secrets=False, environ=os.environ).settings
    replayed = Replay(plan, history, other=other is not None)
    asyncio.run(replayed.run())
    if not as_json:
        for line in _lines(replayed, history, other or present, settings.service.timezone):
            click.echo(line)
        return
    found = compared(history, replayed.diary.letters, replayed.alerts)
    answer = value(replayed.diary, history.from_ms, history.to_ms, settings.service.timezone)
    answer |= {"configuration": other or present, "really": difference_value(found)}
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def _history(settings: Settings, from_: str, to: str | None) -> History:
    """The record of the span."""
    from watch.cli.store_view import tell_left_out, time_of  # noqa: PLC0415 - as above
    from watch.rehearsal.history import history_of  # noqa: PLC0415
    from watch.stores.sqlite import reading  # noqa: PLC0415

    zone = settings.service.timezone
    lo_ms = _instant("--from", from_, zone)
    with reading(settings.store) as reads:
        now_ms = time_of(settings.store, reads)[0]
        hi_ms = now_ms if to is None else min(_instant("--to", to, zone), now_ms)
        if hi_ms <= lo_ms:
            raise click.UsageError("--from: that is not before --to, or still to come; write an earlier time")
        if hi_ms - lo_ms > _LONGEST_MS:
            raise click.UsageError(
                "--from: a replay may cover 366 days at most; write a later time, or an earlier --to"
            )
        history = history_of(reads, settings.store, lo_ms, hi_ms)
        tell_left_out(reads)
    return history


def _instant(option: str, text: str, zone: ZoneInfo) -> int:
    """The instant that *text* names; a day alone is its midnight."""
    import re  # noqa: PLC0415 - `--help` does not pay for these

    from watch.core.quantity import instant  # noqa: PLC0415

    whole_day = re.fullmatch(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*", text, re.ASCII)
    try:
        return round(instant(f"{text.strip()} 00:00" if whole_day else text, zone).timestamp() * 1000)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from None


def _lines(replayed: Replay, history: History, config: str, zone: ZoneInfo) -> Iterator[str]:
    from watch.rehearsal.comparison import compared, difference  # noqa: PLC0415 - as above
    from watch.rehearsal.telling import told  # noqa: PLC0415
    from watch.rehearsal.wording import stamp  # noqa: PLC0415

    span = f"{stamp(history.from_ms, zone)} to {stamp(history.to_ms, zone)}, {zone.key}"
    yield f"Replay of the record with {config}: {span}"
    yield "States are as they were confirmed then. Nothing was asked, sent or written."
    yield from told(replayed.diary, zone)
    yield ""
    yield from difference(compared(history, replayed.diary.letters, replayed.alerts), zone)
