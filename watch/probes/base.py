"""How a probe registers itself, and how its docstring becomes its reference page.

A probe is one file: a frozen dataclass under ``@probe("kind")``. Its fields are its options in checks.yaml; the
sections of its docstring describe them. `threenines probes`, the docs page and the types of the expectation
compiler are read from there. The options and facts of the classes that it inherits from, such as those in
`watch.probes.wire.net.options`, follow its own. Its own line replaces an inherited one::

    Options:
        url: Where to ask.      (an option a line, continued by indentation)
    Facts:
        status (count, status): The answer's code.      (type, and the reason that a broken expectation gives)
        free (ratio, limit, empties): What is left.     (or fills: such facts give the check `exhausted_in`)
    Reasons:
        refused, timeout, ...      (all that it can give, except expectation and internal)

Example:
        http: https://example.org/      (YAML, as under a check's name)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping  # noqa: TC003 - options' types are read from probes' annotations
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from watch.core import gap, trend
from watch.core.reading import Course, FactSpec, FactType, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watch.ports import Probe

P = TypeVar("P", bound=type[Any])
registry: dict[str, type[Probe]] = {}
EVERYWHERE: Mapping[str, FactSpec] = {gap.FACT.name: gap.FACT}
"""The facts that every check has, whatever its kind: they compare one reading with the next."""


def probe(kind: str, *, main: str) -> Callable[[P], P]:
    """Register the decorated class for ``kind:`` in checks.yaml; a scalar there is its option *main*."""

    def register(cls: P) -> P:
        if kind in registry:
            raise ValueError(f"two probes claim the kind {kind!r}: {registry[kind]}, {cls}")
        cls.KIND, cls.MAIN = kind, main
        registry[kind] = cls
        return cls

    return register


SENDS = frozenset({"source", "interface", "resolver", "address"})
"""The keys of `via` that a kind obeys which opens its own sockets."""
DIALS = SENDS | {"proxy"}
"""The keys of `via` that a kind obeys which uses the shared `dial`."""


class Described:
    """What `probe` adds to a class, for the type checker.

    `ASSUMED` maps a fact to the expectation that applies unless the user writes one about that fact. `WARNED`
    does the same for warnings: a target that has lost its redundancy still serves, so it is degraded, not down.
    `LIBRARY` is the module that the kind needs, if it is an extra (named after the kind). `WAYS` names the keys
    of a check's `via` that its runs obey: all of them if they dial by `watch.probes.wire.net.dial` or ask by
    `watch.probes.wire.http.pursuit`.
    """

    __slots__ = ()  # so that a slotted probe has no dictionary
    KIND: ClassVar[str]
    MAIN: ClassVar[str]
    LIBRARY: ClassVar[str] = ""
    ASSUMED: ClassVar[Mapping[str, str]] = {}
    WARNED: ClassVar[Mapping[str, str]] = {}
    WAYS: ClassVar[frozenset[str]] = frozenset()

    def peer(self) -> str:
        """The host that this probe asks, for the limit of runs per host; empty for none."""
        return str(getattr(self, "host", ""))


@dataclass(frozen=True, slots=True)
class Reference:
    """The sections of a probe's docstring."""

    summary: str
    options: Mapping[str, str]
    facts: Mapping[str, FactSpec]
    reasons: tuple[Reason, ...]
    example: str


_FACT = re.compile(r"(?P<name>[\w.]+) \((?P<type>\w+)(?P<more>(?:, \w+)*)\): (?P<text>.+)", re.DOTALL)


@cache
def reference(cls: type[Any]) -> Reference:
    """The reference page in *cls*'s docstring; ValueError when a section does not parse."""
    summary, sections = _sections(inspect.getdoc(cls) or "")
    facts = dict[str, FactSpec]()
    for fact in (_fact(cls, it) for it in _inherited(cls, "Facts")):
        facts.setdefault(fact.name, fact)
    running_out = [name for name, fact in facts.items() if fact.course is not None]
    if running_out:
        derived = trend.fact(running_out)
        facts[derived.name] = derived
    options = dict[str, str]()
    for entry in _inherited(cls, "Options"):
        name, colon, text = entry.partition(": ")
        if not colon:
            raise ValueError(f"{cls.__name__}: an option reads 'name: text', not {entry!r}")
        options.setdefault(name, text)
    reasons = tuple(Reason(word) for word in re.findall(r"\w+", sections.get("Reasons", "")))
    return Reference(summary, options, facts, reasons, sections.get("Example", ""))


def _inherited(cls: type[Any], section: str) -> Iterator[str]:
    """The entries of a *section*: its own, then those of the classes it inherits from, the nearest first."""
    for each in cls.__mro__[:-1]:
        sections = _sections(inspect.cleandoc(vars(each).get("__doc__") or ""))[1]
        yield from _entries(sections.get(section, ""))


def _fact(cls: type[Any], entry: str) -> FactSpec:
    match = _FACT.fullmatch(entry)
    if match is None:
        raise ValueError(f"{cls.__name__}: a fact reads 'name (type, reason): text', not {entry!r}")
    words = [word for word in match["more"].split(", ") if word]
    course = next((Course(word) for word in words if word in tuple(Course)), None)
    reason = next((Reason(word) for word in words if word not in tuple(Course)), Reason.EXPECTATION)
    return FactSpec(match["name"], FactType(match["type"]), reason, match["text"], course)


def _sections(doc: str) -> tuple[str, dict[str, str]]:
    """The text before the first section, and the sections' bodies, unindented."""
    parts = re.split(r"^(Options|Facts|Reasons|Example):\n", doc, flags=re.MULTILINE)
    return parts[0].strip(), {parts[i]: inspect.cleandoc(parts[i + 1]) for i in range(1, len(parts), 2)}


def _entries(body: str) -> list[str]:
    """The entries of a section: one for each line, joined with its indented continuation lines."""
    return [re.sub(r"\s+", " ", entry) for entry in re.split(r"\n(?=\S)", body) if entry.strip()]
