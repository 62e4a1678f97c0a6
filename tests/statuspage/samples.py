"""Pages in the states that matter, as the hub would make them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from statuspage.page import (
    Component,
    Day,
    Group,
    Incident,
    Maintenance,
    Page,
    Status,
    Uptime,
    public_id,
)

MIN = 60_000
HOUR = 60 * MIN
DAY = 24 * HOUR
NOW = datetime(2026, 11, 23, 17, 46, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
TODAY = date(2026, 11, 23)
ZONE = "America/Los_Angeles"
MONTH_MS = int(datetime(2026, 11, 1, 7, tzinfo=UTC).timestamp()) * 1000


def days(events=None, *, length=90, today_ms=9 * HOUR):
    """*length* days up to today; *events* maps how many days ago to what the day was."""
    events = events or {}
    made = []
    for ago in range(length - 1, -1, -1):
        scope = today_ms if ago == 0 else DAY
        facts = {"scope_ms": scope} | events.get(ago, {})
        made.append(Day(date=TODAY - timedelta(days=ago), **facts))
    return tuple(made)


def component(key, name, status=Status.OPERATIONAL, **more):
    facts = {
        "key": key,
        "id": public_id("component", key),
        "name": name,
        "status": status,
        "since_ms": NOW_MS - 20 * DAY,
        "created_ms": NOW_MS - 200 * DAY,
        "uptime": Uptime(ratio=Fraction(1), from_ms=MONTH_MS, to_ms=NOW_MS),
        "days": days(),
    }
    return Component(**(facts | more))


WORN = days(
    {
        3: {"down_ms": 4 * MIN + 7_000, "worst": Status.MAJOR},
        17: {"down_ms": 47 * MIN, "degraded_ms": 12 * MIN, "worst": Status.PARTIAL},
        18: {"degraded_ms": 2 * HOUR, "worst": Status.DEGRADED},
        41: {"down_ms": 3 * HOUR + 20 * MIN, "worst": Status.MAJOR},
        9: {"excluded_ms": 3 * HOUR, "worst": Status.MAINTENANCE},
        58: {"excluded_ms": 2 * HOUR, "worst": Status.MAINTENANCE},
        66: {"unknown_ms": 9 * HOUR},
        67: {"unknown_ms": DAY},
    }
)
YOUNG = days({12: {"scope_ms": 10 * HOUR}, 5: {"degraded_ms": 30 * MIN, "worst": Status.DEGRADED}}, length=13)
WORN_UPTIME = Uptime(
    ratio=Fraction(1_948_753, 1_950_000),
    from_ms=MONTH_MS,
    to_ms=NOW_MS,
    down_ms=51 * MIN + 7_000,
    excluded_ms=3 * HOUR,
)


def page(groups, **more):
    facts = {
        "service": "Acme Cloud",
        "title": "Acme status",
        "zone": ZONE,
        "as_of_ms": NOW_MS,
        "groups": tuple(groups),
        "page_url": "https://status.acme.example",
        "service_url": "https://www.acme.example",
        "support": "support@acme.example",
        "terms": "https://www.acme.example/terms",
        "privacy": "https://www.acme.example/privacy",
    }
    return Page(**(facts | more))


def parts(web=None, mail=None, database=None, storage=None, api=None):
    """Five components in two groups; each can be replaced."""
    return (
        Group(
            name="Product",
            components=(
                web
                or component(
                    "web",
                    "Web application",
                    description="The application our customers sign in to.",
                    days=WORN,
                    uptime=WORN_UPTIME,
                ),
                api or component("api", "API"),
                mail or component("mail", "Outgoing mail", days=YOUNG, created_ms=NOW_MS - 13 * DAY),
            ),
        ),
        Group(
            name="Infrastructure",
            components=(
                database or component("database", "Database"),
                storage or component("storage", "Storage", description="Where uploaded files are kept."),
            ),
        ),
    )


def work(own, name, keys, from_ms, hours):
    return Maintenance(
        id=public_id("maintenance", own),
        name=name,
        components=keys,
        from_ms=from_ms,
        to_ms=from_ms + hours * HOUR,
        announced_ms=NOW_MS - 5 * DAY,
    )


def trouble(
    key, status, ago_ms, lasted_ms=None, why="It did not answer our checks: connections were refused."
):
    begin = NOW_MS - ago_ms
    return Incident(
        id=public_id("incident", f"{key}{begin}"),
        component=key,
        status=status,
        from_ms=begin,
        to_ms=None if lasted_ms is None else begin + lasted_ms,
        why=why,
    )


UPGRADE = work("upgrade", "Database upgrade", ("database",), NOW_MS + 12 * DAY + 12 * HOUR, 4)
PAST = trouble("web", Status.MAJOR, 3 * DAY, 4 * MIN + 7_000, "Signing in failed with an error page.")


def fine():
    return page(parts(), maintenance=(UPGRADE,), incidents=(PAST,))


def partial():
    """A partial outage while planned work goes on elsewhere."""
    mail = component(
        "mail",
        "Outgoing mail",
        Status.PARTIAL,
        since_ms=NOW_MS - 34 * MIN,
        days=days({0: {"scope_ms": 9 * HOUR, "down_ms": 34 * MIN, "worst": Status.PARTIAL}}),
        uptime=Uptime(
            ratio=Fraction(9_989_123, 10_000_000), from_ms=MONTH_MS, to_ms=NOW_MS, down_ms=34 * MIN
        ),
    )
    storage = component("storage", "Storage", Status.MAINTENANCE, since_ms=NOW_MS - 46 * MIN)
    disks = work("disks", "Replacing storage disks", ("storage",), NOW_MS - 46 * MIN, 2)
    now = trouble(
        "mail", Status.PARTIAL, 34 * MIN, why="One of two mail relays does not answer; mail is delayed."
    )
    return page(parts(mail=mail, storage=storage), maintenance=(UPGRADE, disks), incidents=(PAST, now))


def major():
    """The worst minute: the application is down, the API with problems, and one part unseen."""
    web = component(
        "web",
        "Web application",
        Status.MAJOR,
        description="The application our customers sign in to.",
        since_ms=NOW_MS - 34 * MIN - 12_000,
        days=(*WORN[:-1], Day(date=TODAY, scope_ms=9 * HOUR, down_ms=34 * MIN + 12_000, worst=Status.MAJOR)),
        uptime=WORN_UPTIME,
    )
    api = component("api", "API", Status.DEGRADED, since_ms=NOW_MS - 12 * MIN)
    storage = component(
        "storage", "Storage", Status.UNKNOWN, since_ms=NOW_MS - 3 * MIN, before=Status.OPERATIONAL
    )
    down = trouble("web", Status.MAJOR, 34 * MIN + 12_000)
    slow = trouble("api", Status.DEGRADED, 12 * MIN, why="Answers take longer than two seconds.")
    return page(
        parts(web=web, api=api, storage=storage), maintenance=(UPGRADE,), incidents=(PAST, slow, down)
    )


def unseen():
    """Just started: nothing has been measured yet."""
    never = {"since_ms": None, "before": None, "created_ms": NOW_MS, "days": (), "uptime": None}
    made = [
        Group(
            name=g.name,
            components=tuple(component(c.key, c.name, Status.UNKNOWN, **never) for c in g.components),
        )
        for g in parts()
    ]
    return page(made)


def blind():
    """Every component was seen once, and none is seen now."""
    gone = {"since_ms": NOW_MS - 26 * HOUR, "before": Status.OPERATIONAL}
    lost = days({0: {"scope_ms": 9 * HOUR, "unknown_ms": 9 * HOUR}, 1: {"unknown_ms": 17 * HOUR}})
    made = [
        Group(
            name=g.name,
            components=tuple(
                component(c.key, c.name, Status.UNKNOWN, **gone, days=lost) for c in g.components
            ),
        )
        for g in parts()
    ]
    return page(made)


STATES = {"fine": fine, "partial": partial, "major": major, "unseen": unseen, "blind": blind}
