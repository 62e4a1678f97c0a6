"""Writes down what happened and is in no other record: what begins and ends, how components stand, what alerts do.

Each turn compares how everything is with how it was after the last turn. What is found is committed in the same
transaction as the states and alerts that it tells of. What lasts (a window, a silence, an override, a trouble of our
own) is remembered through a restart, so that its end is told.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.figures import maintenance
from watch.core.happening import OVER, Happening, Sort
from watch.core.synthetic import real_alerts
from watch.hub import chronicle_words as words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watch.core.alert import Alert
    from watch.core.recorded_override import RecordedOverride
    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble, Standing
    from watch.hub.board import Board
    from watch.hub.recorder import Recorder
    from watch.ports import Batch, Reads

_EVERY_MS = 1000  # how often what begins and ends by the clock is looked at
_CLOCKED = (Sort.MAINTENANCE, Sort.SILENCE, Sort.ONCALL)


class Chronicle:
    """What happened since the last turn.

    Args:
        told: Called with what was noted at once: reloads, starts and stops.
    """

    def __init__(
        self, reads: Reads, recorder: Recorder, board: Board,
        told: Callable[[Happening], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._recorder, self._told = recorder, told
        self._lasting = {(it.sort, it.key): it for it in reads.lasting()}
        self._alerts = {alert.id: alert for alert in real_alerts(reads.alerts()[0]) if alert.open}
        self._silences = {it.id: it for it in reads.silences()}
        self._standings = dict(board.components)
        self._looked_ms = 0

    def note(self, happening: Happening) -> None:
        """Write *happening* with the next commit."""
        self._recorder.batch.happenings.append(happening)
        self._told(happening)

    def hub(self, word: str, now_ms: int) -> None:
        """The hub *word*: `started` or `stopped`."""
        process = str(os.getpid())
        self.note(
            Happening(
                at_ms=now_ms, sort=Sort.HUB, key=process, word=word, text=f"the hub {word}, process {process}"
            )
        )

    def reloaded(self, what: str, file: str, by: str, now_ms: int) -> None:
        """Another configuration is in force; *by* is who asked for it, empty when the file changed."""
        self.note(words.reload(what, file, by, now_ms))

    def step(
        self, batch: Batch, now_ms: int, board: Board, troubles: Sequence[OwnTrouble],
        overrides: Sequence[RecordedOverride],
    ) -> None:  # fmt: skip
        """Add to *batch*, which is committed next, what happened since the last step."""
        found = batch.happenings
        self._silences.update(batch.silences)
        ours = {(Sort.TROUBLE, it.key): words.trouble(it, now_ms) for it in troubles}
        found += self._turned(ours, (Sort.TROUBLE,), now_ms)
        if abs(now_ms - self._looked_ms) >= _EVERY_MS or batch.silences or batch.overrides:
            self._looked_ms = now_ms
            found += self._turned(self._clocked(board.settings, overrides, now_ms), _CLOCKED, now_ms)
        found += self._stood(board.components, board.settings, now_ms)
        found += self._called(batch.alerts, now_ms)

    # ---- how components stand ----

    def _stood(
        self, standings: Mapping[str, Standing], settings: Settings, now_ms: int
    ) -> Iterator[Happening]:
        known = self._standings
        for key, now in [(k, s) for k, s in standings.items() if known.get(k) is not s]:
            was = known.get(key)
            known[key] = now
            if was is not None and (was.state, was.redundancy_lost) != (now.state, now.redundancy_lost):
                yield words.state(settings.components[key].name, was, now, now_ms)
        if len(self._standings) > len(standings):
            self._standings = dict(standings)

    # ---- what alerts do ----

    def _called(self, alerts: Mapping[int, Alert], now_ms: int) -> Iterator[Happening]:
        for alert in real_alerts(alerts.values()):
            was = self._alerts.pop(alert.id, None)
            if alert.open:
                self._alerts[alert.id] = alert
            yield from words.alert(was, alert, now_ms)

    # ---- what begins and ends ----

    def _clocked(
        self, settings: Settings, overrides: Sequence[RecordedOverride], now_ms: int
    ) -> dict[tuple[Sort, str], Happening]:
        windows = maintenance(self._recorder.book, now_ms, now_ms + 1)
        silences = [it for it in self._silences.values() if it.in_force(now_ms)]
        taken_over = [it for it in overrides if it.from_ms <= now_ms < it.end_ms]
        lasting = [
            *(words.window(window, occurrence, now_ms) for window, occurrence in windows),
            *(words.silence(it, settings, now_ms) for it in silences),
            *(words.override(it, now_ms) for it in taken_over),
        ]
        return {(it.sort, it.key): it for it in lasting}

    def _turned(
        self, now: Mapping[tuple[Sort, str], Happening], sorts: Sequence[Sort], now_ms: int
    ) -> Iterator[Happening]:
        """What of *sorts* begins and what is over, as what holds *now* says."""
        for key, it in now.items():
            if key not in self._lasting:
                self._lasting[key] = it
                yield it
        for key in [key for key in self._lasting if key[0] in sorts and key not in now]:
            was = self._lasting.pop(key)
            yield replace(
                was, at_ms=now_ms, word=OVER, text=f"over: {was.text}", facts={"since_ms": was.at_ms}
            )
