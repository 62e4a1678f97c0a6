"""The warnings of `validate`: valid, but perhaps not intended (semantics §3 and §5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from watch.config.findings import Findings, quoted
from watch.config.node import Node
from watch.core.localtime import to_utc_ms
from watch.core.quantity import duration_text
from watch.core.recorded_terms import NOTICE
from watch.core.rotation import GAPS_AHEAD_MS
from watch.core.schedule import OneOff
from watch.core.settings import Audience, Check, Settings, Vantage, When
from watch.core.slowness import USUAL_READINGS, WEEK_MS
from watch.core.window import Opens, collapses

_TWO_YEARS_MS = 2 * 366 * 86_400_000  # covers both clock changes of every zone, with a year to spare
_NOTICE_TEXT = duration_text(NOTICE)
_NEVER, _ANYWAY = ": always unknown", " anyway"  # ends of messages about what has no effect
_LATE = timedelta(minutes=10)  # a later page is of no use
Places = Callable[[str], Node]
"""The node at a path: ``vantages/NAME``, ``checks/COMPONENT/CHECK``, ``maintenance/NAME``, or a key."""


def pool(check: Check, settings: Settings) -> tuple[Vantage, ...]:
    """The vantage points that run a check when all are healthy (semantics §3)."""
    if check.sources:
        return tuple(settings.vantages[name] for name in check.sources)
    site = settings.components[check.component].site
    everywhere = tuple(settings.vantages.values())
    if check.audience is Audience.ANY:
        return everywhere
    onsite = tuple(vantage for vantage in everywhere if vantage.site == site)
    if check.audience is Audience.INTERNAL:
        return onsite
    return tuple(vantage for vantage in everywhere if vantage.site != site) or onsite


def caution(settings: Settings, at: Places, findings: Findings, now_ms: int | None) -> None:
    """Record every warning. Without *now_ms* (Unix time in ms), none that depends on the date."""
    _vantages(settings, at, findings)
    _pools(settings, at, findings)
    _rhythms(settings, at, findings)
    _names(settings, at, findings)
    _rare(settings, at, findings)
    _people(settings, at, findings)
    _notice(settings, at, findings)
    if now_ms is not None:
        _calendar(settings, at, findings, now_ms)


def _vantages(settings: Settings, at: Places, findings: Findings) -> None:
    for name, vantage in settings.vantages.items():
        if not vantage.canaries:
            findings.caution(
                at(f"vantages/{name}"),
                f"{quoted(name)} has no canaries, so it cannot tell its own faults from its targets' faults",
                "add `canaries` that always answer while it works, like its gateway and its resolver",
            )


def _pools(settings: Settings, at: Places, findings: Findings) -> None:
    told: dict[str, list[Check]] = {}
    for check in settings.checks.values():
        site = settings.components[check.component].site
        asked_from = pool(check, settings)
        if not asked_from:
            wrong = f"the audience is `internal`, but site {quoted(site)} has no vantage point"
            told.setdefault(f"{wrong}{_NEVER}", []).append(check)
        elif len(asked_from) == 2:
            both = " and ".join(quoted(vantage.name) for vantage in asked_from)
            told.setdefault(f"only {both} run it: when they disagree, the state is degraded", []).append(
                check
            )
        elif (
            check.audience is Audience.PUBLIC
            and not check.sources
            and all(v.site == site for v in asked_from)
        ):
            wrong = "the audience is `public`, but no vantage point is offsite"
            told.setdefault(f"{wrong}: onsite vantage points run it", []).append(check)
    _tell(told, at, findings, ineffective=lambda wrong: wrong.endswith(_NEVER))


def _rhythms(settings: Settings, at: Places, findings: Findings) -> None:
    told: dict[str, list[Check]] = {}
    for check in settings.checks.values():
        wrong = _rhythm(check)
        if wrong:
            told.setdefault(wrong, []).append(check)
    _tell(told, at, findings, ineffective=lambda wrong: wrong.endswith(_ANYWAY))


def _rhythm(check: Check) -> str:
    """What is wrong with the check's intervals; empty when nothing is."""
    every = check.every
    sure = check.confirm_down * check.timeout + (check.confirm_down - 1) * check.retry_every
    if check.timeout >= every:
        timeout = f"`timeout` is {duration_text(check.timeout)}"
        return f"{timeout}, but the check runs every {duration_text(every)}: some runs will be skipped"
    if check.retry_every > every:
        again = duration_text(check.retry_every)
        return f"`retry_every` is {again}, but the check runs every {duration_text(every)}{_ANYWAY}"
    if sure > max(_LATE, 4 * every):
        return f"with these retries an outage by timeout is confirmed only after {duration_text(sure)}"
    return ""


def _rare(settings: Settings, at: Places, findings: Findings) -> None:
    """Warn about checks that are asked too rarely for `when: slow`."""
    parts = {key for rule in settings.alerts if rule.when is When.SLOW for key in rule.components}
    enough = timedelta(milliseconds=WEEK_MS) / USUAL_READINGS
    rare = [check for check in settings.checks.values() if check.component in parts and check.every > enough]
    wrong = f"`when: slow` never tells of it: it has fewer than {USUAL_READINGS} readings a week"
    _tell({wrong: rare} if rare else {}, at, findings, ineffective=lambda _: True)


def _tell(
    told: dict[str, list[Check]], at: Places, findings: Findings, ineffective: Callable[[str], bool]
) -> None:
    """Record one warning for all checks with the same message, instead of 2,000 equal ones.

    Args:
        ineffective: Whether a message is about something that has no effect.
    """
    for message, checks in told.items():
        more = f" and {len(checks) - 1} more" if len(checks) > 1 else ""
        said = f"{quoted(checks[0].name)}{more}: {message}"
        findings.caution(at(f"checks/{checks[0].name}"), said, ineffective=ineffective(message))


def _names(settings: Settings, at: Places, findings: Findings) -> None:
    """Warn about two components with the same name in the same group."""
    first: dict[tuple[str | None, str], str] = {}
    for key, component in settings.components.items():
        other = first.setdefault((component.group, component.name), key)
        if other != key:
            wrong = f"the components {quoted(other)} and {quoted(key)} have the same name, {quoted(component.name)}"
            findings.caution(at(f"components/{key}"), wrong, "give one of them a different `name`")


def _people(settings: Settings, at: Places, findings: Findings) -> None:
    if not settings.people:
        findings.caution(
            at("people"), "there are no `people`: nobody is notified of alerts", "add a person with a channel"
        )
    elif all(rule.when is When.MONITOR for rule in settings.alerts):
        cure = "add `- {when: down, components: all}` to `alerts`"
        findings.caution(
            at("alerts"), "no alert rule covers components: nobody is notified of an outage", cure
        )
    elif not settings.catch_all:
        said = "`catch_all` is empty: alert rules without `escalate` notify nobody"
        findings.caution(at("catch_all"), said, ineffective=True)


def _notice(settings: Settings, at: Places, findings: Findings) -> None:
    """Warn about windows with `sla_exclude` that exclude nothing, because they were not announced in time."""
    for name, window in settings.windows.items():
        if not window.sla_exclude or window.opens is Opens.WHEN_ANNOUNCED:
            continue
        if window.announced_ms is None:
            wrong = f"{quoted(name)} excludes nothing from the SLA: it is not announced"
            cure = f"add `announced` with the time when customers were told, at least {_NOTICE_TEXT} before it begins"
            findings.caution(at(f"maintenance/{name}"), wrong, cure, ineffective=True)
        elif isinstance(window.rule, OneOff):
            begins_ms = to_utc_ms(window.rule.start, window.rule.zone)
            if begins_ms - window.announced_ms < NOTICE // timedelta(milliseconds=1):
                wrong = f"{quoted(name)} excludes nothing from the SLA: it was announced too late"
                cure = f"`announced` must be at least {_NOTICE_TEXT} before the window begins"
                findings.caution(at(f"maintenance/{name}"), wrong, cure, ineffective=True)


def caution_of_gaps(settings: Settings, at: Places, findings: Findings, now_ms: int) -> None:
    """Record a warning for each rotation in which nobody is on call at some time of the next seven days."""
    for name, rotation in settings.rotations.items():
        text = rotation.gap_text(now_ms, now_ms + GAPS_AHEAD_MS, settings.service.timezone)
        if text is not None:
            cure = (
                "add a person, an override or a layer. What `threenines oncall override` was told is not known here: "
                "`threenines oncall` shows it"
            )
            findings.caution(at(f"rotations/{name}"), text, cure)


def _calendar(settings: Settings, at: Places, findings: Findings, now_ms: int) -> None:
    for name, window in settings.windows.items():
        dates = collapses(window, now_ms, now_ms + _TWO_YEARS_MS)
        if dates:
            nights = ", ".join(day.isoformat() for day in dates[:4])
            wrong = f"on {nights} a clock change skips all of {quoted(name)}: nothing is excluded then"
            findings.caution(at(f"maintenance/{name}"), wrong)
