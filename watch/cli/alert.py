"""`threenines alert`: try letters and channels before there is trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watch.cli.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watch.alerts.message import Letter
    from watch.core.settings import Settings

_KINDS = "down, degraded, redundancy_lost, unknown, monitor"


@click.group(cls=Verbs)
def alert() -> None:
    """Try letters and channels before there is trouble."""


@alert.command()
@click.argument("person")
@click.option(
    "--channel", type=int, metavar="N", help="Only their channel N, counted from 1; all without it."
)
@click.option(
    "--by", metavar="NAME", help="Your name, for the letter and the record; your login name without it."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def test(config: str, person: str, channel: int | None, by: str | None, *, as_json: bool) -> int:
    """Send PERSON a real page that is marked as a test, now, over each of their channels.

    Says whether each was delivered, or why not. The exit code is 0 when all were delivered, and 1 when one was not.
    """
    from watch.alerts.rehearsal import TEST  # noqa: PLC0415 - `--help` does not pay for these
    from watch.cli.alert_texts import shown  # noqa: PLC0415
    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415

    said = {"person": person} | ({} if channel is None else {"channel": channel})
    answer = told(store_at(config), TEST, said, by)
    shown(answer, _outcomes, as_json=as_json)
    return int(any(it["sent"] != "delivered" for it in answer["results"]))


def _outcomes(answer: Mapping[str, Any]) -> Iterator[str]:
    for it in answer["results"]:
        place = f"Channel {it['channel']} of {answer['person']}"
        why = f": {it['detail']}" if it["detail"] else ""
        match it["sent"]:
            case "delivered":
                yield f"{place}: the service took the test page after {it['took_ms'] / 1000:.1f} s."
            case "permanent":
                yield f"{place}: not delivered; it refuses pages for good{why}. Correct the channel in checks.yaml."
            case "unknown":
                yield f"{place}: not known; the page left, and no answer came{why}. Ask {answer['person']}."
            case _:
                yield f"{place}: not delivered{why}. It may work later; an alert would be tried again."


@alert.command()
@click.argument("person", required=False)
@click.option("--when", default="down", metavar="KIND", help=f"The kind of alert: {_KINDS}; down without it.")
@click.option("--components", metavar="NAMES", help="These components, separated by commas; or `all`.")
@click.option("--recovered", is_flag=True, help="The letter when it is over.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def preview(
    config: str, person: str | None, when: str, components: str | None, *, recovered: bool, as_json: bool
) -> None:
    """Show the letter of an alert as each channel of PERSON would get it. Sends nothing and needs no hub.

    Without PERSON, the longest form is shown. Reasons and times are made up; all else is from checks.yaml.
    """
    import time  # noqa: PLC0415 - `--help` does not pay for these

    from watch.alerts.preview import components_for, previewed  # noqa: PLC0415
    from watch.cli.alert_texts import shown  # noqa: PLC0415
    from watch.cli.store_view import settings_at  # noqa: PLC0415
    from watch.core.settings import When  # noqa: PLC0415
    from watch.hub.target_words import target_words  # noqa: PLC0415

    if when not in tuple(When):
        raise click.UsageError(f"--when: {when!r} is none of {', '.join(When)}")
    settings = settings_at(config)
    if person is not None and person not in settings.people:
        raise click.UsageError(
            f"there is no person {person!r} in {config}; there is: {', '.join(settings.people)}"
        )
    words = [word.strip() for word in (components or "").split(",") if word.strip()]
    chosen = components_for(When(when), words, settings)
    said = previewed(
        settings,
        When(when),
        chosen,
        person or "",
        time.time_ns() // 1_000_000,
        recovered=recovered,
        asked=target_words,
    )
    answer = (
        {"letters": [_row([], said[0])]} if person is None else {"letters": _channels(person, said, settings)}
    )
    shown({**answer, "person": person}, _letters, as_json=as_json)


def _channels(person: str, said: Sequence[Letter], settings: Settings) -> list[dict[str, Any]]:
    """A row for each form that channels of *person* take, with their numbers."""
    from watch.alerts.preview import fitting  # noqa: PLC0415 - as above

    by_form: dict[Letter | None, list[int]] = {}
    for number, letter in fitting(settings.people[person], said):
        by_form.setdefault(letter, []).append(number)
    return [_row(numbers, letter) for letter, numbers in by_form.items()]


def _row(channels: list[int], letter: Letter | None) -> dict[str, Any]:
    text = {"title": None, "body": None} if letter is None else {"title": letter.title, "body": letter.body}
    return {"channels": channels} | text


def _letters(answer: Mapping[str, Any]) -> Iterator[str]:
    person = answer["person"]
    for n, row in enumerate(answer["letters"]):
        if n:
            yield ""
        if row["channels"]:
            numbers = ", ".join(map(str, row["channels"]))
            yield f"--- channel{'s' * (len(row['channels']) > 1)} {numbers} of {person}"
        if row["title"] is None:
            yield "Its URL cannot be used here: a secret may have no value, or apprise does not know the service."
        else:
            yield from (row["title"], "", row["body"])
