"""memcached."""

from __future__ import annotations

import contextlib

from tests.ports import free_port
from tests.probes.databases import running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("memcached")


def server(folder, port, *more):
    where = ["-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "16"]
    return running("/usr/bin/memcached", *where, *more, port=port, folder=folder)


@contextlib.contextmanager
def stand(site):
    port = free_port()
    with server(site.folder, port) as process:
        yield Stood(process, {"memcached": Asked(f"127.0.0.1:{port}")})
