"""What is wrong with us, as `threenines doctor` finds it: by asking the hub that runs, else from what can be read.

Everything here needs read rights only. The hub's own list comes first; what only the files can tell is added to it:
mistakes and warnings of checks.yaml, libraries, and that the hub is not of the version that is installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watch.cli.hub_ask import store_at
from watch.cli.store_view import ledger_fault, recorded_overrides, time_of
from watch.clock import SystemClock
from watch.config import load
from watch.core.recorded_override import with_recorded
from watch.core.rotation import GAPS_AHEAD_MS
from watch.errors import ConfigError, RowsDamaged, StoreCorrupt, StoreError, Trouble
from watch.hub.answers import disk_text, doctor_answer, rows_text, told
from watch.hub.clock_words import epoch_text
from watch.hub.trouble_kinds import trouble
from watch.stores.room import room
from watch.stores.sqlite import reading
from watch.stores.sqlite.examination import store_faults
from watch.stores.sqlite.faults import only_wrong
from watch.stores.sqlite.opening import holder
from watch.versions import library_faults, versions
from watch.web.hub_client import HubPrivate, asked
from watch.web.listen import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble
    from watch.errors import Remark

_PATIENCE = 10.0  # seconds for the hub to answer
_END = 1000  # entries at the end of the ledger that are verified


def diagnosis(config: str, statvfs: Callable[[Path], os.statvfs_result] = os.statvfs) -> dict[str, Any]:
    """The answer of the hub of *config*, or one like it without a hub, with what the files tell (`doctor_answer`)."""
    now_ms = SystemClock().now_ms()
    settings, found, warnings = _configuration(config, now_ms)
    store = settings.store if settings is not None else _glimpsed(config)
    answer = None
    if store is not None:
        try:
            answer = dict(asked(store, "doctor", {}, timeout=_PATIENCE))
        except HubPrivate as private:
            found.append(trouble(f"hub_private:{private.owner}", private.wrong, now_ms))
        except (OSError, ValueError):
            found += _without_hub(settings, store, now_ms, statvfs)
        except Trouble:
            found.append(
                trouble("version_differs", "the hub that runs is of a version without `doctor`", now_ms)
            )
    found += [trouble(f"library:{name}", wrong, now_ms) for name, wrong in library_faults()]
    if answer is None:
        left = None if store is None else room(store, statvfs)
        answer = doctor_answer(settings, (), left, versions(), now_ms, None)
    elif (here := versions()["threenines"]) != (there := answer["versions"]["threenines"]):
        text = f"the hub runs version {there}, but version {here} is installed"
        found.append(trouble("version_differs", text, now_ms))
    mistaken = any(t.kind == "config_mistake" for t in found)
    placed = [t.text for t in found]  # with their place in the file
    theirs = [
        t for t in answer["troubles"]
        if not (mistaken and t["kind"] == "config_reload") and not any(it.endswith(t["text"]) for it in placed)
    ]  # fmt: skip
    return answer | {"troubles": [*theirs, *map(told, found)], "warnings": warnings}


def _glimpsed(config: str) -> Path | None:
    try:
        return store_at(config)
    except ConfigError:
        return None


def _configuration(
    config: str, now_ms: int
) -> tuple[Settings | None, list[OwnTrouble], list[dict[str, str]]]:
    """The settings, if there are no mistakes; what is wrong with the file; and warnings of what may be a choice."""
    try:
        loaded = load(Path(config), secrets=False, environ=os.environ, now_ms=now_ms, channels=True)
    except ConfigError as error:
        if error.mistakes:
            return None, [_remark("config_mistake", mistake, now_ms) for mistake in error.mistakes], []
        wrong, _, cure = str(error).partition(": ")
        return None, [trouble("config_mistake", wrong, now_ms, cure=_sentence(cure))], []
    ignored = [
        _remark("config_ignored", warning, now_ms) for warning in loaded.warnings if warning.ineffective
    ]
    chosen = [_warning(warning) for warning in loaded.warnings if not warning.ineffective]
    return loaded.settings, ignored, chosen


def _warning(warning: Remark) -> dict[str, str]:
    return {"text": f"{_at(warning)}: {warning.message}", "cure": _sentence(warning.cure)}


def _at(remark: Remark) -> str:
    return f"{remark.file}:{remark.line}:{remark.column}" if remark.line else remark.file


def _remark(kind: str, remark: Remark, now_ms: int) -> OwnTrouble:
    place = _at(remark)
    return trouble(f"{kind}:{place}", f"{place}: {remark.message}", now_ms, cure=_sentence(remark.cure))


def _sentence(text: str) -> str:
    end = "" if text.endswith((".", "?", "!", "…")) else "."
    return f"{text[0].upper()}{text[1:]}{end}" if text else ""


def _without_hub(
    settings: Settings | None, store: Path, now_ms: int, statvfs: Callable[[Path], os.statvfs_result]
) -> Iterator[OwnTrouble]:
    """What can be judged while no hub answers."""
    process = holder(store)
    faults = [trouble(f.kind, f.text, now_ms) for f in store_faults(store)]
    yield from faults
    if settings is not None and not faults and store.exists() and store.stat().st_size:
        yield from _record(store, now_ms)
    if settings is not None:
        yield from _gaps(settings, now_ms)
    left = room(store, statvfs)
    if left is not None and left.little:
        yield trouble("disk_filling", disk_text(left), now_ms)
    if process is not None:
        unwritable = any(f.kind == "store_folder" for f in faults) or (left is not None and not left.free)
        yield _unasked(process, now_ms) if unwritable else _silent(store, process, now_ms)
        return
    if settings is not None:
        yield from _ports(settings, now_ms)
    yield trouble("no_hub", "no hub is running: nothing is asked, and nobody is told", now_ms)


def _unasked(process: int, now_ms: int) -> OwnTrouble:
    """A hub that runs from memory: to end it would lose what it holds."""
    text = f"the hub runs as process {process}, but cannot be asked: its socket cannot be made in that folder"
    cure = (
        "Make the folder of the store writable; the hub opens its socket then. Do not end it before: what it has in "
        "memory would be lost."
    )
    return trouble("hub_socket", text, now_ms, cure=cure)


def _gaps(settings: Settings, now_ms: int) -> Iterator[OwnTrouble]:
    """Rotations in which nobody is on call at some time of the next seven days."""
    try:
        recorded = recorded_overrides(settings)
    except StoreError:
        return  # that is said where the store is examined; without its overrides a gap may be none
    for name, rotation in settings.rotations.items():
        whole = with_recorded(rotation, recorded, settings.people, now_ms)
        text = whole.gap_text(now_ms, now_ms + GAPS_AHEAD_MS, settings.service.timezone)
        if text is not None:
            yield trouble(f"oncall_gap:{name}", text, now_ms)


def _silent(store: Path, process: int, now_ms: int) -> OwnTrouble:
    """A hub, or another program, that holds *store* and does not answer. *process* is 0 when it is not known."""
    if process:
        text = f"process {process} holds the store, but does not answer on its socket"
        return trouble(f"hub_silent:{process}", text, now_ms)
    text = "a process that is not known holds the store, but does not answer on its socket"
    cure = (
        f"If a hub has just been started, wait. Otherwise end the process that `fuser -v {store}.lock` shows."
    )
    return trouble("hub_silent", text, now_ms, cure=cure)


def _record(store: Path, now_ms: int) -> Iterator[OwnTrouble]:
    """Whether the record ends sound, and not ahead of the clock."""
    try:
        with reading(store) as reads:
            last = reads.last_entry()
            broken = None if last is None else ledger_fault(reads, max(0, last.seq - _END))
            epoch = None if broken is not None else time_of(store, reads)[1]  # its times may be anything
            for rows in (reads.alerts, reads.beliefs, reads.latest, reads.lanes, reads.darks, reads.sights):
                rows()  # as a hub does when it starts
            left_out = rows_text(reads.left_out)
    except RowsDamaged as error:
        yield trouble("store_rows", only_wrong(error), now_ms)
        return
    except StoreCorrupt as error:
        yield trouble("store_corrupt", only_wrong(error), now_ms)
        return
    except StoreError:
        return  # of an older schema: the hub migrates it when it starts
    if left_out is not None:
        yield trouble("store_rows", left_out, now_ms)
    if broken is not None:
        yield trouble("ledger_broken", f"{store}: the ledger is broken at {broken}", now_ms)
    if epoch is not None:
        yield trouble("clock_epoch", epoch_text(epoch), now_ms)


def _ports(settings: Settings, now_ms: int) -> Iterator[OwnTrouble]:
    addresses = [("listen.page", *address) for address in settings.listen.page]
    for setting, host, port in [*addresses, ("listen.operators", *settings.listen.operators)]:
        if (why := unavailable(host, port, setting)) is not None:
            yield trouble(f"port_taken:{port}", why[0], now_ms, cure=_sentence(why[1]))
