"""`threenines ack`: acknowledge an alert, or list the open ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from watch.core.alert import Alert


@click.command()
@click.argument("alerts", nargs=-1, metavar="[ALERT…]")
@click.option("--all", "every", is_flag=True, help="Every alert that is open.")
@click.option("--for", "lasting", metavar="TIME", help="For how long; 30m for an urgent alert, else 2h.")
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def ack(
    config: str,
    alerts: tuple[str, ...],
    lasting: str | None,
    reason: str | None,
    by: str | None,
    *,
    every: bool,
    as_json: bool,
) -> None:
    """Acknowledge each ALERT: a number from `threenines ack`, a dedup key, or a component.

    Nobody is called for it until that ends. If it is not over by then, people are called again, beginning with the
    first step. Without ALERT and --all, the open alerts are listed.
    """
    from watch.cli.alert_texts import listed, shown  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.hub_ask import asked_or_none, store_at, told  # noqa: PLC0415

    store = store_at(config)
    if every and alerts:
        raise click.UsageError("name alerts, or say --all: not both")
    if not every and not alerts:
        shown(asked_or_none(store, "alerts") or _from_the_store(config), listed, as_json=as_json)
        return
    said: dict[str, Any] = {"for": lasting, "reason": reason}
    said |= {"all": True} if every else {"alert": list(alerts)}
    answer = told(store, "ack", {key: value for key, value in said.items() if value is not None}, by)
    shown(answer, _lines, as_json=as_json)


def _from_the_store(config: str) -> dict[str, Any]:
    """The open alerts on record, when no hub runs."""
    from watch.alerts.alert_answers import alert_answer, unreached  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.store_view import settings_at, time_of  # noqa: PLC0415
    from watch.core.synthetic import real_alerts  # noqa: PLC0415
    from watch.stores.sqlite import reading  # noqa: PLC0415

    settings = settings_at(config)
    with reading(settings.store) as reads:
        now_ms, _ = time_of(settings.store, reads)
        alerts, notices, heard = reads.alerts()

        def missed(alert: Alert) -> tuple[str, ...]:
            rows = [row for row in notices if row.live and alert.id in row.alert_ids]
            return unreached(alert, rows, {row.recipient for row in heard if row.alert_id == alert.id})

        return alert_answer([row for row in real_alerts(alerts) if row.open], settings, now_ms, missed)


def _lines(answer: Any) -> list[str]:
    from watch.cli.alert_texts import moment  # noqa: PLC0415 - as above

    return [
        f"Alert {a['id']} ({a['name']}) is acknowledged by {a['acknowledged']['by']} until "
        f"{moment(a['acknowledged']['until_ms'], answer)}."
        for a in answer["alerts"]
    ]
