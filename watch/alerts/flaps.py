"""Which conditions flap, and what that does to their alerts.

* A transition is that a condition begins to hold, or that its component recovers from it. Unknown is neither.
* A condition that flaps holds without a break, as one trouble, until the flapping ends: its alert stays open, with one
  page that says so. It opens only while the component is in trouble, for as long as the `for` of its rule says.
* Ten minutes of trouble in a row page like any other trouble.
* Transitions are kept with the alert, so a restart forgets none that were before its last change.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.alerts.escalator import anew
from watch.core.flapping import Flapping, FlappingTerms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from watch.alerts.holding import Condition
    from watch.core.alert import Alert
    from watch.core.settings import When
    from watch.core.standing import Standing

LASTING_MS = timedelta(minutes=10) // timedelta(milliseconds=1)
_LOOK_MS = 1_000  # how often it is looked whether flapping has ended
_NEVER = Flapping()


class Flaps:
    """The transitions of all conditions over components."""

    def __init__(self, terms: FlappingTerms, alerts: Iterable[Alert]) -> None:
        self._terms = terms
        self._on: dict[str, tuple[When, str]] = {}
        self._known: dict[str, Flapping] = {}
        for alert in alerts:
            flaps = alert.flaps if alert.open else Flapping(alert.flaps.at_ms)
            if flaps.at_ms:
                self._known[alert.key] = flaps
            if alert.open:
                self._on[alert.key] = alert.when, alert.subject
        self._looked_ms = 0

    def plan(self, terms: FlappingTerms) -> None:
        """Replace the settings."""
        self._terms = terms

    def rename(self, parts: Mapping[str, str]) -> None:
        """Know components by other keys: former → new."""
        self._known = {_respelled(key, parts): flaps for key, flaps in self._known.items()}
        self._on = {
            _respelled(key, parts): (when, parts.get(subject, subject))
            for key, (when, subject) in self._on.items()
        }

    def of(self, key: str) -> Flapping:
        """The transitions of a condition."""
        return self._known.get(key, _NEVER)

    def note(
        self,
        now_ms: int,
        found: Mapping[str, Condition],
        standings: Mapping[str, Standing],
        recovered: Callable[[str, When, Standing], bool],
    ) -> None:
        """Note the transitions since the last call; *found* are the conditions that hold now."""
        for key in found.keys() - self._on.keys():
            self._on[key] = found[key].when, found[key].subject
            self._changed(key, now_ms)
        for key in self._on.keys() - found.keys():
            when, subject = self._on[key]
            standing = standings.get(subject)
            if standing is None or recovered(key, when, standing):
                del self._on[key]
                if standing is not None:
                    self._changed(key, now_ms)
        if abs(now_ms - self._looked_ms) >= _LOOK_MS:
            self._looked_ms = now_ms
            left = {key: flaps.at(now_ms, self._terms) for key, flaps in self._known.items()}
            self._known = {key: flaps for key, flaps in left.items() if flaps.at_ms}

    def _changed(self, key: str, now_ms: int) -> None:
        self._known[key] = self.of(key).changed(now_ms, self._terms)

    def flapping(self) -> dict[str, Flapping]:
        """The conditions that flap now, by key."""
        return {key: flaps for key, flaps in self._known.items() if flaps.since_ms is not None}


def changes_ms(condition: Condition, terms: FlappingTerms) -> Iterator[int]:
    """When what *condition* says of flapping may change by itself (Unix time in ms)."""
    if condition.flapping is not None:
        yield from (at_ms + terms.window_ms for at_ms in condition.flapping.at_ms[-terms.stop - 1 :][:1])
        if condition.trouble_ms is not None:
            yield condition.trouble_ms + LASTING_MS


def flapped(alert: Alert, condition: Condition, now_ms: int) -> Alert:
    """The open *alert* as its *condition* flaps or does not; itself when nothing about that has changed."""
    flaps, was = condition.flapping, alert.flaps.since_ms is not None
    if flaps is None:
        if not was:
            return alert
        return replace(alert, flaps=_NEVER, lasting=False, since_ms=condition.since_ms)
    if not was:
        return called(replace(alert, flaps=flaps, since_ms=condition.since_ms))
    trouble_ms = condition.trouble_ms
    lasting = trouble_ms is not None and now_ms - trouble_ms >= LASTING_MS
    if lasting is alert.lasting:
        return alert
    since_ms = trouble_ms if lasting and trouble_ms is not None else condition.since_ms
    alert = replace(alert, lasting=lasting, since_ms=since_ms)
    return anew(alert, now_ms) if lasting and alert.ack is None else alert


def _respelled(key: str, parts: Mapping[str, str]) -> str:
    when, _, subject = key.partition(":")
    component, slash, check = subject.partition("/")  # the key of a condition has the name of its check
    return f"{when}:{parts.get(component, component)}{slash}{check}"


def called(alert: Alert) -> Alert:
    """*alert* with a new call to all whom it has called."""
    if not alert.called:
        return alert
    number = alert.calls + 1
    return replace(alert, calls=number, called=dict.fromkeys(alert.called, number))
