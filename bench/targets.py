"""The targets of both sides: nginx on loopback addresses, with HTTP and HTTPS.

Sixty-four hosts, because the checks of a monitor go to many hosts: the hub never has more than eight runs to one host
at the same time.
"""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from bench.process import OTHERS, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOSTS = tuple(f"127.0.1.{n}" for n in range(1, 65))
_CONFIG = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; default_type text/html; keepalive_timeout 15s;
  client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
  scgi_temp_path {dir}/5;
  server {{
{clear}
    location / {{ return 200 "{page}"; }}
  }}
  server {{
{secure}
    ssl_certificate {dir}/leaf.pem; ssl_certificate_key {dir}/leaf.pem; ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ return 200 "{page}"; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets' ports. *trust*: a file with this machine's certificate authorities and the test's own."""

    http: int
    https: int
    trust: Path

    def asked(self, kind: str, number: int) -> str:
        """The target of check *number*, in the form that blackbox_exporter and our `kind:` both take."""
        host = _HOSTS[number % len(_HOSTS)]
        match kind:
            case "http":
                return f"http://{host}:{self.http}/"
            case "https":
                return f"https://{host}:{self.https}/"
            case "tcp":
                return f"{host}:{self.http}"
            case _:
                return host


@contextmanager
def serving(folder: Path) -> Iterator[Targets]:
    """Run nginx during the block, with an ECDSA P-256 certificate for all its addresses."""
    targets = Targets(free_port(), free_port(), folder / "trust.pem")
    authority = trustme.CA()
    authority.issue_cert(*_HOSTS).private_key_and_cert_chain_pem.write_to_path(folder / "leaf.pem")
    system = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    known = Path(system).read_bytes() if Path(system).is_file() else b""
    targets.trust.write_bytes(known + authority.cert_pem.bytes())
    (folder / "conf").write_text(
        _CONFIG.format(
            dir=folder,
            clear=_listen(targets.http, ""),
            secure=_listen(targets.https, " ssl"),
            page="<p>All is well here.</p>" * 40,
        )
    )
    nginx = ["/usr/sbin/nginx", "-e", str(folder / "error"), "-c", str(folder / "conf")]
    with running(nginx, core=OTHERS, log=folder / "error"):
        answered(targets.asked("http", 0))
        yield targets


def _listen(port: int, more: str) -> str:
    return "\n".join(f"    listen {host}:{port}{more};" for host in _HOSTS)


def answered(url: str, within: float = 30.0) -> bytes:
    """The first answer of *url* with status 200. Raises `TimeoutError` after *within* seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {within:g} s")
