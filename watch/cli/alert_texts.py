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
    """The open alerts as a table, and what maintenance windows hold back."""
    held = answer.get("held_back", ())
    if not answer["alerts"]:
        yield "No alert is open."
    if not answer["alerts"] and not held:
        return
    rows = [("alert", "what", "since", "called", "next")]
    rows += [
        (str(a["id"]), _what(a), moment(a["since_ms"], answer), _called(a), _next(a, answer))
        for a in answer["alerts"]
    ]
    rows += [
        ("-", _what(it), moment(it["since_ms"], answer), "nobody",
         f"held back by maintenance until {moment(it['until_ms'], answer)}")
        for it in held
    ]  # fmt: skip
    yield from table(rows)


def _what(it: Mapping[str, Any]) -> str:
    return f"{it['name']}: {it['when'].replace('_', ' ')}"


def _called(alert: Mapping[str, Any]) -> str:
    """Who was called, and who could not be reached."""
    missed = f"could not reach {', '.join(alert['unreached'])}" if alert["unreached"] else ""
    return "; ".join(part for part in (", ".join(alert["called"]), missed) if part) or "nobody"


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
