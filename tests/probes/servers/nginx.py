"""nginx in clear and with TLS, which serves every kind that looks at web servers and their ports."""

from __future__ import annotations

import contextlib

from tests.probes.conftest import serving_nginx
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("nginx-light")


@contextlib.contextmanager
def stand(site):
    with serving_nginx(site.folder, site.pem, site.ca_file) as (process, it):
        secure, hello = f"localhost:{it.https}", "GET / HTTP/1.0\r\n\r\n"
        audit = {"host": "127.0.0.1", "allowed": [str(it.http), str(it.https)], "scan": []}
        yield Stood(
            process,
            {
                "http": Asked({"url": f"https://{secure}/", "ca_file": str(site.ca_file)}),
                "ports": Asked(audit, {"expect": ['missing == ""']}, dead="expectation"),
                "tcp": Asked({"address": f"127.0.0.1:{it.http}", "send": hello, "until": "^HTTP/1.1 200"}),
                "tls": Asked({"address": secure, "ca_file": str(site.ca_file)}),
            },
        )
