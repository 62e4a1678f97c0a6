"""Where the store is, found without reading the rest of the configuration.

Verbs that ask a running hub need nothing else of it, and must answer in the worst minute: quickly, and while somebody
has the file half edited. Where the line does not say it plainly (a reference, an anchor), the whole file is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watch.config.paths import LARGEST, NotPlain, files, plain_bytes

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = "threenines.db"
_LINE = re.compile(r"""^store[ \t]*:[ \t]*(["']?)sqlite:///([^"'\s#?\x00]+)\1[ \t]*(?:#.*)?$""")


def store_glimpsed(path: Path) -> Path | None:
    """The store of the configuration at *path*; None when only reading all of it would tell.

    Raises:
        ConfigError: There is no such file.
    """
    found = files(path)
    named: list[str | None] = []
    for file in found:
        try:
            text = plain_bytes(file, LARGEST).decode("utf-8", "replace")
        except (OSError, NotPlain):
            return None
        lines = [line for line in text.splitlines() if line.startswith(("store", '"store', "'store"))]
        matches = [_LINE.match(line) for line in lines]
        named += [None if match is None else match.group(2) for match in matches]
    if None in named or len(named) > 1:
        return None
    return found[0].parent / (named[0] if named and named[0] is not None else DEFAULT)
