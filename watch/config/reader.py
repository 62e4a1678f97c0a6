"""Bytes on disk → lines of text → a tree: one file, or all files of a folder merged into one tree.

The files of a folder are merged by top-level key: `components:` may be in `10-web.yaml` and in `20-db.yaml`.
A key that two files define is a mistake that names both places.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watch.config.composer import composed
from watch.config.findings import Findings, quoted
from watch.config.node import WHOLE, Node, Scalar, Source, Table, nothing, packed
from watch.config.paths import LARGEST, NotPlain, plain_bytes, unreadable
from watch.config.syntax import Unreadable
from watch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SPARE = "x-"
"""How top-level keys begin that may hold anything."""
_LINE_END = re.compile("\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")


def tree(
    paths: tuple[Path, ...], findings: Findings, what: str = "a configuration", begin: str = "components:"
) -> Table:
    """The merged tree of all *paths*. A file that cannot be read is a mistake and counts as empty.

    Args:
        what, begin: What the files are, and how they may begin, for the mistake that they are no mapping.
    """
    whole = Table(Source(_name(paths), paths[0], ()), WHOLE, {})
    for path in paths:
        try:
            source = decoded(_bytes(path), path)
            root = composed(source, findings)
        except Unreadable as trouble:
            findings.unreadable = True
            findings.mistake(Node(trouble.source, trouble.at), trouble.message, trouble.cure)
            continue
        if isinstance(root, Table):
            # Places for anchors: what they hold is read where an alias stands.
            for key in [key for key in root.entries if key.startswith(SPARE)]:
                del root.entries[key]
            whole = _merged(whole, root, findings)
        elif root is not None and not nothing(root):
            findings.unreadable = True
            findings.mistake(root, f"{what} must be a mapping", f"begin with `{begin}`")
    return whole


def _name(paths: tuple[Path, ...]) -> str:
    return str(paths[0] if len(paths) == 1 else paths[0].parent)


def _bytes(path: Path) -> bytes:
    """The file's bytes."""
    try:
        return plain_bytes(path, LARGEST)
    except NotPlain as error:
        if path.is_file():
            raise Unreadable(
                Source(str(path), path, ()),
                0,
                "this file is larger than 2 MiB",
                "split it into a folder of files",
            ) from None
        raise ConfigError(f"{path} cannot be read: {error}. Give a file or a folder") from None
    except OSError as error:
        raise ConfigError(unreadable(path, error)) from None


def decoded(raw: bytes, path: Path) -> Source:
    """The lines in a file's bytes; raises `Unreadable` when the file is too large or is not text."""
    name = str(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _LINE_END.split(raw[: error.start].decode("utf-8", "replace"))
        source = Source(name, path, (*before[:-1], before[-1] + "\ufffd"))
        wrong = f"byte 0x{raw[error.start]:02X} is not UTF-8"
        raise Unreadable(source, _end(before), wrong, "save the file as UTF-8") from None
    source = Source(name, path, tuple(_LINE_END.split(text)))
    if found := _CONTROL.search(text):
        place = _end(_LINE_END.split(text[: found.start()]))
        wrong = f"control character U+{ord(found[0]):04X} is not allowed"
        raise Unreadable(source, place, wrong, "remove it, or write it as an escape within double quotes")
    return source


def _end(lines: list[str]) -> int:
    return packed(len(lines) - 1, len(lines[-1]))


def _merged(one: Table, other: Table, findings: Findings) -> Table:
    """Both tables in one; mappings under the same key are merged."""
    entries = dict(one.entries)
    for name, (key, value) in other.entries.items():
        if name not in entries:
            entries[name] = (key, value)
            continue
        first, known = entries[name]
        if isinstance(known, Table) and isinstance(value, Table):
            entries[name] = (first, _united(known, value, findings))
        else:
            _refuse_twice(key, value, first, findings)
    return Table(one.source, one.at, entries)


def _united(one: Table, other: Table, findings: Findings) -> Table:
    for name, (key, value) in other.entries.items():
        if name in one.entries:
            _refuse_twice(key, value, one.entries[name][0], findings)
    new = {name: entry for name, entry in other.entries.items() if name not in one.entries}
    return Table(one.source, one.at, one.entries | new)


def _refuse_twice(key: Scalar, value: Node, first: Scalar, findings: Findings) -> None:
    findings.mask(value)
    place = f"{first.source.name}:{first.line + 1}:{first.column + 1}"
    findings.mistake(
        key, f"{quoted(key.text)} is defined twice, also at {place}", "remove one of them", cut=True
    )
