"""Engines: expensive objects that all checks on one event loop share.

Examples are curl's multi handle, the ICMP sockets and the cache of names. There is one of each for a running
loop, made when a check first needs it, so that ten thousand checks hold no socket while they wait. Whoever runs
the loop calls `close_all` at the end.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeVar


class Engine(Protocol):
    """An object that lives as long as the loop on which it was made."""

    def close(self) -> None:
        """Release every socket and registration now."""


E = TypeVar("E", bound=Engine)
_engines: dict[asyncio.AbstractEventLoop, dict[type[Engine], Engine]] = {}


def shared(kind: type[E]) -> E:
    """Return the running loop's engine of this *kind*; make it if there is none."""
    loop = asyncio.get_running_loop()
    engines = _engines.get(loop)
    if engines is None:
        engines = _engines[loop] = {}
    engine = engines.get(kind)
    if engine is None:
        engine = engines[kind] = kind()
    return engine  # type: ignore[return-value] # the key is the engine's own class


def adopt(engine: Engine) -> None:
    """Make *engine* the running loop's engine of its kind, and close the one that it replaces."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    former = engines.get(type(engine))
    engines[type(engine)] = engine
    if former is not None:
        former.close()


async def close_all() -> None:
    """Close the running loop's engines; a later check makes new ones. Stop the checks first."""
    for engine in _engines.pop(asyncio.get_running_loop(), {}).values():
        engine.close()
    await asyncio.sleep(0)  # tasks that wait on an engine learn of it now
