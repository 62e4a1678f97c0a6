"""Files: age, size, encryption and retention of backups, and whether a copy elsewhere is equal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from watch.core.quantity import zone_named
from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.files.afar import Login, is_public_key, parted
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watch.core.reading import FactValue
    from watch.probes.wire.files.afar import Machine

_CLASS = "{class}"
_MAGIC = frozenset("*?[")


@probe("file", main="path")
@dataclass(frozen=True, slots=True, kw_only=True)
class FileProbe(Reached, Described):
    """Look at files of this machine, or of another over SFTP: a file, a folder, or what matches a pattern.

    For backups, `classes` lists what must be backed up, and {class} marks its place in the path. The facts then
    describe the class in the worst state, and `missing` names the classes without a file. A separate process at
    low priority reads the files, and is killed at the timeout: a file system that hangs is down and holds up no
    other check. Links to folders are followed only where the path names them.

    SFTP needs the extra `ssh` and the pinned key of the other machine. Give the check an account of its own
    there that may only read, in a chroot with `ForceCommand internal-sftp -R`. Without the extension
    statvfs@openssh.com the facts about free space are missing. At most 40,000 files and folders are read there.
    Run against OpenSSH 9.2.

    Options:
        path: An absolute path; *, ? and [] stand for parts of a name, ** for any folders below. On another machine
            sftp://user@host:port/path; without a port 22.
        files: Look at the files; false reports only the free space, which is quick in any folder.
        classes: The values of {class} in the path, one after the other.
        dated: What gives a file its day: its time of last change, or the first date in its name or folder
            (2026-11-23, 20261123).
        keep: For the fact `days`: for how many days there should be files, 1 to 400.
        timezone: The time zone in which days begin and end.
        compare: A folder that should hold the same files, with {class} if the path has it; here, or sftp://….
        hash: Which contents are compared: all (needs a long timeout), newest, or none, to compare names and
            sizes only. Over SFTP, files are read at 16 MiB a second for all checks together.
        key: For SFTP: a file with the private key for the login.
        key_password: The passphrase of the key, if it has one. For a key in OpenSSH's own format this needs the
            library bcrypt; one as PKCS 8 does not.
        password: Instead of a key.
        host_key: The other machine's public key in the format of known_hosts, ssh-ed25519 AAAA…; with two
            machines, that of the one in `path`.
        compare_host_key: With two machines, the public key of the one in `compare`.
        family: For SFTP: any, or only IPv4 (4) or IPv6 (6).

    Facts:
        count (count, missing): How many files there are; with classes, the fewest of any class.
        missing (text, missing): The classes without a file, joined by commas.
        age (duration, stale): How long ago the newest file was written; with classes, of the class with the
            oldest.
        modified (instant, stale): When that was.
        newest (text): Its name.
        newest.size (bytes): The size of the newest file; with classes, the smallest of the newest files.
        size (bytes): The total size of all of them.
        days (count, missing): How many of the last `keep` days have a file, up to today if today has one; with
            classes, the fewest of any class.
        encrypted (bool): Whether the newest files look encrypted: by their header, or random without a known
            header.
        header (text): The format that the header of the newest file shows: gzip, OpenPGP, age, …; empty for
            others.
        entropy (count): Its entropy in bits a byte, 8 at most; with classes, the lowest.
        different (text): The first difference from `compare`; empty without one.
        compared (count): How many files were found equal.
        free (ratio, empties): The share of the file system that is free for ordinary users.
        available (bytes): How much that is.
        total (bytes): How large the file system is.
        inodes.free (ratio, empties): The share of inodes that are free.
        inodes (count): How many inodes are free.
        latency (duration, slow): How long the look took.
        address (text): Who answered over SFTP, ip:port.

    Reasons:
        ok, missing, stale, status, slow, timeout, limit, auth, certificate, tls, dns, refused, reset, unreachable,
        protocol

    Example:
        file: {path: "/backups/{class}/*.age", classes: [db, mail], compare: "/mnt/offsite/{class}"}
        expect: [age < 26h, days == 90, encrypted == true]
        warn: [free > 15%, newest.size > 1MiB]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "missing": 'missing == "" or not missing exists',
        "count": "not count == 0",
        "different": 'different == "" or not different exists',
    }

    path: str
    files: bool = True
    classes: tuple[str, ...] = ()
    dated: Literal["written", "name"] = "written"
    keep: int = 90
    timezone: str = "UTC"
    compare: str | None = None
    hash: Literal["all", "newest", "none"] = "all"
    key: Path | None = None
    key_password: Secret | None = None
    password: Secret | None = None
    host_key: str | None = None
    compare_host_key: str | None = None

    def __post_init__(self) -> None:
        machines = self._whereabouts("path", self.path), self._whereabouts("compare", self.compare)
        self._admitted(*machines)
        if self.path.count("**") > 1 or _MAGIC & set(parted(self.compare or "/")[1]):
            raise ValueError("path: ** once at most; and compare is a folder, not a pattern")
        if any(not name or "/" in name or name in (".", "..") or _MAGIC & set(name) for name in self.classes):
            raise ValueError("classes: write names of folders, or parts of names")
        if len(self.classes) > 100 or len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: each name once, and a hundred at most")
        if not self.files and (self.classes or self.compare or _MAGIC & set(self.path)):
            raise ValueError(
                "files: false reports the free space of one folder; leave out classes, compare and patterns"
            )
        if not 1 <= self.keep <= 400:
            raise ValueError("keep: from 1 to 400 days")
        try:
            zone_named(self.timezone)
        except ValueError as error:
            raise ValueError(f"timezone: {error}") from None

    def _whereabouts(self, option: str, text: str | None) -> Machine | None:
        """Return the machine that *text* names, None for this one."""
        if text is None:
            return None
        try:
            machine, path = parted(text)
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from None
        if bool(self.classes) != (_CLASS in path):
            raise ValueError(f"{option}: {_CLASS} in the path and the option classes need each other")
        return machine

    def _admitted(self, here: Machine | None, there: Machine | None) -> None:
        """Raise ValueError unless the options for logins are complete, and each is needed."""
        logins = {machine for machine in (here, there) if machine is not None}
        if self.key_password is not None and self.key is None:
            raise ValueError("key_password: needs a key")
        secrets = sum(secret is not None for secret in (self.key, self.password))
        if secrets != bool(logins):
            raise ValueError("key: SFTP needs a key or a password; local files need neither")
        for option, text, wanted in (
            ("host_key", self.host_key, len(logins) > 0),
            ("compare_host_key", self.compare_host_key, len(logins) > 1),
        ):
            if (text is not None) != wanted:
                raise ValueError(f"{option}: each machine reached over SFTP needs one; local files need none")
            if text is not None and not is_public_key(text):
                raise ValueError(f"{option}: write it like ssh-ed25519 AAAAC3Nza…, as in known_hosts")
        if logins and find_spec("asyncssh") is None:
            raise ValueError("path: SFTP needs asyncssh: install it with `pip install 'threenines[ssh]'`")

    def peer(self) -> str:
        machines = (parted(text)[0] for text in (self.path, self.compare) if text is not None)
        return next((machine.there.host for machine in machines if machine is not None), "")

    async def run(self, *, now: datetime) -> Reading:
        clock, names = asyncio.get_running_loop().time, self.classes or ("",) * self.files
        since, look = now - timedelta(days=self.keep + 2), list(self._questions(names))
        room = look[0]["folder"] if look else parted(self.path)[1]
        asked = {"look": look, "room": room, "hash": self.hash, "since": since.timestamp()}
        began = clock()
        answer = await self._looked(asked)
        took = clock() - began
        facts = self._facts(dict(zip(names, answer["told"], strict=True)), now) if names else {}
        facts["latency"] = took
        if answer["room"] is not None:
            facts |= _room(answer["room"])
        if "address" in answer:
            facts["address"] = answer["address"]
        phases: dict[str, float] = answer.get("phases", {})
        return Reading(Verdict.UP, facts=facts, phases=phases | {"transfer": took - sum(phases.values())})

    async def _looked(self, asked: dict[str, Any]) -> dict[str, Any]:
        here = parted(self.path)[0]
        there = None if self.compare is None else parted(self.compare)[0]
        if here is there is None:
            from watch.probes.wire.files.folder import looked  # noqa: PLC0415 - when a check needs it

            return await looked(asked, self.path)

        from watch.probes.wire.files.folder_sftp import looked_afar  # noqa: PLC0415 - asyncssh, as above

        two = here is not None and there is not None and here != there
        ours = None if here is None else (here, self._login(self.host_key))
        theirs = (
            None if there is None else (there, self._login(self.compare_host_key if two else self.host_key))
        )
        return await looked_afar(asked, ours, theirs, self.path)

    def _login(self, pinned: str | None) -> Login:
        return Login(pinned or "", self.key, self.key_password, self.password, self.family, self.metadata)

    def _questions(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        for name in names:
            folder, parts = _divided(parted(self.path)[1].replace(_CLASS, name))
            compare = None if self.compare is None else parted(self.compare)[1].replace(_CLASS, name)
            yield {"folder": folder, "parts": parts, "compare": compare}

    def _facts(self, told: Mapping[str, Any], now: datetime) -> dict[str, FactValue]:
        every = list(told.values())
        different = [(name, one["different"]) for name, one in told.items() if one.get("different")]
        facts: dict[str, FactValue] = {
            "count": min(one["count"] for one in every),
            "size": sum(one["size"] for one in every),
            "missing": one_line(",".join(name for name, one in told.items() if name and not one["count"])),
            "days": min(self._days(one, now) for one in every),
            "different": one_line(": ".join(filter(None, different[0]))) if different else "",
        }
        if self.compare is not None:
            facts["compared"] = sum(one.get("compared", 0) for one in every)
        found = [one for one in every if one["count"]]
        if found:
            behind = min(found, key=lambda one: float(one["newest"]["written"]))
            written = float(behind["newest"]["written"])
            facts |= {
                "age": now.timestamp() - written,
                "modified": written,
                "newest": one_line(behind["newest"]["name"]),
                "newest.size": min(one["newest"]["size"] for one in found),
                "encrypted": all(one["encrypted"] for one in found),
                "header": next((one["header"] for one in found if not one["encrypted"]), behind["header"]),
                "entropy": round(min(one["entropy"] for one in found), 3),
            }
        return facts

    def _days(self, told: Mapping[str, Any], now: datetime) -> int:
        """Return how many of the last days have a file; today counts only if it has one."""
        zone = zone_named(self.timezone)
        if self.dated == "name":
            days = {_day(text) for text in told["dates"]}
        else:
            days = {datetime.fromtimestamp(900 * quarter, zone).date() for quarter in told["quarters"]}
        today = now.astimezone(zone).date()
        last = today if today in days else today - timedelta(days=1)
        return sum(last - timedelta(days=back) in days for back in range(self.keep))


def _divided(path: str) -> tuple[str, list[str]]:
    """Return the folder at the start of *path*, and the pattern below it; without a pattern, *path* itself."""
    parts = PurePosixPath(path).parts
    first = next((at for at, part in enumerate(parts) if _MAGIC & set(part)), None)
    if first is None:
        return path, []
    return str(PurePosixPath(*parts[:first])), list(parts[first:])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # the 31st of February
        return None


def _room(told: Mapping[str, int]) -> dict[str, FactValue]:
    """Return the facts about free space; some file systems count no inodes."""
    facts: dict[str, FactValue] = {"available": told["available"], "total": told["total"]}
    if told["total"]:
        facts["free"] = told["available"] / told["total"]
    if told["inodes_total"]:
        facts |= {"inodes.free": told["inodes"] / told["inodes_total"], "inodes": told["inodes"]}
    return facts
