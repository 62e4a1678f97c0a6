"""A rack of every server that probes can be pointed at: all up within seconds, each one killable.

Servers are started side by side, each in a process group of its own, in folders that are gone in the end; whatever
happens (one does not start, the block fails) all of them are ended, as each says for itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.probes.conftest import certified
from tests.probes.databases import until
from tests.probes.servers import ALSO, Asked, Site, Stood, found

_HEAD = {
    "service": {"name": "Rack", "timezone": "UTC"},
    "store": "sqlite:///rack.db",
    "vantages": {"hub": {"site": "here", "local": True, "canaries": [{"icmp": "127.0.0.1"}]}},
    "defaults": {"timeout": "5s"},
}


@dataclass
class Rack:
    """What stands. *servers* by name, and how they are asked by kind."""

    servers: dict[str, Stood]

    @property
    def asked(self) -> dict[str, Asked]:
        """The checks by name, one of each kind called like it."""
        return {name: asked for it in self.servers.values() for name, asked in sorted(it.asked.items())}

    def against(self) -> dict[str, str]:
        """What each kind is asked of, with its version."""
        modules = found()
        return {
            kind: "; ".join([modules[name].AGAINST(), *(say() for say in ALSO.get(kind, ()))])
            for name, it in self.servers.items()
            for kind, asked in it.asked.items()
            if not asked.kind
        }

    def killable(self) -> list[str]:
        return [name for name, it in self.servers.items() if it.process is not None]

    def kill(self, name: str) -> None:
        """Kill a server and all its processes; returns when none holds a socket any more."""
        process = self.servers[name].process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not _members(process.pid))

    def checks(self, names=()) -> dict:
        """checks.yaml as a value: a component for every check, or for those of these *names*."""
        asked = self.asked
        parts = {
            name: {"checks": {"up": {asked[name].kind or name: asked[name].options, **asked[name].more}}}
            for name in sorted(names or asked)
        }
        return {**_HEAD, "components": parts}


@contextlib.contextmanager
def rack(modules=None):
    """The servers of those *modules* by name (all that there are), while the block runs."""
    modules = modules or found()
    with (
        tempfile.TemporaryDirectory(prefix="rack-") as folder,
        ThreadPoolExecutor(len(modules)) as pool,
        contextlib.ExitStack() as ends,
    ):
        root = Path(folder)
        root.chmod(0o755)  # servers that run as nobody have to find their files
        ca = trustme.CA()
        ca.cert_pem.write_to_path(root / "ca.pem")
        starting = {name: it.stand(_site(root, name, ca)) for name, it in modules.items()}
        entered = {name: pool.submit(it.__enter__) for name, it in starting.items()}
        ends.callback(_ended, pool, starting, entered)
        yield Rack({name: future.result() for name, future in entered.items()})


def _site(root, name, ca) -> Site:
    """A folder of its own for each, and a certificate that only it can read."""
    folder, pem = root / name, root / f"{name}-pem"
    folder.mkdir()
    pem.mkdir()
    return Site(folder, certified(pem, ca), root / "ca.pem")


def _ended(pool, starting, entered) -> None:
    """End all that started, side by side; what failed to start has ended itself."""
    standing = [starting[name] for name, future in entered.items() if future.exception() is None]
    for ended in [pool.submit(it.__exit__, None, None, None) for it in standing]:
        ended.result()


def _members(group: int) -> list[str]:
    """The processes of a group that are not yet dead, though perhaps not yet waited for."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state not in "ZX":
                members.append(stat.parent.name)
    return members
