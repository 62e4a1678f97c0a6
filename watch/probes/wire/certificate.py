"""What a certificate says of itself, as facts; whatever a stranger put into it.

Nothing in here decides trust: that was the handshake's business. A certificate that cannot be read gives no
facts, never an exception: huge name lists, negative serial numbers and dates in the year 10000 are sent too.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING

from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watch.core.reading import FactValue


def facts(fields: tuple[tuple[str, str], ...], now: datetime) -> Mapping[str, FactValue]:
    """Return the certificate.* facts of a certificate as libcurl spells it out; empty if it is unreadable."""
    known = dict(fields)
    end = _instant(known.get("Expire date", ""))
    if end is None:
        return {}
    return {
        "certificate.left": end - now.timestamp(),
        "certificate.expires": end,
        "certificate.subject": one_line(_common(known.get("Subject", ""))),
        "certificate.issuer": one_line(_common(known.get("Issuer", ""))),
    }


@lru_cache(maxsize=1024)
def _instant(text: str) -> float | None:
    """Return seconds since the epoch for ``Nov 23 09:00:00 2027 GMT``."""
    try:
        return float(ssl.cert_time_to_seconds(text))
    except (ValueError, OverflowError):
        return None


def _common(name: str) -> str:
    """Return the common name in ``C = US, O = Example, CN = R3``, or all of it if there is none."""
    parts = dict(part.partition(" = ")[::2] for part in name[:2000].split(", "))
    return parts.get("CN") or name
