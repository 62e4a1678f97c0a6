"""Text from outside, made safe to show: whoever runs the target writes the text of its answers.

A hostile banner can hold terminal escapes, line breaks that forge a second log line or mail header,
and right-to-left overrides that reverse a sentence. `visible` spells these characters out, for an operator who
must see what the answer was; `one_line` removes them, for titles and names.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watch.core.quantity import duration_text
from watch.core.reading import FactType, FactValue


def visible(text: str, limit: int = 80) -> str:
    r"""Return *text* with invisible characters spelled out (`\x1b`, `\u202e`), *limit* characters at most."""
    # Cut first: otherwise a body of a megabyte would be processed for eighty characters.
    cut = text[: limit + 1]
    spelled = "".join(char if char.isprintable() else _spelled(char) for char in cut)
    return spelled if len(spelled) <= limit else spelled[: limit - 1] + "…"


def one_line(text: str, limit: int = 200) -> str:
    """Return *text* as one line without invisible characters, *limit* characters at most."""
    cut = text[: 4 * limit]
    line = " ".join("".join(char for char in cut if char.isprintable() or char.isspace()).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode() if char > "\xff" else f"\\x{ord(char):02x}"


def fact_text(value: FactValue, kind: FactType) -> str:
    """Return *value* as text for people: `2.31 s`, `1.5 GiB`, `12.3%`, `2026-11-23 02:00:00 UTC`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return visible(value)
    write = _WRITTEN.get(kind)
    if write is not None:
        return write(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seconds_text(seconds: float) -> str:
    if not abs(seconds) < 10**9:  # nan, infinity, a broken clock
        return f"{seconds:g} s"
    if abs(seconds) < 1:
        return f"{1000 * seconds:.3g} ms"
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    return duration_text(timedelta(seconds=round(seconds)))


def _bytes_text(amount: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.4g} {unit}"


def _instant_text(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s since 1970"


_WRITTEN = {
    FactType.DURATION: _seconds_text,
    FactType.BYTES: _bytes_text,
    FactType.RATIO: lambda share: f"{100 * share:.4g}%",
    FactType.INSTANT: _instant_text,
}
