"""Entries of the ledger as events for people: what checks did, what people ordered, when we could not look.

Terms of checks and components are not told one by one: the reload that brought them is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from watch.core.alert import opening
from watch.core.ledger import Kind
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watch.core.ledger import Entry

_WORD = 80  # characters of a value


class EntryEvent(NamedTuple):
    """What an entry tells, as a `Happening` does."""

    sort: str
    word: str
    text: str
    about: Sequence[str]
    facts: Mapping[str, Any]


def entry_event(entry: Entry) -> EntryEvent | None:
    """What *entry* tells; None when it is nothing that people follow."""
    told = _TOLD.get(entry.kind)
    return None if told is None else told(entry, entry.facts)


def _transition(entry: Entry, said: Mapping[str, Any]) -> EntryEvent:
    detail = one_line(str(said.get("detail") or ""))
    reason = str(said.get("reason") or "")
    why = "" if reason in ("", "ok") else f" ({reason}{f': {detail}' if detail else ''})"
    facts = {
        "from": said["from"], "to": said["to"], "since_ms": entry.effective_ms, "reason": reason, "detail": detail,
        "vantage": entry.vantage, "late": bool(entry.late),
    }  # fmt: skip
    text = f"{entry.subject} is {said['to']}, seen from {entry.vantage}{why}"
    return EntryEvent("check", str(said["to"]), text, (entry.subject, entry.subject.partition("/")[0]), facts)


def _dark(entry: Entry, said: Mapping[str, Any]) -> EntryEvent | None:
    why, until_ms = str(said.get("why") or ""), said.get("until_ms")
    if "of" in said:
        if said.get("left"):
            return None  # the last of several entries tells it
        text = (
            f"vantage point {entry.subject} is no longer {why}"
            if why != "away"
            else f"{entry.subject} is back"
        )
        word = "over"
    else:
        text, word = f"vantage point {entry.subject} is {why}", "begun"
    facts = {"why": why, "since_ms": entry.effective_ms, "until_ms": until_ms}
    return EntryEvent("vantage", word, text, (), facts)


def _command(entry: Entry, said: Mapping[str, Any]) -> EntryEvent:
    arguments = dict(said.get("arguments") or {})
    by, account = str(said.get("by") or ""), str(said.get("account") or "")
    reason = one_line(str(arguments.pop("reason", "")))
    about = [str(it) for it in said.get("about") or []]
    who = one_line(by if by == account or not account else f"{by} [{account}]" if by else account)
    told = (
        f" ({', '.join(f'{name} {_value(value)}' for name, value in arguments.items())})" if arguments else ""
    )
    text = f"{who}: {entry.subject}{told}{f': {reason}' if reason else ''}"
    facts = {"by": by, "account": account, "reason": reason, "arguments": arguments, "about": about}
    components = arguments.get("components")
    parts = [str(it) for it in components] if isinstance(components, list) else []
    return EntryEvent(
        "command", entry.subject, text, [it for it in (*map(_subject, about), *parts) if it], facts
    )


def _value(value: object) -> str:
    return one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value), _WORD)


def _subject(dedup_key: str) -> str:
    """The component that an alert with this key is about."""
    return opening(dedup_key).partition(":")[2]


def _clock(_: Entry, said: Mapping[str, Any]) -> EntryEvent:
    facts = {name: said.get(name) for name in ("before_ms", "after_ms", "why")}
    return EntryEvent("clock", "epoch", f"a new clock epoch begins: {facts['why']}", (), facts)


def _renamed(entry: Entry, said: Mapping[str, Any]) -> EntryEvent:
    text = f"component {said.get('was')} is called {entry.subject} from now on"
    return EntryEvent(
        "rename", "renamed", text, (entry.subject, str(said.get("was"))), {"was": said.get("was")}
    )


def _window(entry: Entry, said: Mapping[str, Any]) -> EntryEvent:
    if said.get("ended"):
        return EntryEvent(
            "window", "removed", f"maintenance window {entry.subject} is planned no more", (), {}
        )
    parts = [str(it) for it in said.get("components") or []]
    rule = one_line(str(said.get("text") or ""))
    text = f"maintenance window {entry.subject} on {', '.join(parts)} is planned: {rule}"
    return EntryEvent("window", "planned", text, parts, {"rule": rule})


_TOLD: Mapping[str, Callable[[Entry, Mapping[str, Any]], EntryEvent | None]] = {
    Kind.TRANSITION: _transition, Kind.SIGHT: _dark, Kind.ABSENCE: _dark, Kind.COMMAND: _command,
    Kind.CLOCK: _clock, Kind.RENAME: _renamed, Kind.WINDOW: _window,
}  # fmt: skip
