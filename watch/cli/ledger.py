"""`threenines ledger`: verify or export the record that every figure comes from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.stores.sqlite import SqliteReads


@click.group()
def ledger() -> None:
    """The append-only, hash-chained record."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def verify(config: str, *, as_json: bool) -> int:
    """Check every hash from the first entry to the last; exit with 1 when one does not hold."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.core.ledger import verified  # noqa: PLC0415
    from watch.ports import StoreCorrupt  # noqa: PLC0415

    with _reads(config) as reads:
        try:
            held, digest, broken = verified(reads.entries())
        except StoreCorrupt as damage:  # bad news about the record, not about the request
            click.echo(str(damage), err=True)
            return 1
    if as_json:
        found = None if broken is None else {"seq": broken.seq, "what": broken.what}
        click.echo(orjson.dumps({"entries": held, "hash": digest, "broken": found}).decode())
    elif not held and broken is None:
        click.echo("The ledger is empty. A store that a hub has ever run on has entries: these were removed.")
    elif broken is None:
        click.echo(f"{held} entries hold. The last hash is {digest}")
        click.echo("A chain shows edits, not a cut end: compare this hash with one that has left the house.")
    else:
        click.echo(f"The ledger is broken at entry {broken.seq}: {broken.what}. The {held} before it hold.")
    return int(broken is not None or not held)


@ledger.command()
@click.pass_obj
def export(config: str) -> None:
    """Every entry as one line of JSON, in order."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.ports import StoreCorrupt  # noqa: PLC0415

    with _reads(config) as reads:
        for entry in reads.entries():
            try:
                line = orjson.dumps(entry._asdict())
            except TypeError:
                raise StoreCorrupt(
                    f"entry {entry.seq} holds bytes where text belongs; run `threenines ledger verify`"
                ) from None
            click.echo(line.decode())


@contextmanager
def _reads(config: str) -> Iterator[SqliteReads]:
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from watch.config import load  # noqa: PLC0415
    from watch.stores.sqlite import SqliteReads  # noqa: PLC0415

    reads = SqliteReads(load(Path(config), secrets=False, environ=os.environ).settings.store)
    try:
        yield reads
    finally:
        reads.shut()
