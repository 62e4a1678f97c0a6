"""`threenines audit`: who did what, when and why.

Every command to a hub is an entry of the ledger, so the audit trail cannot be edited without a trace
(`threenines ledger verify`). An acknowledgement by link is a command too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from watch.cli.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from watch.core.ledger import Entry

_WORD = 60  # characters of a value


@click.group(cls=Verbs)
def audit() -> None:
    """Who did what, when and why."""


@audit.command()
@click.option("--from", "from_", metavar="TIME", help="From this time on, like '2026-11-01 00:00 UTC'.")
@click.option("--to", metavar="TIME", help="Before this time; until now without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.pass_obj
def export(config: str, from_: str | None, to: str | None, *, as_json: bool) -> None:
    """Print every command that people gave to the hub, oldest first. Needs no hub."""
    from watch.cli.store_view import settings_at  # noqa: PLC0415 - `--help` does not pay for these
    from watch.stores.sqlite import reading  # noqa: PLC0415

    settings = settings_at(config)
    zone = settings.service.timezone
    lo_ms, hi_ms = _instant("--from", from_, zone, 0), _instant("--to", to, zone, 2**62)
    with reading(settings.store) as reads:
        for entry in reads.commands(lo_ms, hi_ms):
            row = _row(entry)
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row, zone))


def _instant(option: str, text: str | None, zone: ZoneInfo, default_ms: int) -> int:
    from watch.core.quantity import instant  # noqa: PLC0415 - `--help` does not pay for it

    if text is None:
        return default_ms
    try:
        return round(instant(text, zone).timestamp() * 1000)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from None


def _row(entry: Entry) -> dict[str, Any]:
    """One command: when, by whom, what, about what and why."""
    body = json.loads(entry.body)
    arguments = dict(body.get("arguments") or {})
    return {
        "seq": entry.seq,
        "at_ms": entry.effective_ms,
        "by": body.get("by", ""),
        "account": body.get("account", ""),
        "verb": entry.subject,
        "about": body.get("about", []),
        "reason": arguments.pop("reason", ""),
        "arguments": arguments,
    }


def _line(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    from watch.cli.texts import clock_time  # noqa: PLC0415 - `--help` does not pay for it

    about = f" {', '.join(row['about'])}" if row["about"] else ""
    said = f" ({', '.join(_said(row['arguments']))})" if row["arguments"] else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    who = row["by"] if row["by"] == row["account"] else f"{row['by']} [{row['account']}]"
    return f"{clock_time(row['at_ms'], zone)}  {who}  {row['verb']}{about}{said}{reason}"


def _said(arguments: Mapping[str, Any]) -> Iterator[str]:
    from watch.core.wording import one_line  # noqa: PLC0415 - `--help` does not pay for it

    for name, value in arguments.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield f"{name} {one_line(text, _WORD)}"
