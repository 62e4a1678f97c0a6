"""A file's text → its tree of nodes.

libyaml parses the text (PyYAML's CSafeLoader). The tree is our own, because it must keep what PyYAML's tree
drops: places, duplicate keys, and how much an alias multiplies. Everything is bounded during reading, so a
hostile file costs no more than a large valid one: 20 levels, 100 aliases, 100,000 values with every alias
counted in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, Sequence, Source, Table, packed
from watch.config.syntax import Unreadable, explained

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPEST = 20
MOST_ALIASES = 100
MOST_VALUES = 100_000
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


def composed(source: Source, findings: Findings) -> Node | None:
    """The tree of *source*; None for an empty file.

    Duplicate keys are recorded as mistakes. Raises `Unreadable` when the rest of the file cannot be read.
    """
    loader = yaml.CSafeLoader("\n".join(source.lines))
    try:
        return _Composer(source, findings).read(loader)
    except yaml.YAMLError as error:
        raise explained(error, source) from None
    finally:
        loader.dispose()


class _Open:
    """A sequence or table that is not closed yet. *size* and *depth* count its aliases in full."""

    __slots__ = ("anchor", "depth", "key", "merged", "node", "size")

    def __init__(self, node: Sequence | Table, anchor: str | None) -> None:
        self.node, self.anchor = node, anchor
        self.key: Scalar | None = None
        self.merged: list[tuple[Scalar, Node]] = []
        self.size = self.depth = 1


class _Composer:
    """Builds the tree from libyaml's events, without recursion."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source, self.findings = source, findings
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int, int]] = {}  # a finished node, its size and depth
        self.root: Node | None = None
        self.aliases = self.documents = self.values = 0

    def read(self, loader: yaml.CSafeLoader) -> Node | None:
        takers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        while (event := loader.get_event()) is not None:
            take = takers.get(type(event))
            if take is not None:
                take(event)
        return self.root

    def _at(self, event: yaml.Event) -> int:
        mark: Any = event.start_mark  # libyaml always sets it
        return packed(mark.line, mark.column)

    def _refuse(self, event: yaml.Event, message: str, cure: str) -> Unreadable:
        return Unreadable(self.source, self._at(event), message, cure)

    def _count(self, event: yaml.Event, size: int, depth: int) -> None:
        self.values += size
        if self.values > MOST_VALUES:
            raise self._refuse(
                event, f"this file has more than {MOST_VALUES:,} values", "split it into a folder of files"
            )
        if len(self.stack) + depth > DEEPEST:
            raise self._refuse(event, f"this is nested more than {DEEPEST} levels deep", "remove some levels")

    def _document(self, event: yaml.Event) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self._refuse(
                event, "a second document begins here", "remove the `---`: a file is one document"
            )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise self._unsupported_tag(event)
        plain = not event.style and event.tag is None
        mark: Any = event.start_mark
        node = Scalar(self.source, packed(mark.line, mark.column), event.value, plain)
        if "${" in event.value:
            self.findings.refers = True
        self.values += 1
        if self.values > MOST_VALUES:
            self._count(event, 0, 0)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, 1, 0)
        parent = self.stack[-1] if self.stack else None
        if parent is not None and parent.key is None and type(parent.node) is Table:
            parent.key = node  # a fast path: half of all words are keys
            parent.size += 1
        else:
            self._add(node, 1, 0)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._unsupported_tag(event)
        self._count(event, 1, 1)
        kind = Table if isinstance(event, yaml.MappingStartEvent) else Sequence
        parent = self.stack[-1] if self.stack else None
        if parent and isinstance(parent.node, Table) and parent.key is None:
            raise self._refuse(event, "a list or a mapping cannot be a key", "write a word as the key")
        node = (
            Table(self.source, self._at(event), {})
            if kind is Table
            else Sequence(self.source, self._at(event), [])
        )
        self.stack.append(_Open(node, event.anchor))

    def _close(self, _: yaml.Event) -> None:
        done = self.stack.pop()
        for key, value in done.merged:
            self._merge(done.node, key, value)
        if done.anchor is not None:
            self.anchors[done.anchor] = (done.node, done.size, done.depth)
        self._add(done.node, done.size, done.depth)

    def _alias(self, event: Any) -> None:
        self.aliases += 1
        if self.aliases > MOST_ALIASES:
            raise self._refuse(
                event, f"this file has more than {MOST_ALIASES} aliases", "write out some of the values"
            )
        if event.anchor not in self.anchors:  # an open value is not in it, so there are no cycles
            cure = (
                suggestion(event.anchor, self.anchors)
                or f"write `&{event.anchor}` before the value that it names"
            )
            raise self._refuse(
                event, f"there is no anchor {quoted('&' + event.anchor)} before this alias", cure
            )
        node, size, depth = self.anchors[event.anchor]
        self._count(event, size, depth)
        self._add(node, size, depth)

    def _add(self, node: Node, size: int, depth: int) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.size += size
        if depth >= parent.depth:
            parent.depth = depth + 1
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is not None:
            key, parent.key = parent.key, None
            self._enter(parent, parent.node.entries, key, node)
        elif isinstance(node, Scalar):
            parent.key = node
        else:
            raise Unreadable(
                self.source, node.at, "a list or a mapping cannot be a key", "write a word as the key"
            )

    def _enter(
        self, parent: _Open, entries: dict[str, tuple[Scalar, Node]], key: Scalar, value: Node
    ) -> None:
        if key.text == "<<" and key.plain:
            parent.merged.append((key, value))
        elif key.text in entries:
            self.findings.mask(value)
            place = f"the first one is in line {entries[key.text][0].line + 1}"
            self.findings.mistake(
                key, f"{quoted(key.text)} is written twice; {place}", "remove one of them", cut=True
            )
        else:
            entries[key.text] = (key, value)

    def _merge(self, into: Sequence | Table, key: Scalar, value: Node) -> None:
        """Apply YAML's merge key: add the entries that this mapping does not have."""
        assert isinstance(into, Table)
        for table in value.items if isinstance(value, Sequence) else [value]:
            if not isinstance(table, Table):
                raise Unreadable(
                    self.source, key.at, "`<<` needs the alias of a mapping", "write `<<: *name`"
                )
            for name, entry in table.entries.items():
                into.entries.setdefault(name, entry)

    def _unsupported_tag(self, event: Any) -> Unreadable:
        tag = quoted(event.tag.replace("tag:yaml.org,2002:", "!!"))
        return self._refuse(event, f"the tag {tag} is not supported", "remove it")
