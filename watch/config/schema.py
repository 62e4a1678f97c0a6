"""The JSON Schema of checks.yaml, for editors: the same shapes that read it, said once more.

It is as strict as shapes can be: unknown keys, kinds and options are refused. What only the whole file can
tell is left to `validate`: names that refer to nothing, `needs` against the number of members, what an
expectation means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch import probes
from watch.config.document import DOCUMENT
from watch.config.kind import Missing, schema_of

if TYPE_CHECKING:
    from watch.config.shape import Schema


def schema() -> Schema:
    """The whole of it, with a definition for every kind of probe."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Threenines: checks.yaml",
        **DOCUMENT.schema(),
        "$defs": {kind: _kind(kind) for kind in probes.kinds()},
    }


def _kind(kind: str) -> Schema:
    try:
        return schema_of(kind)
    except Missing as missing:
        return {"description": missing.message}
