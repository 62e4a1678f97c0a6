"""The reference page of a kind of probe, as data for `threenines probes` and the documentation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watch.config.kind import Missing, help_of, options, probe_class
from watch.core.quantity import duration_text

if TYPE_CHECKING:
    from watch.config.mapping import Field

__all__ = ["Missing", "page"]


def page(kind: str) -> dict[str, Any]:
    """Kind, summary, main option, options, facts, built-in expectations and warnings, reasons and example.

    Raises:
        Missing: The kind does not exist, or needs a library that is not installed.
    """
    cls, text = probe_class(kind), help_of(kind)
    return {
        "kind": kind,
        "summary": " ".join(text.summary.split()),
        "main": cls.MAIN,
        "options": [_option(name, it) for name, it in options(kind).fields.items()],
        "facts": [
            {"name": it.name, "type": str(it.type), "reason": str(it.reason), "text": it.text}
            for it in text.facts.values()
        ],
        "assumed": list(cls.ASSUMED.values()),
        "warned": list(cls.WARNED.values()),
        "reasons": [str(reason) for reason in text.reasons],
        "example": text.example,
    }


def _option(name: str, it: Field) -> dict[str, Any]:
    assert it.shape is not None
    default = duration_text(it.default) if isinstance(it.default, timedelta) else it.default
    return {
        "name": name,
        "what": it.shape.what.replace("`", ""),
        "required": it.required,
        "default": default if isinstance(default, str | int | float | bool) else None,
        "text": it.text,
    }
