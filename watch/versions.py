"""What runs here: the versions that a report of a fault needs, and libraries that are missing or too old."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_US = "threenines"
_WANTED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?[^;>]*(?:>=\s*([0-9.]+))?[^;]*(;.*)?")


def versions() -> dict[str, str]:
    """The versions of this program, Python and the libraries that matter most, by name."""
    import apsw  # noqa: PLC0415 - only who asks pays for them
    import pycurl  # noqa: PLC0415 - likewise

    curl = next((word for word in pycurl.version.split() if word.startswith("libcurl/")), "libcurl/unknown")
    return {
        "threenines": metadata.version(_US), "python": platform.python_version(),
        "libcurl": curl.partition("/")[2], "sqlite": apsw.sqlite_lib_version(),
    }  # fmt: skip


def library_faults(required: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Each library that we always need and that is missing or too old: its name, and what is wrong with it.

    Args:
        required: Lines such as ``apsw>=3.54``; None means those of this program.
    """
    for line in (metadata.requires(_US) or ()) if required is None else required:
        found = _WANTED.fullmatch(line)
        if found is None or found.group(3):  # of an extra
            continue
        name, least = found.group(1), found.group(2)
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, f"the library {name} is not installed"
            continue
        if least is not None and _numbers(there) < _numbers(least):
            yield name, f"the library {name} has version {there}, but {least} or newer is needed"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
