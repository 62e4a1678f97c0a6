"""Every setting is taken over by a reload, or refused by its name: none is silently ignored."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.ports import free_port
from watch.app import App
from watch.changes import NEED_A_RESTART, changes, compared, told
from watch.config import load
from watch.config.document import DOCUMENT
from watch.core.alerting import Alerting
from watch.core.settings import (
    AlertRule,
    Canary,
    Check,
    Component,
    Listen,
    PageSettings,
    Person,
    Service,
    Settings,
    Vantage,
    When,
)
from watch.core.window import Window
from watch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
service: {name: Acme, url: "https://a.example", timezone: UTC, target: 99.9%, site: here}
vantages: {one: {site: here, canaries: [{tcp: "127.0.0.1:1"}]}}
defaults: {every: 1h, timeout: 1s}
components:
  web: {name: Web, checks: {home: {tcp: "127.0.0.1:1"}, api: {tcp: "127.0.0.1:1"}}}
  db: {name: Db, checks: {q: {tcp: "127.0.0.1:1"}}}
maintenance:
  hardware: {class: hardware, components: all, when: "Sat 00:00-03:00 UTC"}
people: {alice: {channels: ["json://127.0.0.1:9"]}, bob: {channels: ["json://127.0.0.1:9"]}}
catch_all: [alice]
rotations: {primary: {people: alice}}
escalations: {urgent: [{page: alice}]}
alerts: [{when: down, components: all, escalate: urgent}]
alerting: {group_wait: 10s, resolve_hold: 60s, reopen: 10m}
status_page: {title: Acme status}
retention: {observations: 48h}
store: sqlite:///t.db
heartbeat_to: http://127.0.0.1:9/one
"""
# Top-level key → (what is written, what instead, what the answer says, what shows that it is followed).
EDITS = {
    "service": ("name: Acme,", "name: Bcme,", "service", lambda it: it.app.hub.settings.service.name == "Bcme"),
    "vantages": ('[{tcp: "127.0.0.1:1"}]', '[{tcp: "127.0.0.1:2"}]', "vantage point one",
                 lambda it: "127.0.0.1:2" in repr(it.app.point.canaries.asked)),
    "defaults": ("every: 1h", "every: 2h", "check db/q",
                 lambda it: it.app.point.agenda.slots["db/q"].every == 7200 and it.app.hub.book.bodies["check", "db/q"]["every_ms"] == 7_200_000),
    "components": ("name: Web,", "name: Front,", "component web", lambda it: "Front" in [c.name for g in it.page.groups for c in g.components]),
    "maintenance": ("Sat 00:00", "Sun 00:00", "maintenance window hardware", lambda it: it.app.hub.book.windows["hardware"][-1][1].rule.days == {6}),
    "people": ('alice: {channels: ["json://127.0.0.1:9"]}', 'alice: {channels: ["json://127.0.0.1:8"]}', "person alice",
               lambda it: ":8" in it.app.desk.channel(notice("alice")).reveal()),
    "catch_all": ("catch_all: [alice]", "catch_all: [bob]", "catch_all", lambda it: paged(it, "catch_all") == ("bob",)),
    "rotations": ("{people: alice}", "{people: bob}", "rotation primary", lambda it: it.app.hub.on_call.at("primary", it.app.clock.now_ms()) == ("bob",)),
    "escalations": ("page: alice", "page: bob", "escalation urgent", lambda it: paged(it, "urgent") == ("bob",)),
    "alerts": ("when: down,", "when: degraded,", "alerts", lambda it: it.app.desk.conditions.watches(When.DEGRADED, "web")),
    "alerting": ("resolve_hold: 60s", "resolve_hold: 61s", "alerting", lambda it: it.app.hub._adoption._hold_ms == 61_000),
    "status_page": ("title: Acme status", "title: All of it", "status_page", lambda it: it.page.title == "All of it"),
    "retention": ("observations: 48h", "observations: 1h", "retention", lambda it: it.app.janitor._retention == timedelta(hours=1)),
    "heartbeat_to": ("127.0.0.1:9/one", "127.0.0.1:9/two", "heartbeat_to", lambda it: it.app.heartbeat._settings().heartbeat_to.reveal().endswith("/two")),
    "store": ("sqlite:///t.db", "sqlite:///u.db", None, None),
    "listen": ("listen: {page: 127.0.0.1:", "listen: {page: 127.0.0.2:", None, None),
}  # fmt: skip


def paged(it, policy: str) -> tuple[str, ...]:
    """Whom the first step of *policy* pages in an alert that opens now."""
    (plan,) = it.app.desk.open_alerts._plans((policy,), 0)
    return plan.steps[0].page


def notice(who: str):
    from watch.core.alert import Event, Notice, Status

    return Notice(
        id=1, alert_ids=(1,), event=Event.TRIGGERED, recipient=who, channel=0, status=Status.PENDING,
        created_ms=0, due_ms=0, title="", body="",
    )  # fmt: skip


def written(folder: Path) -> Path:
    file = folder / "checks.yaml"
    listen = f"listen: {{page: 127.0.0.1:{free_port()}, operators: 127.0.0.1:{free_port()}}}\n"
    file.write_text(BASE + listen)
    return file


def built() -> set[str]:
    """The top-level keys that are built."""
    return {key for key, field in DOCUMENT.fields.items() if field.shape is not None}


def test_every_key_that_is_built_has_an_edit_here():
    assert built() == set(EDITS)


@pytest.mark.parametrize("key", EDITS)
async def test_a_changed_key_is_followed_or_refused_by_its_name(tmp_path, key):
    file = written(tmp_path)
    app = App(file, load(file, environ={}), lambda _: None)
    before, after, says, shows = EDITS[key]
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    try:
        if says is None:
            with pytest.raises(ConfigError, match=f"^{key} changed: that needs a restart"):
                await app._reload_now(None)
            assert app.hub.settings == load_of(text, tmp_path)
            return
        answer = await app._reload_now(None)
        assert says in answer["changed"]
        await app.days.settle(app.clock.now_ms())
        page = await app.publisher.page(app.clock.now_ms())
        assert shows(SimpleNamespace(app=app, page=page))
    finally:
        await app.store.close()


def load_of(text: str, folder: Path) -> Settings:
    file = folder / "former.yaml"
    file.write_text(text)
    return replace(load(file, environ={}).settings, store=folder / "t.db")


def whole(folder: Path) -> Settings:
    return load(written(folder), environ={}).settings


def altered(one, field: str):
    """A copy of *one* in which *field* has a value that nothing else has."""
    value, copied = getattr(one, field), copy(one)
    others = {tuple: () if value else ("x",), dict: {} if value else {"x": 1}}
    object.__setattr__(copied, field, others.get(type(value), object()))
    return copied


PARTS = [
    (Service, lambda s: s.service, lambda s, one: replace(s, service=one)),
    (PageSettings, lambda s: s.page, lambda s, one: replace(s, page=one)),
    (Alerting, lambda s: s.alerting, lambda s, one: replace(s, alerting=one)),
    (Listen, lambda s: s.listen, lambda s, one: replace(s, listen=one)),
    (AlertRule, lambda s: s.alerts[0], lambda s, one: replace(s, alerts=(one,))),
    (Person, lambda s: s.people["alice"], lambda s, one: replace(s, people=s.people | {"alice": one})),
    (Check, lambda s: s.checks["db/q"], lambda s, one: replace(s, checks=s.checks | {"db/q": one})),
    (Component, lambda s: s.components["web"], lambda s, one: replace(s, components=s.components | {"web": one})),
    (Window, lambda s: s.windows["hardware"], lambda s, one: replace(s, windows=s.windows | {"hardware": one})),
    (Vantage, lambda s: s.vantage, lambda s, one: replace(s, vantages={"one": one})),
    (Canary, lambda s: s.vantage.canaries[0], lambda s, one: replace(s, vantages={"one": replace(s.vantage, canaries=(one,))})),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "of", "put"), PARTS, ids=[kind.__name__ for kind, _, _ in PARTS])
def test_no_field_of_the_settings_changes_without_being_named(tmp_path, kind, of, put):
    settings = whole(tmp_path)
    for field in fields(kind):
        if (kind, field.name) in (
            (Vantage, "local"),
            (Component, "was"),
            (Person, "was"),
            (Check, "component"),
        ):
            continue  # `local` and `component` follow from other keys, `was` is told as a rename
        changed = put(settings, altered(of(settings), field.name))
        if kind is Listen or (kind, field.name) == (Vantage, "name"):
            with pytest.raises(ConfigError, match="that needs a restart"):
                changes(settings, changed)
        else:
            assert changes(settings, changed)["changed"], field.name


def test_every_field_of_the_settings_is_compared(tmp_path):
    settings = whole(tmp_path)
    for field in fields(Settings):
        gone = altered(settings, field.name)
        if field.name in NEED_A_RESTART:
            with pytest.raises(ConfigError, match=field.name):
                changes(settings, gone)
        elif field.name != "vantages":
            assert any(changes(settings, gone).values()), field.name
    with pytest.raises(ConfigError, match="the hub's own vantage point"):
        changes(settings, replace(settings, vantages={"two": replace(settings.vantage, name="two")}))


def test_the_order_of_the_page_is_a_change_too(tmp_path):
    settings = whole(tmp_path)
    turned = replace(settings, components=dict(reversed(settings.components.items())))
    assert changes(settings, turned)["changed"] == ["the order of components"]


def test_what_only_follows_from_a_rename_or_a_new_component_is_not_told_twice(tmp_path):
    file = written(tmp_path)
    text = file.read_text()
    before = load(file, environ={}).settings
    file.write_text(text.replace("  db: {name: Db,", "  store: {was: db, name: Db,"))
    renamed = load(file, environ={}).settings
    assert told(changes(before, renamed)) == (
        "renamed check db/q to store/q and component db to store; changed maintenance window hardware"
    )
    file.write_text(text.replace("  db: {", '  new: {checks: {x: {tcp: "127.0.0.1:1"}}}\n  db: {'))
    assert changes(before, load(file, environ={}).settings)["changed"] == ["maintenance window hardware"]


def test_what_is_equal_is_the_same_object_afterwards(tmp_path):
    before, again = whole(tmp_path), load(tmp_path / "checks.yaml", environ={}).settings
    _, kept = compared(before, again)
    assert all(kept.checks[name] is check for name, check in before.checks.items())


def test_a_mass_of_changes_is_one_short_line():
    names = [f"check c{n:02}" for n in range(40)]
    found = {"added": names[:1], "removed": [], "renamed": [], "changed": names}
    assert (
        told(found)
        == "added check c00; changed check c00, check c01, check c02, check c03, check c04 and 35 more"
    )
    assert told({key: [] for key in found}) == "nothing has changed"
