"""A kind of probe in checks.yaml: its options come from the probe class's fields, annotations and docstring.

Nothing about a kind is written twice. A field's annotation decides the form of its option, its default decides
whether the option is required, and the docstring is the help text in the schema and in `threenines probes`.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from watch import probes
from watch.config.findings import Findings, quoted, redacted, suggestion
from watch.config.mapping import Field, Fields, Items, Keyed, Record
from watch.config.node import Node, Scalar, Table, nothing, scalars
from watch.config.shape import Choice, Flag, Schema, Shape, Whole, shown, split_cure
from watch.config.word import NUMBER, PERCENTAGE, FilePath, lasting, raw, secret
from watch.core.expect import compile_expectation, judge_of
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import EVERYWHERE, Reference, reference

_PLANNED = """
amqp browser docker domain grpc heartbeat kafka mqtt mssql nagios nats nut oracle process radius
sftp sip websocket
"""
PLANNED = frozenset(_PLANNED.split())
_ODDLY_NAMED = {"https": "http", "ping": "icmp", "port": "tcp", "ssl": "tls", "url": "http", "cert": "tls"}
# Types for annotations that a probe's file imports for the type checker only.
_TYPES = {it.__name__: it for it in (Mapping, Path, Secret, timedelta, Fraction, datetime)} | {
    "Literal": Literal,
    "ClassVar": ClassVar,
    "Any": Any,
}
_ANY_TIME = (timedelta(0), timedelta(days=3650), "30s")


class Missing(Exception):  # noqa: N818 - it names the kind's state
    """A kind is not available: it does not exist, or a library it needs is not installed."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


@cache
def probe_class(kind: str) -> Any:
    """The probe class of *kind*; raises `Missing` with the reason when there is none."""
    package = probes.package_of(kind)
    try:
        cls = probes.of_kind(kind)
        if package is not None:
            _examine(kind, cls, package)
    except KeyError:
        raise _no_kind(kind) from None
    except ImportError as error:
        raise _no_library(kind, error.name or str(error)) from None
    except probes.PluginFault as fault:
        raise _of_the_plugin(kind, fault) from None
    return cls


def _examine(kind: str, cls: Any, package: str) -> None:
    """Read all that is read of a plug-in's class; PluginFault when something of it is wrong."""
    try:
        _read_whole(kind, cls)
    except Exception as error:
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise probes.PluginFault(package, f"{name}{error}") from error


def _read_whole(kind: str, cls: Any) -> None:
    known = {**reference(cls).facts, **EVERYWHERE}
    if cls.MAIN not in _options_of(kind, cls).fields:
        raise ValueError(f"{cls.__name__}: its main option {cls.MAIN!r} is not one of its fields")
    judge_of([], [], cls.ASSUMED, cls.WARNED, lambda text: compile_expectation(text, known))
    frozenset(cls.WAYS)


def _of_the_plugin(kind: str, fault: probes.PluginFault) -> Missing:
    wrong = f"the kind {quoted(kind)} of the package {quoted(fault.package)} cannot be used: {one_line(str(fault))}"
    return Missing(wrong, f"tell the authors of {quoted(fault.package)}, or install another version of it")


def installed_class(kind: str) -> Any:
    """Like `probe_class`; also raises `Missing` when the library that its runs import is not installed."""
    cls = probe_class(kind)
    library = getattr(cls, "LIBRARY", "")
    if library and find_spec(library) is None:
        raise _no_library(kind, library)
    return cls


def _no_library(kind: str, library: str) -> Missing:
    wrong = f"the kind {quoted(kind)} needs {quoted(library)}, which is not installed"
    return Missing(wrong, f"install it with `pip install 'threenines[{kind}]'`")


def _no_kind(kind: str) -> Missing:
    everything = "run `threenines probes` for the list of kinds"
    if kind in PLANNED:
        return Missing(f"the kind {quoted(kind)} is not built yet", everything)
    before, colon, after = kind.partition(":")
    if colon and after and probes.is_kind(before):
        return Missing("there is no space after the colon", f"write `{before}: …`")
    near = quoted(_ODDLY_NAMED[kind]) if kind in _ODDLY_NAMED else ""
    cure = f"did you mean {near}?" if near else suggestion(kind, probes.kinds())
    return Missing(f"{quoted(kind)} is not a kind of probe", cure or everything)


def help_of(kind: str) -> Reference:
    return reference(probe_class(kind))


@cache
def options(kind: str) -> Record:
    """The options of *kind* as a record."""
    return _options_of(kind, probe_class(kind))


def _options_of(kind: str, cls: Any) -> Record:
    hints, texts = get_type_hints(cls, localns=_TYPES), reference(cls).options
    fields = {}
    documented = {name: place for place, name in enumerate(texts)}  # inherited fields come first in a class
    for it in sorted(dataclasses.fields(cls), key=lambda it: documented.get(it.name, len(documented))):
        if not it.init or it.name.startswith("_"):
            continue
        required = it.default is dataclasses.MISSING and it.default_factory is dataclasses.MISSING
        default = None if it.default is dataclasses.MISSING else it.default
        fields[it.name] = Field(shape_of(hints[it.name]), texts.get(it.name, ""), default, required)
    return Record(f"`{kind}`", fields)


def shape_of(annotation: Any) -> Shape[Any]:
    """The shape of an option with that annotation.

    Raises:
        TypeError: An option cannot have this type: a mistake of the probe's author.
    """
    simple: Mapping[Any, Shape[Any]] = {
        str: raw("text"),
        int: Whole(),
        float: NUMBER,
        bool: Flag(),
        timedelta: lasting(*_ANY_TIME),
        Path: FilePath(),
        Secret: secret("a secret"),
        Fraction: PERCENTAGE,
    }
    if annotation in simple:
        return simple[annotation]
    origin, of = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Choice(tuple(str(word) for word in of))
    if origin in {Union, types.UnionType}:
        some = [shape_of(one) for one in of if one is not type(None)]
        return some[0] if len(some) == 1 else AnyOf(tuple(some))
    if origin is tuple and len(of) == 2 and of[1] is Ellipsis:
        return Items(shape_of(of[0]), empty=True)
    if isinstance(origin, type) and issubclass(origin, Mapping) and of[0] is str:
        return Keyed(raw("a name"), shape_of(of[1]), "a mapping of names to values")
    raise TypeError(f"an option cannot be a {annotation}")


@dataclasses.dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several shapes: the first that reads the value without a mistake."""

    shapes: tuple[Shape[Any], ...]

    @property
    def what(self) -> str:
        return " or ".join(shape.what for shape in self.shapes)

    def read(self, node: Node, findings: Findings) -> Any:
        for shape in self.shapes:
            trial = Findings()
            value = shape.read(node, trial)
            if not trial.mistakes:
                findings.masked += trial.masked
                findings.secrets |= trial.secrets
                return value
        findings.mistake(node, f"this is not {self.what}")
        return None

    def schema(self) -> Schema:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


def probe_at(kind: str, key: Scalar, node: Node, findings: Findings) -> object | None:
    """The probe that *node*, the value of the key *kind*, describes; None when it was refused."""
    try:
        record, cls = options(kind), installed_class(kind)
    except Missing as missing:
        findings.mask(node)
        findings.mistake(key, missing.message, missing.cure, cut=True)
        return None
    if isinstance(node, Table):
        for name in _hidden(cls) & node.entries.keys():
            findings.hide(node.entries[name][1])
    main = record.fields[cls.MAIN]
    if nothing(node) and main.required:
        cure = f"write its `{cls.MAIN}`: {main.gist}"
        findings.mistake(node, f"{quoted(kind)} has no value", cure)
        return None
    before = len(findings.mistakes)
    table = node if isinstance(node, Table) else Table(node.source, node.at, {cls.MAIN: (key, node)})
    fields = record.fields_of(table if isinstance(node, Table) else node, table.entries, findings)
    if len(findings.mistakes) > before:
        return None
    _warn_of_secrets(kind, fields, findings)
    values = {name: _bare(value) for name, value in fields.values.items()}
    try:
        return cls(**values)  # type: ignore[no-any-return]  # the class is known only at run time
    except ValueError as error:
        if not any(word.placeholder for word in scalars(node)):
            _record_objection(str(error), node, table, findings)
        return None
    except Exception as error:
        package = probes.package_of(kind)
        if package is None:
            raise
        # Its text may hold the value of a secret option.
        told = _of_the_plugin(kind, probes.PluginFault(package, f"{type(error).__name__} from these options"))
        findings.mistake(key, told.message, told.cure, cut=True)
        return None


@cache
def _hidden(cls: Any) -> frozenset[str]:
    """The options whose values are never shown."""
    return frozenset(it.name for it in dataclasses.fields(cls) if not it.repr)


def _warn_of_secrets(kind: str, fields: Fields, findings: Findings) -> None:
    """Warn about each secret that is written in the file itself: files are copied and shown."""
    for name, value in fields.values.items():
        node = fields.at(name)
        if isinstance(value, Secret) and not getattr(node, "origin", "") and _secret(name, value.reveal()):
            wrong = f"this file contains a secret: {quoted(name)} of {quoted(kind)}"
            findings.caution(node, wrong, "keep it outside and write `${env:NAME}` or `${file:/path}`")


def _secret(option: str, text: str) -> bool:
    """Whether *text* holds a secret. A body rarely does; an address does only with a password in it."""
    if option == "body" or text == "public":  # the default SNMP community of every device
        return False
    address = option in {"dsn", "proxy", "mailbox"} or "://" in text
    return not address or re.search(r"://[^/@\s]*:[^/@\s]+@|\bpassword\s*=", text) is not None


def _bare(value: Any) -> Any:
    """An option's value without the nodes of its parts."""
    if isinstance(value, tuple):
        return tuple(part for part, _ in value)
    if isinstance(value, dict):
        return {name: part for name, (part, _) in value.items()}
    return value


def _record_objection(error: str, node: Node, table: Table, findings: Findings) -> None:
    """Record a probe's ValueError at the first option that it names."""
    words = scalars(node)
    hidden = sorted(
        {it.text for it in words if it.origin or it.text in findings.secrets}, key=len, reverse=True
    )
    option, colon, rest = error.partition(": ")
    named = [(m.start(), key) for key in table.entries if (m := re.search(rf"\b{re.escape(key)}\b", error))]
    culprit = table.entries[min(named)[1]][1] if named else node
    where = f"`{option}`: " if colon and option in table.entries else ""
    error = rest if where else error
    for word in words:
        error = error.replace(repr(word.text), quoted(word.text))
    message, cure = split_cure(": " + error)
    message = message.removeprefix(": ") or f"{shown(culprit)} is not valid"
    findings.mistake(culprit, redacted(where + message, hidden), redacted(cure, hidden))


def schema_of(kind: str) -> Schema:
    """The schema of the value of the key *kind*: its main option, or a mapping of all options."""
    cls, record = probe_class(kind), options(kind)
    main = record.fields[cls.MAIN].shape
    assert main is not None
    text = help_of(kind)
    facts = "".join(f"\n- {fact.name} ({fact.type}): {fact.text}" for fact in text.facts.values())
    described = f"{text.summary}\n\nFacts:{facts}\n\nExample:\n{text.example}"
    return {"description": described, "anyOf": [main.schema(), record.schema()]}
