"""A hub of its own process for tests that speak to it as a user does, in another process."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.acceptance.estate import Hub, until
from watch.web.hub_client import asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WEB = 'components:\n  web: {checks: {home: {tcp: "127.0.0.1:1", every: 1s, timeout: 500ms}}}\n'
DB = '  db: {checks: {q: {tcp: "127.0.0.1:1", every: 1s, timeout: 500ms}}}\n'
CONFIG = f"service: {{name: Acme, timezone: UTC}}\n{WEB}"


@asynccontextmanager
async def running(folder: Path, text: str = CONFIG, store: str = "threenines.db") -> AsyncIterator[Hub]:
    """A hub that runs on *text* in *folder*, from when it answers until the test ends."""
    hub = Hub(folder, text)
    try:
        await answering(hub, store)
        yield hub
    finally:
        if hub.running is not None and hub.running.returncode is None:
            await hub.kill()


async def answering(hub: Hub, store: str = "threenines.db") -> None:
    """Start *hub*; return once it answers on its socket."""
    await hub.start()
    await until(lambda: _answers(hub, store), what="the hub answers")


async def _answers(hub: Hub, store: str) -> bool:
    assert hub.running is not None
    assert hub.running.returncode is None, hub.said()
    with suppress(OSError, ValueError):
        return bool(await asyncio.to_thread(asked, hub.folder / store, "status", {}))
    return False


def configure(hub: Hub, text: str) -> None:
    """Put another configuration in the place of that of *hub*, with the listeners that it has."""
    file = hub.folder / "checks.yaml"
    listen = next(line for line in file.read_text().splitlines() if line.startswith("listen:"))
    file.write_text(f"{text}{listen}\n")


def commands(hub: Hub) -> list[tuple[str, dict]]:
    """The commands on record: verb and body."""
    rows = hub.rows("SELECT subject, body FROM ledger WHERE kind = 'command' ORDER BY seq")
    return [(verb, json.loads(body)) for verb, body in rows]
