"""One check: the kind of probe (a key), its interval, its confirmation and its expectations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from watch import probes
from watch.config.column import column_in
from watch.config.expansion import ForEach
from watch.config.findings import Findings, quoted
from watch.config.kind import Missing, help_of, probe_at, probe_class
from watch.config.mapping import Field, Fields, Items, Record, described
from watch.config.node import Node, Scalar, Table, guessed, scalars
from watch.config.shape import Choice, Schema, Whole, kind_of, shown, split_cure
from watch.config.stray import HINTS, hinted, stray
from watch.config.way import WAY, WayShape, refuse, way_of
from watch.config.word import lasting, name, raw
from watch.core.expect import Expectation, Judge, compile_expectation, judge_of
from watch.core.expect.errors import ExpectationError
from watch.core.settings import Audience, Check
from watch.probes.base import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import Course

_MS = timedelta(milliseconds=1)
EVERY = lasting(100 * _MS, timedelta(days=7), "30s")
TIMEOUT = lasting(_MS, timedelta(minutes=10), "10s")
RETRY = lasting(_MS, timedelta(days=1), "5s")


@dataclass(frozen=True, slots=True)
class DownWhen:
    """The shape of `down_when`: how many vantage points must see the check down."""

    what: str = "`any`, `majority`, `all`, or a number of vantage points"

    def read(self, node: Node, findings: Findings) -> str | int | None:
        if isinstance(node, Scalar) and (node.text in {"any", "majority", "all"} or node.placeholder):
            return node.text if not node.placeholder else "majority"
        if isinstance(node, Scalar) and re.fullmatch("[1-9][0-9]{0,3}", node.text):
            return int(node.text)
        findings.mistake(node, f"{shown(node)} is not {self.what}")
        return None

    def schema(self) -> Schema:
        return {"anyOf": [{"enum": ["any", "majority", "all"]}, {"type": "integer", "minimum": 1}]}


CONFIRM = Record(
    "`confirm`",
    {
        "down": Field(Whole(1, 100), "How many bad readings in a row confirm down.", 3),
        "up": Field(Whole(1, 100), "How many good readings in a row confirm up.", 2),
    },
    like="`{down: 3, up: 2}`",
)
RHYTHM: Mapping[str, Field] = {
    "every": Field(EVERY, "How often the check runs.", timedelta(seconds=30)),
    "timeout": Field(TIMEOUT, "How long one run may take.", timedelta(seconds=10)),
    "retry_every": Field(
        RETRY,
        "How soon the check runs again after a reading that may change the state.",
        timedelta(seconds=5),
    ),
    "confirm": Field(CONFIRM, "How many readings in a row confirm a new state."),
    "audience": Field(
        Choice(tuple(Audience)),
        "Where it runs from: `internal` at the component's own site, `public` at other sites, `any` at all.",
        "internal",
    ),
    "down_when": Field(DownWhen(), "How many vantage points must see the check down.", "majority"),
}
DEFAULTS = Record("`defaults`", RHYTHM)
_EXPECTATIONS = Items(raw("an expectation like `latency < 2s`"))
FIELDS: Mapping[str, Field] = {
    **{key: Field(it.shape, it.text) for key, it in RHYTHM.items()},
    "from": Field(
        Items(name("the name of a vantage point")),
        "The vantage points it runs from, instead of those of `audience`.",
    ),
    "for_each": Field(ForEach(), "Targets; each gets a check of its own."),
    "via": Field(WayShape(), "The network path; several named paths get a check each."),
    "expect": Field(_EXPECTATIONS, "Expectations that must hold; the reading is down when one does not."),
    "warn": Field(_EXPECTATIONS, "Expectations that should hold; the reading is degraded when one does not."),
}
_RECORD = Record("a check", FIELDS, HINTS)


@dataclass(slots=True)
class ReadCheck:
    """A check as written, before defaults and vantage points are applied."""

    key: Scalar
    node: Node
    kind: str
    probe: object
    judge: Judge
    fields: Fields
    hidden: bool
    sources: tuple[tuple[str, Node], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CheckShape:
    """A mapping with one kind among its keys."""

    what: str = "a check"

    def read(self, node: Node, findings: Findings) -> ReadCheck | None:
        if not isinstance(node, Table):
            findings.mistake(
                node,
                f"{kind_of(node)} is not a check",
                "write a kind of probe and its target, like `{http: https://example.org/}`",
            )
            return None
        rest = {key: entry for key, entry in node.entries.items() if key in FIELDS or hinted(key, node)}
        kinds = {key: entry for key, entry in node.entries.items() if key not in rest}
        fields = _RECORD.fields_of(node, rest, findings)
        kind = self._kind(node, kinds, rest, findings)
        if kind is None:
            return None
        key, value = kinds[kind]
        probe = probe_at(kind, key, value, findings)
        if fields["via"] is not None:
            refuse(fields["via"], kind, _ways_of(kind, probe), findings)
        try:
            judge = judged(kind, fields, findings)
        except Missing:
            return None
        hidden = _refers(kind, value)
        return ReadCheck(key, node, kind, probe, judge, fields, hidden, fields["from"] or ())

    def _kind(
        self,
        node: Table,
        kinds: Mapping[str, tuple[Scalar, Node]],
        rest: Mapping[str, Any],
        findings: Findings,
    ) -> str | None:
        """The one key that is a kind; every other unknown key is a mistake."""
        real = [key for key in kinds if probes.is_kind(key)]
        for word in (key for key in kinds if key not in real):
            stray(word, kinds[word], real[0] if real else "", FIELDS, findings)
        for second in real[1:]:
            wrong = f"a check has only one kind of probe; {quoted(real[0])} is the first"
            findings.mistake(
                kinds[second][0], wrong, f"write a separate check for {quoted(second)}", cut=True
            )
        if not kinds and not {"type", "kind", "probe"} & set(rest):
            findings.mistake(
                node,
                "the check has no kind of probe",
                "write one, like `http: https://…`; run `threenines probes` for the list",
            )
        return real[0] if real else None

    def schema(self) -> Schema:
        keys = {key: described(it) for key, it in FIELDS.items()}
        kinds = {kind: {"$ref": f"#/$defs/{kind}"} for kind in probes.kinds()}
        one_kind = [{"required": [kind]} for kind in kinds]
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": kinds | keys,
            "oneOf": one_kind,
        }


CHECK = CheckShape()


def _refers(kind: str, value: Node) -> bool:
    """Whether the target of a check, its main option, came from a reference: it may be secret."""
    main = probe_class(kind).MAIN
    if isinstance(value, Table):
        value = value.entries[main][1] if main in value.entries else value
    return any(word.origin for word in scalars(value))


def _ways_of(kind: str, probe: object | None) -> frozenset[str]:
    """The parts of `via` that a check of this kind supports; none if it asks no other machine."""
    try:
        ways: frozenset[str] = probe_class(kind).WAYS
    except Missing:
        return frozenset(WAY.fields)
    return ways if probe is None or getattr(probe, "peer", str)() else frozenset()


def judged(kind: str, fields: Fields, findings: Findings) -> Judge:
    """The compiled `expect` and `warn` of the check; each invalid expectation is a mistake at its character."""
    expect, warn = (
        [it for text, node in fields[key] or () if (it := _expectation(kind, text, node, findings))]
        for key in ("expect", "warn")
    )
    cls = probe_class(kind)
    return judge_of(expect, warn, cls.ASSUMED, cls.WARNED, lambda text: _compiled(kind, text))


@lru_cache(4096)  # thousands of checks have `status == 200`
def _compiled(kind: str, text: str) -> Expectation:
    return compile_expectation(text, {**help_of(kind).facts, **EVERYWHERE})


def _expectation(kind: str, text: str, node: Node, findings: Findings) -> Expectation | None:
    assert isinstance(node, Scalar)
    try:
        return _compiled(kind, text)
    except ExpectationError as error:
        refuse_sentence(error, node, findings)
        return None


def refuse_sentence(error: ExpectationError, node: Node, findings: Findings) -> None:
    """Record the mistake in the sentence at *node*, at its character."""
    assert isinstance(node, Scalar)
    if node.origin and not node.placeholder:
        wrong = "with its references filled in, this is not a valid expectation"
        findings.mistake(node, wrong, f"check the value of `{node.origin}`")
    elif not node.placeholder:
        message, cure = (error.message, error.cure) if error.cure else split_cure(error.message)
        findings.mistake(node, message, cure, offset=column_in(node, error.offset))


def check_of(read: ReadCheck, name: str, component: str, defaults: Fields) -> Check:
    """The check; called only when there were no mistakes."""

    def setting(key: str) -> Any:
        value = read.fields[key]
        return defaults[key] if value is None else value

    confirm, common = read.fields["confirm"], defaults["confirm"]

    def count(key: str) -> int:
        for one in (confirm, common):
            if one is not None and one.values.get(key) is not None:
                return int(one.values[key])
        return int(CONFIRM.fields[key].default)

    return Check(
        name=name,
        component=component,
        kind=read.kind,
        probe=read.probe,
        judge=read.judge,
        every=setting("every"),
        timeout=setting("timeout"),
        retry_every=setting("retry_every"),
        confirm_down=count("down"),
        confirm_up=count("up"),
        audience=Audience(setting("audience")),
        sources=tuple(dict.fromkeys(word for word, node in read.sources if not guessed(node))),
        down_when=setting("down_when"),
        courses=_courses(read.kind),
        way=None if read.fields["via"] is None else way_of(read.fields["via"]),
        hidden=read.hidden,
    )


@cache
def _courses(kind: str) -> Mapping[str, Course]:
    return {it.name: it.course for it in help_of(kind).facts.values() if it.course is not None}
