"""How each kind is pointed at a peer on the loopback: one file a kind, found by its name.

Each says `TRANSPORT`: "tcp", "udp", or None for a kind that asks nobody over the network; with a transport also
`at(port)`, the options that point the kind there, and `WRONG`, the reasons that a peer which talks nonsense may give.
"""

from __future__ import annotations

import importlib
import pkgutil

ALL = {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}


def speaking(*transports: str) -> list[str]:
    """The kinds that use one of *transports*."""
    return [kind for kind, peer in ALL.items() if peer.TRANSPORT in transports]
