"""No server: this machine's own network, which answers pings and says that ports are closed."""

from __future__ import annotations

import contextlib
import platform

from tests.probes.servers import Asked, Stood, words

AGAINST = words(f"the loopback interface of Linux {platform.release()}")


@contextlib.contextmanager
def stand(site):
    yield Stood(None, {"icmp": Asked("127.0.0.1"), "traceroute": Asked("127.0.0.1")})
