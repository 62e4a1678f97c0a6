"""How verbs about alerts print their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import orjson

from watch.cli.texts import clock_time, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


def shown(
    answer: Mapping[str, Any], lines: Callable[[Mapping[str, Any]], Iterable[str]], *, as_json: bool
) -> None:
    """Print *answer* as JSON, or as *lines* has it."""
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
        return
    for line in lines(answer):
        click.echo(line)


def moment(at_ms: int, answer: Mapping[str, Any]) -> str:
    """An instant in the zone of *answer*."""
    return clock_time(at_ms, ZoneInfo(answer["zone"]))


def listed(answer: Mapping[str, Any]) -> Iterator[str]:
    """The open alerts as a table."""
    if not answer["alerts"]:
        yield "No alert is open."
        return
    rows = [("alert", "what", "since", "called", "next")]
    rows += [
        (str(a["id"]), f"{a['name']}: {a['when'].replace('_', ' ')}", moment(a["since_ms"], answer),
         ", ".join(a["called"]) or "nobody", _next(a, answer))
        for a in answer["alerts"]
    ]  # fmt: skip
    yield from table(rows)


def _next(alert: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    if alert["ending_ms"] is not None:
        return f"over since {moment(alert['ending_ms'], answer)}, closes soon"
    if alert["acknowledged"] is not None:
        ack = alert["acknowledged"]
        return f"{ack['by']} has it until {moment(ack['until_ms'], answer)}"
    if alert["silenced"]:
        return "silenced"
    at_ms = alert["next_step_at_ms"]
    return "no further step" if at_ms is None else f"next step at {moment(at_ms, answer)}"
