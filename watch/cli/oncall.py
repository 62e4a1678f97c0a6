"""`threenines oncall`: who is on call, and overrides by command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watch.cli.verbs import config_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

_CALENDAR_DAYS = 92


class _OnCall(click.Command):
    """`oncall [ROTATION]`, and `oncall override`: no rotation can have that name."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        n = _first_word(args)
        if args[n : n + 1] == ["override"]:
            return override.make_context(
                f"{info_name} override", [*args[:n], *args[n + 1 :]], parent, **extra
            )
        return super().make_context(info_name, args, parent, **extra)


def _first_word(args: Sequence[str]) -> int:
    """The index of the first word that is neither `--config` nor its value."""
    n = 0
    while n < len(args) and args[n].partition("=")[0] == "--config":
        n += 1 if "=" in args[n] else 2
    return n


@click.command(cls=_OnCall)
@click.argument("rotation", required=False)
@click.option(
    "--at", metavar="TIME", help="At this time instead of now, like '2026-12-24 09:00 America/New_York'."
)
@click.option(
    "--days",
    type=int,
    metavar="N",
    help="Show shifts and gaps of so many days; 7 without it, and for --ical 92.",
)
@click.option(
    "--ical", is_flag=True, help="As an iCalendar file (RFC 5545) of the shifts, for calendar programs."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 1 when nobody is on call at some time of these days."
)
@click.pass_obj
def oncall(
    config: str,
    rotation: str | None,
    at: str | None,
    days: int | None,
    *,
    ical: bool,
    as_json: bool,
    exit_code: bool,
) -> int:
    """Show who is on call, until when, who is next, and when nobody is.

    With ROTATION, also every shift. `threenines oncall override` lets somebody take over; its --help says how.
    """
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.hub_ask import asked_or_none, store_at  # noqa: PLC0415

    if ical and as_json:
        raise click.UsageError("--ical and --json are two forms of one answer; write one of them")
    said = {"rotation": rotation, "at": at, "days": _CALENDAR_DAYS if ical and days is None else days}
    answer = asked_or_none(store_at(config), "oncall", said) or _answered_from_the_store(config, said)
    if ical:
        from watch.hub.on_call_calendar import calendar  # noqa: PLC0415 - only here

        click.echo(calendar(answer), nl=False)
    elif as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in _lines(answer, whole=rotation is not None or days is not None):
            click.echo(line)
    return int(exit_code and any(it["gaps"] for it in answer["rotations"]))


@click.command()
@click.argument("person", required=False)
@click.option("--from", "from_", metavar="TIME", help="When it begins; now without it.")
@click.option("--to", metavar="TIME", help="When it ends, like '2026-12-27 09:00 America/New_York'.")
@click.option("--rotation", metavar="ROTATION", help="The rotation; not needed where there is only one.")
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@click.option("--remove", type=int, metavar="N", help="Remove override N instead; one in force ends now.")
@click.option("--by", metavar="NAME", help="Your name, for the record; your login name without it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def override(
    config: str, person: str | None, from_: str | None, to: str | None, rotation: str | None, reason: str | None,
    remove: int | None, by: str | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Put PERSON on call for a time, whoever's turn it is.

    It takes effect at once in the running hub, and stays when the hub restarts. A TIME without a zone is in the zone
    of the rotation's handover.
    """
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.hub_ask import store_at, told  # noqa: PLC0415
    from watch.hub.on_call import OVERRIDE, REMOVE  # noqa: PLC0415

    made = {"person": person, "from": from_, "to": to, "rotation": rotation, "reason": reason}
    if remove is not None:
        if (stray := next((name for name, value in made.items() if value is not None), None)) is not None:
            raise click.UsageError(
                f"--remove needs only the number of the override; leave out {_word(stray)}"
            )
        answer = told(store_at(config), REMOVE, {"number": remove}, by)
    else:
        if person is None or to is None:
            raise click.UsageError(
                f"{_word('person' if person is None else 'to')} is missing; --help shows an override"
            )
        answer = told(store_at(config), OVERRIDE, {k: v for k, v in made.items() if v is not None}, by)
    click.echo(
        orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if as_json
        else _removed(answer) if remove is not None else _made(answer)
    )  # fmt: skip


override.params.append(config_option())


def _word(name: str) -> str:
    return "PERSON" if name == "person" else f"--{name}"


def _made(answer: Mapping[str, Any]) -> str:
    instead = [name or "nobody" for name in answer["instead_of"] if name != answer["person"]]
    tail = f", instead of {' and '.join(instead)}" if instead else "; it was their turn anyway"
    return f"Override {answer['number']}: {answer['person']} is on call in {answer['rotation']} {_span(answer)}{tail}."


def _removed(answer: Mapping[str, Any]) -> str:
    what = f"Override {answer['number']} ({answer['person']} in {answer['rotation']})"
    return f"{what} ends now." if answer["began"] else f"{what} is removed; it had not begun."


def _span(answer: Mapping[str, Any]) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - `--help` does not pay for it

    from watch.cli.texts import clock_time  # noqa: PLC0415

    zone = ZoneInfo(answer["zone"])
    return f"from {clock_time(answer['from_ms'], zone)} to {clock_time(answer['to_ms'], zone)}"


def _answered_from_the_store(config: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the configuration and the overrides in the store, if there is one."""
    from watch.cli.store_view import recorded_overrides, settings_at  # noqa: PLC0415
    from watch.clock import SystemClock  # noqa: PLC0415
    from watch.hub.on_call_answer import on_call_answer  # noqa: PLC0415

    settings = settings_at(config)
    return on_call_answer(settings, recorded_overrides(settings), said, SystemClock().now_ms())


def _lines(answer: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from watch.cli.texts import clock_time, counted, table  # noqa: PLC0415

    zone = ZoneInfo(answer["zone"])
    if not answer["rotations"]:
        yield "There are no `rotations` in checks.yaml."
        return
    yield f"On call at {clock_time(answer['at'], zone)}"
    yield ""
    rows: list[tuple[str, ...]] = [("rotation", "on call", "until", "next", "why")]
    rows += [_row(it, zone) for it in answer["rotations"]]
    yield from table(rows)
    gaps = [(it["name"], gap) for it in answer["rotations"] for gap in it["gaps"]]
    if gaps:
        yield f"\nGaps in {counted(answer['days'], 'day')}: nobody is on call"
        yield from table([("rotation", "from", "to"), *((name, *_times(gap, zone)) for name, gap in gaps)])
    for it in answer["rotations"]:
        if whole:
            yield f"\nShifts of {it['name']}"
            yield from table(
                [("from", "to", "person", "why"), *(_shift(shift, zone) for shift in it["shifts"])]
            )
    overrides = [override for it in answer["rotations"] for override in it["overrides"]]
    if overrides:
        yield "\nOverrides"
        yield from table([("number", "rotation", "person", "from", "to", "by", "reason"),
                          *(_override(it, zone) for it in overrides)])  # fmt: skip
    for it in answer["without_effect"]:
        yield (
            f"\nOverride {it['number']} ({it['person']} in {it['rotation']}) has no effect: checks.yaml no longer has "
            "that person or that rotation."
        )


def _row(it: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    now, following = it["now"], it["next"]
    then = "" if following is None else _who(following)
    return it["name"], _who(now), _times(now, zone)[1], then, now["why"]


def _shift(it: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return *_times(it, zone), _who(it), it["why"]


def _override(it: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    number = "–" if it["number"] is None else str(it["number"])
    return number, it["rotation"], it["person"], *_times(it, zone), it["by"], it["reason"]


def _who(shift: Mapping[str, Any]) -> str:
    return shift["person"] or "NOBODY"


def _times(it: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, str]:
    from watch.cli.texts import clock_time  # noqa: PLC0415 - `--help` does not pay for it

    return clock_time(it["from_ms"], zone), "no end in sight" if it["to_ms"] is None else clock_time(
        it["to_ms"], zone
    )
