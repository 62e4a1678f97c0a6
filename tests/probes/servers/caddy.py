"""Caddy, which speaks HTTP/1.1, 2 and 3 on one port."""

from __future__ import annotations

import contextlib
import os
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import folder, running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("caddy")

# The certificate is for localhost and 127.0.0.1; for anyone.test it is shown all the same, for others none is.
CONF = """
{{
  admin off
  auto_https off
  skip_install_trust
}}
https://localhost:{port}, https://127.0.0.1:{port}, https://anyone.test:{port} {{
  bind 127.0.0.1
  tls {dir}/cert.pem {dir}/key.pem
  respond /missing "gone" 404
  respond /echo "{{http.request.method}} {{http.request.header.authorization}} {{http.request.body}}"
  handle /behind {{
    reverse_proxy 127.0.0.1:{behind}
  }}
  redir /moved / 302
  redir /loop /loop 302
  redir /plain http://localhost:{port}/ 302
  redir /metadata https://169.254.169.254/ 302
  handle /big {{
    root * {dir}
    file_server
  }}
  respond "hi {{http.request.proto}}"
}}
"""


@contextlib.contextmanager
def caddy(pem, behind=1):
    """Caddy while it answers; its port, process and `url`. /behind is answered by the port *behind* it."""
    port = free_port()
    files = {name: (pem / name).read_bytes() for name in ("cert.pem", "key.pem")}
    with folder(**files, big=b"0123456789" * 300_000) as where:
        (where / "Caddyfile").write_text(CONF.format(dir=where, port=port, behind=behind))
        (where / "Caddyfile").chmod(0o644)
        env = {**os.environ, "XDG_DATA_HOME": str(where), "XDG_CONFIG_HOME": str(where), "HOME": str(where)}
        program = ["/usr/bin/caddy", "run", "--config", where / "Caddyfile", "--adapter", "caddyfile"]
        with running(*program, places=[("127.0.0.1", port)], env=env) as process:
            yield SimpleNamespace(port=port, process=process, url=f"https://localhost:{port}")


@contextlib.contextmanager
def stand(site):
    with caddy(site.pem) as it:
        url = {"url": f"{it.url}/", "ca_file": str(site.ca_file)}
        yield Stood(
            it.process,
            {
                f"http-{version}": Asked(
                    {**url, "version": version}, {"expect": [f'version == "{version}"']}, kind="http"
                )
                for version in ("2", "3")
            },
        )
