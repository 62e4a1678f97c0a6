"""Redis that wants a password."""

from __future__ import annotations

import contextlib

from tests.ports import free_port
from tests.probes.databases import call, running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("redis-server")
CANARY = "correct horse battery"


def command(port, *words):
    return call("redis-cli", "-p", port, "--no-auth-warning", *words, env={"REDISCLI_AUTH": CANARY}).strip()


def server(folder, port, *more):
    where = folder / str(port)
    where.mkdir()
    plain = ["--port", port, "--bind", "127.0.0.1", "--dir", where, "--save", "", "--appendonly", "no"]
    return running("/usr/bin/redis-server", *plain, *more, port=port, folder=folder)


@contextlib.contextmanager
def stand(site):
    port = free_port()
    with server(site.folder, port, "--requirepass", CANARY) as process:
        yield Stood(process, {"redis": Asked({"address": f"127.0.0.1:{port}", "password": CANARY})})
