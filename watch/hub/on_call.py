"""Who is on call, as the hub knows it: the rotations of checks.yaml with the overrides that were made by command.

A command takes effect at once and is committed, with its author, before it is answered. It changes nothing that has
happened: an override begins now at the earliest. Once a minute each rotation is searched for gaps in the next seven
days; one that has some is a trouble of the monitoring.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from watch.core.recorded_override import RecordedOverride, renamed, with_recorded
from watch.core.rotation import GAPS_AHEAD_MS
from watch.core.wording import one_line
from watch.errors import Trouble
from watch.hub.on_call_words import moment, no_person, rotation_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from watch.core.delivery import Command
    from watch.core.rotation import Rotation
    from watch.core.settings import Settings
    from watch.hub.recorder import Recorder
    from watch.hub.troubles import Troubles
    from watch.ports import Clock

_DAY_MS = 86_400_000
_LONGEST_MS, _AHEAD_MS = 366 * _DAY_MS, 2 * 366 * _DAY_MS
_MOST = 500  # overrides that are not over: more is a program that went wrong
_EVERY_MS = 60_000
OVERRIDE, REMOVE = "oncall override", "oncall override --remove"


class OnCall:
    """The rotations, and the commands that override them.

    Args:
        kept: The overrides on record.
    """

    def __init__(
        self, kept: Sequence[RecordedOverride], recorder: Recorder, troubles: Troubles, clock: Clock
    ) -> None:
        self._kept = {it.id: it for it in kept}
        self._recorder, self._troubles, self._clock = recorder, troubles, clock
        self._settings: Settings | None = None
        self._rotations: dict[str, Rotation] = {}
        self._looked_ms: dict[str, int] = {}
        self.verbs: Mapping[str, Callable[[Command], Awaitable[Mapping[str, Any]]]] = {
            OVERRIDE: self._override, REMOVE: self._remove
        }  # fmt: skip

    @property
    def rotations(self) -> Mapping[str, Rotation]:
        """The rotations as they are in force, by name. What was overridden more than a day ago may be missing."""
        return self._rotations

    @property
    def recorded(self) -> tuple[RecordedOverride, ...]:
        """All overrides that were made by command, oldest first."""
        return tuple(self._kept[number] for number in sorted(self._kept))

    def at(self, rotation: str, at_ms: int) -> tuple[str, ...]:
        """Who is on call in *rotation*; empty in a gap, or when there is no such rotation."""
        found = self._rotations.get(rotation)
        return () if found is None else found.at(at_ms)

    def plan(self, settings: Settings) -> None:
        """Replace the settings. The overrides of a person who is renamed (`was`) are theirs under the new name."""
        for kept in renamed(self.recorded, settings.people):
            self._keep(kept)
        for name in self._rotations.keys() - settings.rotations.keys():
            self._troubles.note(f"oncall_gap:{name}", None, self._clock.now_ms())
        self._settings = settings
        self._renew()

    def look(self, now_ms: int) -> bool:
        """Search one rotation for gaps whose turn it is; False when there may be more, for the next call."""
        due = next((name for name in self._rotations if self._due(name, now_ms)), None)
        if due is None:
            return True
        zone = self._planned.service.timezone
        text = self._rotations[due].gap_text(now_ms, now_ms + GAPS_AHEAD_MS, zone)
        self._troubles.note(f"oncall_gap:{due}", text, now_ms)
        self._looked_ms[due] = now_ms
        return False

    def _due(self, name: str, now_ms: int) -> bool:
        looked_ms = self._looked_ms.get(name)
        return looked_ms is None or abs(now_ms - looked_ms) >= _EVERY_MS

    # ---- commands ----

    async def _override(self, command: Command) -> Mapping[str, Any]:
        settings, said, now = self._planned, command.arguments, self._clock.now_ms()
        rotation = rotation_for(said.get("rotation"), self._rotations)
        person = str(said.get("person") or "")
        if person not in settings.people:
            raise no_person(person, settings.people)
        now -= now % 1000
        from_ms = max(now, moment(said.get("from") or "now", "--from", rotation.zone, now))
        to_ms = moment(said.get("to") or "", "--to", rotation.zone, now)
        _refuse_odd(from_ms, to_ms, now)
        if sum(it.end_ms > now for it in self._kept.values()) >= _MOST:
            raise Trouble(
                f"there are {_MOST} overrides that are not over; remove some, or change the rotation itself"
            )
        before = list(dict.fromkeys(shift.person for shift in rotation.shifts(from_ms, to_ms)))
        made = RecordedOverride(
            id=max(self._kept, default=0) + 1, rotation=rotation.name, person=person, from_ms=from_ms, to_ms=to_ms,
            recorded_ms=self._clock.now_ms(), author=command.by or command.account, account=command.account,
            reason=one_line(str(said.get("reason") or "")),
        )  # fmt: skip
        self._keep(made)
        self._renew()
        return self._told(made) | {"instead_of": before}

    async def _remove(self, command: Command) -> Mapping[str, Any]:
        number, now = command.arguments.get("number"), self._clock.now_ms() // 1000 * 1000
        kept = self._kept.get(number) if type(number) is int else None
        if kept is None:
            raise Trouble(f"there is no override {one_line(str(number), 20)}; `threenines oncall` lists them")
        if kept.removed_ms is not None:
            raise Trouble(f"override {number} was removed already")
        if kept.to_ms <= now:
            raise Trouble(f"override {number} is over; what has happened cannot be removed")
        gone = replace(kept, removed_ms=now, remover=command.by or command.account)
        self._keep(gone)
        self._renew()
        return self._told(gone) | {"began": kept.from_ms < now}

    @property
    def _planned(self) -> Settings:
        if self._settings is None:
            raise Trouble("the hub is starting; try again in a moment")
        return self._settings

    def _told(self, it: RecordedOverride) -> dict[str, Any]:
        row = asdict(it)
        return {"number": row.pop("id"), "zone": self._planned.service.timezone.key} | row

    def _keep(self, it: RecordedOverride) -> None:
        self._kept[it.id] = self._recorder.batch.overrides[it.id] = it

    def _renew(self) -> None:
        """Take the overrides into the rotations, and search all of them for gaps again."""
        settings, since_ms = self._planned, self._clock.now_ms() - _DAY_MS
        self._rotations = {
            name: with_recorded(rotation, self._kept.values(), settings.people, since_ms)
            for name, rotation in settings.rotations.items()
        }
        self._looked_ms.clear()


def _refuse_odd(from_ms: int, to_ms: int, now_ms: int) -> None:
    if to_ms <= now_ms:
        raise Trouble("--to: that time is over; an override cannot change what has happened")
    if to_ms <= from_ms:
        raise Trouble("--to: that is not after --from; give a later end")
    if to_ms - from_ms > _LONGEST_MS:
        raise Trouble(
            "--to: an override may last 366 days at most; change the rotation in checks.yaml instead"
        )
    if to_ms > now_ms + _AHEAD_MS:
        raise Trouble("--to: that is more than two years ahead; give an earlier time")
