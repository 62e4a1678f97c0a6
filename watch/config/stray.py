"""Keys of a check or a component that mean nothing there, and what the writer may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch import probes
from watch.config.findings import Findings, quoted, suggestion
from watch.config.kind import Missing, options, probe_class
from watch.config.node import Node, Scalar, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

HINTS = {
    "interval": "write `every`",
    "period": "write `every`",
    "frequency": "write `every`",
    "retries": "write `confirm: {down: 3}`",
    "type": "write the kind as the key: `http: https://…`",
    "kind": "write the kind as the key: `http: https://…`",
    "probe": "write the kind as the key: `http: https://…`",
    "name": "remove it: the key of a check is its name",
    "vantages": "write `from`",
    "expected": "write `expect`",
    "assert": "write `expect`",
    "keyword": """write `expect: ['body contains "…"']`""",
    "conditions": "write `expect`",
    "each": "write `for_each`",
    "foreach": "write `for_each`",
    "with_items": "write `for_each`",
}
"""Wrong keys of a check that users are likely to write, each with its cure."""


def hinted(key: str, check: Table) -> bool:
    """Whether *key* is one of `HINTS`, and no option of the kind that *check* has."""
    kinds = (it for it in check.entries if probes.is_kind(it))
    return key in HINTS and not any(key in options(it).fields for it in kinds)


def stray(word: str, entry: tuple[Scalar, Node], kind: str, known: Iterable[str], findings: Findings) -> None:
    """Record that the key *word* of a check is none.

    Args:
        entry: Its node, and its value's.
        kind: The check's kind; empty when it has none, so that *word* may be a mistyped one.
        known: The keys of a check.
    """
    key, value = entry
    findings.mask(value)
    if kind and word in options(kind).fields:
        main = probe_class(kind).MAIN
        cure = f"write it below the key of the kind: `{kind}: {{{main}: …, {word}: …}}`"
        cure = f"write its value after the kind: `{kind}: …`" if word == main else cure
        findings.mistake(key, f"{quoted(word)} is an option of {quoted(kind)}", cure, cut=True)
        return
    near = suggestion(word, known)
    if kind or (near and not suggestion(word, probes.kinds())):
        cure = near or "write options of the kind below the key of the kind"
        findings.mistake(key, f"a check has no {quoted(word)}", cure, cut=True)
        return
    try:
        probe_class(word)
    except Missing as missing:
        findings.mistake(key, missing.message, missing.cure, cut=True)


def misplaced(node: Node) -> str:
    """The cure when *node*, which is no value of a component, is a check; empty when it is none."""
    is_check = isinstance(node, Table) and any(probes.is_kind(key) for key in node.entries)
    return "indent it: checks belong under `checks`" if is_check else ""
