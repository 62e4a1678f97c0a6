"""One file a server that a probe's tests ask, found by its name: how it is started, and how a check of it reads.

Beside what its own tests start, each file says

* `AGAINST`: what stands there and of which version, found out when called: `debian`, `library` or `words`;
* `stand(site)`: the server while the block runs, as `Stood`.

A new server is a file here; a kind that an existing server speaks is an entry more in what that one stands for. One
check of each kind is called like it; others that are worth a row of their own have a name and say their kind.
`tests.probes.rack` starts all of them together.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Site:
    """Where servers stand. *pem* has the certificate of localhost (cert.pem, key.pem), *ca_file* who vouches for it."""

    folder: Path
    pem: Path
    ca_file: Path


@dataclass(frozen=True)
class Asked:
    """A check that is up while its server stands, as checks.yaml has it.

    Args:
        options: What stands behind the kind's name.
        more: The check's other keys: expect, warn.
        dead: The reason that it gives once its server was killed.
        kind: What it asks by; empty for the kind that it is called.
    """

    options: object
    more: dict = field(default_factory=dict)
    dead: str = "refused"
    kind: str = ""


@dataclass(frozen=True)
class Stood:
    """A server that stands: the leader of its process group (None: nobody to kill), and its checks by name."""

    process: subprocess.Popen | None
    asked: dict[str, Asked]


def debian(package: str, but: str = "") -> Callable[[], str]:
    """What is installed of a Debian package; *but*: what that leaves untried."""

    def installed() -> str:
        ask = ["dpkg-query", "-W", "-f=${Version}", package]
        done = subprocess.run(ask, check=True, capture_output=True, text=True)
        return f"{package} {done.stdout} (Debian){but}"

    return installed


def words(text: str) -> Callable[[], str]:
    """What has no version, or is none of a package's."""
    return lambda: text


def library(name: str, but: str = "") -> Callable[[], str]:
    """What is installed of a server written in Python."""
    return lambda: f"{name} {version(name)}{but}"


ALSO = {
    "dns": (debian("bind9"),),
    "file": (debian("openssh-server"),),
    "http": (debian("caddy"),),
    "iscsi": (words("never run against a real array"),),
    "mirror": (words("never run against a real DRBD or ZFS"),),
    "smtp": (debian("dovecot-core"),),
    "snmp": (library("snmpsim"), debian("keepalived"), words("makers' devices as recordings")),
}
"""What other tests of a kind ask beside its server in the rack."""


def found() -> dict:
    """All servers' modules by name."""
    return {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
