"""Files on another machine: sftp://user@host:port/path, and what a login there needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from watch.probes.wire.net.line import Place, place

if TYPE_CHECKING:
    from pathlib import Path

    from watch.core.settings import Secret

_AFAR = re.compile(r"sftp://(?:(?P<user>[^@/\s]*)@)?(?P<place>[^@/\s]+)(?P<path>/.*)", re.DOTALL)
_PORT = 22
_KEY = re.compile(r"(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]{16,}={0,3}( .*)?")


class Machine(NamedTuple):
    """The machine and the user."""

    there: Place
    user: str

    def __str__(self) -> str:
        return f"{self.user}@{self.there.host}"


class Login(NamedTuple):
    """What a login needs besides the machine; *pinned* is its public key in the format of known_hosts."""

    pinned: str
    key: Path | None
    key_password: Secret | None
    password: Secret | None
    family: str
    metadata: bool


def parted(text: str) -> tuple[Machine | None, str]:
    """Return the machine, None for this one, and the absolute path on it; else ValueError."""
    machine, path = None, text
    if text.startswith("sftp:"):
        found = _AFAR.fullmatch(text)
        if found is None or not found["user"]:
            raise ValueError("is not an address; write it like sftp://backup@nas.example.org/backups/*.age")
        if ":" in found["user"]:
            raise ValueError("must not contain a password; use the option password")
        machine, path = Machine(place(found["place"], _PORT), found["user"]), found["path"]
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError(f"{path!r} is not an absolute path; write it like /backups/*.tar.gz")
    return machine, path


def is_public_key(text: str) -> bool:
    """Return whether *text* looks like a key in the format of known_hosts."""
    return _KEY.fullmatch(text) is not None
