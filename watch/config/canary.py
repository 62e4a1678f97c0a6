"""A canary, ``{icmp: 10.0.0.1}``: a target that answers whenever the vantage point itself works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watch import probes
from watch.config.kind import Missing, options, probe_at, probe_class
from watch.config.mapping import Field, Record, described
from watch.config.node import Node, Scalar, Table
from watch.config.shape import Schema, kind_of
from watch.config.word import lasting
from watch.core.settings import Canary

if TYPE_CHECKING:
    from watch.config.findings import Findings

_TIMEOUT = Field(
    lasting(timedelta(milliseconds=1), timedelta(seconds=30), "2s"),
    "How long one run may take.",
    timedelta(seconds=2),
)
_RECORD = Record("a canary", {"timeout": _TIMEOUT})


@dataclass(frozen=True, slots=True)
class CanaryShape:
    what: str = "a canary like `{icmp: 10.0.0.1}`"

    def read(self, node: Node, findings: Findings) -> Canary | None:
        if not isinstance(node, Table):
            findings.mistake(node, f"{kind_of(node)} is not allowed here", f"write {self.what}")
            return None
        kinds = [key for key in node.entries if key != "timeout"]
        if len(kinds) != 1:
            findings.mistake(
                node, "a canary has exactly one kind of probe", "write one, like `{icmp: 10.0.0.1}`"
            )
            return None
        rest = {key: entry for key, entry in node.entries.items() if key == "timeout"}
        fields = _RECORD.fields_of(node, rest, findings)
        probe = probe_at(kinds[0], *node.entries[kinds[0]], findings)
        return Canary(name=_name(kinds[0], node.entries[kinds[0]][1]), probe=probe, timeout=fields["timeout"])

    def schema(self) -> Schema:
        kinds = {kind: {"$ref": f"#/$defs/{kind}"} for kind in probes.kinds()}
        one_kind = [{"required": [kind]} for kind in kinds]
        keys = {"timeout": described(_TIMEOUT)}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": kinds | keys,
            "oneOf": one_kind,
        }


CANARY = CanaryShape()


def _name(kind: str, node: Node) -> str:
    """The canary's name in messages: the kind, and the main option unless that may be secret."""
    if _main_is_secret(kind):
        return kind
    if isinstance(node, Table):
        main = node.entries.get(probe_class(kind).MAIN) if probes.is_kind(kind) else None
        return _name(kind, main[1]) if main else kind
    shown = isinstance(node, Scalar) and not node.origin and "@" not in node.text and "?" not in node.text
    return f"{kind} {node.text}" if shown and isinstance(node, Scalar) else kind


def _main_is_secret(kind: str) -> bool:
    try:
        main = options(kind).fields[probe_class(kind).MAIN]
    except Missing:
        return True
    return bool(getattr(main.shape, "secret", False))


def same(one: Canary, other: Canary) -> bool:
    """Whether two canaries ask the same: the second would add no evidence."""
    return one.probe == other.probe
