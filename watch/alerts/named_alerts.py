"""The open alerts that a person names: by number, by dedup key, or by component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.alerts.letter_times import moment
from watch.core.wording import one_line
from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.alerts.holding import Condition
    from watch.core.alert import Alert
    from watch.core.settings import Settings


def named_alerts(
    words: object,
    alerts: Iterable[Alert],
    settings: Settings,
    held_back: Sequence[tuple[Condition, int]] = (),
) -> list[Alert]:
    """The open alerts that *words* name: one word or a list of them. Trouble when one names none.

    Args:
        held_back: What maintenance windows hold back, and until when.
    """
    named = words if isinstance(words, list) else [words]
    known = list(alerts)
    found: dict[int, Alert] = {}
    for one in named:
        word = one_line(str(one if one is not None else ""), 300)
        mine = _named(word, [alert for alert in known if alert.open], settings)
        if not mine:
            raise Trouble(_held(word, held_back, settings) or _none(word, known))
        found.update((alert.id, alert) for alert in mine)
    if not found:
        raise Trouble(_none("", known))
    return list(found.values())


def _named(word: str, alerts: Sequence[Alert], settings: Settings) -> list[Alert]:
    """The alert with this number or dedup key; else those of the component with this key; else with this name."""
    for name in (_own_names, _subject, lambda alert: _name(alert, settings)):
        found = [alert for alert in alerts if word.casefold() in name(alert)]
        if found:
            return found
    return []


def _own_names(alert: Alert) -> tuple[str, ...]:
    return str(alert.id), alert.dedup_key.casefold()


def _subject(alert: Alert) -> tuple[str, ...]:
    return (alert.subject.casefold(),)


def _name(alert: Alert, settings: Settings) -> tuple[str, ...]:
    component = settings.components.get(alert.subject)
    return (alert.name.casefold(), *(() if component is None else (component.name.casefold(),)))


def _held(word: str, held_back: Sequence[tuple[Condition, int]], settings: Settings) -> str:
    """Why *word* names no alert, if a maintenance window holds its alert back; else empty."""
    for it, until_ms in held_back:
        if word.casefold() in (it.subject.casefold(), it.name.casefold()):
            until = moment(until_ms, settings)
            what = f"{one_line(it.name)} is in trouble ({it.when.replace('_', ' ')})"
            return f"{what}, but a maintenance window holds its alert back until {until}: nobody was called"
    return ""


def _none(word: str, alerts: Sequence[Alert]) -> str:
    """Why *word* names no open alert, and which are open."""
    over = next((a for a in alerts if not a.open and word in (str(a.id), a.dedup_key)), None)
    if over is not None:
        why = f"alert {over.id} ({one_line(over.name)}) is over"
    else:
        why = f"no open alert is called {word!r}" if word else "name an alert or a component"
    listed = [f"{alert.id} ({one_line(alert.name, 80)})" for alert in alerts if alert.open]
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return f"{why}. Open alerts: {', '.join(listed[:10]) or 'none'}{more}."
