"""Looks at files of another machine over SFTP, and compares them with files here or on a third machine.

The facts are the same as for local files, by the same rules (`folder_facts`). Links to folders are followed
only where the pattern names them. The speed of reading whole files for their hashes is limited for all checks
together, so that a comparison does not use up the bandwidth that the backups need.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.files import ssh
from watch.probes.wire.files.folder import looked
from watch.probes.wire.files.folder_facts import (
    SAMPLE,
    File,
    middle_of,
    newest,
    sealed,
    summed,
    to_hash,
    unlike,
)
from watch.probes.wire.files.sftp import Sftp, talking
from watch.probes.wire.net.blame import cut_short
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.engines import shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from watch.probes.wire.files.afar import Login, Machine
    from watch.probes.wire.files.sftp_answer import Attributes

_MOST = 40_000  # files and folders of one side
_DEEPEST = 64  # levels of folders
_PACE = 16 << 20  # bytes a second that are read for hashes, by all checks together
_BITE = 512 << 10
_BREATH = 500  # entries


class Pace:
    """The limit of the speed at which files are read for hashes: an engine, so that all checks share it."""

    def __init__(self) -> None:
        self._free = 0.0

    def close(self) -> None:
        """Nothing to close."""

    async def spend(self, size: int) -> None:
        """Wait until *size* more bytes may be read."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now) + size / _PACE
        await asyncio.sleep(self._free - now)


class Side(Protocol):
    """A set of files that is compared with another."""

    async def files(self, folder: str, parts: Sequence[str], only: str | None) -> list[File]:
        """Return the files that match; if *folder* is a folder, only the file named *only*."""

    async def digests(self, files: Sequence[File]) -> list[str]:
        """Return the SHA-256 of each file."""


class Here:
    """Files of this machine, read by a child."""

    async def files(self, folder: str, parts: Sequence[str], only: str | None) -> list[File]:
        asked = {"folder": folder, "parts": parts, "only": only, "most": _MOST}
        (listed,) = (await looked({"list": [asked]}, folder))["listed"]
        return [File(*one) for one in listed]

    async def digests(self, files: Sequence[File]) -> list[str]:
        if not files:
            return []
        return list((await looked({"digests": [file.path for file in files]}, files[0].path))["digests"])


class Afar:
    """Files of another machine."""

    def __init__(self, sftp: Sftp) -> None:
        self._sftp, self._left = sftp, _MOST

    async def files(self, folder: str, parts: Sequence[str], only: str | None) -> list[File]:
        about = await self._sftp.about(folder)
        if only is not None and about.is_folder:
            folder = str(PurePosixPath(folder, only))
            about = await self._sftp.about(folder)
        if about.is_file:
            return [_file(PurePosixPath(folder).name, folder, about)]
        found: list[File] = []
        pattern = tuple(parts) or ("**", "*")
        await self._walk(folder, "", pattern, _from(0, pattern), hidden=not parts, found=found, depth=0)
        return found

    async def _walk(
        self,
        folder: str,
        above: str,
        parts: tuple[str, ...],
        places: frozenset[int],
        *,
        hidden: bool,
        found: list[File],
        depth: int,
    ) -> None:
        """Add to *found* what matches *parts* from any of *places* on; each folder is listed once for all of them."""
        if depth > _DEEPEST:
            raise ProbeFailure(Reason.LIMIT, f"{visible(folder, 120)} is nested too deeply")
        entries = await self._sftp.listed(folder, self._left)
        self._left -= len(entries)
        for count, (name, about) in enumerate(entries):
            if count % _BREATH == 0:
                await asyncio.sleep(0)  # let other checks run
            fits, named, anyhow = _fits(name, parts, places, hidden=hidden)
            if not (fits or named or anyhow):
                continue
            path = f"{folder.rstrip('/')}/{name}"
            target: Attributes | None = about
            if about.is_link or not about.told:
                target = await self._target(path)
            if target is None:  # rotated away meanwhile, or a link to nowhere
                continue
            # ** does not match links, which could form a loop.
            below = named if about.is_link else named | anyhow
            if fits and target.is_file:
                found.append(_file(above + name, path, target))
            elif below and target.is_folder:
                deeper = {"hidden": hidden, "found": found, "depth": depth + 1}
                await self._walk(path, f"{above}{name}/", parts, below, **deeper)  # type: ignore[arg-type] # as above

    async def _target(self, path: str) -> Attributes | None:
        try:
            return await self._sftp.about(path)
        except ProbeFailure as gone:
            if gone.reason is Reason.MISSING:
                return None
            raise

    async def seal(self, file: File) -> dict[str, Any]:
        """Return whether *file* looks encrypted."""
        async with self._sftp.reading(file.path) as reading:
            head = await reading.at(0, min(SAMPLE, file.size))
            middle = middle_of(file.size)
            return sealed(head, head if middle is None else await reading.at(middle, SAMPLE))

    async def digests(self, files: Sequence[File]) -> list[str]:
        return [await self._digest(file) for file in files]

    async def _digest(self, file: File) -> str:
        """Return the hash of *file* up to its size when it was listed."""
        digest, at, pace = hashlib.sha256(), 0, shared(Pace)
        async with self._sftp.reading(file.path) as reading:
            while at < file.size and (some := await reading.at(at, min(_BITE, file.size - at))):
                digest.update(some)
                at += len(some)
                await pace.spend(len(some))
        return digest.hexdigest()

    async def told(self, question: dict[str, Any], since: float) -> dict[str, Any]:
        """Return the facts as the child returns them for local files; `files` are the files."""
        files = await self.files(question["folder"], question["parts"], None)
        answer = summed(files, since) | {"files": files}
        return answer | await self.seal(newest(files)) if files else answer

    async def room(self, folder: str) -> dict[str, int] | None:
        return await self._sftp.room(folder)


def _from(place: int, parts: tuple[str, ...]) -> frozenset[int]:
    """Return the places in the pattern that are equal to *place*: ** may match no folder at all."""
    return frozenset((place, place + 1) if parts[place] == "**" else (place,))


def _fits(
    name: str, parts: tuple[str, ...], places: frozenset[int], *, hidden: bool
) -> tuple[bool, frozenset[int], frozenset[int]]:
    """Return whether a file of that *name* matches, and where the pattern continues in a folder of that name.

    There are two: for a folder that the pattern names, and for one that ** matches.
    """
    fits, named, anyhow = False, frozenset[int](), frozenset[int]()
    for place in places:
        wanted = parts[place]
        if name.startswith(".") and not hidden and not wanted.startswith("."):
            continue
        if wanted == "**":
            anyhow |= _from(place, parts)
        elif fnmatchcase(name, wanted):
            if place == len(parts) - 1:
                fits = True
            else:
                named |= _from(place + 1, parts)
    return fits, named, anyhow


def _file(name: str, path: str, about: Attributes) -> File:
    if about.size is None or about.written is None:
        words = f"the server gives no size or no time for {visible(path, 120)}"
        raise ProbeFailure(Reason.PROTOCOL, words)
    return File(name, path, about.size, about.written)


async def looked_afar(
    asked: dict[str, Any], here: tuple[Machine, Login] | None, there: tuple[Machine, Login] | None, what: str
) -> dict[str, Any]:
    """Return the answer to *asked* in the form that the child uses for local files.

    Args:
        here: The machine of the files; None for this one.
        there: The machine of the files to compare with.
        what: What is looked at, for the text of a failure.

    Raises:
        ProbeFailure, OurFault: As `looked`, and for failures of the connection.
    """
    answer: dict[str, Any] = {"address": "", "phases": {}}
    async with contextlib.AsyncExitStack() as stack:
        first = second = None
        if here is not None:
            first = await stack.enter_async_context(_reached(*here, answer))
        if there is not None:
            same = here is not None and there[0] == here[0]
            second = first if same else await stack.enter_async_context(_reached(*there, answer))
        try:
            answer |= await _looked(asked, first, second)
        except asyncio.CancelledError as stop:
            late = ProbeFailure(Reason.TIMEOUT, f"looking at {what} did not end", phases=answer["phases"])
            raise cut_short(stop, late) from stop
    return answer


async def _looked(asked: dict[str, Any], first: Afar | None, second: Afar | None) -> dict[str, Any]:
    questions = asked["look"]
    if first is None:
        plain = [{**one, "compare": None} for one in questions]
        answer = await looked({**asked, "look": plain}, asked["room"])
    else:
        answer = {"told": [await first.told(one, asked["since"]) for one in questions]}
        answer["room"] = await first.room(asked["room"])
    for told, question in zip(answer["told"], questions, strict=True):
        if question["compare"] is not None:
            ours, first_side, second_side = told.get("files"), first or Here(), second or Here()
            told.update(await _compared(question, first_side, second_side, ours, asked["hash"]))
    return answer


async def _compared(
    question: dict[str, Any], first: Side, second: Side, ours: list[File] | None, hashed: str
) -> dict[str, Any]:
    """Return the first difference in name, size or content, and how much was compared."""
    folder, parts = question["folder"], question["parts"]
    if ours is None:
        ours = await first.files(folder, parts, None)
    single = len(ours) == 1 and ours[0].path == folder
    theirs = await second.files(question["compare"], parts, ours[0].name if single else None)
    if found := unlike(ours, theirs):
        return {"different": found}
    pairs = to_hash(ours, theirs, hashed)
    some, others = (
        await first.digests([one for one, _ in pairs]),
        await second.digests([other for _, other in pairs]),
    )
    for (one, _), mine, other in zip(pairs, some, others, strict=True):
        if mine != other:
            return {"different": f"{one.name}: different content"}
    return {"different": "", "compared": len(ours)}


@contextlib.asynccontextmanager
async def _reached(machine: Machine, login: Login, answer: dict[str, Any]) -> AsyncIterator[Afar]:
    """The files of *machine*; its address and the phases are recorded in *answer*."""
    clock = asyncio.get_running_loop().time
    with await dial(machine.there, family=login.family, metadata=login.metadata) as line:
        began = clock()
        logged_in = ssh.connected(
            line,
            pinned=login.pinned,
            username=machine.user,
            password=login.password,
            key=login.key,
            key_password=login.key_password,
        )
        async with logged_in as connection:
            line.phases["first_byte"] = clock() - began
            answer["address"] = answer["address"] or line.where
            answer["phases"] = answer["phases"] or line.phases
            async with talking(connection, line.where) as sftp:
                yield Afar(sftp)
