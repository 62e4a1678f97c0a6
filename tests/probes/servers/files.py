"""No server: files of this machine."""

from __future__ import annotations

import contextlib
import platform

from tests.probes.servers import Asked, Stood, words

AGAINST = words(f"real files on Linux {platform.release()}")


@contextlib.contextmanager
def stand(site):
    (site.folder / "backup.tar").write_bytes(b"x" * 100_000)
    yield Stood(None, {"file": Asked(f"{site.folder}/*.tar", {"expect": ["age < 1h"]})})
