"""What this machine knows about names: /etc/hosts, and the nameservers of /etc/resolv.conf.

Both files may change while the process runs (DHCP, VPNs). They are checked every few seconds, and read again
when they have changed.
"""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOOK_AGAIN = 5.0  # seconds
_LOCALHOST = {"4": ("127.0.0.1",), "6": ("::1",)}


class _Watched:
    """A file's words, line by line, without comments; empty when it does not exist or may not be read.

    When it cannot be read for any other reason (no descriptor left), the `OSError` is raised, and the next look
    tries again: without /etc/hosts a nameserver would be asked, and would say that the name does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = float("-inf")
        self._stamp: tuple[int, int] | None = None
        self._lines: list[list[str]] = []

    def changed(self) -> bool:
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN:
            return False
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp == self._stamp:
                self._looked = now
                return False
            text = self._path.read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            stamp, text = (0, 0), ""
        self._looked, self._stamp = now, stamp
        self._lines = [line.split("#")[0].split(";")[0].split() for line in text.splitlines()]
        return True

    def lines(self) -> list[list[str]]:
        return self._lines


class Hosts:
    """/etc/hosts, and `localhost`, which is always this machine (RFC 6761)."""

    def __init__(self, path: Path) -> None:
        self._file = _Watched(path)
        self._names: dict[str, list[str]] = {}

    def address(self, host: str, family: str) -> str | None:
        """The address of *host*, IPv4 before IPv6 when *family* is any; None when it is not there."""
        name = host.lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return _LOCALHOST["6" if family == "6" else "4"][0]
        if self._file.changed():
            self._names = self._read()
        ips = [ip for ip in self._names.get(name, ()) if family in ("any", "6" if ":" in ip else "4")]
        return min(ips, key=lambda ip: ":" in ip, default=None)

    def _read(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for ip, *aliases in filter(None, self._file.lines()):
            try:
                canonical = str(ip_address(ip))
            except ValueError:
                continue
            for alias in aliases:
                names.setdefault(alias.lower(), []).append(canonical)
        return names


class Servers:
    """The nameservers, and the search list for short names."""

    def __init__(self, path: Path, fixed: Sequence[tuple[str, int]] | None) -> None:
        self._file = _Watched(path)
        self._fixed = fixed
        self._servers: list[tuple[str, int]] = []
        self._search: tuple[str, ...] = ()
        self._dots = 1

    def now(self) -> Sequence[tuple[str, int]]:
        """(address, port), in order; at most three, as in the C library."""
        if self._fixed is not None:
            return self._fixed
        self._read()
        return self._servers

    def search(self) -> tuple[tuple[str, ...], int]:
        """The search domains, and how many dots make a name complete."""
        if self._fixed is not None:
            return (), 0
        self._read()
        return self._search, self._dots

    def _read(self) -> None:
        if not self._file.changed():
            return
        lines = [line for line in self._file.lines() if len(line) > 1]
        self._servers = [(ip, 53) for word, ip, *_ in lines if word == "nameserver"][:3]
        self._search = next(
            (tuple(rest[:6]) for word, *rest in reversed(lines) if word in ("search", "domain")), ()
        )
        options = [option for word, *rest in lines if word == "options" for option in rest]
        dots = [option[6:] for option in options if option.startswith("ndots:")]
        self._dots = int(dots[-1]) if dots and dots[-1].isdigit() else 1
