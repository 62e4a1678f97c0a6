"""Writes docs/reference from the code: ``make docs``.

A probe's page comes from its docstring, the page of checks.yaml from its schema, the grammar of expectations from
`watch.core.expect.grammar`, and the page of all kinds from the results of the bench. A test compares the committed
pages with the generated ones, so nobody can forget to regenerate them or edit them by hand.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from docs.configuration import configuration
from docs.kinds import kinds
from docs.tables import table
from watch import probes
from watch.config.manual import page
from watch.core.expect import grammar
from watch.core.ledger import UNCRITICAL, Kind

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
_NOTE = "<!-- Written by `make docs` from the code: change it there. -->\n\n"


def pages() -> dict[str, str]:
    """Every page of the reference: path below docs/reference → text."""
    manuals = [page(kind) for kind in probes.kinds()]
    return {
        "README.md": _NOTE + _contents(manuals),
        "configuration.md": _NOTE + configuration(),
        "expectations.md": _NOTE + _expectations(manuals),
        "kinds.md": _NOTE + kinds(manuals),
        "ledger.md": _NOTE + _ledger(),
        **{f"probes/{manual['kind']}.md": _NOTE + _probe(manual) for manual in manuals},
    }


def write() -> None:
    """Write `pages` to docs/reference, and remove any other page there."""
    wanted = pages()
    for path in REFERENCE.rglob("*.md"):
        if str(path.relative_to(REFERENCE)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _contents(manuals: list[dict[str, Any]]) -> str:
    does = [(f"[{m['kind']}](probes/{m['kind']}.md)", m["summary"].partition(". ")[0]) for m in manuals]
    return (
        "# Reference\n\n"
        "- [checks.yaml, key by key](configuration.md)\n"
        "- [Expectations: the language of `expect` and `warn`](expectations.md)\n"
        "- [The ledger: what an entry holds and what proves it](ledger.md)\n"
        "- [All kinds: tested servers, facts, and the cost of a check](kinds.md)\n\n"
        f"## Kinds of probes\n\n{table(('kind', 'what it does'), does)}\n"
    )


def _ledger() -> str:
    """The page of the ledger; its table of kinds is the code's."""
    source = inspect.getsource(Kind)
    says = dict(re.findall(r'= "(\w+)"  # (.+)', source))
    rows = [(f"`{kind}`", says[kind], "no" if kind in UNCRITICAL else "yes") for kind in Kind]
    text = (HERE / "parts" / "ledger.md").read_text("utf-8")
    return text.replace("KINDS", table(("kind", "says (its subject)", "critical"), rows))


def _probe(manual: dict[str, Any]) -> str:
    kind = manual["kind"]
    options = [_option(it, manual["main"]) for it in manual["options"]]
    facts = [(f"`{it['name']}`", it["type"], it["reason"], it["text"]) for it in manual["facts"]]
    assumed = "".join(f"\nBuilt-in expectation: `{it}`.\n" for it in manual["assumed"])
    assumed += "".join(f"\nBuilt-in warning: `{it}`.\n" for it in manual["warned"])
    return (
        f"# {kind}\n\n{manual['summary']}\n\n"
        f"```yaml\n{manual['example']}\n```\n\n"
        f"## Options\n\n`{kind}: …` with a single value is short for `{kind}: {{{manual['main']}: …}}`.\n\n"
        f"{table(('option', 'what', 'default', ''), options)}\n\n"
        "## Facts\n\nThe facts for `expect` and `warn` (see [expectations](../expectations.md)), and the reason of\n"
        "the reading when an expectation about the fact does not hold.\n\n"
        f"{table(('fact', 'type', 'reason', ''), facts)}\n{assumed}\n"
        f"## Reasons\n\nThe reason of a reading is one of {', '.join(f'`{it}`' for it in manual['reasons'])}.\n"
    )


def _option(it: dict[str, Any], main: str) -> tuple[str, ...]:
    name = f"**`{it['name']}`**" if it["name"] == main else f"`{it['name']}`"
    default = it["default"]
    shown = "required" if it["required"] else "" if default is None else f"`{_yaml(default)}`"
    return name, it["what"], shown, it["text"]


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def _expectations(manuals: list[dict[str, Any]]) -> str:
    text = (HERE / "parts" / "expectations.md").read_text("utf-8")
    rows = [
        (f"[{m['kind']}](probes/{m['kind']}.md)", f"`{it['name']}`", it["type"], it["text"])
        for m in manuals
        for it in m["facts"]
    ]
    return text.replace("GRAMMAR", _grammar()).replace("FACTS", table(("kind", "fact", "type", ""), rows))


def _grammar() -> str:
    """The grammar: the indented lines of its module's docstring."""
    doc = inspect.getdoc(grammar) or ""
    return inspect.cleandoc("\n".join(line for line in doc.splitlines() if line.startswith("    ")))


if __name__ == "__main__":
    write()
