"""The reference page of checks.yaml, key by key, from the JSON Schema that editors use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from watch.config.schema import schema

Node = Mapping[str, Any]
Row = tuple[str, str, str, str]
_HEAD = """# checks.yaml

The configuration is one file, or a folder of `*.yaml` files that are merged by key. `${env:NAME}`,
`${env:NAME:-default}` and `${file:PATH}` are replaced by their values after the file is parsed; no message shows these
values. `$${` is a literal `${`. Unknown and duplicate keys are mistakes, and `threenines validate` reports all mistakes
at once. Amounts have a unit: `30s`, `1h30m`, `99.9%`.

Top-level keys that begin with `x-` may hold anything: put anchors there (`x-web: &web {every: 1m}`) and take them over
where they apply (`<<: *web`).

`threenines schema` prints the JSON Schema that this page is made from.
"""
# What each pattern means, by its beginning.
_PATTERNS = (
    ("^https?://", "a URL"),
    ("^[A-Za-z][A-Za-z0-9+.-]*://", "a URL"),
    ("^sqlite:///", "`sqlite:///PATH`"),
    ("^\\s*([0-9]+(\\.[0-9]+)?\\s*(ms", "a duration"),
    ("^\\s*[0-9]+(\\.[0-9]+)?\\s*%", "a percentage"),
    ("^\\s*[0-9]+\\s+of", "`k of n`"),
    ("^[a-z0-9]", "a key"),
    ("^(\\[[0-9A-Fa-f:.]+", "`HOST:PORT`"),
    ("^[0-9A-Fa-f:.]+", "a network"),
)
_PLURALS = {
    "a key": "keys",
    "a mapping": "mappings",
    "a URL": "URLs",
    "text": "texts",
    "a number": "numbers",
    "`HOST:PORT`": "`HOST:PORT`",
    "a network": "networks",
}


def configuration() -> str:
    """The page, with a section for each top-level key."""
    whole = schema()
    parts = [_HEAD]
    for key, node in whole["properties"].items():
        parts.append(f"## {key}\n\n{node.get('description', '')}\n")
        rows = list(_rows("", node))
        parts.append(f"{_table(rows)}\n" if rows else _alone(node))
    return "\n".join(parts)


def _alone(node: Node) -> str:
    default = _default(node)
    return f"{_what(node).capitalize()}{f'; by default {default}' if default else ''}.\n"


def _table(rows: list[Row]) -> str:
    lines = [("key", "what", "default", ""), ("---", "---", "---", "---"), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _rows(path: str, node: Node) -> Iterator[Row]:
    """A row for each key below *node*, however deep; a name that users choose is `<name>`."""
    for key, below in node.get("properties", {}).items():
        if "$ref" not in below:  # kinds of probes have their own pages
            yield f"`{path}{key}`", _what(below), _default(below), below.get("description", "")
            yield from _rows(f"{path}{key}.", below)
    named = node.get("additionalProperties")
    if isinstance(named, dict):
        yield from _one(f"{path}<name>", named)
        if "oneOf" in named:
            yield (
                f"`{path}<name>.<kind>`",
                "[a probe's options](README.md)",
                "",
                "The kind of probe, and its options.",
            )
        yield from _rows(f"{path}<name>.", named)
    for other in _mappings(node):
        yield from _rows(path, other)


def _one(path: str, node: Node) -> Iterator[Row]:
    if not node.get("properties") and "description" in node:
        yield f"`{path}`", _what(node), _default(node), node["description"]


def _mappings(node: Node) -> Iterator[Node]:
    """The mapping that *node* may be, or that it may be a list of."""
    choices = [it for it in node.get("anyOf", ()) if it.get("properties")]
    if not choices:
        choices = [it["items"] for it in node.get("anyOf", ()) if it.get("items", {}).get("properties")]
    yield from choices[:1]


def _what(node: Node) -> str:
    if "enum" in node:
        return ", ".join(f"`{value!s}`" for value in node["enum"] if value is not None)
    if "const" in node:
        return f"`{node['const']}`"
    if "pattern" in node:
        return next((words for start, words in _PATTERNS if node["pattern"].startswith(start)), "text")
    if "anyOf" in node:
        *most, last = dict.fromkeys(what for it in node["anyOf"] if (what := _what(it)))
        return f"{', '.join(most)} or {last}" if most else last
    kind = node.get("type", "")
    kinds = [kind] if isinstance(kind, str) else [it for it in kind if it != "null"]
    if kinds == ["array"]:
        return f"a list of {_PLURALS.get(_what(node.get('items', {})), 'them')}"
    words = {
        "string": "text",
        "boolean": "true or false",
        "integer": _range(node),
        "object": "a mapping",
        "null": "",
    }
    return words.get(kinds[0], kinds[0]) if kinds else ""


def _range(node: Node) -> str:
    """The bounds of a whole number, if it has any."""
    return f"{node['minimum']} to {node['maximum']}" if "maximum" in node else "a whole number"


def _default(node: Node) -> str:
    if "default" not in node or node["default"] == "":
        return ""
    value = node["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
