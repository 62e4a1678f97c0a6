"""Every test of a probe leaves the process as it found it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import trustme

from tests.ports import free_port
from tests.probes.wires import closed_port, descriptors
from tests.yardstick import PATIENCE
from watch.probes.wire.net.engines import close_all


@pytest.fixture(autouse=True)
async def nothing_left():
    threads = set(threading.enumerate())
    tasks = asyncio.all_tasks()
    before = len(descriptors())
    yield
    await close_all()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}
    late = set(threading.enumerate()) - threads
    for thread in late:
        thread.join(PATIENCE)  # asyncio waits for a child on a thread, which ends just after the child
    assert not any(thread.is_alive() for thread in late)
    assert len(descriptors()) <= before


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def pem(authority, tmp_path_factory):
    """A good certificate for localhost with its key, as files."""
    folder = certified(tmp_path_factory.mktemp("leaf"), authority)
    client = authority.issue_cert("someone@example.org")
    client.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    return folder


def certified(folder, authority):
    """Put a certificate for localhost and its key into *folder*, and return that."""
    leaf = authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return folder


@pytest.fixture(scope="session")
def tls(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem / "cert.pem", pem / "key.pem")
    return context


NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/err;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
  scgi_temp_path {dir}/5;
  server {{
    listen 127.0.0.1:{http}; listen [::1]:{http6};
    location / {{ return 200 "hello"; }}
    location /missing {{ return 404 "gone"; }}
    location /moved {{ return 301 /; }}
    location /loop {{ return 302 /loop; }}
    location /away {{ return 302 $arg_to; }}
    location /echo {{ add_header X-Seen "$http_authorization|$http_x_key|$http_cookie" always;
                      return 200 '{{"method": "$request_method", "auth": "$http_authorization", "key": "$http_x_key", "host": "$host"}}'; }}
    location /big {{ root {dir}; }}
  }}
  server {{
    listen 127.0.0.1:{https} ssl http2; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {pem}/cert.pem; ssl_certificate_key {pem}/key.pem;
    location / {{ return 200 "hello"; }}
  }}
  server {{
    listen 127.0.0.1:{mutual} ssl;
    ssl_certificate {pem}/cert.pem; ssl_certificate_key {pem}/key.pem;
    ssl_client_certificate {ca}; ssl_verify_client on;
    location / {{ return 200 "$ssl_client_verify"; }}
  }}
}}
"""


class Nginx:
    def __init__(self, ports):
        self.__dict__.update(ports)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"


@pytest.fixture(scope="session")
def nginx(tmp_path_factory, pem, ca_file):
    with serving_nginx(tmp_path_factory.mktemp("nginx"), pem, ca_file) as (_, it):
        yield it


@contextlib.contextmanager
def serving_nginx(folder, pem, ca_file):
    """The server; yields its process and its ports."""
    (folder / "big").write_bytes(b"0123456789" * 100_000)
    ports = {name: free_port() for name in ("http", "https", "mutual")}
    ports["http6"] = closed_port(host="::1")
    (folder / "conf").write_text(NGINX.format(dir=folder, pem=pem, ca=ca_file, **ports))
    program = ["/usr/sbin/nginx", "-e", str(folder / "err"), "-c", str(folder / "conf")]
    process = subprocess.Popen(program, start_new_session=True)
    try:
        until_listening(
            process, *((("127.0.0.1", p) if n != "http6" else ("::1", p)) for n, p in ports.items())
        )
        yield process, Nginx(ports)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until_listening(process, *places):
    """Wait for a child to take connections: readiness has no event to await."""
    deadline = time.monotonic() + PATIENCE
    for place in places:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(place, timeout=1):
                break
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not listen"
