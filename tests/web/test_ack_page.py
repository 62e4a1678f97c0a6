"""Acknowledge links: GET shows, POST acts, and nothing else does anything."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

from tests.alerts.stage import Stage, person, policy, rule, settings, step
from watch.alerts.ack_link import VALID_MS, AckLink, AckLinks
from watch.alerts.interventions import Interventions
from watch.core.delivery import Receipt, Refusal
from watch.errors import Trouble
from watch.web.ack_page import AckPages
from watch.web.metrics import Metrics
from watch.web.operators import Health, Readiness, Sources, operators_app
from watch.web.series import Samples

KEY = b"k" * 32
OUTSIDE = "https://watch.acme.example/on-call/"


class Desk(Stage):
    """A stage whose links are answered by the operators' listener."""

    def __init__(self, outside=OUTSIDE):
        made = settings(
            rule("down", "web", "db", "san", escalate="team"), people=(person("alice"), person("bob")),
            escalations={"team": policy(step("alice", "bob"), step("alice", after=600))}, group_wait=0,
        )  # fmt: skip
        super().__init__(replace(made, service=replace(made.service, outside_url=outside)))
        self.links = AckLinks(lambda: KEY, lambda: self.settings)
        self.commands = []

    def app(self):
        pages = AckPages(self.links, self.desk, lambda: self.settings, self, self.take)
        return operators_app(Metrics(), Sources(lambda: Samples(()), lambda: Health(()), Readiness), pages)

    async def take(self, command):
        """As the hub: a command that is refused changes nothing, one that is obeyed is committed with the next turn."""
        self.commands.append(command)
        try:
            told = Interventions(self.desk, lambda: self.settings, self)
            answer = await told.verbs[command.verb](command)
        except Trouble as trouble:
            return Receipt(refused=(Refusal(0, str(trouble)),))
        self.turn()
        return Receipt(answer=answer)

    def link(self, who="alice", key="web"):
        alert = next(a for a in self.desk.alerts if a.subject == key)
        link = self.links.ack_link(alert, who, self.at_ms)
        assert link.startswith("https://watch.acme.example/on-call/ack/")
        return link.removeprefix("https://watch.acme.example/on-call")


@pytest.fixture
def desk():
    s = Desk()
    s.goes("web", "down")
    s.passes(1)
    return s


@pytest.fixture
async def client(aiohttp_client, desk):
    return await aiohttp_client(desk.app())


async def text_of(answer):
    """The page's text, and whether it has a form."""
    html = await answer.text()
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", html).split()), "<form" in html


async def test_it_shows_what_it_is_for_and_does_nothing_however_often_it_is_looked_at(client, desk):
    before = dict(desk.disk.alerts)
    for method in ("GET", "HEAD", "GET", "GET"):
        answer = await client.request(method, desk.link())
        assert answer.status == 200
    text, form = await text_of(answer)
    assert text == (
        "Acknowledge Acknowledge Web application: down since 2025-11-24 19:12:00 PST. "
        "Nobody has acknowledged it. Acknowledge as alice"
    )
    assert form
    assert (desk.commands, desk.disk.alerts) == ([], before)


async def test_the_form_acknowledges_as_its_recipient(client, desk):
    answer = await client.post(desk.link("bob"), data={})
    assert answer.status == 200
    text, _ = await text_of(answer)
    assert "Acknowledged by bob Web application: until 2025-11-24 19:42:01 PST" in text
    (command,) = desk.commands
    assert (command.verb, command.by, command.account) == ("ack", "bob", "acknowledge link")
    (kept,) = desk.disk.rows()[0]
    assert (kept.ack.by, kept.ack.account, kept.used) == ("bob", "acknowledge link", ("bob/1",))
    desk.passes(900)
    assert desk.calls() == [(0, "alice"), (0, "bob")]


async def test_it_can_be_used_once_also_after_a_restart(client, desk, aiohttp_client):
    link = desk.link()
    assert (await client.post(link)).status == 200
    again = await client.post(link)
    text, form = await text_of(again)
    assert (again.status, form, len(desk.commands)) == (410, False, 1)
    assert "This link was used already" in text
    assert "alice has acknowledged it, until 2025-11-24 19:42:01 PST." in text
    assert "threenines ack 1" in text
    desk.restarts()
    other = await aiohttp_client(desk.app())
    assert (await other.post(link)).status == 410


async def test_two_at_once_are_one(client, desk):
    import asyncio

    link = desk.link()
    answers = await asyncio.gather(*(client.post(link) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200, 410, 410, 410, 410]


async def test_a_link_that_was_checked_before_another_used_it_is_refused_by_the_hub(desk):
    desk.tells("ack", "alice", alert="web", link="alice/1")
    with pytest.raises(Trouble, match="this link was used before"):
        desk.tells("ack", "alice", alert="web", link="alice/1")


async def test_each_recipient_and_each_call_has_a_link_of_its_own(client, desk):
    first = desk.link()
    assert (await client.post(first)).status == 200
    assert (await client.post(desk.link("bob"))).status == 200
    desk.passes(1801)
    assert desk.link() != first
    assert (await client.post(first)).status == 410
    assert (await client.post(desk.link())).status == 200


async def test_all_that_its_recipient_was_told_of_can_be_acknowledged_at_once(client, desk):
    for key in ("db", "san"):
        desk.goes(key, "down")
    desk.passes(1)
    text, _ = await text_of(await client.get(desk.link()))
    assert "You were also told of 2 more that nobody has acknowledged: Db: down San: down" in text
    assert "Acknowledge all 3 as alice" in text
    assert (await client.post(desk.link(), data={"all": "yes"})).status == 200
    assert {alert.subject: alert.ack.by for alert in desk.disk.rows()[0]} == dict.fromkeys(
        ("web", "db", "san"), "alice"
    )


async def test_without_that_only_its_own_alert_is(client, desk):
    desk.goes("db", "down")
    desk.passes(1)
    assert (await client.post(desk.link(), data={"all": "no"})).status == 200
    assert {a.subject for a in desk.disk.rows()[0] if a.ack is not None} == {"web"}


async def test_an_old_link_says_so(client, desk):
    link = desk.link()
    desk.at_ms += VALID_MS
    answer = await client.post(link)
    text, _ = await text_of(answer)
    assert (answer.status, desk.commands) == (410, [])
    assert "This link is too old It was valid until 2025-11-25 19:12:01 PST." in text


async def test_a_link_for_what_is_over_says_so(client, desk):
    link = desk.link()
    desk.goes("web", "up")
    desk.passes(120)
    answer = await client.post(link)
    assert (answer.status, desk.commands) == (410, [])
    assert "This alert is over" in (await text_of(answer))[0]
    desk.passes(2000)  # it is forgotten
    assert (await client.get(link)).status == 410


async def test_a_link_to_somebody_who_is_gone_says_so_and_one_to_somebody_who_is_renamed_works(client, desk):
    link = desk.link()
    people = dict(desk.settings.people)
    del people["alice"]
    desk.reloads(replace(desk.settings, people=people))
    answer = await client.post(link)
    assert (answer.status, desk.commands) == (410, [])
    assert "It was for alice, who is no longer in the configuration." in (await text_of(answer))[0]
    renamed = {"alicia": replace(person("alicia"), was="alice"), **people}
    desk.reloads(replace(desk.settings, people=renamed))
    assert (await client.post(link)).status == 200
    assert desk.commands[0].by == "alicia"
    assert (await client.post(link)).status == 410


def altered(token):
    """Tokens that nobody signed."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    yield from (token[:-1], token[1:], token + "A", "", "x", ".", "a" * 5000, "é", "%00", "\u202e")
    for n in range(len(raw)):
        yield base64.urlsafe_b64encode(raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :]).rstrip(b"=").decode()
    other = AckLinks(lambda: b"o" * 32, dict)
    yield other.token(AckLink(1, 1, "alice", 2**50))


async def test_a_forged_link_is_not_valid(client, desk):
    token = desk.link().rpartition("/")[2]
    for forged in altered(token):
        assert desk.links.read(forged) is None, forged
        answer = await client.post(f"/ack/{forged}")
        assert answer.status == 404, forged
    assert desk.commands == []
    text, _ = await text_of(await client.get("/ack/nonsense"))
    assert text.endswith("This link is not valid It is incomplete, or it is not from this hub.")


async def test_names_from_outside_are_text(client, desk):
    desk.goes("db", "down")
    parts = {
        **desk.settings.components,
        "db": replace(desk.settings.components["db"], name="<script>x</script>"),
    }
    desk.reloads(replace(desk.settings, components=parts))
    desk.passes(1)
    html = await (await client.get(desk.link())).text()
    assert "<script" not in html
    assert "&lt;script&gt;x" in html


async def test_it_leaks_to_nobody_and_runs_nothing(client, desk):
    headers = (await client.get(desk.link())).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy_ = headers["Content-Security-Policy"]
    assert policy_.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy_
    assert "Server" not in headers


async def test_it_answers_to_the_name_of_the_outside_url_and_to_loopback_and_to_no_other(client, desk):
    link = desk.link()
    for host, status in (
        ("watch.acme.example", 200),
        ("WATCH.acme.example:443", 200),
        ("127.0.0.1", 200),
        ("evil.example", 421),
        ("watch.acme.example.evil.example", 421),
    ):
        assert (await client.get(link, headers={"Host": host})).status == status, host
    for path in ("/metrics", "/healthz", "/readyz", "/acknowledge"):
        assert (await client.get(path, headers={"Host": "watch.acme.example"})).status == 421, path
    desk.settings = replace(desk.settings, service=replace(desk.settings.service, outside_url=None))
    assert (await client.get(link, headers={"Host": "watch.acme.example"})).status == 421


async def test_other_methods_do_nothing(client, desk):
    for method in ("PUT", "DELETE", "PATCH"):
        assert (await client.request(method, desk.link())).status == 405
    assert desk.commands == []


def test_the_letter_has_the_link_or_the_command_without_an_outside_url():
    with_url, without = Desk(), Desk(outside=None)
    for s in (with_url, without):
        alert = Stage(s.settings)
        alert.goes("web", "down")
        alert.turn()
        (found,) = alert.desk.alerts
        line = s.links.line([found], "alice", s.at_ms)
        link = s.links.ack_link(found, "alice", s.at_ms)
        assert line == (f"To acknowledge: {link}" if s is with_url else "To acknowledge: threenines ack 1")
        assert (link == "") is (s is without)
    assert with_url.links.read(with_url.links.token(AckLink(3, 2, "a.b-c_d", 9000))) == AckLink(
        3, 2, "a.b-c_d", 9000
    )
