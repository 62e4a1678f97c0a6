"""No server: this machine itself, its network and its files."""

from __future__ import annotations

import contextlib
import platform

from tests.probes.servers import Asked, Stood, words

AGAINST = words(f"the loopback and the files of Linux {platform.release()}")


@contextlib.contextmanager
def stand(site):
    (site.folder / "backup.tar").write_bytes(b"x" * 100_000)
    yield Stood(
        None,
        {
            "file": Asked(f"{site.folder}/*.tar", {"expect": ["age < 1h"]}),
            "icmp": Asked("127.0.0.1"),
            "traceroute": Asked("127.0.0.1"),
        },
    )
