"""A test page: a real letter over a real channel, marked as a test, on record, and on nobody's list of alerts.

It goes out at once, past the outbox: it must say now what becomes of it, and must not wait behind an outage. At a
provider that pairs what begins with what ends, it opens an incident and closes it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from watch.alerts.message import Letter, Message, SendOutcome, Sent, Thread, Tone
from watch.core.happening import Happening, Sort
from watch.core.wording import one_line
from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watch.core.delivery import Command
    from watch.core.settings import Person, Secret, Settings
    from watch.ports import Clock

TEST = "alert test"


class Sends(Protocol):
    """The port of the sender, as a test uses it."""

    async def send(self, url: Secret, message: Message) -> SendOutcome: ...


class Rehearsal:
    """The command that sends test pages.

    Args:
        settings: Gives the settings in force.
        note: Puts on record what happened.
    """

    def __init__(
        self, sends: Sends, settings: Callable[[], Settings], clock: Clock, note: Callable[[Happening], None]
    ) -> None:
        self._sends, self._settings, self._clock, self._note = sends, settings, clock, note
        self.verbs: Mapping[str, Callable[[Command], Awaitable[Mapping[str, Any]]]] = {TEST: self._test}

    async def _test(self, command: Command) -> Mapping[str, Any]:
        settings = self._settings()
        person = _person(command.arguments.get("person"), settings)
        channels = _channels(command.arguments.get("channel"), person)
        by = one_line(command.by or command.account or "somebody", 80)
        results = await asyncio.gather(*(self._sent(person, n, by, settings) for n in channels))
        return {"person": person.name, "results": results}

    async def _sent(self, person: Person, channel: int, by: str, settings: Settings) -> dict[str, Any]:
        began_ms = self._clock.now_ms()
        message = test_message(person.name, channel + 1, by, settings, began_ms)
        outcome = await self._sends.send(person.channels[channel], message)
        now, detail = self._clock.now_ms(), one_line(outcome.detail)
        delivered = outcome.sent is Sent.DELIVERED
        self._note(
            Happening(
                at_ms=now, sort=Sort.PAGE, key=person.name, word="delivered" if delivered else "failed",
                text=f"a test to {person.name} by channel {channel + 1}: {_said(outcome)}",
                facts={
                    "person": person.name, "channel": channel + 1, "test": True, "by": by, "detail": detail,
                    "title": message.letters[0].title,
                },
            )
        )  # fmt: skip
        return {
            "channel": channel + 1, "sent": outcome.sent.value, "detail": detail, "took_ms": now - began_ms,
            "retry_after_s": outcome.retry_after_s,
        }  # fmt: skip


def test_message(person: str, channel: int, by: str, settings: Settings, now_ms: int) -> Message:
    """The letter of a test over channel *channel* of *person*, counted from 1."""
    service = one_line(settings.service.name, 80)
    title = f"TEST: this is a test page of {service}"
    body = (
        f"Nothing is wrong. {by} asked for a test of channel {channel} of {one_line(person, 80)} with "
        "`threenines alert test`.\nIf you can read this, the channel works. There is nothing to do."
    )
    key = f"{service}/test:{one_line(person, 80)}:{channel}/{now_ms}"
    letters = (Letter(title, body), Letter("TEST page", "Nothing is wrong."))
    return Message(letters, Tone.INFO, threads=(Thread(key, open=True), Thread(key, open=False)))


def _said(outcome: SendOutcome) -> str:
    if outcome.sent is Sent.DELIVERED:
        return "delivered"
    return f"not delivered ({one_line(outcome.detail)})" if outcome.detail else "not delivered"


def _person(word: object, settings: Settings) -> Person:
    name = str(word or "")
    found = settings.people.get(name)
    if found is None:
        known = ", ".join(sorted(settings.people)) or "nobody"
        raise Trouble(
            f"there is no person {one_line(name, 80)!r} in checks.yaml (there is: {one_line(known, 500)})"
        )
    return found


def _channels(number: object, person: Person) -> range:
    """The channels to test, counted from 0: that with *number*, counted from 1, or all."""
    count = len(person.channels)
    if number is None:
        return range(count)
    if type(number) is not int or not 1 <= number <= count:
        has = "1 channel" if count == 1 else f"{count} channels"
        raise Trouble(f"--channel: {person.name} has {has}; write a number from 1 to {count}")
    return range(number - 1, number)
