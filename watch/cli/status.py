"""`threenines status`: what the hub believes now, why, and seen from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.cli.store_view import Record
    from watch.core.settings import Settings
    from watch.hub.board import Board


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless everything is up.")
@click.pass_obj
def status(config: str, *, as_json: bool, exit_code: bool) -> int:
    """Every component and check: its state, since when, why, and seen from where."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.store_view import record  # noqa: PLC0415
    from watch.stores.sqlite.opening import holder  # noqa: PLC0415

    with record(config) as r:
        pid = holder(r.settings.store)
        board = _board(r)
    if as_json:
        click.echo(orjson.dumps(_answer(r, board, pid), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in _lines(r, board, pid):
            click.echo(line)
    return int(exit_code and any(s.state != "up" for s in board.components.values()))


def _board(r: Record) -> Board:
    """How everything stands by the store, states whose validity is over being unknown."""
    from watch.core.book import began  # noqa: PLC0415
    from watch.core.confirm import lapsed  # noqa: PLC0415
    from watch.hub.board import Board  # noqa: PLC0415
    from watch.hub.check_standing import standing_of  # noqa: PLC0415

    latest = r.reads.latest()
    beliefs = {
        key: lapsed(belief, r.settings.checks[key[0]].confirmation, now_ms=r.now_ms)[0]
        for key, belief in r.reads.beliefs().items()
        if key[0] in r.settings.checks
    }
    checks = {
        name: standing_of(check, beliefs, latest, r.settings.vantages, r.book, r.now_ms)
        for name, check in r.settings.checks.items()
    }
    return Board(r.settings, checks, lambda key, state, now: began(r.book, key, state, now), r.now_ms)


def _answer(r: Record, board: Board, pid: int | None) -> dict[str, Any]:
    return {
        "as_of": r.now_ms,
        "hub_running": pid is not None,
        "components": [
            {
                "key": s.key, "name": r.settings.components[s.key].name, "state": s.state, "since_ms": s.since_ms,
                "reason": s.reason, "detail": s.detail, "cause": s.cause, "redundancy_lost": s.redundancy_lost,
                "members_up": s.members_up, "members": s.members,
                "checks": [_check(board, m) for m in r.settings.components[s.key].members if "/" in m],
            }
            for s in (board.components[key] for key in r.settings.components)
        ],
    }  # fmt: skip


def _check(board: Board, name: str) -> dict[str, Any]:
    c = board.checks[name]
    o = c.observation
    return {
        "name": name, "state": c.state, "since_ms": c.since_ms, "reason": c.reason, "detail": c.detail,
        "seen_from": [] if o is None else [o.vantage], "asked_ms": None if o is None else o.at_ms,
        "latency_s": None if o is None else o.latency,
    }  # fmt: skip


def _lines(r: Record, board: Board, pid: int | None) -> Iterator[str]:
    from watch.cli.store_view import clock_time, table  # noqa: PLC0415

    zone = r.settings.service.timezone
    hub = (
        f"the hub runs as process {pid}"
        if pid is not None
        else "no hub is running: what is not asked is unknown"
    )
    yield f"{r.settings.service.name} at {clock_time(r.now_ms, zone)}; {hub}"
    yield ""
    rows = [("", "state", "since", "why", "seen from")]
    for key in r.settings.components:
        s = board.components[key]
        note = f"{s.members_up} of {s.members} up, redundancy lost" if s.redundancy_lost else s.cause
        rows.append((r.settings.components[key].name, s.state.value, clock_time(s.since_ms, zone), note, ""))
        rows += [_row(r.settings, board, m) for m in r.settings.components[key].members if "/" in m]
    yield from table(rows)


def _row(settings: Settings, board: Board, name: str) -> tuple[str, str, str, str, str]:
    from watch.cli.store_view import clock_time  # noqa: PLC0415

    c = board.checks[name]
    why = (
        ""
        if c.state == "up" and c.reason == "ok"
        else f"{c.reason}: {c.detail}"
        if c.detail
        else str(c.reason)
    )
    seen = c.observation.vantage if c.observation is not None else ""
    return (
        f"  {name.split('/', 1)[1]}",
        c.state.value,
        clock_time(c.since_ms, settings.service.timezone),
        why,
        seen,
    )
