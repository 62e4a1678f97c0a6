"""The JSON Schema of checks.yaml, for editors. It is made from the same shapes that read the file.

It refuses unknown keys, kinds and options. `validate` checks what needs the whole file: names that refer to
nothing, `needs` against the number of members, expectations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch import probes
from watch.config.document import DOCUMENT
from watch.config.kind import Missing, schema_of
from watch.config.reader import SPARE

if TYPE_CHECKING:
    from watch.config.shape import Schema


def schema() -> Schema:
    """The schema, with a definition for every kind of probe."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Threenines: checks.yaml",
        **DOCUMENT.schema(),
        "patternProperties": {f"^{SPARE}": {"description": "Anything: a place for anchors."}},
        "$defs": {kind: _kind(kind) for kind in probes.kinds()},
    }


def _kind(kind: str) -> Schema:
    try:
        return schema_of(kind)
    except Missing as missing:
        return {"description": missing.message}
