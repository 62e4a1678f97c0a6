"""One check: what is asked (the key is the kind), how often, how sure to be, and what is good enough."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from watch import probes
from watch.config.expansion import ForEach
from watch.config.findings import Findings, meant, quoted
from watch.config.kind import Missing, help_of, probe_at, probe_class
from watch.config.mapping import Field, Fields, Items, Record, described, strings
from watch.config.node import Node, Scalar, Table
from watch.config.place import column_in
from watch.config.shape import Choice, Schema, Whole, kind_of, parted, said
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
    """How many of the vantage points must see it down."""

    what: str = "`any`, `majority`, `all`, or a number of vantage points"

    def read(self, node: Node, findings: Findings) -> str | int | None:
        if isinstance(node, Scalar) and (node.text in {"any", "majority", "all"} or node.placeholder):
            return node.text if not node.placeholder else "majority"
        if isinstance(node, Scalar) and re.fullmatch("[1-9][0-9]{0,3}", node.text):
            return int(node.text)
        findings.mistake(node, f"{said(node)} is not {self.what}")
        return None

    def schema(self) -> Schema:
        return {"anyOf": [{"enum": ["any", "majority", "all"]}, {"type": "integer", "minimum": 1}]}


CONFIRM = Record(
    "`confirm`",
    {
        "down": Field(Whole(1, 100), "How many bad readings in a row make it down.", 3),
        "up": Field(Whole(1, 100), "How many good readings in a row make it up again.", 2),
    },
    like="`{down: 3, up: 2}`",
)
RHYTHM: Mapping[str, Field] = {
    "every": Field(EVERY, "How often it is asked.", timedelta(seconds=30)),
    "timeout": Field(TIMEOUT, "How long one answer may take.", timedelta(seconds=10)),
    "retry_every": Field(
        RETRY, "How soon it is asked again after an answer that may change the state.", timedelta(seconds=5)
    ),
    "confirm": Field(CONFIRM, "How many readings in a row change the state."),
    "audience": Field(
        Choice(tuple(Audience)),
        "Who it speaks for: `internal` asks from its own site, `public` from others.",
        "internal",
    ),
    "down_when": Field(DownWhen(), "How many vantage points must see it down.", "majority"),
}
DEFAULTS = Record("`defaults`", RHYTHM)
_SENTENCES = Items(raw("an expectation like `latency < 2s`"))
FIELDS: Mapping[str, Field] = {
    **{key: Field(it.shape, it.text) for key, it in RHYTHM.items()},
    "from": Field(Items(name("the name of a vantage point")), "The vantage points it is asked from."),
    "for_each": Field(ForEach(), "The targets that it is written for, each a check of its own."),
    "via": Field(
        WayShape(), "By which way it is asked; of several ways by name, each makes a check of its own."
    ),
    "expect": Field(_SENTENCES, "What must hold: broken, the check is down."),
    "warn": Field(_SENTENCES, "What should hold: broken, the check is degraded."),
}
_HINTS = {
    "interval": "write `every`",
    "period": "write `every`",
    "frequency": "write `every`",
    "retries": "write `confirm: {down: 3}`",
    "type": "the kind is the key: write `http: https://…`",
    "kind": "the kind is the key: write `http: https://…`",
    "probe": "the kind is the key: write `http: https://…`",
    "name": "a check's name is its key",
    "vantages": "write `from`",
    "expected": "write `expect`",
    "assert": "write `expect`",
    "conditions": "write `expect`",
    "each": "write `for_each`",
    "foreach": "write `for_each`",
    "with_items": "write `for_each`",
}
_RECORD = Record("a check", FIELDS, _HINTS)


@dataclass(slots=True)
class ReadCheck:
    """A check as written, until its defaults and its vantage points are known."""

    key: Scalar
    node: Node
    kind: str
    probe: object
    judge: Judge
    fields: Fields
    sources: tuple[tuple[str, Node], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CheckShape:
    """A mapping with one kind among its keys."""

    what: str = "a check"

    def read(self, node: Node, findings: Findings) -> ReadCheck | None:
        if not isinstance(node, Table):
            findings.mistake(
                node,
                f"{kind_of(node)} stands where a check belongs",
                "write what to ask, like `{http: https://example.org/}`",
            )
            return None
        rest = {key: entry for key, entry in node.entries.items() if key in FIELDS or key in _HINTS}
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
        return ReadCheck(key, node, kind, probe, judge, fields, fields["from"] or ())

    def _kind(
        self,
        node: Table,
        kinds: Mapping[str, tuple[Scalar, Node]],
        rest: Mapping[str, Any],
        findings: Findings,
    ) -> str | None:
        """The one key that is a kind; what is none is a mistake each."""
        real = [key for key in kinds if key in probes.kinds()]
        for word in (key for key in kinds if key not in real):
            self._stray(word, kinds[word], bool(real), findings)
        for second in real[1:]:
            wrong = f"a check asks one question, and {quoted(real[0])} is one already"
            findings.mistake(kinds[second][0], wrong, f"make {quoted(second)} a check of its own", cut=True)
        if not kinds and not {"type", "kind", "probe"} & set(rest):
            findings.mistake(
                node,
                "this check does not say what to ask",
                "give it a kind, like `http: https://…`; `threenines probes` lists all",
            )
        return real[0] if real else None

    def _stray(self, word: str, entry: tuple[Scalar, Node], has_kind: bool, findings: Findings) -> None:
        key, value = entry
        findings.mask(value)
        option = meant(word, FIELDS)
        if has_kind or (option and not meant(word, probes.kinds())):
            cure = option or "an option of the kind goes beneath its key"
            findings.mistake(key, f"a check has no {quoted(word)}", cure, cut=True)
            return
        try:
            probe_class(word)
        except Missing as missing:
            findings.mistake(key, missing.message, missing.cure, cut=True)

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


def _ways_of(kind: str, probe: object | None) -> frozenset[str]:
    """What of a `via` a check of that kind obeys: nothing, if it asks no other machine."""
    try:
        ways: frozenset[str] = probe_class(kind).WAYS
    except Missing:
        return frozenset(WAY.fields)
    return ways if probe is None or getattr(probe, "peer", str)() else frozenset()


def judged(kind: str, fields: Fields, findings: Findings) -> Judge:
    """What the check's `expect` and `warn` compile to; each broken sentence is a mistake at its character."""
    expect, warn = (
        [it for text, node in fields[key] or () if (it := _sentence(kind, text, node, findings))]
        for key in ("expect", "warn")
    )
    cls = probe_class(kind)
    return judge_of(expect, warn, cls.ASSUMED, cls.WARNED, lambda text: _compiled(kind, text))


@lru_cache(4096)  # thousands of checks expect `status == 200`
def _compiled(kind: str, text: str) -> Expectation:
    return compile_expectation(text, {**help_of(kind).facts, **EVERYWHERE})


def _sentence(kind: str, text: str, node: Node, findings: Findings) -> Expectation | None:
    assert isinstance(node, Scalar)
    try:
        return _compiled(kind, text)
    except ExpectationError as error:
        if node.origin and not node.placeholder:
            wrong = "with its references filled in, this is no expectation"
            findings.mistake(node, wrong, f"look at `{node.origin}`")
        elif not node.placeholder:
            message, cure = (error.message, error.cure) if error.cure else parted(error.message)
            findings.mistake(node, message, cure, offset=column_in(node, error.offset))
        return None


def check_of(read: ReadCheck, name: str, component: str, defaults: Fields) -> Check:
    """The check, once nothing is wrong with it."""

    def said(key: str) -> Any:
        value = read.fields[key]
        return defaults[key] if value is None else value

    confirm, common = read.fields["confirm"], defaults["confirm"]

    def streak(key: str) -> int:
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
        every=said("every"),
        timeout=said("timeout"),
        retry_every=said("retry_every"),
        confirm_down=streak("down"),
        confirm_up=streak("up"),
        audience=Audience(said("audience")),
        sources=tuple(dict.fromkeys(strings(read.sources))),
        down_when=said("down_when"),
        courses=_courses(read.kind),
        way=None if read.fields["via"] is None else way_of(read.fields["via"]),
    )


@cache
def _courses(kind: str) -> Mapping[str, Course]:
    return {it.name: it.course for it in help_of(kind).facts.values() if it.course is not None}
