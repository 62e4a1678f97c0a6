"""The target of a check, for letters: its address, without what may be secret.

An address that came from a reference (`${env:…}`) may be a secret as a whole, and only its host is named. Of a web
address, the login, the query and the fragment are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from watch.config.excerpt import masked
from watch.core.settings import Secret
from watch.core.wording import one_line

if TYPE_CHECKING:
    from watch.core.settings import Check

_LONGEST = 200  # characters


def target_words(check: Check) -> str:
    """What *check* asks; empty when it has no target that can be named."""
    probe = check.probe
    target = getattr(probe, getattr(probe, "MAIN", ""), None)
    if check.hidden or isinstance(target, Secret) or not isinstance(target, str):
        return one_line(_host(probe), _LONGEST)
    if not target.startswith(("http://", "https://")):
        return one_line(masked(target), _LONGEST)
    parts = urlsplit(target)
    query = "?…" if parts.query else ""
    return one_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}", _LONGEST)


def _host(probe: object) -> str:
    """The host that *probe* asks; empty when it asks no other machine, or its address cannot be read."""
    try:
        return str(getattr(probe, "peer", str)())
    except ValueError:
        return ""
