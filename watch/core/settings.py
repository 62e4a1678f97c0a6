"""The settings: all of checks.yaml as values, after `watch.config` has read it.

Nothing here reads files or YAML. Everything is resolved: `all` is replaced by names, defaults are filled in, and
references exist. Two equal `Settings` behave alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from watch.core.alerting import Alerting
from watch.core.confirm import Confirmation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from watch.core.escalation import Policy, Severity
    from watch.core.expect import Judge
    from watch.core.fact_condition import FactCondition
    from watch.core.reading import Course
    from watch.core.rotation import Rotation
    from watch.core.window import Window


Network = IPv4Network | IPv6Network


class Secret:
    """A text that must not appear in any log, page or error. Call `reveal` only where it is used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Audience(StrEnum):
    """Whose view a check represents, and so which vantage points ask it (semantics §3)."""

    INTERNAL = "internal"
    PUBLIC = "public"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The network path to a target; None leaves a part of it to the operating system.

    Args:
        source: Our own address that requests are sent from.
        interface: The network interface that requests are sent through.
        resolver: The nameserver (address, port) that names are looked up with.
        proxy: The proxy that connects for us, ``http://`` or ``socks5://``.
        address: The address of the target that is asked, whatever the DNS says.
    """

    source: str | None = None
    interface: str | None = None
    resolver: tuple[str, int] | None = None
    proxy: Secret | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What we ask, of what target, how often, with what expectations.

    Args:
        name: ``component/check``, the identity.
        probe: A `watch.ports.Probe`; the core never runs it.
        sources: The vantage points named by ``from:``; empty when the audience decides.
        down_when: ``any``, ``majority``, ``all`` or how many vantage points.
        courses: Those of its facts that fill up or empty over time.
        way: The network path; None leaves it to the operating system.
        hidden: Its target came from a reference, so no more than the host of it may be shown.
    """

    name: str
    component: str
    kind: str
    probe: object
    judge: Judge
    every: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=10)
    retry_every: timedelta = timedelta(seconds=5)
    confirm_down: int = 3
    confirm_up: int = 2
    audience: Audience = Audience.INTERNAL
    sources: tuple[str, ...] = ()
    down_when: str | int = "majority"
    courses: Mapping[str, Course] = field(default_factory=dict)
    way: Way | None = None
    hidden: bool = False

    @property
    def validity(self) -> timedelta:
        """How long a state is valid after its last reading (semantics §2)."""
        return 2.5 * self.every + self.timeout

    @property
    def confirmation(self) -> Confirmation:
        """Its confirmation settings."""
        return Confirmation(self.confirm_down, self.confirm_up, round(self.validity.total_seconds() * 1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A target that answers whenever the vantage point itself works."""

    name: str
    probe: object
    timeout: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """A place where probes run from."""

    name: str
    site: str
    local: bool = True
    canaries: tuple[Canary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the service that people know.

    Args:
        members: Its checks' names (``component/check``) and the keys of the components it contains, in file order.
        needs: k of "k of n"; None means all members.
        was: Its former key, whose history it continues.
        depends_on: The components without which it does not work; their outages explain its own.
        runbook: The web address of what to do when it is in trouble, for letters.
    """

    key: str
    name: str
    members: tuple[str, ...]
    group: str | None = None
    description: str | None = None
    needs: int | None = None
    site: str = ""
    public: bool = True
    show_redundancy_loss: bool = False
    was: str | None = None
    depends_on: tuple[str, ...] = ()
    runbook: str | None = None


class When(StrEnum):
    """The condition of an alert rule."""

    DOWN = "down"
    DEGRADED = "degraded"
    REDUNDANCY_LOST = "redundancy_lost"
    UNKNOWN = "unknown"
    SLOW = "slow"
    FACT = "fact"  # a condition over the facts of a check, which the rule has
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Who is alerted, and when.

    Args:
        components: The components it applies to; empty for `When.MONITOR`.
        lasting: How long the condition must have lasted (`for:`).
        escalate: The name of an escalation policy; None means the catch-all.
        severity: How much its alerts matter; None: what `when` means.
        condition: Its text for `When.FACT`. tests: it by the kinds of checks that have its facts.
    """

    when: When
    components: tuple[str, ...]
    lasting: timedelta = timedelta(0)
    escalate: str | None = None
    severity: Severity | None = None
    condition: str = ""
    tests: Mapping[str, FactCondition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be notified.

    Args:
        channels: Apprise URLs, first choice first.
        was: Their former name: they have heard what was sent to it.
    """

    name: str
    channels: tuple[Secret, ...]
    was: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service.

    Args:
        outside_url: Where `/ack/` can be reached from outside; None when it cannot.
    """

    name: str
    url: str | None
    timezone: ZoneInfo
    target: Fraction
    site: str
    outside_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    title: str
    support: str | None = None
    terms: str | None = None
    privacy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Addresses as (host, port); port 0 lets the system choose, and host ``::`` means IPv4 too.

    Args:
        trusted_proxies: Where the page's reverse proxies are: a connection from there is that of the last address in
            `X-Forwarded-For` that is elsewhere.
    """

    page: tuple[tuple[str, int], ...] = (("127.0.0.1", 8080),)
    operators: tuple[str, int] = ("127.0.0.1", 8081)
    trusted_proxies: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Mappings keep the file's order.

    Args:
        rotations: Rotation name → who holds its pager. A person and a rotation have different names.
        heartbeat_to: The URL that is asked each minute while all works; None: nobody watches us from outside.
    """

    service: Service
    vantages: Mapping[str, Vantage]
    components: Mapping[str, Component]
    checks: Mapping[str, Check]
    windows: Mapping[str, Window]
    people: Mapping[str, Person]
    catch_all: tuple[str, ...]
    escalations: Mapping[str, Policy]
    alerts: tuple[AlertRule, ...]
    page: PageSettings
    store: Path
    alerting: Alerting = field(default_factory=Alerting)
    retention: timedelta = timedelta(hours=48)
    listen: Listen = field(default_factory=Listen)
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    heartbeat_to: Secret | None = None

    @property
    def vantage(self) -> Vantage:
        """The hub's own vantage point."""
        return next(v for v in self.vantages.values() if v.local)

    def asked_from(self, vantage: Vantage) -> tuple[Check, ...]:
        """The checks that *vantage* asks: those whose `from:` names it, or whose audience includes it."""
        return tuple(
            check
            for check in self.checks.values()
            if (vantage.name in check.sources if check.sources else self._speaks(vantage, check))
        )

    def _speaks(self, vantage: Vantage, check: Check) -> bool:
        return (
            check.audience is not Audience.INTERNAL or self.components[check.component].site == vantage.site
        )
