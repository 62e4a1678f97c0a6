"""`threenines resolve`: close an alert by hand."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("alert")
@click.option(
    "--reason", metavar="TEXT", required=True, help="Why, for the record and for those who were told."
)
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def resolve(config: str, alert: str, reason: str, by: str | None, *, as_json: bool) -> None:
    """Close ALERT: a number from `threenines ack`, a dedup key, or a component.

    Those who were told of it are told that it is closed, by whom and why. If its trouble still lasts after
    `alerting.reopen` (10 minutes), it opens as a new alert; new trouble opens it again at once. States and figures do
    not change: they come from what the checks see.
    """
    from watch.cli.alert_texts import shown  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415

    answer = told(store_at(config), "resolve", {"alert": alert, "reason": reason}, by)
    shown(answer, _lines, as_json=as_json)


def _lines(answer: Any) -> list[str]:
    from watch.cli.alert_texts import moment  # noqa: PLC0415 - as above

    found = []
    for a in answer["alerts"]:
        again = "" if a["told_again_at_ms"] is None else moment(a["told_again_at_ms"], answer)
        lasts = f" Its trouble lasts: it opens again at {again} unless it recovers before." if again else ""
        found.append(f"Alert {a['id']} ({a['name']}) is closed.{lasts}")
    return found
