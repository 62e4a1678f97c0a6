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
TITLE = "[Acme] DOWN: Service 000, Service 001, Service 002, Service 003 (+496)"
SMS = "DOWN: Service 000, Service 001, Service 002, Service 003 (+496)"
SINCE = "since 19:12 PST: connection refused; Acme/down:svc000/1"
ACK = "To acknowledge all that is open: threenines ack --all"
MORE = "To look further: threenines explain svc000"
PAGE = "Page: https://status.acme.example/components/svc000"
KEY_LINE = "Alerts: " + ", ".join(f"Acme/down:svc{n:03}/1" for n in range(21))
ROOT_LINES = (
    "Service 000 has been down since 2025-11-24 19:12:00 PST (UTC-08:00).\n"
    "Why: connection refused\n"
    "Check: svc000/check, seen from irvine-1"
)


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


def letter(names: int) -> str:
    """The body that tells the root, names so many others, and counts the rest."""
    named = ", ".join(f"Service {n:03}" for n in range(1, 1 + names))
    return f"{ROOT_LINES}\n\nAnd 499 more: {named} and {499 - names} others.\n\n{ACK}"


def marked(text: str) -> str:
    """Markdown that shows *text* as it is."""
    return re.sub(r"([-.()+\[\]])", r"\\\1", text)


def as_html(text: str) -> str:
    return re.sub(r"\n+", "\r\n", text)


ALL = "\n\n".join(
    (
        ROOT_LINES,
        "Also:\n" + "\n".join(f"- Service {n:03}: down since 19:12:00, connection refused" for n in range(1, 21))
        + "\nAnd 479 more: " + ", ".join(f"Service {n:03}" for n in range(21, 500)) + ".",
        f"{ACK}\n{MORE}\n{PAGE}\n{KEY_LINE}",
    )
)  # fmt: skip
# So many of the 499 others have room for their names.
NTFY, DISCORD, DUTY, TEAMS, ROCKET = 285, 131, 54, 54, 35
ARRIVES = {
    "mail": (TITLE, ALL.replace("\n", "\r\n") + "\r\n"),
    "ntfy": (TITLE, letter(NTFY)),
    "mattermost": ("", f"{TITLE}\r\n{letter(NTFY)}"),
    "rocketchat": ("", f"# {marked(TITLE)}\n{marked(letter(ROCKET))}"),
    "gotify": (TITLE, ALL),
    "matrix": ("", f"# {TITLE}\r\n{ALL}"),
    "webhook": (TITLE, ALL),
    "slack": (TITLE, ALL),
    "discord": ("", f"{TITLE}\r\n{letter(DISCORD)}"),
    "telegram": ("", f"<b>{TITLE}</b>\r\n{as_html(letter(NTFY))}"),
    "teams": (TITLE, marked(letter(TEAMS))),
    "pagerduty": ("", f"{TITLE}\r\n{letter(DUTY)}"),
    "opsgenie": (TITLE, ALL),
    "pushover": (TITLE, letter(DUTY)),
    "twilio": ("", f"{SMS}\r\n{SINCE}"),
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
    assert taken["text"] == f"{SMS}\r\n{SINCE}"


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_outage_and_its_recovery_are_told_over(channel, told):
    for what in ("outage", "recovery"):
        assert told[channel][what]["sent"] == "delivered"
        *refused, taken = (it["status"] for it in told[channel][what]["arrived"])
        assert taken < 300
        assert refused == ([400] if (channel, what) == ("stricter", "outage") else []), "it is sent once"


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
