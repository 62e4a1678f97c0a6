"""Requests from verbs to the running hub, through its socket beside the store."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class NoHub(Trouble):
    """The verb needs a running hub, and none answers."""


def store_at(config: str) -> Path:
    """The path of the store that the configuration at *config* names, if possible without validating the rest."""
    import os  # noqa: PLC0415 - `--help` does not pay for these
    from pathlib import Path  # noqa: PLC0415

    from watch.config.glimpse import store_glimpsed  # noqa: PLC0415

    if (glimpsed := store_glimpsed(Path(config))) is not None:
        return glimpsed
    from watch.config import load  # noqa: PLC0415

    return load(Path(config), store_only=True, environ=os.environ).settings.store


def asked_or_none(
    store: Path, verb: str, arguments: Mapping[str, Any] | None = None, *, timeout: float = 60.0
) -> dict[str, Any] | None:
    """The answer of the hub that holds *store*; None when no hub answers within *timeout* seconds.

    None also when the hub is another user's and this one may read its store; otherwise HubPrivate.
    """
    import os  # noqa: PLC0415

    from watch.web.hub_client import HubPrivate, asked  # noqa: PLC0415

    try:
        return dict(asked(store, verb, arguments or {}, timeout=timeout))
    except HubPrivate:
        if os.access(store, os.R_OK, effective_ids=True):
            return None
        raise
    except (OSError, ValueError):
        return None


def told(store: Path, verb: str, arguments: Mapping[str, Any], by: str | None) -> dict[str, Any]:
    """The answer of the hub that holds *store* to a command of *by*; NoHub when no hub answers."""
    from watch.web.hub_client import asked  # noqa: PLC0415

    try:
        return dict(asked(store, verb, arguments, by=by or getpass.getuser(), timeout=3600))
    except (OSError, ValueError) as error:
        raise NoHub(
            f"{store}: no hub answers, and `{verb}` needs a running hub. Start it with `threenines run`."
        ) from error
