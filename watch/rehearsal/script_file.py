"""A script in YAML → `Script`, or every mistake at once with its line.

The names in it are those of the configuration. Read as checks.yaml is: no reference is replaced, so it needs no secret.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from watch.config.findings import Findings, TooManyMistakes
from watch.config.paths import files
from watch.config.reader import tree
from watch.config.shape import Word
from watch.core.quantity import duration, instant
from watch.errors import Trouble
from watch.rehearsal.script import Act, Blindness, ChannelFault, Fault, Script
from watch.rehearsal.script_keys import LONGEST, SCRIPT
from watch.rehearsal.script_parts import Names, act_of, blindness_of, channel_of, fault_of

if TYPE_CHECKING:
    from pathlib import Path

    from watch.config.mapping import Fields
    from watch.config.node import Node
    from watch.core.settings import Settings

BEGIN = "start: 2026-12-05 01:00"
_MS = timedelta(milliseconds=1)
_HOUR_MS = 3_600_000


def script_at(path: Path, settings: Settings) -> Script:
    """The script in the file or folder at *path*, for a configuration. ConfigError lists every mistake."""
    if not path.exists():
        raise Trouble(f"{path} does not exist: name the file of a script; docs/how-to/rehearse.md has some")
    findings = Findings()
    script = None
    with suppress(TooManyMistakes):
        root = tree(files(path), findings, "a script", BEGIN)
        if not findings.unreadable:
            if not root.entries:
                findings.mistake(root, "the script is empty", f"begin with `{BEGIN}`")
            else:
                script = _Reader(SCRIPT.fields_of(root, root.entries, findings), settings, findings).script()
    if script is None:
        raise findings.error()
    return script


class _Reader:
    """Reads one script: its start and length first, because the other times count from there."""

    def __init__(self, fields: Fields, settings: Settings, findings: Findings) -> None:
        self._fields, self._settings, self._findings = fields, settings, findings
        self.start_ms = self._start()
        self._lasts_ms: int | None = None if fields["length"] is None else fields["length"] // _MS
        self._names = Names(settings, findings)
        self._latest_ms = self.start_ms

    def script(self) -> Script | None:
        """The script; None when there was any mistake."""
        f, names, findings = self._fields, self._names, self._findings
        if f["start"] is None or findings.mistakes:
            self._lasts_ms = LONGEST // _MS  # other times are read all the same, to find all mistakes
        end_ms = self.start_ms + (LONGEST // _MS if self._lasts_ms is None else self._lasts_ms)
        times = partial(self._span, end_ms=end_ms)
        faults: list[Fault] = []
        blindness: list[Blindness] = []
        for fields, _ in f["faults"] or ():
            span = times(fields)
            if fields.wrote("vantage"):
                blindness += blindness_of(fields, span, names, findings)
            else:
                faults += fault_of(fields, span, names, findings)
        channels: list[ChannelFault] = [
            c for fields, _ in f["channels"] or () for c in channel_of(fields, times(fields), names, findings)
        ]
        acts: list[Act] = [
            a for fields, _ in f["acts"] or ()
            for a in act_of(fields, self._moment(fields, "at", end_ms), names, findings)
        ]  # fmt: skip
        if findings.mistakes:
            return None
        if self._lasts_ms is None:
            end_ms = min(self._latest_ms + _HOUR_MS, end_ms)
        return Script(
            start_ms=self.start_ms, end_ms=end_ms, faults=tuple(faults), blindness=tuple(blindness),
            channels=tuple(channels), acts=tuple(sorted(acts, key=lambda act: act.at_ms)),
        )  # fmt: skip

    def _start(self) -> int:
        zone = self._settings.service.timezone
        word = Word("a time", lambda text: instant(text, zone), "2026-12-05 01:00 UTC", {})
        read = word.read(self._fields.at("start"), self._findings) if self._fields.wrote("start") else None
        return 0 if read is None else round(read.timestamp() * 1000)

    def _span(self, fields: Fields, *, end_ms: int) -> tuple[int, int]:
        """From when to when something lasts."""
        from_ms = self._moment(fields, "from", end_ms)
        if fields.wrote("to") and fields.wrote("for"):
            self._findings.mistake(fields.key("for"), "`for` and `to` say the same", "remove one of them")
        if fields["for"] is not None:
            to_ms = from_ms + fields["for"] // _MS
            self._latest_ms = max(self._latest_ms, to_ms)
        elif fields.wrote("to"):
            to_ms = self._moment(fields, "to", end_ms)
            if to_ms <= from_ms:
                self._findings.mistake(fields.at("to"), "this is not after `from`", "write a later time")
        else:
            to_ms = end_ms
        return from_ms, min(to_ms, end_ms)

    def _moment(self, fields: Fields, key: str, end_ms: int) -> int:
        """The instant under *key*, within the script."""
        if not fields.wrote(key):
            return self.start_ms
        node = fields.at(key)
        word = Word(
            "a time from the start like 10m, or a wall-clock time like 2026-12-05 01:00", self._time, "0s", {}
        )
        read = word.read(node, self._findings)
        if read is None:
            return self.start_ms
        self._latest_ms = max(self._latest_ms, read)
        self._within(node, read, end_ms)
        return read

    def _time(self, text: str) -> int:
        if ":" not in text and "-" not in text.strip():
            return self.start_ms + duration(text) // _MS
        return round(instant(text, self._settings.service.timezone).timestamp() * 1000)

    def _within(self, node: Node, at_ms: int, end_ms: int) -> None:
        if not self.start_ms:
            return
        if at_ms < self.start_ms:
            self._findings.mistake(
                node, "this is before `start`", "write a later time, or an earlier `start`"
            )
        elif at_ms > end_ms:
            limit = "" if self._lasts_ms is not None else f"; a script may last {LONGEST.days} days"
            cure = "write an earlier time" if limit else "write an earlier time, or a greater `length`"
            self._findings.mistake(node, f"this is after the end of the script{limit}", cure)
