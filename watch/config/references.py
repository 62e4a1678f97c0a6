"""`${env:NAME}`, `${env:NAME:-default}`, `${file:/path}` → their values; `$${` is a literal `${`.

Who reads a configuration says of each top-level key how its references are filled in (`Fill`): a run needs every value,
a check from the command line none of those that only alerts need.

References are resolved after the YAML was parsed, so a value cannot become syntax. They are resolved once, so a
value cannot contain another reference. Messages show the reference, never its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, Sequence, Table
from watch.config.paths import NotPlain, plain_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST = 64 * 1024
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE = re.compile(r"file:(.+)", re.DOTALL)
PLACEHOLDER = "placeholder"


# The top-level keys that only alerts need.
_ALERTS = frozenset(
    ["people", "catch_all", "rotations", "escalations", "alerts", "alerting", "mail", "heartbeat_to"]
)


class Fill(Enum):
    """How references are filled in."""

    NEEDED = "a reference without a value is a mistake"
    IF_SET = "a placeholder stands for one without a value"
    NEVER = "placeholders stand for all; nothing is read"


Fills = Callable[[str], Fill]
"""Top-level key → how the references below it are filled in."""


def fills(*, secrets: bool, alerts: bool, store_only: bool) -> Fills:
    """The `Fills` for what `watch.config.load` is asked for."""

    def fill(key: str) -> Fill:
        if not secrets or (key in _ALERTS and (store_only or not alerts)):
            return Fill.NEVER
        return Fill.IF_SET if store_only and key != "store" else Fill.NEEDED

    return fill


@dataclass(slots=True)
class References:
    """Resolves a tree's references in place.

    Args:
        files: The files that were read.
        left_out: The references that placeholders stand for, as written.
    """

    environ: Mapping[str, str]
    findings: Findings
    fills: Fills
    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _fill: Fill = Fill.NEEDED
    _seen: set[int] = field(default_factory=set)

    def resolve(self, root: Table) -> None:
        # A node that aliases share is resolved once, for the key that needs it most.
        for key in sorted(root.entries, key=lambda key: list(Fill).index(self.fills(key))):
            self._fill = self.fills(key)
            at, value = root.entries[key]
            root.entries[key] = (at, self._resolved(value))
            self._walk(root.entries[key][1])

    def _walk(self, below: Node) -> None:
        todo: list[Node] = [below]
        while todo:
            node = todo.pop()
            if id(node) in self._seen:
                continue
            self._seen.add(id(node))
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
            if text is None:
                self.left_out.append(re.sub(r":-.*", "}", match[0], flags=re.DOTALL))
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
        if self._fill is Fill.NEVER:
            return default
        text = self.environ.get(name)
        if self._fill is Fill.IF_SET and (text is None or not _is_text(text)):
            return default
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
        if self._fill is Fill.NEVER:
            return None
        path = node.source.path.parent / name
        try:
            text = plain_bytes(path, _LARGEST).decode().removesuffix("\n").removesuffix("\r")
        except NotPlain as error:
            why, cure = str(error), "give the path of a text file of 64 KiB at most"
        except UnicodeError:
            why, cure = "it is not UTF-8", "save the file as UTF-8"
        except (OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error)
            permitted = not isinstance(error, PermissionError)
            cure = "create the file, or correct the path" if permitted else "let this user read it"
        else:
            self.files.append(path)
            return text
        if self._fill is Fill.NEEDED:
            self.findings.mistake(node, f"the file {quoted(name)} cannot be read: {why}", cure)
        return None


def _is_text(value: str) -> bool:
    """Whether the variable is text; bytes that are not come as lone surrogates."""
    return not any("\ud800" <= c <= "\udfff" for c in value)
