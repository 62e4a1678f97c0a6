"""etcd, alone or as a member of a cluster."""

from __future__ import annotations

import contextlib
import urllib.request

from tests.ports import free_port
from tests.probes.databases import running, until
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("etcd-server")


def member(folder, name, port, peers, *more, scheme="http"):
    """One of the cluster that *peers*, name → port between members, are."""
    mine, us = f"http://127.0.0.1:{peers[name]}", f"{scheme}://127.0.0.1:{port}"
    clients = ["--listen-client-urls", us, "--advertise-client-urls", us]
    between = ["--listen-peer-urls", mine, "--initial-advertise-peer-urls", mine]
    cluster = ",".join(f"{it}=http://127.0.0.1:{at}" for it, at in peers.items())
    quick = ["--heartbeat-interval", "50", "--election-timeout", "500"]
    where = ["--name", name, "--data-dir", folder / name, "--initial-cluster", cluster]
    return running("/usr/bin/etcd", *where, *clients, *between, *quick, *more, port=port, folder=folder)


def healthy(url):
    """Whether the member knows a leader."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
        return b"true" in answer.read()
    return False


@contextlib.contextmanager
def stand(site):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with member(site.folder, "only", port, {"only": free_port()}) as process:
        until(lambda: healthy(url))
        yield Stood(process, {"etcd": Asked(url)})
