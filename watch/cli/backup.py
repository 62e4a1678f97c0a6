"""`threenines backup` and `restore`: copy the store while the hub runs, and restore it from a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from watch.errors import Trouble


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.pass_obj
def backup(config: str, file: Path, by: str | None) -> None:
    """Write a complete, consistent copy of the store to FILE. The hub may run meanwhile."""
    from watch.cli.hub_ask import NoHub, store_at, told  # noqa: PLC0415 - `--help` does not pay for these

    store, target = store_at(config), file.absolute()
    try:
        size = told(store, "backup", {"file": str(target)}, by)["bytes"]
    except NoHub:
        from watch.stores.sqlite.backup import copied  # noqa: PLC0415

        size = copied(store, target)
    click.echo(f"{target}: {size:,} bytes. It holds all data; keep it where only you can read it.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(config: str, file: Path) -> None:
    """Verify the ledger of the copy in FILE, then replace the store with the copy. No hub may run."""
    from watch.cli.hub_ask import store_at  # noqa: PLC0415 - `--help` does not pay for these
    from watch.stores.sqlite.backup import restored  # noqa: PLC0415

    store = store_at(config)
    if (fault := _fault(file)) is not None:
        raise fault
    former = restored(file, store)
    click.echo(
        f"{store}: restored from {file}." + (f" The former store is kept as {former}." if former else "")
    )


def _fault(file: Path) -> Trouble | None:
    """The error that makes *file* unfit to restore; None when its ledger holds."""
    from watch.errors import StoreCorrupt, StoreError  # noqa: PLC0415
    from watch.hub.verification import record_verified  # noqa: PLC0415
    from watch.stores.sqlite import reading  # noqa: PLC0415
    from watch.stores.sqlite.opening import checked  # noqa: PLC0415

    if not file.is_file():
        return StoreError(f"{file}: there is no such file. Nothing was changed.")
    if not file.stat().st_size:
        return StoreError(f"{file}: is empty, so it is no copy of a store. Nothing was changed.")
    checked(file)
    with reading(file) as reads:
        found = record_verified(reads)
    if found.broken is not None:
        where = f"entry {found.broken.seq}: {found.broken.what}"
        return StoreCorrupt(
            f"{file}: its ledger is broken at {where}. Nothing was changed; restore an older copy."
        )
    if not found.entries:
        return StoreCorrupt(f"{file}: its ledger is empty. Nothing was changed.")
    return None
