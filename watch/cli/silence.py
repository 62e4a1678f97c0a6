"""`threenines silence`: keep alerts from calling anybody, for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watch.cli.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group(cls=Verbs)
def silence() -> None:
    """Keep alerts from calling anybody, for a time. When it ends while the trouble lasts, people are called."""


@silence.command()
@click.option("--components", metavar="NAMES", help="These components, separated by commas; or `all`.")
@click.option("--groups", metavar="NAMES", help="The components of these groups too.")
@click.option(
    "--when",
    metavar="KINDS",
    help="Only these kinds: down, degraded, redundancy_lost, unknown, slow, fact, monitor.",
)
@click.option("--until", metavar="TIME", help="When it ends, like '2026-12-24 09:00 America/New_York'.")
@click.option("--for", "lasting", metavar="TIME", help="How long it lasts, like 2h; instead of --until.")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the record.")
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def add(
    config: str, components: str | None, groups: str | None, when: str | None, until: str | None,
    lasting: str | None, reason: str, by: str | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Silence the alerts that match. It needs an end: --until or --for."""
    from watch.cli.alert_texts import shown  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415

    if (until is None) == (lasting is None):
        raise click.UsageError("a silence needs one end: write --until TIME or --for TIME")
    said: dict[str, Any] = {"until": until, "for": lasting, "reason": reason}
    said |= {"components": _words(components), "groups": _words(groups), "when": _words(when)}
    answer = told(store_at(config), "silence add", {k: v for k, v in said.items() if v}, by)
    shown(answer, lambda a: [f"Silence {_text(a['silences'][0], a)}."], as_json=as_json)


@silence.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def list_(config: str, *, everything: bool, as_json: bool) -> None:
    """List the silences in force."""
    from watch.cli.alert_texts import shown  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.hub_ask import asked_or_none, store_at  # noqa: PLC0415

    answer = asked_or_none(store_at(config), "silences") or _from_the_store(config)
    rows = [row for row in answer["silences"] if everything or row["in_force"]]
    answer = {**answer, "silences": rows}
    shown(answer, lambda a: [_text(row, a) for row in rows] or ["No silence is in force."], as_json=as_json)


@silence.command()
@click.argument("number", type=int)
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def end(config: str, number: int, reason: str | None, by: str | None, *, as_json: bool) -> None:
    """End silence NUMBER now. What it held back calls people, if it still lasts."""
    from watch.cli.alert_texts import shown  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415

    said: dict[str, Any] = {"number": number} | ({"reason": reason} if reason else {})
    answer = told(store_at(config), "silence end", said, by)
    shown(answer, lambda _: [f"Silence {number} has ended."], as_json=as_json)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _from_the_store(config: str) -> dict[str, Any]:
    """The answer of the store, when no hub runs."""
    from watch.alerts.alert_answers import silence_answer  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.store_view import settings_at, time_of  # noqa: PLC0415
    from watch.stores.sqlite import reading  # noqa: PLC0415

    settings = settings_at(config)
    with reading(settings.store) as reads:
        now_ms, _ = time_of(settings.store, reads)
        return silence_answer(reads.silences(), settings, now_ms)


def _text(row: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """`3: web, group Product (down), until 2026-12-24 09:00:00 EST, by alice: deploy`."""
    from watch.cli.alert_texts import moment  # noqa: PLC0415 - `--help` does not pay for it

    about = ", ".join([*row["components"], *(f"group {group}" for group in row["groups"])]) or "everything"
    kinds = f" ({', '.join(row['whens'])})" if row["whens"] else ""
    ended = row["ended_ms"] if row["ended_ms"] is not None else row["until_ms"]
    by = f", ended by {row['ended_by']}" if row["ended_ms"] is not None else ""
    return f"{row['id']}: {about}{kinds}, until {moment(ended, answer)}{by}, by {row['by']}: {row['reason']}"
