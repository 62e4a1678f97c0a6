"""The lines of the chronicle, as `threenines events` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watch.core.happening import BEGUN, Happening, Sort
from watch.core.reading import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.alert import Alert
    from watch.core.recorded_override import RecordedOverride
    from watch.core.settings import Settings
    from watch.core.silence import Silence
    from watch.core.standing import OwnTrouble, Standing
    from watch.core.window import Occurrence, Window


def state(name: str, was: Standing, now: Standing, now_ms: int) -> Happening:
    """A component that stands otherwise than before."""
    lost = ", redundancy lost" if now.redundancy_lost else ""
    why = "" if now.reason is Reason.OK else f" ({_reason(now)})"
    cause = f"; because of {now.cause}" if now.cause else ""
    return Happening(
        at_ms=now_ms, sort=Sort.STATE, key=now.key, word=now.state.value,
        text=f"{name} is {now.state.value}{lost}{why}{cause}", about=(now.key, *([now.cause] if now.cause else [])),
        facts={
            "name": name, "from": was.state.value, "to": now.state.value, "since_ms": now.since_ms,
            "reason": now.reason.value, "detail": now.detail, "redundancy_lost": now.redundancy_lost,
        },
    )  # fmt: skip


def _reason(standing: Standing) -> str:
    return f"{standing.reason.value}: {standing.detail}" if standing.detail else standing.reason.value


def alert(was: Alert | None, now: Alert, now_ms: int) -> Iterator[Happening]:
    """What alert *now* did since it was as *was*; None: it was not open, or there was none."""
    what = now.condition or now.when.value.replace("_", " ")
    name = f"alert {now.id} ({now.name}: {what})"
    if was is None and now.open:
        word = "reopened" if now.again else "opened"
        why = f": {now.detail or now.reason}" if now.detail or now.reason else ""
        yield _of_alert(now, word, f"{name} is open{' again' * bool(now.again)}{why}", now_ms)
    if was is not None and not now.open:
        yield _of_alert(now, "closed", f"{name} is closed{f': {now.closing}' if now.closing else ''}", now_ms)
    if now.open and was is not None and was.ack is not None and now.ack is None:
        yield _of_alert(
            now, "acknowledgement_over", f"{name}: the acknowledgement of {was.ack.by} is over", now_ms
        )
    if now.open and now.ack is not None and (was is None or was.ack != now.ack):
        why = f": {now.ack.reason}" if now.ack.reason else ""
        yield _of_alert(now, "acknowledged", f"{name} is acknowledged by {now.ack.by}{why}", now_ms)
    if now.open and now.calls > (0 if was is None else was.calls):
        called = [who for who, call in now.called.items() if call > (0 if was is None else was.call_to(who))]
        skipped = f" (skipped: {'; '.join(now.skipped)})" if now.skipped else ""
        yield _of_alert(now, "calls", f"{name} calls {', '.join(called) or 'nobody'}{skipped}", now_ms)


def _of_alert(it: Alert, word: str, text: str, now_ms: int) -> Happening:
    about = () if it.when == "monitor" else (it.subject,)
    facts: dict[str, Any] = {"alert": it.id, "when": it.when.value, "subject": it.subject}
    facts |= {"check": it.cause, "condition": it.condition} if it.condition else {}
    facts |= {"since_ms": it.since_ms} if word in ("opened", "reopened") else {}
    if it.ack is not None:
        facts |= {"acknowledged_by": it.ack.by, "acknowledged_until_ms": it.ack.until_ms}
    return Happening(
        at_ms=now_ms, sort=Sort.ALERT, key=it.dedup_key, word=word, text=text, about=about, facts=facts
    )


def trouble(it: OwnTrouble, now_ms: int) -> Happening:
    """A trouble of our own that begins."""
    return Happening(
        at_ms=now_ms, sort=Sort.TROUBLE, key=it.key, word=BEGUN, text=it.text,
        facts={"cure": it.cure, "not_ready": it.not_ready},
    )  # fmt: skip


def window(it: Window, occurrence: Occurrence, now_ms: int) -> Happening:
    """A maintenance window that begins."""
    does = ["pages nobody"] * it.suppress_alerts + ["out of the SLA if announced in time"] * it.sla_exclude
    text = (
        f"maintenance window {it.name} on {', '.join(it.components)} ({', '.join(does) or 'announced only'})"
    )
    return Happening(
        at_ms=now_ms, sort=Sort.MAINTENANCE, key=it.name, word=BEGUN, text=text, about=it.components,
        facts={"from_ms": occurrence.from_ms, "until_ms": occurrence.to_ms, "class": it.class_},
    )  # fmt: skip


def silence(it: Silence, settings: Settings, now_ms: int) -> Happening:
    """A silence that begins."""
    grouped = [key for key, component in settings.components.items() if component.group in it.groups]
    what = ", ".join([*it.components, *(f"group {group}" for group in it.groups)]) or "everything"
    kinds = f" ({', '.join(it.whens)})" if it.whens else ""
    return Happening(
        at_ms=now_ms, sort=Sort.SILENCE, key=str(it.id), word=BEGUN,
        text=f"silence {it.id} of {what}{kinds}, by {it.by}: {it.reason}",
        about=tuple(dict.fromkeys((*it.components, *grouped))), facts={"until_ms": it.until_ms, "by": it.by},
    )  # fmt: skip


def override(it: RecordedOverride, now_ms: int) -> Happening:
    """An override of a rotation that begins."""
    why = f": {it.reason}" if it.reason else ""
    return Happening(
        at_ms=now_ms, sort=Sort.ONCALL, key=str(it.id), word=BEGUN,
        text=f"{it.person} takes over {it.rotation} (override {it.id} by {it.author}{why})",
        facts={"rotation": it.rotation, "person": it.person, "from_ms": it.from_ms, "until_ms": it.to_ms},
    )  # fmt: skip


def reload(what: str, file: str, by: str, now_ms: int) -> Happening:
    """Another configuration that is in force now."""
    asked = f" (asked by {by})" if by else ""
    return Happening(
        at_ms=now_ms,
        sort=Sort.RELOAD,
        key=file,
        word="done",
        text=f"the configuration was reloaded: {what}{asked}",
    )
