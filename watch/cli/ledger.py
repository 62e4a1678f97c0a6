"""`threenines ledger`: verify, export or rebuild the record that every figure comes from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from watch.cli.output import unread
from watch.cli.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.hub.verification import Verified
    from watch.stores.sqlite import SqliteReads


@click.group(cls=Verbs)
def ledger() -> None:
    """The append-only, hash-chained record."""


@ledger.command()
@click.option("--figures", is_flag=True, help="Recalculate checkpoints and days, too; takes much longer.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def verify(config: str, *, figures: bool, as_json: bool) -> int:
    """Verify every entry, its evidence and the tree over all entries; exit with 1 when one is wrong."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.hub_ask import store_at  # noqa: PLC0415
    from watch.errors import StoreCorrupt  # noqa: PLC0415
    from watch.hub.verification import figures_fault, record_verified  # noqa: PLC0415

    with _reads(config) as reads:
        try:
            found = record_verified(reads)
            wrong = figures_fault(reads, store_at(config)) if figures and found.broken is None else None
        except StoreCorrupt as damage:  # the record is wrong, not the request: exit code 1
            click.echo(str(damage), err=True)
            return 1
    if as_json:
        broken = None if found.broken is None else {"seq": found.broken.seq, "what": found.broken.what}
        log = {"size": found.log_size, "root": found.log_root}
        said = {"entries": found.entries, "hash": found.hash, "log": log, "broken": broken, "figures": wrong}
        click.echo(orjson.dumps(said).decode())
    else:
        for line in _verdict(found, wrong, figures=figures):
            click.echo(line)
    return int(found.broken is not None or wrong is not None or not found.entries)


def _verdict(found: Verified, wrong: str | None, *, figures: bool) -> Iterator[str]:
    from watch.cli.texts import counted  # noqa: PLC0415 - `--help` does not pay for it

    if found.broken is not None:
        yield f"The ledger is broken at entry {found.broken.seq}: {found.broken.what}."
        yield f"Entries before it that are intact: {found.entries}."
    elif not found.entries:
        yield "The ledger is empty. A hub writes entries when it first starts, so they were removed. Restore a backup."
    else:
        intact = counted(found.entries, "entry", "entries")
        yield f"{intact} verified, with evidence. The last hash is {found.hash}"
        yield f"The tree over them has the root {found.log_root}"
        if wrong is not None:
            yield f"A stored figure differs from the entries: {wrong}."
            yield "Stored figures are derived from the entries: `threenines ledger rebuild` makes them again."
        elif figures:
            yield "Checkpoints and days agree with the entries."
        yield "The hashes cannot show that the last entries were cut off."
        yield "Compare the last hash with a copy that you stored on another machine."


@ledger.command()
@click.pass_obj
def rebuild(config: str) -> None:
    """Rebuild derived data from the ledger: tree tiles, checkpoint rows, the page's days. No hub may run.

    Rows of other tables that cannot be read any more are removed; ledger and evidence are never changed.
    """
    from watch.cli.store_view import settings_at  # noqa: PLC0415 - `--help` does not pay for these
    from watch.clock import SystemClock  # noqa: PLC0415
    from watch.hub.rebuilding import rebuilt  # noqa: PLC0415
    from watch.stores.sqlite import rewriting  # noqa: PLC0415

    settings = settings_at(config)
    with rewriting(settings.store) as (reads, write, removed):
        for batch in rebuilt(reads, settings, SystemClock().now_ms()):
            write(batch)
    click.echo("Tiles, checkpoints and days were rebuilt from the ledger.")
    for table, rows in removed.items():
        click.echo(f"Damaged rows removed from the table {table}: {rows}.")


@ledger.command()
@click.pass_obj
def export(config: str) -> None:
    """Print every entry as one line of JSON, in order."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.errors import StoreCorrupt  # noqa: PLC0415

    with _reads(config) as reads:
        for entry in reads.entries():
            try:
                line = orjson.dumps(entry._asdict())
            except TypeError:
                raise StoreCorrupt(
                    f"entry {entry.seq} holds bytes instead of text; run `threenines ledger verify`"
                ) from None
            click.echo(line.decode())
            if unread():
                break


@contextmanager
def _reads(config: str) -> Iterator[SqliteReads]:
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from watch.config import load  # noqa: PLC0415
    from watch.stores.sqlite import SqliteReads  # noqa: PLC0415

    reads = SqliteReads(load(Path(config), store_only=True, environ=os.environ).settings.store)
    try:
        yield reads
    finally:
        reads.shut()
