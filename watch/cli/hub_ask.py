"""How verbs reach the hub that runs: through its socket, which lies beside the store."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from watch.ports import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class NoHub(Trouble):
    """No hub runs, and what was asked for needs one."""


def store_at(config: str) -> Path:
    """The store of the configuration at *config*; its other mistakes do not matter for that."""
    import os  # noqa: PLC0415 - `--help` does not pay for these
    from pathlib import Path  # noqa: PLC0415

    from watch.config.glimpse import store_glimpsed  # noqa: PLC0415

    if (glimpsed := store_glimpsed(Path(config))) is not None:
        return glimpsed
    from watch.config import load  # noqa: PLC0415

    return load(Path(config), secrets=False, environ=os.environ).settings.store


def asked_or_none(
    store: Path, verb: str, arguments: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """What the hub that holds *store* answers; None when none runs."""
    from watch.web.hub_client import asked  # noqa: PLC0415

    try:
        return dict(asked(store, verb, arguments or {}))
    except (OSError, ValueError):
        return None


def told(store: Path, verb: str, arguments: Mapping[str, Any], by: str | None) -> dict[str, Any]:
    """What the hub that holds *store* answers to a command of *by*; NoHub when none runs."""
    from watch.web.hub_client import asked  # noqa: PLC0415

    try:
        return dict(asked(store, verb, arguments, by=by or getpass.getuser(), timeout=3600))
    except (OSError, ValueError) as error:
        raise NoHub(
            f"no hub answers beside {store}, and `{verb}` needs one. Start it with `threenines run`."
        ) from error
