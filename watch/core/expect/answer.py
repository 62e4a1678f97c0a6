"""One reading as an expectation sees it: facts, headers, body, and the body as JSON once parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import FactValue, Reading

LARGEST = 2 << 20  # bytes or characters of a body; the probes never read more, and 256 KiB by default


class NotJson(ValueError):  # noqa: N818 - says what it is
    """The body is not JSON."""


class Answer:
    """The facts, headers and body of one reading; parses the body at most once, on first use."""

    __slots__ = ("_json", "facts", "material")

    def __init__(self, reading: Reading) -> None:
        self.facts: Mapping[str, FactValue] = reading.facts
        self.material: Mapping[str, Any] = (
            reading.material
        )  # `_json` is set on first use: this is the hot path

    def body(self) -> str | None:
        """Return the body as text, cut at `LARGEST`; None when the probe gave none."""
        body = self._raw()
        return body.decode("utf-8", "replace") if isinstance(body, bytes) else body

    def _raw(self) -> str | bytes | None:
        body: str | bytes | None = self.material.get("body")
        return body[:LARGEST] if body is not None and len(body) > LARGEST else body

    def header(self, name: str) -> str | None:
        """Return the header *name* (lower case); None when there is none."""
        headers: Mapping[str, str] = self.material.get("headers", {})
        return headers.get(name)

    def json(self) -> Any:
        """Return the parsed body; NotJson when it is not JSON."""
        if not hasattr(self, "_json"):
            self._json = _parsed(self._raw(), cut=self.facts.get("truncated") is True)
        if isinstance(self._json, NotJson):
            raise NotJson(*self._json.args)
        return self._json


def _parsed(body: str | bytes | None, *, cut: bool) -> Any:
    # orjson, not json: 256 KiB in a millisecond, and its own bound on depth instead of our stack's.
    import orjson  # noqa: PLC0415 - few checks need it

    if body is None:
        return NotJson("no body in the answer")
    try:
        return orjson.loads(body)
    except ValueError:
        return NotJson("the body is not JSON" + (", as far as it was read" if cut else ""))
