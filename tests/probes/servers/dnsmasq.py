"""dnsmasq, which knows the names below .test."""

from __future__ import annotations

import contextlib
import socket
import time

import dns.message

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, debian
from tests.yardstick import PATIENCE

AGAINST = debian("dnsmasq-base")
OPTIONS = [
    "--no-daemon",
    "--no-resolv",
    "--no-hosts",
    "--bind-interfaces",
    "--listen-address=127.0.0.1",
    "--conf-file=/dev/null",
    "--user=",
    "--pid-file=",
    "--address=/web.test/127.0.0.8",
    "--address=/web.test/::8",
    "--mx-host=web.test,mail.web.test,10",
    "--local=/test/",
    "--auth-ttl=60",
]


@contextlib.contextmanager
def dnsmasq():
    """The server; yields its process and its address."""
    port = free_port()
    program = ["/usr/sbin/dnsmasq", *OPTIONS, "--txt-record=web.test,v=spf1 -all", f"--port={port}"]
    with running(*program, places=[]) as process:
        answered(process, port)
        yield process, f"127.0.0.1:{port}"


def answered(process, port):
    query = dns.message.make_query("web.test", "A").to_wire()
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        while True:
            try:
                sock.send(query)
                return sock.recv(512)
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline


@contextlib.contextmanager
def stand(site):
    with dnsmasq() as (process, address):
        yield Stood(process, {"dns": Asked({"name": "web.test", "resolver": address})})
