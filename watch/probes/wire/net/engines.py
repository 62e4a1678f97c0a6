"""What several kinds share on their way to a target: name lookup, sockets, TLS, HTTP, ICMP.

The expensive parts (curl's multi handle, the ICMP sockets, TLS contexts, the cache of names) are *engines*:
one of each per running event loop, made when a check first needs it, so that ten thousand checks hold no
socket while they wait. Whoever runs the loop calls `close_all` at the end; nothing is left behind.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeVar
from weakref import WeakKeyDictionary


class Engine(Protocol):
    """Something that lives as long as the loop it was made on."""

    def close(self) -> None:
        """Let go of every socket and registration, now."""


E = TypeVar("E", bound=Engine)
_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type[Engine], Engine]] = WeakKeyDictionary()


def shared(kind: type[E]) -> E:
    """Return the running loop's engine of this *kind*, made now if there is none."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    engine = engines.get(kind)
    if engine is None:
        engine = engines[kind] = kind()
    return engine  # type: ignore[return-value] # the key is the engine's own class


def adopt(engine: Engine) -> None:
    """Make *engine* the running loop's one of its kind, closing the one it replaces."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    former = engines.get(type(engine))
    engines[type(engine)] = engine
    if former is not None:
        former.close()


async def close_all() -> None:
    """Close the running loop's engines; a later check makes new ones. Stop the checks first."""
    for engine in _engines.pop(asyncio.get_running_loop(), {}).values():
        engine.close()
    await asyncio.sleep(0)  # those who waited on an engine hear of it now
