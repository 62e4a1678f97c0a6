"""`threenines doctor`: everything that is wrong with the monitoring itself, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def doctor(config: str, *, as_json: bool) -> int:
    """List what is wrong with the monitoring itself, each with what to do. Nothing is changed.

    Exits with 1 when anything is wrong. A warning of checks.yaml that may be meant so does not count. It asks the
    running hub; without one, it looks at checks.yaml, the store, the disk, the clock and the addresses to listen on.
    """
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.diagnosis import diagnosis  # noqa: PLC0415 - likewise

    answer = diagnosis(config)
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in _lines(answer):
            click.echo(line)
    return int(bool(answer["troubles"]))


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    from watch.cli.texts import counted  # noqa: PLC0415 - as above

    yield from _wrong(answer)
    if warnings := answer["warnings"]:
        yield ""
        yield f"{counted(len(warnings), 'warning')} of checks.yaml; if that is what you mean, do nothing:"
    for warning in warnings:
        yield f"- {warning['text']}"
        yield from ([f"  {warning['cure']}"] if warning["cure"] else [])


def _wrong(answer: Mapping[str, Any]) -> Iterator[str]:
    from watch.cli.texts import counted  # noqa: PLC0415 - as above

    troubles, disk = answer["troubles"], answer["disk"]
    if not troubles:
        left = f", and {disk['text']}" if disk is not None else ""
        hub = f"the hub runs as process {answer['hub_process']}"
        yield f"Nothing is wrong: {hub}, {counted(answer['checks'], 'check gives', 'checks give')} readings{left}."
        return
    yield f"{counted(len(troubles), 'thing is', 'things are')} wrong."
    for number, trouble in enumerate(troubles, 1):
        yield ""
        yield from _item(number, trouble, answer)
    yield ""
    if disk is not None:
        yield f"Disk: {disk['text']}."
    yield f"Versions: {', '.join(f'{name} {version}' for name, version in answer['versions'].items())}."


def _item(number: int, trouble: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - as above

    from watch.cli.texts import clock_time  # noqa: PLC0415 - likewise

    old = answer["hub_running"] and trouble["since_ms"] < answer["as_of"]
    since = f" (since {clock_time(trouble['since_ms'], ZoneInfo(answer['zone']))})" if old else ""
    head, *more = str(trouble["text"]).splitlines()
    yield f"{number}. {head}{since}"
    yield from (f"   {line}" for line in more)
    first, *more = str(trouble["cure"]).splitlines()
    yield f"   What to do: {first}"
    yield from (f"   {line}" for line in more)
