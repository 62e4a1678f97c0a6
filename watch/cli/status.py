"""`threenines status`: the current state of every component and check, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watch.limits import collecting_later

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from watch.core.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless everything is up.")
@click.pass_obj
def status(config: str, *, as_json: bool, exit_code: bool) -> int:
    """Show the state of every component and check, since when, why, and which vantage points see it."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.hub_ask import asked_or_none, store_at  # noqa: PLC0415

    answer = asked_or_none(store_at(config), "status") or _answered_from_the_store(config)
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(_lines(answer)))
    return int(exit_code and any(c["state"] != "up" for c in answer["components"]))


def _answered_from_the_store(config: str) -> dict[str, Any]:
    """The answer from the store alone; a check without a valid reading is unknown."""
    from watch.cli.store_view import settings_at, tell_left_out, time_of  # noqa: PLC0415
    from watch.hub.answers import status_answer  # noqa: PLC0415
    from watch.hub.plan import planned  # noqa: PLC0415
    from watch.hub.returned import board_now  # noqa: PLC0415
    from watch.hub.taken_over import TakenOver  # noqa: PLC0415
    from watch.hub.troubles import Troubles  # noqa: PLC0415
    from watch.stores.sqlite import reading  # noqa: PLC0415

    with collecting_later():
        settings: Settings = settings_at(config)
        with reading(settings.store) as reads:
            now_ms, epoch = time_of(settings.store, reads)
            board = board_now(planned(settings), reads, settings.store, now_ms, epoch)
            tell_left_out(reads)
            troubles = Troubles(now_ms, epoch=epoch).current()
            found = TakenOver(reads, now_ms, epoch).measured()
            return status_answer(settings, board, now_ms, None, troubles, found=found)


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from watch.cli.texts import clock_time, table  # noqa: PLC0415

    zone, pid = ZoneInfo(answer["zone"]), answer["hub_process"]
    alone = "no hub is running: checks without a valid reading are unknown"
    hub = alone if pid is None else f"the hub runs as process {pid}"
    yield f"{answer['service']} at {clock_time(answer['as_of'], zone)}; {hub}"
    for trouble in answer["troubles"]:
        yield f"Trouble of the monitoring since {clock_time(trouble['since_ms'], zone)}: {trouble['text']}"
    yield ""
    rows = [("", "state", "since", "why", "seen from")]
    for c in answer["components"]:
        held_ms = c["alerts_held_until_ms"]
        held = (
            "" if held_ms is None else f"maintenance holds its alerts back until {clock_time(held_ms, zone)}"
        )
        note = "; ".join(part for part in (_note(c), held) if part)
        rows.append((c["name"], c["state"], clock_time(c["since_ms"], zone), note, ""))
        rows += [_row(check, zone) for check in c["checks"]]
        rows += [_finding(it, zone) for it in c["findings"]]
    yield from table(rows)


def _note(component: Mapping[str, Any]) -> str:
    up = f"{component['members_up']} of {component['members']} up"
    if component["redundancy_lost"]:
        return f"{up}, redundancy lost"
    return f"{up}, redundancy not known" if component["redundancy_unknown"] else str(component["cause"])


def _row(check: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, str, str, str, str]:
    from watch.cli.texts import clock_time  # noqa: PLC0415

    fine = check["state"] == "up" and check["reason"] == "ok"
    why = "" if fine else f"{check['reason']}: {check['detail']}" if check["detail"] else check["reason"]
    name = check["name"].split("/", 1)[1]
    since = clock_time(check["since_ms"], zone)
    return f"  {name}", check["state"], since, why, ", ".join(check["seen_from"])


def _finding(found: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, str, str, str, str]:
    from watch.cli.texts import clock_time  # noqa: PLC0415

    name, why = found["check"].split("/", 1)[1], found["condition"]
    why = f"{why}: {found['detail']}" if why else found["detail"]
    word = "slow" if found["when"] == "slow" else "condition met"
    return f"  {name}", word, clock_time(found["since_ms"], zone), why, ", ".join(found["seen_from"])
