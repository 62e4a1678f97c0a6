"""FTP: greeting, encryption and login of a file server, and one file or folder on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.mail import dialogue
from watch.probes.wire.mail.ftp import asked, names
from watch.probes.wire.mail.replies import greeting

if TYPE_CHECKING:
    from watch.core.reading import FactValue
    from watch.probes.wire.mail.dialogue import Dialogue

_UNKNOWN_WORD = ("500", "502", "504")


@probe("ftp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class FtpProbe(dialogue.Options, Described):
    """Log in to a file server and look at a file or a folder. Nothing is fetched or changed.

    A server without TLS is down unless you write `tls: none`, because the password would be sent in the clear.
    Counting a folder takes a second connection, to a port that the server names. When only that connection
    fails, a firewall blocks it.

    Options:
        address: host or host:port; without a port 990 with implicit TLS, else 21.
        tls: starttls (AUTH TLS); implicit, TLS from the first byte; or none.
        username: To log in as, with `password`; without it anonymous.
        password: For the login.
        file: A file whose size and age to read.
        folder: A folder whose entries to count.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        banner (text): The server's greeting, without its code.
        size (bytes): The size of the file.
        age (duration, stale): How long ago the file was last changed, if the server says so (MDTM, in UTC).
        modified (instant, stale): When that was.
        count (count, missing): How many entries the folder has.

    Reasons:
        ok, slow, stale, missing, auth, status, tls, certificate, dns, refused, reset, unreachable, timeout,
        protocol, limit

    Example:
        ftp: {address: ftp.example.org, tls: none, file: /pub/mirror/TIMESTAMP}
        expect: [age < 26h]
        warn: [latency < 2s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORTS: ClassVar[tuple[int, int]] = (990, 21)

    tls: Literal["starttls", "implicit", "none"] = "starttls"
    file: str | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        dialogue.check(self)
        dialogue.single("file", self.file or "")
        dialogue.single("folder", self.folder or "")

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, now) as talk:
            await _greeted(talk)
            if self.tls == "starttls":
                await _secured(talk)
            await self._log_in(talk)
            if self.file is not None:
                talk.facts |= await _file(talk, self.file, now)
            if self.folder is not None:
                talk.facts |= await self._folder(talk, self.folder)
            facts, phases = talk.told()
            await talk.say("QUIT")  # the answer is not awaited; it says nothing
            return Reading(Verdict.UP, facts=facts, phases=phases)

    async def _log_in(self, talk: Dialogue) -> None:
        name = "anonymous" if self.username is None else self.username
        said = await asked(talk, f"USER {name}")
        if said.code == "331":
            password = "anonymous@" if self.password is None else self.password.reveal()
            said = await asked(talk, f"PASS {password}", what="a login", secret=self.password is not None)
        if said.code[0] != "2":
            # 4xx means "not now", such as too many users: the password may be right.
            reason = Reason.STATUS if said.code[0] == "4" else Reason.AUTH
            raise talk.failure(reason, f"answers a login with {said.code}: {talk.quoted(said.text)}")

    async def _folder(self, talk: Dialogue, folder: str) -> dict[str, FactValue]:
        if self.tls != "none":  # the data connection must be as secret as this one
            await _granted(talk, "PBSZ 0", Reason.TLS)
            await _granted(talk, "PROT P", Reason.TLS)
        await _granted(talk, f"CWD {folder}", Reason.MISSING)
        return {"count": len(await names(talk, name=self.server_name or self.peer()))}


async def _greeted(talk: Dialogue) -> None:
    said = await greeting(talk, "FTP")
    if said.code != "220":
        raise talk.failure(Reason.STATUS, f"greets with {said.code} {talk.quoted(said.text)}")
    talk.facts["banner"] = one_line(said.text)


async def _secured(talk: Dialogue) -> None:
    said = await asked(talk, "AUTH TLS")
    if said.code != "234":
        words = f"answers AUTH TLS with {said.code}; write `tls: none` to do without TLS"
        raise talk.failure(Reason.TLS, words)
    await talk.secure()


async def _granted(talk: Dialogue, command: str, reason: Reason) -> None:
    said = await asked(talk, command)
    if said.code[0] != "2":
        what = command.partition(" ")[0]
        raise talk.failure(reason, f"answers {what} with {said.code}: {talk.quoted(said.text)}")


async def _file(talk: Dialogue, file: str, now: datetime) -> dict[str, FactValue]:
    await _granted(talk, "TYPE I", Reason.STATUS)  # in text mode, many servers give no size
    facts: dict[str, FactValue] = {}
    for word in ("SIZE", "MDTM"):
        said = await asked(talk, f"{word} {file}")
        if said.code == "213":
            facts |= _size(talk, said.text) if word == "SIZE" else _time(talk, said.text, now)
        elif said.code not in _UNKNOWN_WORD:
            reason = Reason.MISSING if said.code == "550" else Reason.STATUS
            raise talk.failure(reason, f"answers {word} with {said.code}: {talk.quoted(said.text)}")
    if not facts:
        raise talk.failure(Reason.STATUS, "knows neither SIZE nor MDTM")
    return facts


def _size(talk: Dialogue, text: str) -> dict[str, FactValue]:
    if not text.strip().isdecimal() or len(text) > 18:
        raise talk.failure(Reason.PROTOCOL, "the answer to SIZE is not a number")
    return {"size": int(text)}


def _time(talk: Dialogue, text: str, now: datetime) -> dict[str, FactValue]:
    try:
        modified = datetime.strptime(text.strip()[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise talk.failure(Reason.PROTOCOL, "the answer to MDTM is not a time") from error
    return {"modified": modified.timestamp(), "age": (now - modified).total_seconds()}
