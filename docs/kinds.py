"""The page of all kinds: the server each was run against, its facts, and the cost of a check.

The servers and the figures come from bench/kinds.json, which the bench writes; nothing here is typed by hand. A kind
that was never measured is marked so, and a test fails for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.tables import table

MEASURED = Path(__file__).parent.parent / "bench" / "kinds.json"
_TEXT = """\
# Kinds of probes

For each kind: the server it was tested with, its facts for `expect` and `warn`, and what one check costs the vantage
point: user and system CPU time with threads and child processes, measured alone, one check after another, run as the
vantage point runs it.

{rows}

Each measured check is up against that server, with TLS and a login where the server has them, as configured in
`tests/probes/servers`. The server's own CPU time is not included. Kinds that run a program or look at files start a
process for each check; that is what they cost. How it is measured: [bench](../../bench/README.md).

Measured by `{command}` on {machine}, {dates}.
"""


def measured() -> dict[str, Any]:
    """The results of the bench."""
    kept: dict[str, Any] = json.loads(MEASURED.read_text("utf-8"))
    return kept


def kinds(manuals: list[dict[str, Any]]) -> str:
    """The page as Markdown."""
    kept = measured()
    rows = [_row(manual, kept["kinds"].get(manual["kind"])) for manual in manuals]
    dates = sorted({row["date"] for row in kept["kinds"].values()})
    heading = ("kind", "tested with", "facts", "CPU µs per check")
    return _TEXT.format(
        rows=table(heading, rows),
        command=kept["command"],
        machine=kept["machine"],
        dates=" to ".join(dict.fromkeys((dates[0], dates[-1]))),
    )


def _row(manual: dict[str, Any], row: dict[str, Any] | None) -> tuple[str, ...]:
    kind = manual["kind"]
    facts = ", ".join(f"`{it['name']}`" for it in manual["facts"])
    against, cost = (row["against"], f"{row['cpu_us']:,}") if row else ("not measured yet", "")
    return f"[{kind}](probes/{kind}.md)", against, facts, cost
