"""The readings that prove a ledger entry, as text that is hashed into it.

    proof = sha256(json([[check, vantage, at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body], …]))

in their stored order, JSON compact and unescaped; *body* is the JSON text of facts and phases as stored,
so that no number has to be formatted again to verify the digest.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.reading import Observation


def observation_row(o: Observation) -> tuple[Any, ...]:
    """The columns of *o* from `at_ms` on, without names, as observations and evidence both store them."""
    latency = None if o.latency is None else round(o.latency * 1_000_000)
    body = orjson.dumps((dict(o.facts), dict(o.phases))).decode()
    return (
        o.at_ms, o.took_ms, o.seq, o.verdict.value, o.reason.value, o.detail, latency, int(o.tainted), body
    )  # fmt: skip


def evidence_row(o: Observation) -> tuple[Any, ...]:
    """The columns of *o* as evidence: the names of its check and vantage point first."""
    return (o.check, o.vantage, *observation_row(o))


def proof(rows: Iterable[Sequence[Any]]) -> str:
    """The digest over evidence *rows*; empty when there are none."""
    listed = [list(row) for row in rows]
    if not listed:
        return ""
    written = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
