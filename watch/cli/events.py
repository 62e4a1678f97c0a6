"""`threenines events`: everything that happened, in one stream."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_EVERY = 0.5  # seconds between looks
_PATIENCE = 10.0  # seconds for the hub to answer; without an answer the store is read
_KIND = 11  # characters of the longest kind


@click.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "--since", metavar="TIME", help="From '2026-11-01 00:00 UTC' on, or for so long, like 2h; 1d without it."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.pass_obj
def events(config: str, name: str | None, since: str | None, *, follow: bool, as_json: bool) -> None:
    """Show everything that happened, oldest first: states, alerts, pages, commands, reloads, windows, troubles.

    With NAME, a component by key or name or a check like `web/home`, only what is about it.
    """
    said = {key: value for key, value in (("name", name), ("since", since)) if value is not None}
    source = _Source(config, said)
    show = _in_json if as_json else _in_words
    if not follow:
        for answer in source.parts():
            _print(answer, show)
        return
    _follow(source, show)


class _Source:
    """The events, part by part: from the running hub, else from the store.

    Args:
        said: What is asked for, as `events_answer` takes it.
    """

    def __init__(self, config: str, said: Mapping[str, Any]) -> None:
        from watch.cli.hub_ask import store_at  # noqa: PLC0415 - `--help` does not pay for it

        self._config, self._said = config, dict(said)
        self._store = store_at(config)

    def parts(self) -> Iterator[dict[str, Any]]:
        """What there is now, from where the last part ended."""
        from watch.cli.hub_ask import asked_or_none  # noqa: PLC0415 - as above

        more = True
        while more:
            answer = asked_or_none(self._store, "events", self._said, timeout=_PATIENCE) or self._read()
            self._said["after"], more = answer["place"], answer["more"]
            yield answer

    def _read(self) -> dict[str, Any]:
        """What the store says, when no hub answers."""
        from watch.cli.store_view import settings_at, tell_left_out, time_of  # noqa: PLC0415 - as above
        from watch.hub.events_answer import events_answer  # noqa: PLC0415
        from watch.stores.sqlite import reading  # noqa: PLC0415

        settings = settings_at(self._config)
        with reading(settings.store) as reads:
            now_ms, _ = time_of(settings.store, reads)
            answer = events_answer(reads, settings, self._said, now_ms)
            tell_left_out(reads)
            return answer


def _follow(source: _Source, show: Callable[[Mapping[str, Any]], Iterator[str]]) -> None:
    """Print what happens until Ctrl-C or until nobody reads. A hub that restarts is waited for."""
    from watch.cli.output import unread  # noqa: PLC0415 - `--help` does not pay for it

    ended = _ended_by_ctrl_c()
    told, begun = "", False
    while not ended.is_set() and not unread():
        try:
            for answer in source.parts():
                _print(answer, show)
                if ended.is_set():
                    return
            told, begun = "", True
        except Trouble as trouble:
            if not begun:
                raise
            if str(trouble) != told:
                told = str(trouble)
                click.echo(f"{told}\nStill following.", err=True)
        ended.wait(_EVERY)


def _ended_by_ctrl_c() -> threading.Event:
    """An event that Ctrl-C sets; a second Ctrl-C ends the process at once, whatever it waits for."""
    ended = threading.Event()

    def end(_: int, __: object) -> None:
        if ended.is_set():
            os._exit(0)
        ended.set()

    signal.signal(signal.SIGINT, end)
    return ended


def _print(answer: Mapping[str, Any], show: Callable[[Mapping[str, Any]], Iterator[str]]) -> None:
    for line in show(answer):
        click.echo(line)


def _in_json(answer: Mapping[str, Any]) -> Iterator[str]:
    import orjson  # noqa: PLC0415 - `--help` does not pay for it

    for event in answer["events"]:
        yield orjson.dumps(event).decode()


def _in_words(answer: Mapping[str, Any]) -> Iterator[str]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - `--help` does not pay for these

    from watch.cli.texts import clock_time  # noqa: PLC0415

    zone = ZoneInfo(answer["zone"])
    for event in answer["events"]:
        facts = event["facts"]
        since, until = facts.get("since_ms"), facts.get("until_ms")
        said = event["text"]
        # To the second, as it is printed.
        if since is not None and since // 1000 < event["at_ms"] // 1000:
            said += f" [since {clock_time(since, zone)}]"
        if until is not None and event["word"] == "begun":
            said += f" [until {clock_time(until, zone)}]"
        yield f"{clock_time(event['at_ms'], zone)}  {event['kind']:<{_KIND}}  {said}"
