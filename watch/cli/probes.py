"""`threenines probes`: the kinds of probes, and with KIND its reference page."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def probes(kind: str | None, *, as_json: bool) -> None:
    """List all kinds of probes; with KIND show its options, facts and reasons, and an example."""
    from watch import probes as rooms  # noqa: PLC0415 - the list of verbs must not pay for it
    from watch.config.manual import Missing, page  # noqa: PLC0415 - likewise

    if kind is None:
        pages = [_page_or_why(name) for name in rooms.kinds()]
        _print(pages) if as_json else click.echo(_listed(pages))
        return
    try:
        told = page(kind)
    except Missing as missing:
        raise click.UsageError(f"{missing.message}; {missing.cure}") from None
    _print(told) if as_json else click.echo(_page_text(told))


def _page_or_why(kind: str) -> dict[str, Any]:
    """A kind's page; when its library is missing, which one and how to install it."""
    from watch.config.manual import Missing, page  # noqa: PLC0415 - the list of verbs must not pay for it

    try:
        return page(kind)
    except Missing as missing:
        return {"kind": kind, "summary": missing.message, "missing": missing.cure}


def _print(answer: object) -> None:
    import json  # noqa: PLC0415 - the list of verbs must not pay for it

    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _listed(pages: list[dict[str, Any]]) -> str:
    """One line per kind: the kind, then its summary."""
    width = max((len(page["kind"]) for page in pages), default=0)
    return "\n".join(f"{page['kind']:{width}}  {page['summary'].partition('. ')[0]}" for page in pages)


def _page_text(page: dict[str, Any]) -> str:
    parts = [f"{page['kind']}: {page['summary']}"]
    parts.append("Options:\n" + "\n".join(_option(it, page["main"]) for it in page["options"]))
    facts = (f"  {it['name']} ({it['type']}): {it['text']}" for it in page["facts"])
    parts.append("Facts, for `expect` and `warn`:\n" + "\n".join(facts))
    if page["assumed"]:
        parts.append("Built-in expectations:\n" + "\n".join(f"  {it}" for it in page["assumed"]))
    if page["warned"]:
        parts.append("Built-in warnings:\n" + "\n".join(f"  {it}" for it in page["warned"]))
    parts.append("Reasons: " + ", ".join(page["reasons"]))
    parts.append("Example:\n" + "\n".join(f"  {line}" for line in page["example"].splitlines()))
    return "\n\n".join(parts)


def _option(it: dict[str, Any], main: str) -> str:
    notes = [it["what"]]
    notes += ["required"] if it["required"] else []
    notes += [f"default {it['default']}"] if it["default"] is not None else []
    notes += ["set by a single value"] if it["name"] == main else []
    return f"  {it['name']} ({'; '.join(notes)}): {it['text']}"
