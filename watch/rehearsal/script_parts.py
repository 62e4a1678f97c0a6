"""The parts of a script: faults, blindness, channels and acts, with every name checked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.config.findings import Findings, unknown_name
from watch.config.kind import help_of
from watch.config.mapping import strings
from watch.config.shape import split_cure
from watch.core.delivery import Command
from watch.core.quantity import duration_text, literal
from watch.core.reading import Reason
from watch.rehearsal.script import Act, Blindness, ChannelFault, Fails, Fault, Goes
from watch.rehearsal.script_keys import BLIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watch.config.mapping import Fields
    from watch.core.reading import FactValue
    from watch.core.settings import Check, Settings
    from watch.core.spans import Span

_MS = timedelta(milliseconds=1)
_PLACES = ("check", "component", "group", "site")
_ACTS = ("ack", "resolve", "silence")
_REASONS = {
    Goes.UP: Reason.OK, Goes.DOWN: Reason.TIMEOUT, Goes.DEGRADED: Reason.SLOW, Goes.UNKNOWN: Reason.INTERNAL,
    Goes.SILENT: Reason.MISSING,
}  # fmt: skip
ALL = "all"


class Names:
    """The names of the configuration, as scripts use them."""

    def __init__(self, settings: Settings, findings: Findings) -> None:
        self.settings, self._findings = settings, findings
        parts = settings.components.values()
        self.known: Mapping[str, Mapping[str, frozenset[str]]] = {
            "check": {name: frozenset({name}) for name in settings.checks},
            "component": {ALL: frozenset(settings.checks)} | {c.key: self._checks(c.key) for c in parts},
            "group": self._by(lambda key: settings.components[key].group),
            "site": self._by(lambda key: settings.components[key].site),
        }

    def _by(self, place: Callable[[str], str | None]) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for key in self.settings.components:
            where = place(key)
            if where:
                found[where] = found.get(where, frozenset()) | self._checks(key)
        return found

    def _checks(self, key: str) -> frozenset[str]:
        """The checks of component *key*, those of what it contains included."""
        found: set[str] = set()
        todo = list(self.settings.components[key].members)
        while todo:
            member = todo.pop()
            if "/" in member:
                found.add(member)
            else:
                todo += self.settings.components[member].members
        return frozenset(found)

    def checks(self, fields: Fields) -> frozenset[str]:
        """The checks that *fields* name in any of the four ways."""
        found: set[str] = set()
        for key in _PLACES:
            found.update(*(self.known[key][word] for word in self.named(fields, key, key, self.known[key])))
        return frozenset(found)

    def named(self, fields: Fields, key: str, what: str, known: Mapping[str, object]) -> list[str]:
        """The words under *key* that are known; the others are mistakes."""
        found = []
        for word, node in fields[key] or ():
            if word in known:
                found.append(word)
            else:
                unknown_name(node, what, word, [one for one in known if one != ALL], self._findings)
        return found

    def person(self, fields: Fields, key: str) -> None:
        """Record that the person under *key* does not exist."""
        if fields[key] is not None and fields[key] not in self.settings.people:
            unknown_name(fields.at(key), "person", fields[key], self.settings.people, self._findings)


def fault_of(fields: Fields, span: Span, names: Names, findings: Findings) -> Iterator[Fault]:
    """The fault in *fields*; nothing when it has a mistake."""
    checks = names.checks(fields)
    seen = names.named(fields, "seen_from", "vantage point", names.settings.vantages)
    if not any(fields.wrote(key) for key in _PLACES):
        findings.mistake(fields.node, "this fault is of nothing",
                         "write `check`, `component`, `group`, `site` or `vantage`")  # fmt: skip
    if fields["goes"] == BLIND:
        findings.mistake(fields.at("goes"), "only a vantage point can be blind",
                         "write `vantage: …`, or `goes: unknown`")  # fmt: skip
        return
    if fields["goes"] is None:
        return
    goes = Goes(fields["goes"])
    if fields["reason"] is not None and goes not in (Goes.DOWN, Goes.DEGRADED):
        findings.mistake(
            fields.key("reason"), f"`{goes}` has no reason of the target", "remove this key", cut=True
        )
    for key in ("facts", "latency"):
        if fields.wrote(key) and goes not in (Goes.UP, Goes.DEGRADED):
            findings.mistake(
                fields.key(key), f"what is `{goes}` has no `{key}`", "write `goes: up`", cut=True
            )
    if goes is Goes.UP and not fields["facts"] and fields["latency"] is None:
        findings.mistake(fields.at("goes"), "what is up is no fault", "write `facts` or `latency`, too")
    facts = dict(_facts(fields, [names.settings.checks[name] for name in sorted(checks)], findings))
    yield Fault(
        facts=facts, latency_ms=None if fields["latency"] is None else fields["latency"] // _MS,
        checks=checks, goes=goes, from_ms=span[0], to_ms=span[1],
        reason=_REASONS[goes] if fields["reason"] is None else Reason(fields["reason"]), detail=fields["detail"],
        seen_from=frozenset(seen), flaps_ms=None if fields["flaps"] is None else fields["flaps"] // _MS,
    )  # fmt: skip


def _facts(fields: Fields, checks: Sequence[Check], findings: Findings) -> Iterator[tuple[str, FactValue]]:
    """The facts in *fields* that *checks* can have, in base units; others are mistakes."""
    known = {name: fact for kind in {c.kind for c in checks} for name, fact in help_of(kind).facts.items()}
    for name, (value, key) in (fields["facts"] or {}).items():
        if name not in known:
            unknown_name(key, "fact", name, known, findings)
            continue
        try:
            yield name, literal(value, known[name].type)
        except ValueError as error:
            message, cure = split_cure(str(error))
            findings.mistake(key, message, cure)


def blindness_of(fields: Fields, span: Span, names: Names, findings: Findings) -> Iterator[Blindness]:
    """The blindness in *fields*; nothing when it has a mistake."""
    vantages = names.named(fields, "vantage", "vantage point", names.settings.vantages)
    for key in (*_PLACES, "reason", "detail", "flaps", "seen_from"):
        if fields.wrote(key):
            findings.mistake(
                fields.key(key), f"a fault of a vantage point has no `{key}`", "remove this key", cut=True
            )
    if fields["goes"] not in (None, BLIND, Goes.SILENT):
        findings.mistake(fields.at("goes"), "a vantage point goes `blind` or `silent`", f"write `{BLIND}`")
    silent = fields["goes"] == Goes.SILENT
    yield Blindness(vantages=frozenset(vantages), from_ms=span[0], to_ms=span[1], silent=silent)


def channel_of(fields: Fields, span: Span, names: Names, findings: Findings) -> Iterator[ChannelFault]:
    """The fault of a channel in *fields*; nothing when it has a mistake."""
    names.person(fields, "person")
    person = names.settings.people.get(fields["person"] or "")
    if person is None or fields["fails"] is None:
        return
    number = fields["number"]
    if number is not None and number > len(person.channels):
        cure = f"they have {len(person.channels)}: write a number up to that"
        findings.mistake(fields.at("number"), f"`{person.name}` has no channel {number}", cure)
    yield ChannelFault(
        person=person.name, channel=None if number is None else number - 1, how=Fails(fields["fails"]),
        from_ms=span[0], to_ms=span[1],
    )  # fmt: skip


def act_of(fields: Fields, at_ms: int, names: Names, findings: Findings) -> Iterator[Act]:
    """The act in *fields*; nothing when it has a mistake."""
    names.person(fields, "by")
    written = [key for key in _ACTS if fields.wrote(key)]
    if len(written) != 1:
        wrong = "this act does nothing" if not written else f"this act does {len(written)} things"
        findings.mistake(fields.node, wrong, "write one of `ack`, `resolve` and `silence`")
        return
    (key,) = written
    words = names.named(fields, key, "component", names.known["component"])
    whens = [str(when) for when in strings(fields["when"])]
    lasting = None if fields["for"] is None else duration_text(fields["for"])
    if key == "silence" and lasting is None:
        findings.mistake(fields.node, "a silence needs an end", "write `for: 1h`")
    if key == "resolve" and lasting is not None:
        findings.mistake(fields.key("for"), "to resolve takes no time", "remove this key", cut=True)
    if key != "silence" and fields.wrote("when"):
        findings.mistake(fields.key("when"), "only `silence` has `when`", "remove this key", cut=True)
    if not words or fields["by"] is None:
        return
    said: dict[str, object] = {"reason": fields["reason"]} | ({"for": lasting} if lasting else {})
    said |= {"components": words, "when": whens} if key == "silence" else {"alert": words}
    verb = "silence add" if key == "silence" else key
    command = Command(verb=verb, arguments=said, by=fields["by"], account="rehearsal")
    yield Act(at_ms, command, _told(key, words, lasting))


def _told(key: str, words: list[str], lasting: str | None) -> str:
    """What somebody does, for people: `acknowledges web for 30m`."""
    verb = {"ack": "acknowledges", "resolve": "resolves by hand", "silence": "silences"}[key]
    return f"{verb} {', '.join(words)}{f' for {lasting}' if lasting else ''}"
