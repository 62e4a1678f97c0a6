"""`/ack/<token>`: the small page behind an acknowledge link.

GET only shows what the link is for, with a form; POST acknowledges. Mail scanners follow links with GET or HEAD, and
nothing happens then. A link that is forged, old or used says so, and how to acknowledge without it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from watch.core.alert import Event
from watch.core.delivery import Command
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from watch.alerts.ack_link import AckLink, AckLinks
    from watch.alerts.reconciler import Reconciler
    from watch.core.alert import Alert
    from watch.core.delivery import Receipt
    from watch.core.settings import Settings
    from watch.ports import Clock

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1rem;margin:.4rem 0;width:100%}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
BY_LINK = "acknowledge link"
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a valid link leads to.

    Args:
        person: Its recipient, by the name they have now.
        others: The other open alerts that this person was told of and nobody has acknowledged.
    """

    link: AckLink
    person: str
    alert: Alert
    others: Sequence[Alert]


class AckPages:
    """Answers `/ack/<token>`.

    Args:
        settings: Gives the settings in force.
        take: The hub's door for commands.
    """

    def __init__(
        self, links: AckLinks, desk: Reconciler, settings: Callable[[], Settings], clock: Clock,
        take: Callable[[Command], Awaitable[Receipt]],
    ) -> None:  # fmt: skip
        self._links, self._desk, self._settings, self._clock, self._take = links, desk, settings, clock, take

    @property
    def outside_url(self) -> str | None:
        """Where these pages can be reached from outside."""
        return self._settings().service.outside_url

    async def show(self, request: web.Request) -> web.Response:
        """What the link is for, with a form."""
        found = self._found(request.match_info["token"])
        return self._form(found) if isinstance(found, Found) else found

    async def act(self, request: web.Request) -> web.Response:
        """Acknowledge as the link's recipient."""
        found = self._found(request.match_info["token"])
        if not isinstance(found, Found):
            return found
        posted = await request.post()
        alerts = [found.alert, *(found.others if posted.get("all") == "yes" else ())]
        said = {"alert": [str(a.id) for a in alerts], "link": found.link.used_as(found.person)}
        receipt = await self._take(Command(verb="ack", arguments=said, by=found.person, account=BY_LINK))
        if receipt.refused:
            return _page("Not acknowledged", [receipt.refused[0].why], status=409)
        rows = receipt.answer["alerts"]
        told = [f"{row['name']}: until {self._moment(row['acknowledged']['until_ms'])}" for row in rows]
        after = "If it is not over by then, people are called again, beginning with the first step."
        return _page(f"Acknowledged by {found.person}", [*told[:_LISTED], *_more(told), after])

    def _found(self, token: str) -> Found | web.Response:
        link = self._links.read(token)
        if link is None:
            return _page(
                "This link is not valid", ["It is incomplete, or it is not from this hub."], status=404
            )
        person = self._person(link.recipient)
        alert = next((a for a in self._desk.alerts if a.id == link.alert_id), None)
        command = f"To acknowledge without it: threenines ack {link.alert_id}"
        if alert is None or not alert.open:
            name = "The alert" if alert is None else _named(alert)
            return _page(
                "This alert is over", [f"{name}: there is nothing to acknowledge any more."], status=410
            )
        if person is None:
            why = f"It was for {link.recipient}, who is no longer in the configuration."
            return _page("This link is not valid any more", [why, command], status=410)
        if link.used_as(person) in alert.used:
            return _page("This link was used already", [self._standing(alert), command], status=410)
        if link.until_ms <= self._clock.now_ms():
            why = f"It was valid until {self._moment(link.until_ms)}."
            return _page("This link is too old", [why, command], status=410)
        return Found(
            link, person, alert, [a for a in self._desk.alerts if a is not alert and self._told(a, person)]
        )

    def _person(self, name: str) -> str | None:
        """The recipient *name* as they are called now; None when they are gone."""
        people = self._settings().people
        renamed = next((person.name for person in people.values() if person.was == name), None)
        return renamed or (name if name in people else None)

    def _told(self, alert: Alert, person: str) -> bool:
        heard = self._desk.heard(alert.id).get(person)
        return alert.open and alert.ack is None and heard is not None and heard.event is Event.TRIGGERED

    def _form(self, found: Found) -> web.Response:
        lines = [
            f"{_named(found.alert)} since {self._moment(found.alert.since_ms)}.",
            self._standing(found.alert),
        ]
        buttons = [f"<button>Acknowledge as {escape(found.person)}</button>"]
        if found.others:
            lines.append(f"You were also told of {len(found.others)} more that nobody has acknowledged:")
            names = [_named(alert) for alert in found.others]
            lines += [*names[:_LISTED], *_more(names)]
            text = f"Acknowledge all {len(found.others) + 1} as {escape(found.person)}"
            buttons.append(f'<button name="all" value="yes">{text}</button>')
        form = f'<form method="post">{"".join(buttons)}</form>'
        return _page("Acknowledge", [line for line in lines if line], form=form)

    def _standing(self, alert: Alert) -> str:
        if alert.ack is None:
            return "Nobody has acknowledged it."
        return f"{alert.ack.by} has acknowledged it, until {self._moment(alert.ack.until_ms)}."

    def _moment(self, at_ms: int) -> str:
        zone = self._settings().service.timezone
        return f"{datetime.fromtimestamp(at_ms // 1000, zone):%Y-%m-%d %H:%M:%S %Z}"


def _named(alert: Alert) -> str:
    return f"{one_line(alert.name)}: {str(alert.when).replace('_', ' ')}"


def _more(lines: Sequence[str]) -> list[str]:
    return [f"… and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []


def _page(title: str, lines: Sequence[str], *, form: str = "", status: int = 200) -> web.Response:
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{told}{form}</html>"
    )
    headers = {**_HEADERS, hdrs.CONTENT_TYPE: "text/html; charset=utf-8"}
    return web.Response(text=html, status=status, headers=headers)
