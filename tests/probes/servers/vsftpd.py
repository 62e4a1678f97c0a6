"""vsftpd with TLS and a folder of three files."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import folder, give, running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("vsftpd")
# As an ordinary user there is no chroot: it serves what that user may read, on the loopback, while we test.
CONF = """
listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
secure_chroot_dir={dir}/empty
seccomp_sandbox=NO
one_process_model=YES
xferlog_enable=NO
ssl_enable=YES
allow_anon_ssl=YES
rsa_cert_file={dir}/cert.pem
rsa_private_key_file={dir}/key.pem
implicit_ssl={implicit}
"""


@contextlib.contextmanager
def vsftpd(pem, *, implicit):
    port = free_port()
    with folder(**{f"{name}.pem": (pem / f"{name}.pem").read_bytes() for name in ("cert", "key")}) as path:
        for name in ("empty", "pub", "bare"):
            (path / name).mkdir()
        for name in ("one", "two", "three"):
            (path / "pub" / name).write_text("hello")
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        os.utime(path / "pub" / "one", (yesterday.timestamp(),) * 2)
        (path / "conf").write_text(
            CONF.format(port=port, dir=path, implicit="YES" if implicit else "NO").lstrip()
        )
        give(path)
        with running("/usr/sbin/vsftpd", path / "conf", places=[("127.0.0.1", port)]) as process:
            yield SimpleNamespace(
                process=process, address=f"localhost:{port}", pub=f"{path}/pub", bare=f"{path}/bare"
            )


@contextlib.contextmanager
def stand(site):
    with vsftpd(site.pem, implicit=False) as it:
        there = {
            "address": it.address,
            "ca_file": str(site.ca_file),
            "file": f"{it.pub}/one",
            "folder": it.pub,
        }
        yield Stood(it.process, {"ftp": Asked(there)})
