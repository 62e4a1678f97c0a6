"""Power cuts: what a disk may hold when the current goes, made from a record of what processes wrote and synced.

`strace` records each write, sync and change of a name in a folder. `Disk` plays the record back and says what may be
there at any instant:

* What was written before the last fsync of its file is there. Of what was written since, each write is there, is not,
  or is torn at a sector of 512 bytes, in any combination.
* A name is made, moved or removed for certain once its folder was synced; else a first part of such changes is there.
* The shared memory of SQLite is not there, or is nonsense.

This is less than most disks promise: a store that is sound after it is sound after a cut of a real one.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance.estate import until

if TYPE_CHECKING:
    from collections.abc import Iterable

SECTOR = 512  # bytes
_CALLS = (
    "openat,open,creat,pwrite64,pwritev,write,writev,ftruncate,truncate,fallocate,copy_file_range,sendfile,"
    "fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
)
_LINE = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) = (-?\d+)(?:<([^>]*)>)?.* <(\d+\.\d+)>$")
_FD = re.compile(r"^-?\w+<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


def recording(trace: Path, command: list[str]) -> list[str]:
    """*command* under a strace that keeps what each of its threads does with files in *trace*."""
    trace.mkdir(exist_ok=True)
    return [
        "strace", "-D", "-ff", "-qq", "-ttt", "-T", "-y", "-xx", "-s", "1048576", "--seccomp-bpf",
        "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(trace / "of"), *command,
    ]  # fmt: skip


_WHAT = {
    "pwrite64": "written", "ftruncate": "cut", "fsync": "synced", "fdatasync": "synced", "unlink": "removed",
    "unlinkat": "removed", "rename": "moved", "renameat": "moved", "renameat2": "moved", "link": "linked",
    "linkat": "linked",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Op:
    """One call that succeeded. *at*: when it was over, in seconds of the wall clock; *data*: what was written."""

    at: float
    what: str
    path: Path
    offset: int = 0
    data: bytes = b""
    to: Path | None = None


async def recorded(trace: Path, folder: Path, kept: Iterable[str]) -> list[Op]:
    """What was done, in order, to files of *folder* whose names begin with one of *kept*; waits for strace to end."""
    sizes: list[int] = []

    def settled() -> bool:
        sizes.append(sum(f.stat().st_size for f in trace.iterdir()))
        return len(sizes) > 5 and len(set(sizes[-5:])) == 1

    await until(settled, what="strace has written all")
    names = tuple(kept)
    texts = [f.read_text("ascii", "replace") for f in sorted(trace.iterdir())]
    found = await asyncio.to_thread(lambda: [op for text in texts for op in _ops(text, folder, names)])
    return sorted(found, key=lambda op: op.at)


def _ops(text: str, folder: Path, kept: tuple[str, ...]) -> list[Op]:
    """The calls of one thread."""
    found = []
    for line in text.splitlines():
        if (match := _LINE.match(line)) is None or int(match[4]) < 0:
            continue
        began, call, words, result, opened, took = match.groups()
        op = _op(float(began) + float(took), call, words, int(result), opened, folder)
        mine = op is not None and (
            op.path == folder or (op.path.parent == folder and op.path.name.startswith(kept))
        )
        if op is not None and mine and not op.path.name.endswith(("-shm", ".lock", ".sock", ".checked")):
            assert op.what != "other", f"a call that is not played back: {line[:300]}"
            found.append(op)
    return found


def _op(at: float, call: str, words: str, result: int, opened: str | None, folder: Path) -> Op | None:
    """The call as an `Op`; None for one that changes nothing."""
    texts = [bytes.fromhex(text.replace("\\x", "")) for text, _ in _TEXT.findall(words)]
    found = _FD.match(words)
    file, what = Path(_plain(found[1])) if found else folder, _WHAT.get(call, "other")
    if call == "openat":
        what = "emptied" if "O_TRUNC" in words else "made"
        return Op(at, what, Path(_plain(opened or ""))) if re.search("O_CREAT|O_TRUNC", words) else None
    if what in ("removed", "moved", "linked"):
        paths = [folder / text.decode() for text in texts]
        return Op(at, what, paths[0], to=paths[-1] if paths[1:] else None)
    offset = int(words.rpartition(", ")[2]) if what in ("written", "cut") else 0
    return Op(at, what, file, offset, texts[0][:result] if what == "written" else b"")


def _plain(hexed: str) -> str:
    return bytes.fromhex(hexed.replace("\\x", "")).decode("utf-8", "replace") if "\\x" in hexed else hexed


@dataclass(eq=False, slots=True)
class _File:
    """What of a file is on the disk for certain, and what was written since."""

    sure: bytearray = field(default_factory=bytearray)
    since: list[Op] = field(default_factory=list)

    def sync(self) -> None:
        for op in self.since:
            _apply(self.sure, op.what, op.offset, op.data)
        self.since.clear()

    def maybe(self, chance: random.Random, mode: str) -> bytes:
        """What is there after a cut."""
        there = bytearray(self.sure)
        for n, op in enumerate(self.since):
            if (
                mode == "all"
                or (mode == "first" and n < len(self.since) // 2)
                or (mode == "some" and chance.random() < 0.5)
            ):
                _apply(there, op.what, op.offset, op.data)
            elif mode == "torn" and op.data:
                for at in range(0, len(op.data), SECTOR):
                    if chance.random() < 0.5:
                        _apply(there, op.what, op.offset + at, op.data[at : at + SECTOR])
        return bytes(there)


_CERTAIN = random.Random(0)  # not drawn from
MODES = ("none", "all", "first", "some", "torn")


def _apply(there: bytearray, what: str, offset: int, data: bytes) -> None:
    if what == "written":
        there.extend(bytes(max(0, offset + len(data) - len(there))))
        there[offset : offset + len(data)] = data
    elif len(there) > offset:
        del there[offset:]
    else:
        there.extend(bytes(offset - len(there)))


class Disk:
    """A folder while a record is played back on it."""

    def __init__(self, folder: Path, kept: Iterable[str] = ()) -> None:
        self._folder = folder
        self._names = {
            f: _File(bytearray(f.read_bytes())) for f in folder.iterdir() if f.name.startswith(tuple(kept))
        }
        self._sure = dict(self._names)
        self._since: list[Op] = []
        self._files: dict[int, _File] = {}

    def play(self, op: Op) -> None:
        """Let *op* happen."""
        if op.path == self._folder:
            assert op.what == "synced", op
            for one in self._since:
                self._rename(self._sure, one)
            self._since.clear()
        elif op.what in ("removed", "moved", "linked") or op.path not in self._names:
            if op.what == "synced":
                return  # a file that has no name any more
            assert op.what in ("made", "emptied", "removed", "moved", "linked"), (
                f"{op.what} {op.path} without a name"
            )
            self._files[id(op)] = self._rename(self._names, op)
            self._since.append(op)
        elif op.what == "synced":
            self._names[op.path].sync()
        elif op.what in ("written", "cut", "emptied"):
            self._names[op.path].since.append(op)

    def _rename(self, names: dict[Path, _File], op: Op) -> _File:
        """Change *names* as *op* does; the file in question."""
        if op.what in ("made", "emptied"):
            file = self._files.get(id(op)) or _File()
            names[op.path] = file
        elif op.what == "linked":
            assert op.to is not None
            file = names[op.to] = names[op.path]
        else:
            file = names.pop(op.path)
            if op.to is not None:
                names[op.to] = file
        return file

    def now(self) -> dict[str, bytes]:
        """The files by name as their processes see them."""
        return {path.name: file.maybe(_CERTAIN, "all") for path, file in self._names.items()}

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files by name that may be there if the current goes now."""
        mode, names = chance.choice(MODES), dict(self._sure)
        for op in self._since[
            : {"none": 0, "all": len(self._since)}.get(mode, chance.randint(0, len(self._since)))
        ]:
            self._rename(names, op)
        found = {path.name: file.maybe(chance, mode) for path, file in names.items()}
        if chance.random() < 0.3:
            found |= {f"{name}-shm": chance.randbytes(32_768) for name in found if name.endswith(".db")}
        return found


def instants(ops: list[Op], count: int, chance: random.Random) -> list[int]:
    """After which of *ops* the current goes, in order: half of them are syncs and changes of a name."""
    turns = [n for n, op in enumerate(ops) if op.what not in ("written", "made")]
    return sorted(chance.choice(turns if half % 2 else range(len(ops))) for half in range(count))
