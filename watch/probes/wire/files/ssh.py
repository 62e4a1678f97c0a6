"""SSH by asyncssh over our own connection; the SSH configuration of this machine is not used.

`asyncssh.connect` would read ~/.ssh, ask an agent, and prepare its options on a thread of the loop's executor,
which outlives the run and is shared with the name lookups of other libraries. So the options are made here (the
only file that is read is the check's key), and asyncssh's connection class runs on our socket.

With a pinned key, a server with another key is refused. Without a login the run stops after the key exchange,
so that the server's log shows no failed attempt and no ban follows.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import asyncssh

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.net.blame import carried, cut_short, shortage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line

_MOST = 64 << 10  # bytes of a command's output


def public(text: str) -> asyncssh.SSHKey:
    """Return the public key in *text*, which has the format of known_hosts and .pub files."""
    try:
        return asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise OurFault("host_key: is not a public key") from error


@contextlib.asynccontextmanager
async def connected(
    line: Line,
    *,
    pinned: str | None,
    username: str | None,
    password: Secret | None,
    key: Path | None,
    key_password: Secret | None = None,
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """An SSH connection on *line* after the key exchange, and after the login if there is a *username*."""
    client = _Client(None if pinned is None else public(pinned))
    options = _options(client, username, password, key, key_password)
    loop = asyncio.get_running_loop()
    waiting = options.waiter = loop.create_future()
    wait = "kex" if username is None else "auth"
    # A copy: asyncssh closes this one, the line closes the original.
    copy = line._sock.dup()  # noqa: SLF001 - the one thing that asyncssh needs of a line
    try:
        _, made = await loop.create_connection(
            lambda: asyncssh.SSHClientConnection(loop, options, wait=wait), sock=copy
        )
    except BaseException:
        copy.close()
        raise
    try:
        await waiting
        yield made
    except asyncio.CancelledError as stop:
        if carried(stop) is not None:  # the code that used the connection gave a better failure
            raise
        late = f"{line.where} did not end the key exchange" if not waiting.done() else f"{line.where} is slow"
        raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, late, phases=line.phases)) from stop
    except asyncssh.Error as error:
        raise _blamed(error, line, client) from error
    finally:
        made.abort()
        await made.wait_closed()


class _Client(asyncssh.SSHClient):
    """Accepts the pinned key, and remembers the key that the server showed."""

    def __init__(self, pinned: asyncssh.SSHKey | None) -> None:
        self.pinned, self.shown = pinned, ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 - asyncssh's
        self.shown = key.get_fingerprint()
        return key == self.pinned

    def wanted(self) -> str | tuple[str, ...]:
        """Return the algorithm of the pinned key if the server supports it, else any."""
        if self.pinned is None:
            return ()
        return "^" + ",".join(name.decode() for name in self.pinned.sig_algorithms)


def _options(
    client: _Client,
    username: str | None,
    password: Secret | None,
    key: Path | None,
    key_password: Secret | None,
) -> asyncssh.SSHClientConnectionOptions:
    try:
        return asyncssh.SSHClientConnectionOptions(
            config=None,
            client_factory=lambda: client,
            # No list of hosts: with None any key is accepted; with an empty list the client is asked.
            known_hosts=None if client.pinned is None else ([], [], []),
            server_host_key_algs=client.wanted(),
            username=username
            or "nobody",  # without a login it is never sent; asyncssh would look up our user
            password=None if password is None else password.reveal(),
            client_keys=None if key is None else [str(key)],
            passphrase=None if key_password is None else key_password.reveal(),
            agent_path=None,
            gss_host=None,
            x509_trusted_certs=None,
            login_timeout=0,  # the run has its own limit
            keepalive_interval=0,
        )
    except (OSError, ValueError, asyncssh.Error) as error:
        raise _of_our_key(error, key, has_passphrase=key_password is not None) from error


def _of_our_key(error: Exception, key: Path | None, *, has_passphrase: bool) -> OurFault:
    """Return why our key cannot be used. The content of its file must not be shown, so only the type of *error* is."""
    if (used_up := shortage()) is not None:
        return used_up
    locked = isinstance(error, asyncssh.KeyEncryptionError) or "passphrase" in str(error).lower()
    # A key that is decrypted by another passphrase is not one at all.
    if locked or (has_passphrase and isinstance(error, asyncssh.KeyImportError)):
        if has_passphrase and "bcrypt" in str(error):
            wrong = (
                "our client key has OpenSSH's own encryption, which needs the library bcrypt: install that"
            )
            return OurFault(f"{wrong}, or keep the key as PKCS 8 ({key})")
        if has_passphrase:
            return OurFault(f"our client key is not opened by its passphrase, `key_password` ({key})")
        return OurFault(f"our client key wants a passphrase: give it by `key_password` ({key})")
    return OurFault(f"key: {key} cannot be used ({type(error).__name__})")


_REASONS: tuple[tuple[type[asyncssh.Error], Reason, str], ...] = (
    (asyncssh.PermissionDenied, Reason.AUTH, "the server refuses the login"),
    (asyncssh.KeyExchangeFailed, Reason.TLS, "the key exchange failed"),
    (asyncssh.ConnectionLost, Reason.RESET, "the server closed the connection"),
    (asyncssh.ChannelOpenError, Reason.STATUS, "the server refuses to run a command"),
    (asyncssh.ServiceNotAvailable, Reason.STATUS, "the server refuses the service"),
)


def _blamed(error: asyncssh.Error, line: Line, client: _Client) -> ProbeFailure | OurFault:
    """Return the failure for *error*. Its text is not shown: the server may put our password into it."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        words = f"the host key is {client.shown or 'a certificate'}, not the pinned one"
        return ProbeFailure(Reason.CERTIFICATE, words, phases=line.phases)
    for kind, reason, words in _REASONS:
        if isinstance(error, kind):
            return ProbeFailure(reason, f"{words}: {line.where}", phases=line.phases)
    if not isinstance(error, asyncssh.DisconnectError):  # those are of the protocol, and of the other end
        return OurFault(f"our SSH library cannot ask {line.where} ({type(error).__name__})")
    return ProbeFailure(
        Reason.PROTOCOL, f"{line.where} does not speak SSH, or no version that we know", phases=line.phases
    )


async def ran(connection: asyncssh.SSHClientConnection, command: str) -> tuple[int, str]:
    """Return *command*'s exit status and output; its stdin is empty."""
    process = await connection.create_process(
        command, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL, encoding="utf-8", errors="replace"
    )
    text = ""
    while chunk := await process.stdout.read(_MOST):
        text += chunk
        if len(text) > _MOST:
            raise ProbeFailure(Reason.LIMIT, "the command wrote over 64 KiB")
    await process.wait_closed()
    if process.exit_signal is not None:
        raise ProbeFailure(Reason.STATUS, f"the command was ended by SIG{visible(process.exit_signal[0])}")
    if process.exit_status is None:
        raise ProbeFailure(Reason.RESET, "the server closed the connection before the command ended")
    return process.exit_status, text
