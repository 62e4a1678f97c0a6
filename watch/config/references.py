"""`${env:NAME}`, `${env:NAME:-default}`, `${file:/path}` → their values; `$${` is a literal `${`.

References are resolved after the YAML was parsed, so a value cannot become syntax. They are resolved once, so a
value cannot contain another reference. Messages show the reference, never its value.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, Sequence, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST = 64 * 1024
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE = re.compile(r"file:(.+)", re.DOTALL)
PLACEHOLDER = "placeholder"


@dataclass(slots=True)
class References:
    """Resolves a tree's references in place.

    Args:
        secrets: False puts placeholders where a reference has no default; nothing is read then.
        files: The files that were read.
    """

    environ: Mapping[str, str]
    findings: Findings
    secrets: bool = True
    files: list[Path] = field(default_factory=list)

    def resolve(self, tree: Node) -> None:
        seen: set[int] = set()  # nodes that aliases share are resolved once
        todo: list[Node] = [tree]
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Sequence):
                node.items[:] = [self._resolved(item) for item in node.items]
                todo += node.items
            elif isinstance(node, Table):
                for name, (key, value) in node.entries.items():
                    node.entries[name] = (key, self._resolved(value))
                todo += [value for _, value in node.entries.values()]

    def _resolved(self, node: Node) -> Node:
        if not isinstance(node, Scalar) or "${" not in node.text or node.origin:
            return node
        pieces, origin, placeholder, end = [], "", False, 0
        for match in _REFERENCE.finditer(node.text):
            pieces.append(node.text[end : match.start()])
            end = match.end()
            if match[0] == "$${":
                pieces.append("${")
                continue
            text = self._value(node, match)
            origin = origin or re.sub(r":-.*", "}", match[0], flags=re.DOTALL)
            placeholder |= text is None
            pieces.append(PLACEHOLDER if text is None else text)
        whole = "".join(pieces) + node.text[end:]
        resolved = replace(node, text=whole, plain=False, origin=origin, placeholder=placeholder)
        if origin:
            self.findings.secrets.add(whole)
        return resolved

    def _value(self, node: Scalar, match: re.Match[str]) -> str | None:
        """The value of one reference; None when there is none, or when secrets are not read."""
        inside = match[1]
        if inside is None:
            self.findings.mistake(
                node, "a `${` has no closing `}`", "write `${env:NAME}`, or `$${` for a literal `${`"
            )
            return None
        if env := _ENV.fullmatch(inside):
            return self._variable(node, env[1], env[2])
        if file := _FILE.fullmatch(inside):
            return self._content(node, file[1])
        cure = "write `${env:NAME}`, `${env:NAME:-default}` or `${file:/path}`; `$${` is a literal `${`"
        if inside.split(".")[0] == "item":
            cure = "`${item}` needs `for_each` in the same check"
        self.findings.mistake(node, f"{quoted('${' + inside.split(':-')[0] + '}')} is not a reference", cure)
        return None

    def _variable(self, node: Scalar, name: str, default: str | None) -> str | None:
        if not self.secrets:
            return default
        text = self.environ.get(name)
        if text is not None and not _is_text(text):
            self.findings.mistake(
                node, f"the environment variable {quoted(name)} is not UTF-8", "set it to UTF-8 text"
            )
            return None
        if text is not None and (text or default is None):
            return text
        if default is None:
            cure = suggestion(name, self.environ) or f"set it, or write a default: `${{env:{name}:-default}}`"
            self.findings.mistake(node, f"the environment variable {quoted(name)} is not set", cure)
        return default

    def _content(self, node: Scalar, name: str) -> str | None:
        """A small text file's content, without the line end that editors add."""
        if not self.secrets:
            return None
        path = node.source.path.parent / name
        try:
            text = _small_text(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            if isinstance(error, UnicodeError):
                why = "it is not UTF-8"
            cure = "create the file, or correct the path"
            self.findings.mistake(node, f"the file {quoted(name)} cannot be read: {why}", cure)
            return None
        self.files.append(path)
        return text


def _is_text(value: str) -> bool:
    """Whether the variable is text; bytes that are not come as lone surrogates."""
    return not any("\ud800" <= c <= "\udfff" for c in value)


def _small_text(path: Path) -> str:
    """The file's text; never blocks on a pipe, never reads a device."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError("it is larger than 64 KiB")
    return raw.decode().removesuffix("\n").removesuffix("\r")
