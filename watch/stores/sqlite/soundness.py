"""Whether the pages of the store are what they should be: looked at when a hub starts, and each week.

Both run in a thread of their own with a connection of their own, and with the lowest priority. A store that is damaged
is never written again: it is read, and restored from a backup.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING

import apsw

from watch.errors import StoreCorrupt
from watch.stores.sqlite.opening import checked, readable

if TYPE_CHECKING:
    from pathlib import Path

WEEK_MS = 7 * 86_400_000
_STEPS = 10_000  # of SQLite's virtual machine between looks whether we are to stop; some 0.1 ms


class Check:
    """The check of every page of the store at *path*, in its own thread; of nothing when that is None."""

    def __init__(self, path: Path | None) -> None:
        self._damage: StoreCorrupt | None = None
        self._path = path
        self._thread: threading.Thread | None = None
        if path is not None:
            self._thread = threading.Thread(target=self._look, name="store-check", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        assert self._path is not None  # else there is no thread
        try:
            checked(self._path, ours=True)
        except StoreCorrupt as damage:
            self._damage = damage
        except Exception:  # noqa: BLE001 - whoever reads or writes the store next meets it, too
            return

    def stop(self) -> None:
        """Wait for the thread."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    async def over(self) -> StoreCorrupt | None:
        """Return when all pages are checked: what is damaged, or None."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        return self._damage


class WeeklyCheck:
    """SQLite's whole integrity check of the store at *path*, each week, a table at a time.

    A reader holds back the checkpoints of the WAL while it reads, so each table is a transaction of its own. When the
    last one ended is the time of a file beside the store: it outlives the hub, and no copy of the store has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_name(f"{path.name}.checked")
        self.stopping = threading.Event()

    def due_ms(self, now_ms: int) -> int:
        """When the next one is due, Unix time in ms: a week after the last, or after the first time we are asked."""
        try:
            last_ms = self._mark.lstat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            self._note(now_ms)
            last_ms = now_ms
        except OSError:
            last_ms = now_ms
        return min(last_ms, now_ms) + WEEK_MS

    def run(self, now_ms: int) -> str | None:
        """Check all tables; return what is damaged, or None. Blocks: for a thread. `stopping` ends it early."""
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # of this thread, on Linux
        damage = self._damage()
        if not self.stopping.is_set():
            self._note(now_ms)
        return damage

    def _damage(self) -> str | None:
        connection = readable(self._path, ours=True)
        try:
            connection.set_progress_handler(self.stopping.is_set, _STEPS)
            found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            for table in [name for (name,) in found]:
                verdict = _verdict(connection, table)
                if verdict != "ok":
                    return f"table {table}: {verdict}"
        except apsw.InterruptError:
            return None
        finally:
            connection.close()
        return None

    def _note(self, now_ms: int) -> None:
        with contextlib.suppress(OSError):  # a full or read-only disk: checked again after the next start
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self._mark, flags, 0o600)
            try:
                os.utime(descriptor, ns=(now_ms * 1_000_000, now_ms * 1_000_000))
            finally:
                os.close(descriptor)


def _verdict(connection: apsw.Connection, table: str) -> str:
    try:
        return str(connection.execute(f"PRAGMA integrity_check('{table}')").get)
    except apsw.CorruptError as error:
        return str(error)
