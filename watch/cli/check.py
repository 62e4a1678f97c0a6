"""`threenines check`: run checks once, now, from this machine.

The output is a table with one row per check, in the file's order, so that two runs can be compared: a row is printed
after those above it. On a terminal a long detail is wrapped in its column, or below its row; elsewhere every check is
one line, for grep. With --json each check is printed as soon as it is done.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watch.core.reading import Reading
    from watch.core.settings import Check, Settings

_COLOURS = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "magenta"}
_REASON = 11  # the longest: unreachable, expectation, certificate
_LEAST = 36  # columns a detail needs beside its reason; with fewer it is printed below its row, indented
_BELOW = 4  # columns of that indent


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option(
    "--json", "as_json", is_flag=True, help="As JSON, one line per check, in the order in which they finish."
)
@click.option("--verbose", "-v", is_flag=True, help="Also say which secrets were left out.")
@click.pass_obj
def check(config: str, names: tuple[str, ...], *, as_json: bool, verbose: bool) -> int:
    """Run all checks once, or those of each NAME (component or component/check). Nothing is recorded.

    A component is named by its key or its name. No secret of an alert is needed: references such as ${env:NAME} in
    people's channels and other parts that only alerts need are left out; --verbose names them.
    Exits with 1 when a check is down or unknown.
    """
    import os  # noqa: PLC0415 - `--help` does not pay for these
    from pathlib import Path  # noqa: PLC0415

    from watch.cli.loop import run_loop  # noqa: PLC0415
    from watch.cli.texts import counted  # noqa: PLC0415
    from watch.config import load  # noqa: PLC0415

    loaded = load(Path(config), alerts=False, environ=os.environ)
    settings = loaded.settings
    if verbose and loaded.left_out:
        click.echo(f"left out, as no alert is sent: {', '.join(loaded.left_out)}", err=True)
    wanted = _wanted(settings, names)
    say = _say_json if as_json else _Table(wanted, _columns()).say
    readings = run_loop(lambda: _asked(wanted, say))
    bad = [r for r in readings if r.verdict in ("down", "unknown")]
    if not as_json and sys.stdout.isatty():
        good = len(readings) - len(bad)
        click.echo(f"Up or degraded: {good} of {counted(len(readings), 'check')}.")
    return int(bool(bad))


def _wanted(settings: Settings, names: Sequence[str]) -> list[Check]:
    """The checks that *names* select, in the file's order; all checks without names."""
    chosen = set[str]().union(*(_named(settings, name) for name in names))
    return [check for check in settings.checks.values() if not names or check.name in chosen]


def _named(settings: Settings, word: str) -> set[str]:
    """The names of the checks of a component, or those that `component/check` means. UsageError when there is none."""
    from watch.cli.naming import component_named, no_component  # noqa: PLC0415 - not needed without names

    names = {key: part.name for key, part in settings.components.items()}
    key = component_named(word, names)
    if key is not None:
        return set(_checks_of(settings, key))
    component, _, rest = word.rpartition("/")
    key = component_named(component, names) or component
    found = {c.name for c in settings.checks.values() if f"{key}/{rest}" in {c.name, _written(c)}}
    if not found:
        known = [*names, *names.values(), *settings.checks, *map(_written, settings.checks.values())]
        raise no_component(word, "check or component {}", known)
    return found


def _checks_of(settings: Settings, key: str) -> Iterator[str]:
    """The checks of a component and of all that it contains."""
    for member in settings.components[key].members:
        if member in settings.components:
            yield from _checks_of(settings, member)
        else:
            yield member


def _written(check: Check) -> str:
    """Its name in the file; the checks that `for_each` or `via` make of one entry share it."""
    return check.name.partition("[")[0]


async def _asked(checks: Sequence[Check], say: Callable[[Check, Reading, float], None]) -> list[Reading]:
    from watch.clock import SystemClock  # noqa: PLC0415
    from watch.probes.wire.net.engines import close_all  # noqa: PLC0415
    from watch.vantage.once import ask_once  # noqa: PLC0415

    readings: list[Reading] = []

    def said(check: Check, reading: Reading, seconds: float) -> None:
        readings.append(reading)
        say(check, reading, seconds)

    try:
        await ask_once(checks, SystemClock(), said)
    finally:
        await close_all()
    return readings


def _columns() -> int | None:
    """The width of the terminal; None without a terminal."""
    from shutil import get_terminal_size  # noqa: PLC0415 - `--help` does not pay for it

    return get_terminal_size().columns if sys.stdout.isatty() else None


class _Table:
    """Prints its heading at once, and each row as soon as all rows above it are printed.

    Args:
        columns: The width of the terminal; None prints each row on one line, however long.
    """

    def __init__(self, checks: Sequence[Check], columns: int | None) -> None:
        self._left = [check.name for check in checks]
        self._width = max(map(len, ["check", *self._left]))
        self._columns = columns
        self._rows: dict[str, str] = {}
        if checks:
            click.echo(f"{'check':{self._width}}  {'verdict':8}  {'took':>11}  {'reason':{_REASON}}  detail")

    def say(self, check: Check, reading: Reading, seconds: float) -> None:
        self._rows[check.name] = self._row(check.name, reading, seconds)
        while self._left and self._left[0] in self._rows:
            click.echo(self._rows.pop(self._left.pop(0)))

    def _row(self, name: str, reading: Reading, seconds: float) -> str:
        good, colour = reading.reason == "ok", _COLOURS[reading.verdict.value]
        verdict = click.style(f"{reading.verdict.value:8}", fg=colour)
        head = f"{name:{self._width}}  {verdict}  {seconds * 1000:8.1f} ms"
        if good and not reading.detail:
            return head
        reason = click.style(f"{'' if good else reading.reason.value:{_REASON}}", fg=colour)
        return f"{head}  {reason}{self._detail(reading.detail)}".rstrip()

    def _detail(self, detail: str) -> str:
        from textwrap import wrap  # noqa: PLC0415 - most checks have nothing to wrap

        if self._columns is None:
            return f"  {detail}"
        before = self._width + 2 + 8 + 2 + 11 + 2 + _REASON + 2
        beside = self._columns - before >= _LEAST
        begin = before if beside else _BELOW
        lines = wrap(detail, max(self._columns - begin, _LEAST))
        return ("  " if beside else "\n" + " " * begin) + ("\n" + " " * begin).join(lines)


def _say_json(check: Check, reading: Reading, seconds: float) -> None:
    click.echo(_json(check, reading, seconds))


def _json(check: Check, reading: Reading, seconds: float) -> str:
    import orjson  # noqa: PLC0415

    answer = {
        "check": check.name, "kind": check.kind, "verdict": reading.verdict, "reason": reading.reason,
        "detail": reading.detail, "took_s": round(seconds, 6), "facts": dict(reading.facts),
        "phases": dict(reading.phases),
    }  # fmt: skip
    return orjson.dumps(answer).decode()
