"""Conversion of rows to values, and of beliefs to rows (readings to rows: `watch.core.evidence`)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

from watch.core.alert import Alert, Heard, Notice
from watch.core.confirm import Belief, Streak
from watch.core.darkness import Gap
from watch.core.happening import Happening
from watch.core.ledger import LATEST_MS
from watch.core.merkle import Tile
from watch.core.reading import Observation, Reason, Verdict
from watch.core.recorded_override import RecordedOverride
from watch.core.silence import Silence
from watch.core.timeline import State
from watch.core.trend import QuarterHour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.escalation import Plan

_VERDICTS = {str(v): v for v in Verdict}
_REASONS = {str(r): r for r in Reason}


def observation_of(check: str, vantage: str, row: Sequence[Any]) -> Observation:
    """The observation of a row that `observation_row` made."""
    at_ms, took_ms, seq, verdict, reason, detail, latency_us, tainted, body = row
    facts, phases = map(dict, orjson.loads(body))
    latency = None if latency_us is None else number(latency_us) / 1_000_000
    return Observation(
        check,
        vantage,
        instant(at_ms),
        number(took_ms),
        number(seq),
        _VERDICTS[verdict],
        _REASONS[reason],
        text(detail),
        latency,
        facts,
        phases,
        bool(tainted),
    )


def belief_text(belief: Belief) -> str:
    return orjson.dumps([belief.state.value, *(_plain(value) for value in belief[1:])]).decode()


def belief_of(body: str) -> Belief:
    state, since_ms, last_ms, *streaks, blips = orjson.loads(body)
    instant(since_ms), number(blips), last_ms is None or instant(last_ms)
    down_run, degraded_run, serving_run, up_run = (
        None if streak is None else Streak(*streak) for streak in streaks
    )
    return Belief(State(state), since_ms, last_ms, down_run, degraded_run, serving_run, up_run, blips)


# What a row that was changed by others raises when it is read.
UNREADABLE = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


def number(value: Any) -> int:
    """*value*, which must be a whole number; TypeError when it is not."""
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def instant(value: Any) -> int:
    """*value*, which must be Unix time in ms that a calendar has; TypeError when it is not."""
    if abs(number(value)) >= LATEST_MS:
        raise TypeError(f"{value!r} is no instant")
    return int(value)


def text(value: Any) -> str:
    """*value*, which must be text; TypeError when it is not."""
    if type(value) is not str:
        raise TypeError(f"{value!r} is no text")
    return value


def same(columns: Sequence[Any], *values: object) -> None:
    """ValueError when the *columns* of a row are not the *values* in its body."""
    if tuple(columns) != values:
        raise ValueError(f"{tuple(columns)!r} is not what the body says")


def _moment(value: Any) -> int | None:
    return None if value is None else number(value)


def kept_belief(row: Sequence[Any]) -> tuple[tuple[str, str], Belief]:
    return (text(row[0]), text(row[1])), belief_of(row[2])


def name_of(row: Sequence[Any]) -> tuple[int, str]:
    return number(row[0]), text(row[1])


def lane_of(row: Sequence[Any]) -> tuple[tuple[str, str], tuple[int, int]]:
    return (text(row[0]), text(row[1])), (number(row[2]), number(row[3]))


def sight_of(row: Sequence[Any]) -> tuple[str, int]:
    return text(row[0]), instant(row[1])


def dark_of(row: Sequence[Any]) -> tuple[int, int | None]:
    return number(row[0]), _moment(row[1])


def gap_of(row: Sequence[Any]) -> tuple[int, str, Gap]:
    return number(row[0]), text(row[1]), Gap(number(row[2]), *map(_moment, row[3:]))


def quarter_of(row: Sequence[Any]) -> tuple[str, str, int, QuarterHour]:
    check, fact, quarter_ms, count, at_ms, value = row
    if type(value) is not float:
        raise TypeError(f"{value!r} is no real number")
    return text(check), text(fact), number(quarter_ms), QuarterHour(number(count), number(at_ms), value)


def tile_of(row: Sequence[Any]) -> Tile:
    level, n, hash_ = row
    if type(hash_) is not bytes or len(hash_) != 32:
        raise TypeError("this is no hash")
    if not 0 < number(level) < 8 or number(n) < 0:
        raise ValueError("there is no such tile")
    return Tile(level, n, hash_)


def canary_of(row: Sequence[Any]) -> tuple[str, str]:
    return text(row[0]), text(row[1])


def alert_of(row: Sequence[Any]) -> Alert:
    found = Alert.of_json(text(row[3]))
    same(row[:3], found.id, found.key, found.resolved_ms)
    for value in (found.id, found.n, found.opened_ms, found.since_ms, found.again):
        number(value)
    for moment in (found.resolved_ms, found.recovered_ms, found.ending_ms):
        _moment(moment)
    for words in (found.subject, found.name, found.dedup_key, *found.recipients, *found.policies):
        text(words)
    for value in (found.calls, *found.called.values()):
        number(value)
    for plan in found.plans:
        _plan(plan)
    if found.ack is not None:
        number(found.ack.at_ms), number(found.ack.until_ms), text(found.ack.by)
    return found


def _plan(plan: Plan) -> None:
    """TypeError or ValueError when *plan* cannot be followed."""
    number(plan.began_ms), _moment(plan.repeat_ms), text(plan.policy)
    if len(plan.due_ms) != len(plan.steps):
        raise ValueError("a step has no instant")
    for step, due_ms in zip(plan.steps, plan.due_ms, strict=True):
        _moment(due_ms), number(step.after_ms), step.allowed_ms(plan.began_ms)
        for words in (*step.page, step.during):
            text(words)


def notice_of(row: Sequence[Any]) -> Notice:
    found = Notice.of_json(text(row[3]))
    same(row[:3], found.id, str(found.status), found.created_ms)
    for value in (
        found.id,
        found.channel,
        found.created_ms,
        found.due_ms,
        found.attempts,
        found.expired,
        *found.alert_ids,
    ):
        number(value)
    for moment in (found.tried_ms, found.lease_until_ms, found.delivered_ms):
        _moment(moment)
    for words in (found.recipient, found.title, found.body):
        text(words)
    return found


def silence_of(row: Sequence[Any]) -> Silence:
    found = Silence.of_json(text(row[2]))
    same(row[:2], found.id, found.until_ms)
    number(found.from_ms), _moment(found.ended_ms)
    for words in (found.reason, found.by, found.account, *found.components, *found.groups):
        text(words)
    return found


def happening_of(row: Sequence[Any]) -> tuple[int, Happening]:
    found = Happening.of_row(*row[1:])
    instant(found.at_ms)
    for words in (found.key, found.word, found.text, *found.about):
        text(words)
    return number(row[0]), found


def heard_of(row: Sequence[Any]) -> Heard:
    found = Heard.of_json(text(row[2]))
    same(row[:2], found.alert_id, found.recipient)
    number(found.alert_id), number(found.at_ms), number(found.call), text(found.recipient)
    return found


_OVERRIDE = attrgetter(*RecordedOverride.__slots__)


def override_row(it: RecordedOverride) -> tuple[Any, ...]:
    """Its columns, in the table's order."""
    columns: tuple[Any, ...] = _OVERRIDE(it)
    return columns


def override_of(row: Sequence[Any]) -> RecordedOverride:
    """The override of a row that `override_row` made."""
    id_, rotation, person, from_ms, to_ms, recorded_ms, author, account, reason, removed_ms, remover = row
    if instant(from_ms) >= instant(to_ms):
        raise ValueError("it ends before it begins")
    return RecordedOverride(
        id=number(id_), rotation=text(rotation), person=text(person), from_ms=from_ms, to_ms=to_ms,
        recorded_ms=instant(recorded_ms), author=text(author), account=text(account), reason=text(reason),
        removed_ms=None if removed_ms is None else instant(removed_ms), remover=text(remover),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
