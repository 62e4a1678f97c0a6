"""One reading as an expectation sees it: facts, headers, body, and the body as JSON once parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import FactValue, Reading

LARGEST = 2 << 20  # of a body's bytes or characters; the probes read no more, and 256 KiB unless told


class NotJson(ValueError):  # noqa: N818 - says what it is
    """The body is no JSON."""


class Answer:
    """What one probe run found; parses the body at most once, and only when asked."""

    __slots__ = ("_json", "facts", "material")

    def __init__(self, reading: Reading) -> None:
        self.facts: Mapping[str, FactValue] = reading.facts
        self.material: Mapping[str, Any] = reading.material  # `_json` comes when asked: this is the hot path

    def body(self) -> str | None:
        """Return what came as text, cut at `LARGEST`; None when the probe gave none."""
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
        """Return the body as JSON; NotJson when it is something else."""
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
