"""LDAP: encryption and login of a directory, and one of its entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Verdict
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.databases.directory import Directory
from watch.probes.wire.mail import dialogue

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue


@probe("ldap", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class LdapProbe(dialogue.Options, Described):
    """Look up one entry in a directory: the root DSE, which every server shows, or another.

    A server without TLS is down unless you write `tls: none`, because the password would be sent in the clear.
    With a username the probe logs in (a simple bind); without one it asks anonymously.

    Options:
        address: host or host:port; without a port 636 with implicit TLS, else 389.
        tls: starttls; implicit, TLS from the first byte; or none.
        username: The DN to bind as, with `password`; Active Directory also takes user@domain.
        password: For the bind.
        base: The DN of the entry to look up; without it the root DSE.
        attribute: Whose values to read, such as contextCSN.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        found (bool, missing): Whether the entry exists and we may see it; expected unless you write an
            expectation of your own.
        values (count): How many values the attribute has.
        value (text): The first of them; the server decides which one is first.

    Reasons:
        ok, slow, missing, auth, status, tls, certificate, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        ldap: {address: ldap.example.org, base: "ou=people,dc=example,dc=org"}
        expect: [latency < 2s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORTS: ClassVar[tuple[int, int]] = (636, 389)
    ASSUMED: ClassVar[Mapping[str, str]] = {"found": "found == true"}

    tls: Literal["starttls", "implicit", "none"] = "starttls"
    base: str = ""
    attribute: str | None = None

    def __post_init__(self) -> None:
        dialogue.check(self)
        if self.password is not None and not self.password.reveal():
            # RFC 4513 5.1.2: a bind with an empty password is anonymous and succeeds with any name.
            raise ValueError("password: must not be empty")
        if self.attribute is not None and not self.attribute.replace("-", "").isalnum():
            raise ValueError("attribute: one name, such as contextCSN")

    async def run(self, *, now: datetime) -> Reading:
        with await dialogue.call(self, now) as talk:
            directory = Directory(talk)
            if self.tls == "starttls":
                await directory.start_tls()
            if self.username is not None and self.password is not None:
                await directory.bind(self.username, self.password.reveal())
            entry = await directory.entry(self.base, self.attribute)
            found: dict[str, FactValue] = {"found": entry is not None}
            if entry is not None and self.attribute is not None:
                values = entry.get(self.attribute.lower(), [])
                found["values"] = len(values)
                if values:
                    found["value"] = one_line(values[0].decode("utf-8", "replace"))
            talk.facts |= found
            facts, phases = talk.told()
            await directory.leave()
            return Reading(Verdict.UP, facts=facts, phases=phases)
