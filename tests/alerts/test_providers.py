"""A mass outage is told over every kind of channel, within its limits; none of them leads to a metadata address."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.alerts.providers import CHANNELS, HOSTS, KEY, METADATA
from tests.yardstick import PATIENCE

pytestmark = pytest.mark.xdist_group("providers")
ROOT = Path(__file__).parents[2]
SCRIPT = """
mount --bind "$0/hosts" /etc/hosts && ip link set lo up || exit 1
for address in 169.254.169.254 168.63.129.16; do ip address add $address/32 dev lo || exit 1; done
exec "$@"
"""
TITLE = "DOWN: Service 000 (+499 more)"
FOOTER = "To acknowledge all that is open: threenines ack --all\n\nStatus page: https://status.acme.example"


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("providers")
    hosts = [f"127.0.0.1 {host}" for host in HOSTS]
    (folder / "hosts").write_text("\n".join([*hosts, "169.254.169.254 meta.test", ""]))
    program = [sys.executable, "-m", "tests.alerts.providers", str(folder)]
    done = subprocess.run(
        ["/usr/bin/unshare", "-nm", "/bin/sh", "-c", SCRIPT, str(folder), *program],
        capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def paragraph(n: int) -> str:
    return (
        f"Service {n:03}: down since 2025-11-24 19:12:00 PST (UTC-08:00).\n"
        "Why: refused: connection refused\n"
        f"Check: svc{n:03}/check, seen from irvine-1\n"
        f"Alert: Acme/down:svc{n:03}/1"
    )


def letter(paragraphs: int, names: int) -> str:
    """The body that tells so many in full, so many more by name, and counts the rest."""
    named = [f"Service {n:03}" for n in range(paragraphs, paragraphs + names)]
    left = 500 - paragraphs - names
    more = f"And {500 - paragraphs} more"
    if names:
        more += ": " + ", ".join(named) + (f" and {left} others" if left else "")
    return "\n\n".join([*map(paragraph, range(paragraphs)), f"{more}.", FOOTER])


def marked(text: str) -> str:
    """Markdown that shows *text* as it is."""
    return re.sub(r"([-.()+])", r"\\\1", text)


def as_html(text: str) -> str:
    return re.sub(r"\n+", "\r\n", text)


ALL = letter(20, 480)
ARRIVES = {
    "mail": (TITLE, ALL.replace("\n", "\r\n") + "\r\n"),
    "ntfy": (TITLE, letter(3, 258)),
    "mattermost": ("", f"{TITLE}\r\n{letter(3, 258)}"),
    "rocketchat": ("", f"# {marked(TITLE)}\n{marked(letter(1, 33))}"),
    "gotify": (TITLE, ALL),
    "matrix": ("", f"# {TITLE}\r\n{ALL}"),
    "webhook": (TITLE, ALL),
    "slack": (TITLE, ALL),
    "discord": ("", f"{TITLE}\r\n{letter(3, 104)}"),
    "telegram": ("", f"<b>{TITLE}</b>\r\n{as_html(letter(3, 258))}"),
    "teams": (TITLE, marked(letter(2, 40))),
    "pagerduty": ("", f"{TITLE}\r\n{letter(2, 40)}"),
    "opsgenie": (TITLE, ALL),
    "pushover": (TITLE, letter(2, 40)),
    "twilio": ("", f"{TITLE}\r\nsince 19:12 PST, Acme/down:svc000/1"),
}


@pytest.mark.parametrize("channel", ARRIVES)
def test_a_mass_outage_is_told_whole_within_the_limits_of(channel, told):
    many = told[channel]["many"]
    assert (many["sent"], many["detail"]) == ("delivered", "")
    (arrived,) = many["arrived"]
    assert arrived["status"] < 300
    assert (arrived["title"], arrived["text"]) == ARRIVES[channel]


def test_every_channel_has_its_exact_text():
    assert CHANNELS.keys() == ARRIVES.keys() | {"stricter"}


def test_a_channel_that_takes_less_than_its_plug_in_says_is_told_in_short_at_once(told):
    many = told["stricter"]["many"]
    assert many["sent"] == "delivered"
    assert many["detail"] == "only the shortest letter: for the longer one, own.test answered 400"
    refused, taken = many["arrived"]
    assert (refused["status"], taken["status"]) == (400, 200)
    assert taken["text"] == f"{TITLE}\r\nsince 19:12 PST, Acme/down:svc000/1"


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_outage_and_its_recovery_are_told_over(channel, told):
    for what in ("outage", "recovery"):
        assert told[channel][what]["sent"] == "delivered"
        assert len(told[channel][what]["arrived"]) == 1, "the plug-in sent something, and sent it once"


def said(told, channel: str, what: str) -> dict:
    return told[channel][what]["arrived"][0]["said"]


def test_the_kind_of_a_notice_is_failure_for_an_outage_and_success_for_a_recovery(told):
    assert [said(told, "webhook", what)["type"] for what in ("outage", "recovery")] == ["failure", "success"]


def test_an_outage_is_urgent_where_there_are_priorities_and_a_recovery_is_not(told):
    fields = {
        channel: [told[channel][what]["arrived"][0]["priority"] for what in ("outage", "recovery")]
        for channel in ("ntfy", "gotify", "pushover", "opsgenie")
    }
    assert fields == {
        "ntfy": ["high", None], "gotify": [8, 5], "pushover": ["1", "0"], "opsgenie": ["P1", None]
    }  # fmt: skip


def test_pagerduty_closes_the_incident_that_the_outage_opened(told):
    begun, ended = (said(told, "pagerduty", what) for what in ("outage", "recovery"))
    assert (begun["event_action"], begun["payload"]["severity"]) == ("trigger", "critical")
    assert (ended["event_action"], begun["dedup_key"]) == ("resolve", "Acme/down:web/1")
    assert begun["dedup_key"] == ended["dedup_key"]


def test_opsgenie_closes_the_alert_that_the_outage_opened_although_another_process_opened_it(told):
    assert said(told, "opsgenie", "outage")["alias"] == "Acme/down:web/1"
    assert told["opsgenie"]["recovery"]["arrived"][0]["place"] == (
        "POST api.opsgenie.com/v2/alerts/Acme%2Fdown%3Aweb%2F1/close?identifierType=alias"
    )


def test_no_channel_no_name_and_no_redirect_reaches_a_metadata_address(told):
    assert [it["url"] for it in told["metadata"]] == list(METADATA)
    for it in told["metadata"]:
        assert it["sent"] == "permanent", it
        assert re.fullmatch(
            r"a channel must not reach a metadata address: \S+ is (169\.254\.169\.254, )?a cloud metadata address",
            it["detail"],
        ), it
    assert told["visits"] == []
    assert len(told["visits_of_ours"]) == 1, "who may go there is seen there"


def test_the_how_to_shows_what_arrives(told):
    page = (ROOT / "docs" / "how-to" / "channels.md").read_text("utf-8")
    for channel in ("mail", "ntfy", "slack", "telegram", "pagerduty", "webhook", "twilio"):
        arrived = told[channel]["outage"]["arrived"][0]
        for text in filter(None, (arrived["title"], arrived["text"])):
            lines = html.unescape(text).replace("\r\n", "\n").strip()
            assert lines in page, f"{channel}: {lines}"
    for channel, what in (("pagerduty", "recovery"), ("webhook", "outage"), ("webhook", "recovery")):
        whole = json.dumps(said(told, channel, what), indent=2).replace(KEY, "INTEGRATION_KEY")
        assert whole in page, whole
