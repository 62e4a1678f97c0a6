"""`threenines check`: run checks once, now, from here."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watch.core.reading import Reading
    from watch.core.settings import Check, Settings

_AT_ONCE = 64
_COLOURS = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "magenta"}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one line a check, as they come in.")
@click.pass_obj
def check(config: str, names: tuple[str, ...], *, as_json: bool) -> int:
    """Ask each check (or those named: components, or component/check) once. Nothing is recorded; exit 1 on bad news."""
    import os  # noqa: PLC0415 - `--help` does not pay for these
    from pathlib import Path  # noqa: PLC0415

    from watch.cli.loop import run_loop  # noqa: PLC0415
    from watch.config import load  # noqa: PLC0415

    settings = load(Path(config), environ=os.environ).settings
    wanted = _wanted(settings, names)
    width = max((len(c.name) for c in wanted), default=0)

    def say(one: Check, reading: Reading, seconds: float) -> None:
        click.echo(_json(one, reading, seconds) if as_json else _line(one, reading, seconds, width))

    readings = run_loop(lambda: _asked(wanted, say))
    bad = [r for r in readings if r.verdict in ("down", "unknown")]
    if not as_json and sys.stdout.isatty():
        click.echo(f"{len(readings) - len(bad)} of {len(readings)} checks are good.")
    return int(bool(bad))


def _wanted(settings: Settings, names: Sequence[str]) -> list[Check]:
    """The checks that *names* mean, in the file's order; all without names."""
    from difflib import get_close_matches  # noqa: PLC0415

    known = {*settings.checks, *settings.components}
    for name in names:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            raise click.UsageError(
                f"there is no check or component {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    return [c for c in settings.checks.values() if not names or c.name in names or c.component in names]


async def _asked(checks: Sequence[Check], say: Callable[[Check, Reading, float], None]) -> list[Reading]:
    from watch.clock import SystemClock  # noqa: PLC0415
    from watch.probes.wire import close_all  # noqa: PLC0415
    from watch.vantage.ask import asked  # noqa: PLC0415

    clock, gate = SystemClock(), asyncio.Semaphore(_AT_ONCE)

    async def one(check: Check) -> Reading:
        async with gate:
            began = clock.monotonic()
            reading = await asked(check.probe, check.judge, clock=clock, timeout=check.timeout)
            say(check, reading, clock.monotonic() - began)
            return reading

    try:
        return list(await asyncio.gather(*(one(check) for check in checks)))
    finally:
        await close_all()


def _line(check: Check, reading: Reading, seconds: float, width: int) -> str:
    verdict = click.style(f"{reading.verdict.value:8}", fg=_COLOURS[reading.verdict.value])
    why = "" if reading.reason == "ok" else f"  {reading.reason}"
    detail = f"  {reading.detail}" if reading.detail else ""
    return f"{check.name:{width}}  {verdict}  {seconds * 1000:8.1f} ms{why}{detail}"


def _json(check: Check, reading: Reading, seconds: float) -> str:
    import orjson  # noqa: PLC0415

    answer = {
        "check": check.name, "kind": check.kind, "verdict": reading.verdict, "reason": reading.reason,
        "detail": reading.detail, "took_s": round(seconds, 6), "facts": dict(reading.facts),
        "phases": dict(reading.phases),
    }  # fmt: skip
    return orjson.dumps(answer).decode()
