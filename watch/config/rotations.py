"""On-call rotations: people and lengths as written → `watch.core.rotation`, with every mistake at its place.

A rotation is one layer with its keys written directly, or a list of `layers`. One person alone needs neither `every`
nor `handover` nor `start`. A time that names no zone is in that of the first handover.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from watch.config.findings import quoted, unknown_name
from watch.config.node import Node, Scalar, guessed
from watch.config.shape import Word
from watch.core.quantity import instant
from watch.core.rotation import Handover, Layer, Override, Rotation
from watch.core.schedule import Weekly, parse_weekly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from watch.config.findings import Findings
    from watch.config.mapping import Fields
    from watch.core.settings import Person

_WEEK = timedelta(weeks=1)
_TURNS = ("every", "handover", "start")
_EXAMPLE = "like `every: 1 week, handover: Mon 09:00 America/New_York, start: 2026-11-02`"
_RESERVED = "override"  # `threenines oncall override` is a verb


def rotations_of(
    document: Fields, people: Mapping[str, Person], zone: ZoneInfo, findings: Findings
) -> dict[str, Rotation]:
    """The rotations. *zone* is that of handovers which name none."""
    found = {}
    for word, (fields, key) in (document["rotations"] or {}).items():
        _named(word, key, document, findings)
        rotation = _Reader(document, people, zone, findings).rotation(word, key, fields)
        if rotation is not None:
            found[word] = rotation
    return found


def _named(word: str, key: Scalar, document: Fields, findings: Findings) -> None:
    if word == _RESERVED:
        wrong = f"a rotation cannot be called {quoted(word)}: that is a word of `threenines oncall`"
        findings.mistake(key, wrong, "choose another name", cut=True)
    if word in document.names("people"):
        wrong = f"{quoted(word)} is the name of a person and of a rotation: an escalation could mean either"
        findings.mistake(key, wrong, "give one of them another name", cut=True)


class _Reader:
    """Reads one rotation after the other, and notes mistakes."""

    def __init__(
        self, document: Fields, people: Mapping[str, Person], zone: ZoneInfo, findings: Findings
    ) -> None:
        self._document, self._people, self._zone, self._findings = document, people, zone, findings
        self._renamed = {person.was: person.name for person in people.values() if person.was}

    def rotation(self, word: str, key: Scalar, fields: Fields) -> Rotation | None:
        """The rotation called *word*; None when a part of it was refused."""
        layers = self._layers(word, key, fields)
        zone = layers[0].handover.zone if layers else self._zone
        overrides = self._overrides(fields, zone)
        return None if not layers else Rotation(word, layers, overrides)

    # ---- layers ----

    def _layers(self, word: str, key: Scalar, fields: Fields) -> tuple[Layer, ...]:
        if not fields.wrote("layers"):
            if not fields.wrote("people"):
                wrong = f"the rotation {quoted(word)} has nobody"
                self._findings.mistake(key, wrong, "add `people`, or `layers`", cut=True)
                return ()
            layer = self._layer(fields, key, None)
            return () if layer is None else (layer,)
        for stray in ("people", *_TURNS):
            if fields.wrote(stray):
                wrong = f"{quoted(stray)} cannot be combined with `layers`"
                self._findings.mistake(
                    fields.key(stray), wrong, f"write {quoted(stray)} in each layer", cut=True
                )
        found = []
        for layer_fields, node in fields["layers"] or ():
            layer = self._layer(layer_fields, node, self._during(layer_fields))
            if layer is not None:
                found.append(layer)
        return tuple(found)

    def _layer(self, fields: Fields, place: Node, during: Weekly | None) -> Layer | None:
        people = self._known(fields["people"] or ())
        written = [key for key in _TURNS if fields.wrote(key)]
        missing = [key for key in _TURNS if not fields.wrote(key)]
        if not people or any(fields[key] is None for key in written):
            return None
        if not written and len(set(people)) == 1:
            week = Handover(time(), self._zone, 0)
            return Layer(people[:1], _WEEK, week, date(1970, 1, 1), during)
        if missing:
            needed = " and ".join(filter(None, [", ".join(map(quoted, missing[:-1])), quoted(missing[-1])]))
            why = "" if len(people) == 1 else f": {len(people)} people take turns"
            it, are = ("it", "is") if len(missing) == 1 else ("them", "are")
            self._findings.mistake(
                fields.key(written[0]) if written else place, f"{needed} {are} missing{why}",
                f"add {it}, {_EXAMPLE}", cut=True,
            )  # fmt: skip
            return None
        handover = self._agreed(fields)
        return None if handover is None else Layer(people, fields["every"], handover, fields["start"], during)

    def _agreed(self, fields: Fields) -> Handover | None:
        """The handover, if it has a day of the week exactly where turns are whole weeks."""
        clock, weeks = fields["handover"], not fields["every"] % _WEEK
        weekday: int | None = clock.weekday
        if weeks is (weekday is None):
            at = fields.at("handover")
            if guessed(at) or guessed(fields.at("every")):
                weekday = 0 if weeks else None
            elif weeks:
                self._findings.mistake(
                    at,
                    "turns are whole weeks, but the handover names no day",
                    f"write Mon {clock.time:%H:%M}",
                )
                return None
            else:
                self._findings.mistake(
                    at, "the handover names a day, but turns are not whole weeks",
                    f"write {clock.time:%H:%M} without the day, or `every: 1 week`",
                )  # fmt: skip
                return None
        return Handover(clock.time, clock.zone or self._zone, weekday)

    def _during(self, fields: Fields) -> Weekly | None:
        if not fields.wrote("during"):
            return None
        clock = fields["handover"]
        zone = (clock.zone if clock else None) or self._zone
        word = Word(
            "weekly hours like Mon-Fri 08:00-18:00 America/New_York",
            lambda text: parse_weekly(text, zone),
            "Mon-Fri 08:00-18:00",
            {},
        )
        return word.read(fields.at("during"), self._findings)

    # ---- people and overrides ----

    def _known(self, names: tuple[tuple[str, Node], ...]) -> tuple[str, ...]:
        """The names, of which each that is nobody's is a mistake."""
        return tuple(word for word, node in names if self._is_person(word, node))

    def _is_person(self, word: str, node: Node) -> bool:
        if word in self._people or word in self._document.names("people") or guessed(node):
            return True
        if (now := self._renamed.get(word)) is not None:
            self._findings.mistake(node, f"{quoted(word)} is called {quoted(now)} now", f"write {now}")
        else:
            unknown_name(node, "person", word, tuple(self._people), self._findings)
        return False

    def _overrides(self, fields: Fields, zone: ZoneInfo) -> tuple[Override, ...]:
        read = [(self._override(it, zone), it) for it, _ in fields["overrides"] or ()]
        found = sorted(((it, at) for it, at in read if it is not None), key=lambda pair: pair[0].from_ms)
        for (before, _), (after, at) in pairwise(found):
            if after.from_ms < before.to_ms and not guessed(at.at("from")):
                wrong = f"this override of {quoted(after.person)} overlaps that of {quoted(before.person)}"
                self._findings.mistake(at.at("from"), wrong, "let one of them end where the other begins")
        return tuple(it for it, _ in found)

    def _override(self, fields: Fields, zone: ZoneInfo) -> Override | None:
        person = fields["person"]
        known = person is not None and self._is_person(person, fields.at("person"))
        from_ms, to_ms = self._instant(fields, "from", zone), self._instant(fields, "to", zone)
        if from_ms is None or to_ms is None or not known:
            return None
        if to_ms > from_ms:
            return Override(from_ms, to_ms, person, "in checks.yaml")
        if not guessed(fields.at("from")) and not guessed(fields.at("to")):
            self._findings.mistake(
                fields.at("to"), "the end of this override is not after its start", "write a later end"
            )
        return None

    def _instant(self, fields: Fields, key: str, zone: ZoneInfo) -> int | None:
        if fields[key] is None:
            return None
        word = Word(
            "a time like 2026-12-24 09:00 America/New_York",
            lambda text: instant(text, zone),
            "2026-12-24 09:00",
            {},
        )
        at = word.read(fields.at(key), self._findings)
        return None if at is None else int(at.timestamp()) * 1000
