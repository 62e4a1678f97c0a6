"""OpenSSH's server with a key of its own, which lets one user in by a key."""

from __future__ import annotations

import contextlib
import getpass
import subprocess
from pathlib import Path
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import ROOT, running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("openssh-server")
CONF = """
Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host
PidFile {dir}/pid
AuthorizedKeysFile {dir}/client.pub
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
StrictModes no
MaxStartups 100
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def sshd(folder, *more, username=""):
    """The server, run by whoever runs the tests: only root's lets others in than itself.

    Args:
        more: More lines of its configuration.
        username: Who is let in; without one whoever runs it. Needs a shell.
    """
    for name in ("host", "client", "stranger"):
        program = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(program, check=True)
    port = free_port()
    (folder / "conf").write_text("\n".join((CONF.format(dir=folder, port=port), *more, "")))
    if ROOT:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as Debian's unit does: root's server insists
    program = ["/usr/sbin/sshd", "-D", "-e", "-f", folder / "conf"]
    with running(*program, places=[("127.0.0.1", port)], user=False) as process:
        yield SimpleNamespace(
            process=process,
            address=f"127.0.0.1:{port}",
            port=port,
            host_key=(folder / "host.pub").read_text().strip(),
            username=username or getpass.getuser(),
            key=folder / "client",
            stranger=folder / "stranger",
        )


@contextlib.contextmanager
def stand(site):
    with sshd(site.folder) as it:
        login = {"username": it.username, "key": str(it.key), "command": "uptime"}
        (site.folder / "backup").write_text("a backup")
        there = f"sftp://{it.username}@{it.address}{site.folder}/backup"
        yield Stood(
            it.process,
            {
                "ssh": Asked({"address": it.address, "host_key": it.host_key, **login}),
                "file-sftp": Asked({"path": there, "host_key": it.host_key, "key": str(it.key)}, kind="file"),
            },
        )
