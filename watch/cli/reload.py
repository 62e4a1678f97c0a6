"""`threenines reload`: make the running hub reload its configuration now."""

from __future__ import annotations

import click


@click.command()
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def reload(config: str, by: str | None, *, as_json: bool) -> None:
    """Make the running hub reload its configuration; print what changed, or every mistake (exit 2)."""
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.changes import WORDS  # noqa: PLC0415
    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415

    answer = told(store_at(config), "reload", {}, by)
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
        return
    for what in WORDS:
        for name in answer[what]:
            click.echo(f"{what}: {name}")
    if not any(answer[what] for what in WORDS):
        click.echo("Nothing has changed.")
    for warning in answer["warnings"]:
        click.echo(f"note: {warning}", err=True)
