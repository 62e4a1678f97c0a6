"""SSH: the host key of a server, a login and the result of a command."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.files.afar import is_public_key
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.options import Addressed, Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue


@probe("ssh", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class SshProbe(Addressed, Reached, Described):
    """Exchange keys with an SSH server. With a username, log in and run a command if there is one.

    Without a login the run ends after the key exchange; the server sees no failed attempt. A login needs the
    server's pinned key, or an impostor would get the password. Give the check an account of its own, whose
    authorized_keys allows only its command. Needs the extra `ssh`.

    Options:
        address: host or host:port; without a port 22.
        host_key: The server's public key in the format of known_hosts, ssh-ed25519 AAAA…; another key is down.
        username: To log in as, with `password` or `key`.
        password: For the login.
        key: A file with the private key for the login.
        key_password: The passphrase of the key, if it has one. For a key in OpenSSH's own format this needs the
            library bcrypt; one as PKCS 8 does not.
        command: What to run after the login; it should only read.

    Facts:
        latency (duration, slow): From the start of name lookup to the end of the key exchange, or the login.
        banner (text): The version that the server reports, SSH-2.0-OpenSSH_9.2.
        host_key (text, certificate): The fingerprint of its key, SHA256:….
        host_key.kind (text, certificate): The key's algorithm, ssh-ed25519.
        exit (count, status): The command's exit status; without an expectation 0 is expected.
        output (text): What the command wrote to its standard output, the first 1000 characters.
        took (duration, slow): How long the command ran.
        address (text): Who answered, ip:port.

    Reasons:
        ok, slow, certificate, auth, status, tls, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        ssh: bastion.example.org
        expect: ['banner contains "OpenSSH"', latency < 2s]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    PORT: ClassVar[int] = 22
    ASSUMED: ClassVar[Mapping[str, str]] = {"exit": "exit == 0 or not exit exists"}

    LIBRARY: ClassVar[str] = "asyncssh"

    host_key: str | None = None
    username: str | None = None
    password: Secret | None = None
    key: Path | None = None
    key_password: Secret | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        self.check_address()
        if self.host_key is not None and not is_public_key(self.host_key):
            raise ValueError("host_key: write it like ssh-ed25519 AAAAC3Nza…, as in known_hosts")
        if (self.username is None) != (self.password is None and self.key is None):
            raise ValueError("username: a login needs a username, and a password or a key")
        if self.key_password is not None and self.key is None:
            raise ValueError("key_password: needs a key")
        if self.username is not None and self.host_key is None:
            raise ValueError("host_key: a login needs it, or an impostor would get the password")
        if self.command is not None and self.username is None:
            raise ValueError("command: needs a login; give a username")

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.files import ssh  # noqa: PLC0415 - asyncssh, when a check needs it

        clock = asyncio.get_running_loop().time
        with await dial(self.there, family=self.family, metadata=self.metadata) as line:
            began = clock()
            async with ssh.connected(
                line,
                pinned=self.host_key,
                username=self.username,
                password=self.password,
                key=self.key,
                key_password=self.key_password,
            ) as connection:
                line.phases["first_byte"] = clock() - began
                facts: dict[str, FactValue] = {
                    "latency": sum(line.phases.values()),
                    "banner": one_line(str(connection.get_extra_info("server_version", ""))),
                    "address": line.where,
                }
                shown = connection.get_server_host_key()
                if shown is not None:
                    facts |= {
                        "host_key": shown.get_fingerprint(),
                        "host_key.kind": shown.algorithm.decode("ascii", "replace"),
                    }
                if self.command is not None:
                    began = clock()
                    status, text = await ssh.ran(connection, self.command)
                    line.phases["transfer"] = clock() - began
                    facts |= {
                        "exit": status,
                        "output": one_line(text, 1000),
                        "took": line.phases["transfer"],
                    }
            return Reading(Verdict.UP, facts=facts, phases=line.phases)
