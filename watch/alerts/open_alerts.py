"""When an alert opens, opens again, and closes.

* It opens when its condition has lasted for the `for` of one of its rules, outside windows that suppress alerts
  for its component, and outside silences. Its escalations are copied then; a rule with a longer `for` adds its own
  later. If that rule makes it urgent, an acknowledgement of it ends.
* It closes when the recovery has lasted for `resolve_hold`. An unknown state is not a recovery and restarts the
  hold. Until it closes its row says that it waits for that (`Alert.ending_ms`), and nobody is called.
* The same key within `reopen` reopens the same alert: it does not count as a new opening, so the dedup key stays. Its
  escalations begin again, and an acknowledgement of it is over.
* It does not open while the alert of something that its component depends on explains it (`alerts.dependencies`).
* While its component flaps, it stays open (`alerts.flaps`).
* An alert that somebody resolved by hand opens again as a new one if its trouble still lasts after `reopen`. New
  trouble reopens it at once.
* An alert whose component was removed or whose rule was deleted closes after `resolve_hold`, and its notice says so.
  What is back by then was never gone.
* A renamed component keeps its alerts, with their dedup keys. A dedup key is never used twice, whatever is renamed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from watch.alerts.alert_changes import closed_by_hand, closed_ms, ended, uncovered, with_keys
from watch.alerts.behind import told_behind
from watch.alerts.condition import Conditions, nobody
from watch.alerts.dependencies import Dependencies
from watch.alerts.escalator import anew
from watch.alerts.flaps import flapped
from watch.core.alert import Alert, dedup_key, opening, usual_severity
from watch.core.escalation import Plan, Policy, Severity, Step
from watch.core.measured import MEASURED
from watch.core.settings import AlertRule, Settings, When
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from watch.alerts.holding import Condition
    from watch.core.standing import OwnTrouble, Standing

CATCH_ALL = "catch_all"  # an alert's policy when its rule has no `escalate`


@cache
def ms(lasting: timedelta) -> int:
    """Whole milliseconds of *lasting*."""
    return lasting // timedelta(milliseconds=1)


def _never(_: When, __: str) -> bool:
    return False


class OpenAlerts:
    """All open alerts, and closed ones that may reopen or whose recipients must still be told."""

    def __init__(self, settings: Settings, alerts: Iterable[Alert], next_id: Callable[[], int]) -> None:
        self._settings = settings
        alerts = sorted(alerts, key=_open_last)
        self.conditions = Conditions(settings, alerts)
        self._next_id = next_id
        self.alerts: dict[int, Alert] = {}
        self._latest: dict[str, int] = {}  # key → id of its newest alert
        self.dependencies = Dependencies(settings, self._open)
        self._count: dict[str, int] = {}  # dedup key without its number → number of openings
        self._good_since: dict[int, int] = {}
        self._uncovered_since: dict[int, int] = {}
        self._holding: Collection[str] = frozenset()
        self.held_back: list[tuple[Condition, int]] = []
        for alert in alerts:
            self._keep(alert)

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings = settings
        self.conditions.plan(settings)
        self.dependencies.plan(settings)

    def rename(self, parts: Mapping[str, str]) -> list[Alert]:
        """Know components by other keys: former → new; the alerts that changed. All happen at once: keys may swap."""
        self.conditions.rename(parts)
        changed = [after for a in self.alerts.values() if (after := with_keys(a, parts)) is not a]
        self.alerts.update((alert.id, alert) for alert in changed)
        self._latest = {alert.key: alert.id for alert in sorted(self.alerts.values(), key=_open_last)}
        return changed

    def rename_people(self, names: Mapping[str, str]) -> list[Alert]:
        """Know people by other names: former → new; the alerts that changed."""
        changed = [after for a in self.alerts.values() if (after := a.renamed(names)) != a]
        self.alerts.update((alert.id, alert) for alert in changed)
        return changed

    def update(self, alert: Alert) -> None:
        """Put *alert* in the place of the row with its id."""
        self.alerts[alert.id] = alert
        self._rest(alert)

    def forget(self, alert_id: int) -> None:
        """Drop a closed alert whose recipients know everything."""
        alert = self.alerts.pop(alert_id)
        if self._latest.get(alert.key) == alert_id:
            del self._latest[alert.key]

    def step(
        self,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        quiet: Mapping[str, int],
        unasked: Callable[[str], bool] = nobody,
        silenced: Callable[[When, str], bool] = _never,
    ) -> list[Alert]:
        """The alerts that changed.

        Args:
            silenced: Whether a silence holds back alerts of a kind for a subject.
        """
        holding = self.conditions.holding(now_ms, standings, troubles, unasked)
        self._holding, self.held_back = holding.keys(), []
        loud = [c for c in holding.values() if self._is_open(c.key) or not silenced(c.when, c.subject)]
        changed: list[Alert] = []
        behind: dict[int, list[str]] = {}  # by the alert that explains them
        for condition in self.dependencies.causes_first(loud):
            causes = None
            if not self._is_open(condition.key):
                causes = self.dependencies.causes(condition, now_ms, standings)
            for cause in causes or ():
                behind.setdefault(cause.id, []).append(condition.name)
            if causes is None and (opened := self._opened(condition, now_ms, quiet)) is not None:
                changed.append(opened)
        for alert_id, names in behind.items():
            told = told_behind(self.alerts[alert_id], names, now_ms, self._settings)
            changed += [self._keep(told)] if told is not self.alerts[alert_id] else []
        for alert in [a for a in self.alerts.values() if a.open]:
            after = self._closed(alert, now_ms, holding, standings) or self._noted(alert, standings)
            changed += [after] if after is not alert else []
        return changed

    def holds(self, key: str) -> bool:
        """Whether the condition with this key held at the last step."""
        return key in self._holding

    def _is_open(self, key: str) -> bool:
        return self._open(key) is not None

    def _open(self, key: str) -> Alert | None:
        newest = self.alerts.get(self._latest.get(key, -1))
        return newest if newest is not None and newest.open else None

    def _noted(self, alert: Alert, standings: Mapping[str, Standing]) -> Alert:
        """The open *alert* with since when it waits to be closed, and whether its component was ever unknown."""
        standing = standings.get(alert.subject)
        unknown = standing is not None and standing.state is State.UNKNOWN
        unseen = alert.unseen or (unknown and alert.when is not When.UNKNOWN)
        ending_ms = self._uncovered_since.get(alert.id, self._good_since.get(alert.id))
        if (unseen, ending_ms) == (alert.unseen, alert.ending_ms):
            return alert
        return self._keep(replace(alert, unseen=unseen, ending_ms=ending_ms))

    def _opened(self, condition: Condition, now_ms: int, quiet: Mapping[str, int]) -> Alert | None:
        newest = self.alerts.get(self._latest.get(condition.key, -1))
        began_ms = condition.since_ms if condition.flapping is None else condition.trouble_ms
        waited_ms = -1 if began_ms is None else now_ms - began_ms
        due = tuple(r for r in condition.rules if waited_ms >= ms(r.lasting))
        if newest is not None and newest.open:
            after = flapped(self._widened(newest, due, now_ms) or newest, condition, now_ms)
            return self._keep(after) if after is not newest else None
        # A maintenance window suppresses an alert by not opening it. If the trouble lasts, it opens after the window.
        if not due:
            return None
        if condition.when is not When.MONITOR and condition.subject in quiet:
            self.held_back.append((condition, quiet[condition.subject]))
            return None
        recent = newest is not None and now_ms - closed_ms(newest) < ms(self._settings.alerting.reopen)
        if newest is not None and recent and newest.by_hand and condition.since_ms <= closed_ms(newest):
            return None
        if newest is not None and recent and (newest.by_hand or not newest.closing):
            return self._keep(self._reopened(newest, condition, now_ms))
        alert = self._new(condition, due, now_ms)
        if newest is not None and newest.by_hand and condition.since_ms <= closed_ms(newest):
            alert = replace(alert, closed_before=closed_by_hand(newest))
        return self._keep(alert)

    def _new(self, condition: Condition, due: Iterable[AlertRule], now_ms: int) -> Alert:
        service, about = self._settings.service.name, condition.key.partition(":")[2]
        key = dedup_key(service, condition.when, about, 0)
        n = self._count.get(opening(key), 0) + 1
        policies = tuple(dict.fromkeys(_policy(rule) for rule in due))
        urgency = _severity(due)
        return Alert(
            id=self._next_id(), when=condition.when, subject=condition.subject, name=condition.name, n=n,
            opened_ms=now_ms, since_ms=condition.since_ms,
            recipients=(), policies=policies, plans=self._plans(policies, now_ms), rule_severity=urgency,
            dedup_key=dedup_key(service, condition.when, about, n), condition=condition.condition,
            reason=condition.reason, detail=condition.detail, cause=condition.cause,
            flaps=self.conditions.flaps.of(condition.key),
        )  # fmt: skip

    def _reopened(self, alert: Alert, condition: Condition, now_ms: int) -> Alert:
        again = anew(alert, now_ms, opening=alert.ack is None)
        return replace(
            again, resolved_ms=None, recovered_ms=None, again=alert.again + 1, since_ms=condition.since_ms,
            name=condition.name, reason=condition.reason, detail=condition.detail, cause=condition.cause,
            closing="", by_hand=False, lasts=False, closed_before=closed_by_hand(alert) if alert.by_hand else None,
            background=None, down_ms=None, ack=None, held=False, muted=False,
            flaps=self.conditions.flaps.of(condition.key), lasting=False,
            behind=(), behind_ms=None, updated=False,
        )  # fmt: skip

    def _widened(self, alert: Alert, due: Sequence[AlertRule], now_ms: int) -> Alert | None:
        """*alert* with the escalations of further rules whose `for` has passed; None when there are none."""
        added = tuple(dict.fromkeys(p for rule in due if (p := _policy(rule)) not in alert.policies))
        urgent = alert.severity is Severity.URGENT
        worse = not urgent and bool(due) and (_severity(due) or usual_severity(alert.when)) is Severity.URGENT
        if not added and not worse:
            return None
        if worse:
            alert = replace(alert, rule_severity=Severity.URGENT)
            alert = alert if alert.ack is None else anew(replace(alert, ack=None), now_ms)
        plans = (*alert.plans, *self._plans(added, now_ms))
        return self._keep(replace(alert, policies=(*alert.policies, *added), plans=plans))

    def _plans(self, policies: Iterable[str], now_ms: int) -> tuple[Plan, ...]:
        """The policies with these names, copied for an alert that opens now."""
        everyone = Policy(steps=(Step(page=self._settings.catch_all),))
        return tuple(
            Plan.of(name, self._settings.escalations.get(name, everyone), now_ms) for name in policies
        )

    def _closed(
        self, alert: Alert, now_ms: int, holding: Mapping[str, Condition], standings: Mapping[str, Standing]
    ) -> Alert | None:
        hold_ms = ms(self._settings.alerting.resolve_hold)
        if not self.conditions.covers(alert):
            if now_ms - self._uncovered_since.setdefault(alert.id, now_ms) < hold_ms:
                return None
            return self._keep(ended(alert, resolved_ms=now_ms, closing=uncovered(alert, self._settings)))
        self._uncovered_since.pop(alert.id, None)
        good_ms = self._good_from(alert, now_ms, holding, standings)
        if good_ms is None or now_ms - good_ms < hold_ms:
            return None
        if alert.flaps.since_ms is None:
            alert = replace(alert, flaps=self.conditions.flaps.of(alert.key))
        return self._keep(ended(alert, resolved_ms=now_ms, recovered_ms=good_ms))

    def _good_from(
        self, alert: Alert, now_ms: int, holding: Mapping[str, Condition], standings: Mapping[str, Standing]
    ) -> int | None:
        """Since when *alert* has been recovered without a break (Unix time in ms); None while it is not."""
        standing = standings.get(alert.subject)
        if alert.when is When.MONITOR:
            good, since_ms = alert.key not in holding, now_ms
        else:
            good = (
                standing is not None
                and alert.key not in holding
                and self.conditions.recovered(alert.key, alert.when, standing)
            )
            by_state = standing is not None and alert.when not in (When.REDUNDANCY_LOST, *MEASURED)
            since_ms = standing.since_ms if standing is not None and by_state else now_ms
        if not good:
            self._good_since.pop(alert.id, None)
            return None
        # Going from degraded to up does not restart the hold.
        return self._good_since.setdefault(alert.id, max(since_ms, alert.since_ms))

    def _keep(self, alert: Alert) -> Alert:
        self.alerts[alert.id] = alert
        self._latest[alert.key] = alert.id
        opened = opening(alert.dedup_key)
        self._count[opened] = max(self._count.get(opened, 0), alert.n)
        self._rest(alert)
        return alert

    def _rest(self, alert: Alert) -> None:
        """Forget since when a closed alert was about to close."""
        if not alert.open:
            self._good_since.pop(alert.id, None)
            self._uncovered_since.pop(alert.id, None)


def _open_last(alert: Alert) -> tuple[bool, int]:
    """The order in which the last alert of a key is the one that may be open, else the newest."""
    return alert.open, alert.id


def _severity(rules: Iterable[AlertRule]) -> Severity | None:
    """The worst that *rules* say; None when the kind of the alert decides."""
    said = {rule.severity for rule in rules}
    if Severity.URGENT in said:
        return Severity.URGENT
    return None if None in said else Severity.NORMAL


def _policy(rule: AlertRule) -> str:
    return rule.escalate or CATCH_ALL
