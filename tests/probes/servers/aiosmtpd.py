"""aiosmtpd as a server of its own, with STARTTLS."""

from __future__ import annotations

import contextlib
import sys

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, library

AGAINST = library("aiosmtpd")


@contextlib.contextmanager
def stand(site):
    port = free_port()
    tls = ["--tlscert", site.pem / "cert.pem", "--tlskey", site.pem / "key.pem"]
    program = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *tls]
    with running(*program, places=[("127.0.0.1", port)], user=False) as process:
        yield Stood(process, {"smtp": Asked({"address": f"localhost:{port}", "ca_file": str(site.ca_file)})})
