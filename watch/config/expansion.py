"""Writes out a check for many targets (`for_each`), or over many network paths (`via`), as separate checks.

    web:
      checks:
        node:
          for_each: {app1: 10.0.0.11, app2: 10.0.0.12}
          http: "http://${item}/health"             # web/node[app1], web/node[app2]
        home:
          via: {level3: {source: 198.51.100.7}, cogent: {source: 203.0.113.7}}
          http: https://www.example.org/            # web/home[level3], web/home[cogent]

It works on the tree, before references are filled in and before words are read as values. So each of these checks
is an ordinary check, every mistake has its place in the file, and an item may contain a reference. The text that
replaces `${item}` is not searched for `${item}` again.

A `for_each` that cannot be read becomes one check of placeholders, so that its other mistakes are reported as well.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, Sequence, Table, nothing
from watch.config.shape import Schema, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOR_EACH, VIA = "for_each", "via"
MOST_ITEMS = 1_000
MOST_WORDS = 100_000  # of all expansions of a configuration together
NAME = r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,99}"
_ITEM = re.compile(r"\$\$\{|\$\{item(?:\.([A-Za-z0-9_-]+))?\}")
_NAME_CURE = "letters, digits and `. _ - : @ / +`, at most 100, beginning with a letter or digit"
N = TypeVar("N", bound=Node)


class ForEach:
    """The shape of `for_each`, for the schema only: it is gone when the check is read."""

    what = "a list of items, or a mapping of names to them"

    def read(self, node: Node, findings: Findings) -> None:
        """None: `expand` has removed it before."""

    def schema(self) -> Schema:
        word: Schema = {"type": ["string", "number"]}
        several = {"type": "object", "minProperties": 1, "additionalProperties": word}
        return {
            "anyOf": [
                {"type": "array", "minItems": 1, "items": word},
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": f"^{NAME}$"},
                    "additionalProperties": {"anyOf": [word, several]},
                },
            ]
        }


class _Item(NamedTuple):
    """One target. *words* holds the texts for `${item}` (the empty key) and `${item.KEY}`; None for a placeholder."""

    name: str
    words: Mapping[str, str] | None


class _Expansion:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.words = 0
        self.used: set[int] = set()  # the checks, by id, that contain `${item}`

    def checks(self, checks: Table) -> None:
        """Replace, in *checks*, each check that stands for several by those several."""
        written = dict(checks.entries)
        checks.entries.clear()
        for name, (key, node) in written.items():
            for made, one in self._each(name, node):
                checks.entries[made] = (key, one)

    def _each(self, name: str, node: Node) -> Iterator[tuple[str, Node]]:
        if not isinstance(node, Table) or FOR_EACH not in node.entries:
            yield from self._ways(name, node)
            return
        key, listed = node.entries[FOR_EACH]
        rest = Table(node.source, node.at, {k: it for k, it in node.entries.items() if k != FOR_EACH})
        mistakes = len(self.findings.mistakes)
        for item in self._items(key, listed) or [_Item("", None)]:
            made = self._filled(rest, item, rest)
            yield from self._ways(f"{name}[{item.name}]" if item.name else name, made)
        if id(rest) not in self.used and len(self.findings.mistakes) == mistakes:
            wrong = "this check does not use `${item}`, so all its items are the same"
            self.findings.mistake(key, wrong, "write `${item}` where the targets differ", cut=True)

    def _items(self, key: Scalar, listed: Node) -> list[_Item]:
        """The items; none when there was a mistake in them."""
        mistakes = len(self.findings.mistakes)
        if isinstance(listed, Table):
            found = [it for name, entry in listed.entries.items() if (it := self._named(name, *entry))]
        elif isinstance(listed, Sequence):
            found = [it for node in listed.items if (it := self._listed(node))]
        else:
            wrong = f"{kind_of(listed)} is not allowed here"
            self.findings.mistake(listed, wrong, "write a list of items, or a mapping of names to them")
            return []
        self._twice(found, listed)
        if not found and len(self.findings.mistakes) == mistakes:
            self.findings.mistake(listed, "`for_each` is empty", "write an item, or remove `for_each`")
        if len(found) > MOST_ITEMS:
            self.findings.mistake(
                key, f"`for_each` has {len(found):,} items: at most {MOST_ITEMS:,} are allowed"
            )
        return found if len(self.findings.mistakes) == mistakes else []

    def _twice(self, found: list[_Item], listed: Node) -> None:
        seen: set[str] = set()
        for item, node in zip(found, listed.items if isinstance(listed, Sequence) else (), strict=False):
            if item.name in seen:
                self.findings.mistake(node, f"{quoted(item.name)} is listed twice", "remove one of them")
            seen.add(item.name)

    def _listed(self, node: Node) -> _Item | None:
        if not isinstance(node, Scalar) or nothing(node):
            wrong = f"{kind_of(node)} cannot be an item of this list"
            self.findings.mistake(node, wrong, "write a word, or make `for_each` a mapping of names to items")
            return None
        if not re.fullmatch(NAME, node.text):
            cure = f"write `NAME: …` for this item, with a name of {_NAME_CURE}"
            self.findings.mistake(node, f"{quoted(node.text)} cannot be part of a check's name", cure)
            return None
        return _Item(node.text, {"": node.text, "name": node.text})

    def _named(self, name: str, key: Scalar, node: Node) -> _Item | None:
        if not re.fullmatch(NAME, name):
            wrong = f"{quoted(name)} cannot be part of a check's name"
            self.findings.mistake(key, wrong, f"use {_NAME_CURE}", cut=True)
            return None
        if isinstance(node, Scalar) and not nothing(node):
            return _Item(name, {"": node.text, "name": name})
        if not isinstance(node, Table):
            self.findings.mistake(
                node, f"{kind_of(node)} is not allowed here", "write a word, or a mapping of words"
            )
            return None
        words = {"": name, "name": name}
        for part, (at, value) in node.entries.items():
            if isinstance(value, Scalar) and re.fullmatch(r"[A-Za-z0-9_-]+", part) and part != "name":
                words[part] = "" if nothing(value) else value.text
            else:
                self.findings.mistake(
                    at, f"{quoted(part)} cannot be a part of an item", "write `PART: word`", cut=True
                )
        return _Item(name, words)

    def _filled(self, node: N, item: _Item, check: Table) -> N:
        """A copy of *node* with `${item}` replaced by the item's words."""
        self.words += 1
        if self.words > MOST_WORDS:
            self._too_many(check)
        if isinstance(node, Sequence):
            return replace(node, items=[self._filled(it, item, check) for it in node.items])
        if isinstance(node, Table):
            entries = {k: (key, self._filled(it, item, check)) for k, (key, it) in node.entries.items()}
            return replace(node, entries=entries)
        if not isinstance(node, Scalar) or "${item" not in node.text:
            return node
        self.used.add(id(check))
        if item.words is None:
            return replace(node, text=_ITEM.sub("placeholder", node.text), placeholder=True)
        return self._worded(node, item.words)

    def _worded(self, node: N, words: Mapping[str, str]) -> N:
        assert isinstance(node, Scalar)
        pieces, end, missing = [], 0, False
        for match in _ITEM.finditer(node.text):
            pieces.append(node.text[end : match.start()])
            end = match.end()
            word = match[0] if match[0] == "$${" else words.get(match[1] or "")
            if word is None:
                missing = True
                known = [part for part in words if part]
                cure = (
                    suggestion(match[1], known)
                    or f"the parts of an item are {', '.join(quoted(it) for it in known)}"
                )
                self.findings.mistake(node, f"the items have no part {quoted(match[1])}", cure)
            pieces.append(word or "")
        return replace(node, text="".join(pieces) + node.text[end:], placeholder=missing)

    def _too_many(self, check: Table) -> None:
        from watch.config.findings import TooManyMistakes  # noqa: PLC0415 - rarely needed

        wrong = f"all `for_each` together expand to more than {MOST_WORDS:,} values"
        self.findings.mistake(check, wrong, "write fewer items, or fewer options in these checks")
        raise TooManyMistakes

    def _ways(self, name: str, node: Node) -> Iterator[tuple[str, Node]]:
        via = node.entries.get(VIA) if isinstance(node, Table) else None
        if (
            via is None
            or not isinstance(node, Table)
            or not isinstance(via[1], Table)
            or not _several(via[1])
        ):
            yield name, node
            return
        for way, (key, value) in via[1].entries.items():
            if not re.fullmatch(NAME, way):
                wrong = f"{quoted(way)} cannot be part of a check's name"
                self.findings.mistake(key, wrong, f"use {_NAME_CURE}", cut=True)
            yield f"{name}[{way}]", replace(node, entries={**node.entries, VIA: (key, value)})


def _several(via: Table) -> bool:
    """Whether *via* is a mapping of named paths. A single path is a mapping of words."""
    return any(isinstance(value, Table) for _, value in via.entries.values())


def expand(root: Table, findings: Findings) -> None:
    """Replace, in place, every check that stands for several."""
    expansion, done = _Expansion(findings), set[int]()
    for component in _tables(root.entries.get("components")):
        for _, node in component.entries.values():
            for checks in _tables(node.entries.get("checks") if isinstance(node, Table) else None):
                if id(checks) not in done:  # checks that aliases share are expanded once
                    done.add(id(checks))
                    expansion.checks(checks)


def _tables(entry: tuple[Scalar, Node] | None) -> list[Table]:
    return [entry[1]] if entry is not None and isinstance(entry[1], Table) else []
