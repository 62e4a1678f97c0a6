"""The shapes with parts: lists, mappings with keys that users choose, and records with fixed keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from watch.config.findings import Findings, quoted, suggestion
from watch.config.node import Node, Scalar, Sequence, Table, nothing
from watch.config.shape import NOT_BUILT, Schema, Shape, Word, kind_of
from watch.core.quantity import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

T = TypeVar("T")
_SEE = "remove it; CHANGELOG lists what is built"


@dataclass(frozen=True, slots=True)
class Items(Generic[T]):
    """A list. With *lone*, a single value is read as a list of one."""

    of: Shape[T]
    lone: bool = True
    empty: bool = False

    @property
    def what(self) -> str:
        return f"a list: {self.of.what}, …"

    def read(self, node: Node, findings: Findings) -> tuple[tuple[T, Node], ...] | None:
        """Each value with its node."""
        if isinstance(node, Sequence):
            if not node.items and not self.empty:
                findings.mistake(node, "this list is empty", f"write {self.of.what}, or remove the list")
            read = [(self.of.read(item, findings), item) for item in node.items]
            return tuple((value, item) for value, item in read if value is not None)
        if self.empty and nothing(node):
            return ()
        if not self.lone or nothing(node) or (isinstance(node, Table) and not isinstance(self.of, Record)):
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
            return None
        value = self.of.read(node, findings)
        return None if value is None else ((value, node),)

    def schema(self) -> Schema:
        item = self.of.schema()
        several: Schema = {"type": "array", "items": item} | ({} if self.empty else {"minItems": 1})
        none: list[Schema] = [{"type": "null"}] if self.empty else []
        return {"anyOf": [*([item] if self.lone else []), several, *none]}


@dataclass(frozen=True, slots=True)
class Keyed(Generic[T]):
    """A mapping whose keys are names that users choose."""

    key: Word[str]
    of: Shape[T]
    what: str

    def read(self, node: Node, findings: Findings) -> dict[str, tuple[T, Scalar]] | None:
        """Each value with its key."""
        if nothing(node):
            return {}
        if not isinstance(node, Table):
            findings.mask_addresses(node)
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
            return None
        found = {}
        for name, (key, value) in node.entries.items():
            self.key.read(key, findings)
            one = self.of.read(value, findings)
            if one is not None:
                found[name] = (one, key)
        return found

    def schema(self) -> Schema:
        pattern = self.key.json.get("pattern")
        names = {"propertyNames": {"pattern": pattern}} if pattern else {}
        return {"type": ["object", "null"], "additionalProperties": self.of.schema()} | names


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record. A key without a shape is planned, but not built yet."""

    shape: Shape[Any] | None
    text: str
    default: Any = None
    required: bool = False

    @property
    def gist(self) -> str:
        """The text as part of a sentence."""
        return f"{self.text[:1].lower()}{self.text[1:].rstrip('.')}"


@dataclass(slots=True)
class Fields:
    """The values of a record, and where they are written."""

    node: Node
    keys: Mapping[str, tuple[Scalar, Node]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        """The value; the default when it is missing or was refused."""
        value = self.values.get(key)
        return self.defaults.get(key) if value is None else value

    def wrote(self, key: str) -> bool:
        return key in self.keys

    def at(self, key: str) -> Node:
        """The value's node; the whole mapping when the key is missing."""
        return self.keys[key][1] if key in self.keys else self.node

    def names(self, key: str) -> Collection[str]:
        """The names under a key, those of refused values too: referring to one is not a second mistake."""
        node = self.keys[key][1] if self.wrote(key) else None
        return node.entries if isinstance(node, Table) else ()

    def key(self, key: str) -> Node:
        return self.keys[key][0] if key in self.keys else self.node


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with fixed keys.

    Args:
        hints: Wrong keys that users are likely to write, each with its cure.
        like: An example, shown when the value is not a mapping.
        stray: The cure for a wrong key, from what it holds; empty when it has none.
    """

    what: str
    fields: Mapping[str, Field]
    hints: Mapping[str, str] = field(default_factory=dict)
    like: str = ""
    stray: Callable[[Node], str] = lambda _: ""
    _defaults: Mapping[str, Any] = field(init=False, repr=False, compare=False)
    _required: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Once a record, and not once a mapping that is read: a file has thousands.
        object.__setattr__(self, "_defaults", {name: it.default for name, it in self.fields.items()})
        object.__setattr__(self, "_required", tuple(name for name, it in self.fields.items() if it.required))

    def read(self, node: Node, findings: Findings) -> Fields | None:
        if nothing(node):
            return self.fields_of(node, {}, findings)
        if not isinstance(node, Table):
            findings.mask_addresses(node)
            findings.mistake(
                node,
                f"{kind_of(node)} is not allowed here",
                f"write {self.like or f'a mapping of {self._keys()}'}",
            )
            return None
        return self.fields_of(node, node.entries, findings)

    def fields_of(self, node: Node, entries: Mapping[str, tuple[Scalar, Node]], findings: Findings) -> Fields:
        """The record in *entries*: all or some of the entries of *node*."""
        known: dict[str, tuple[Scalar, Node]] = {}
        fields = Fields(node, known, {}, self._defaults)
        for name, (key, value) in entries.items():
            it = self.fields.get(name)
            if it is None:
                self._unknown(key, value, findings)
            elif it.shape is None:
                findings.mask(value)
                findings.mistake(key, f"{quoted(name)} {NOT_BUILT}", _SEE, cut=True)
            else:
                known[name] = (key, value)
                fields.values[name] = it.shape.read(value, findings)
        for name in self._required:
            if name not in entries:
                it = self.fields[name]
                findings.mistake(
                    node,
                    f"{self.what} needs {quoted(name)}",
                    f"write `{name}: …`: {it.gist}",
                )
        return fields

    def _unknown(self, key: Scalar, value: Node, findings: Findings) -> None:
        findings.mask(value)
        near = self.hints.get(key.text) or self.stray(value) or suggestion(key.text, self.fields)
        cure = near or f"the keys are {self._keys()}"
        findings.mistake(key, f"{self.what} has no {quoted(key.text)}", cure, cut=True)

    def _keys(self) -> str:
        return ", ".join(quoted(name) for name, it in self.fields.items() if it.shape is not None)

    def schema(self) -> Schema:
        built = {name: it for name, it in self.fields.items() if it.shape is not None}
        required = [name for name, it in built.items() if it.required]
        return {
            "type": "object" if required else ["object", "null"],
            "additionalProperties": False,
            "properties": {name: described(it) for name, it in built.items()},
        } | ({"required": required} if required else {})


def described(it: Field) -> Schema:
    """A field's schema with its description and default."""
    assert it.shape is not None
    default = duration_text(it.default) if isinstance(it.default, timedelta) else it.default
    known = {"default": default} if isinstance(default, str | int | bool) else {}
    return it.shape.schema() | {"description": it.text} | known


def strings(words: Iterable[tuple[str, Node]] | None) -> tuple[str, ...]:
    """The values that `Items` read, without their nodes."""
    return tuple(word for word, _ in words or ())
