"""Providers on the loopback with the limits of the real ones, in a network and mount namespace of our own.

`test_providers.py` starts this program there: /etc/hosts leads the hosts that plug-ins have built in to the loopback, and
a CA of the test's own signs for them. It sends an outage of one component and its recovery, and one of 500 components, and
prints as JSON what became of each and what arrived.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.alerts.stage import Stage, component, person, rule, settings
from watch.alerts.sender import Sender
from watch.core.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.alerts.message import Message

MANY = 500
KEY = "hush" * 8
# The hosts that plug-ins have built in, and ours for those that are given one.
HOSTS = (
    "hooks.slack.com", "discord.com", "api.telegram.org", "events.pagerduty.com", "api.opsgenie.com",
    "api.pushover.net", "api.twilio.com", "own.test", "mail.test",
)  # fmt: skip
CHANNELS = {
    "mail": f"mailtos://ops:{KEY}@mail.test:465?mode=ssl&from=watch@own.test&to=alice@own.test",
    "ntfy": f"ntfys://ops:{KEY}@own.test/outages",
    "mattermost": f"mmosts://own.test/{KEY}",
    "rocketchat": f"rockets://{KEY}%2F{KEY}@own.test/%23outages?mode=webhook",
    "gotify": f"gotifys://own.test/{KEY}",
    "matrix": f"matrixs://{KEY}@own.test/!room:own.test?e2ee=no&version=3",
    "webhook": f"jsons://ops:{KEY}@own.test/json",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "discord": f"discord://1234567890/{KEY}",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544",
    "teams": f"workflows://own.test:443/{KEY}/{KEY}",
    "pagerduty": f"pagerduty://{KEY}@{KEY}",
    "opsgenie": f"opsgenie://{KEY}",
    "pushover": f"pover://{'u' * 30}@{'a' * 30}",
    "twilio": f"twilio://AC{'a' * 32}:{'b' * 32}@15551231234/15551231235",
    # Takes far less than its plug-in says.
    "stricter": "mmosts://own.test/stricter",
}
Told = tuple[str, str]  # title and text


def teams(said: dict) -> Told:
    blocks = said["attachments"][0]["content"]["body"]
    title, body = (block["text"] for block in blocks if block["type"] == "TextBlock")
    return title, body


# What carries a notice: part of the address → where title and text are, and the most characters of each (or bytes).
NOTICES: dict[str, tuple[Callable[[dict], Told], int, int]] = {
    "own.test/hooks/stricter": (lambda it: ("", it["text"]), 0, 300),
    f"own.test/hooks/{KEY}/{KEY}": (lambda it: ("", it["text"]), 0, 1_000),
    "own.test/hooks/": (lambda it: ("", it["text"]), 0, 4_000),
    "own.test/message": (lambda it: (it["title"], it["message"]), 250, 32_768),
    "/send/m.room.message/": (lambda it: ("", it["body"]), 0, 65_000),
    "own.test/json": (lambda it: (it["title"], it["message"]), 250, 32_768),
    "own.test/workflows/": (teams, 250, 1_000),
    "hooks.slack.com": (
        lambda it: (it["attachments"][0]["title"], it["attachments"][0]["text"]),
        250,
        35_000,
    ),
    "discord.com": (lambda it: ("", it["content"]), 0, 2_000),
    "api.telegram.org": (lambda it: ("", it["text"]), 0, 4_096),
    "events.pagerduty.com": (lambda it: ("", it.get("payload", {}).get("summary", "")), 0, 1_024),
    "api.opsgenie.com": (lambda it: (it.get("message", ""), it.get("description", "")), 130, 15_000),
    "api.pushover.net": (lambda it: (it["title"], it["message"]), 250, 1_024),
    "api.twilio.com": (lambda it: ("", it["Body"]), 0, 160),
    "own.test/": (lambda it: (it["title"], it["message"]), 250, 4_096),
}
ANSWERS = {"hooks.slack.com": b"ok", "discord.com": b"", "api.pushover.net": b'{"status":1,"request":"r"}'}
STATUSES = {"events.pagerduty.com": 202, "api.opsgenie.com": 202, "api.twilio.com": 201, "discord.com": 204}
arrived: list[dict] = []


class Providers(BaseHTTPRequestHandler):
    """All of them; the Host header and the path say which one is asked."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        place = self.headers["host"].partition(":")[0] + urlsplit(self.path).path
        if "/redirect/" in place:
            self._say(307, b"", location=f"http://{place.rpartition('/')[2]}/x")
        elif self.command == "GET" or "/join/" in place:  # Matrix asks before it sends
            self._say(200, b"{}")
        else:
            form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            said = {k: v[0] for k, v in parse_qs(raw.decode()).items()} if form else json.loads(raw)
            self._judge(place, said)

    def _judge(self, place: str, said: dict) -> None:
        read, most_title, most = next(rule for part, rule in NOTICES.items() if part in place)
        title, text = read(said)
        fits = len(title) <= most_title and len(text.encode() if most == 4_096 else text) <= most
        host = place.partition("/")[0]
        status = STATUSES.get(host, 200) if fits else 400
        priority = said.get("priority", self.headers.get("X-Priority"))
        arrived.append({
            "place": f"{self.command} {host}{self.path}", "status": status, "title": title, "text": text,
            "priority": priority, "said": said,
        })  # fmt: skip
        self._say(status, ANSWERS.get(host, b'{"requestId": "r"}') if fits else b"too long")

    do_POST = do_PUT = do_GET = _answer  # noqa: N815 - the names of the base class

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Mailbox:
    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = mail.get_body(("plain", "html")).get_content()
        arrived.append(
            {"place": "mail", "status": 250, "title": str(mail["subject"]), "text": text, "said": dict(mail)}
        )
        return "250 taken"


class Metadata:
    """A cloud's metadata service, which counts who comes."""

    visits: ClassVar[list[str]] = []

    def serve(self) -> None:
        for address in ("169.254.169.254", "168.63.129.16"):
            server = socket.create_server((address, 80))
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            line, _ = server.accept()
            self.visits.append(str(server.getsockname()))
            line.close()


METADATA = (
    "json://169.254.169.254/latest",
    "json://[::ffff:169.254.169.254]/latest",
    "json://2852039166/latest",  # the same address as a number
    "json://meta.test/latest",  # a name that leads there
    "json://168.63.129.16/",
    "jsons://own.test/redirect/169.254.169.254",
    "jsons://own.test/redirect/meta.test",
    "form://meta.test/",
    "mailto://ops:hush@meta.test:80?from=a@own.test&to=b@own.test",
    "rsyslog://meta.test:80",
)


def one() -> list[Message]:
    """An outage of one component, and its recovery."""
    stage = staged("web", names=("Web application",))
    stage.goes("web", "down")
    stage.passes(12)
    stage.goes("web", "up")
    stage.passes(540)
    return stage.sent


def many() -> list[Message]:
    keys = tuple(f"svc{n:03}" for n in range(MANY))
    stage = staged(*keys, names=tuple(f"Service {n:03}" for n in range(MANY)))
    for key in keys:
        stage.goes(key, "down")
    stage.passes(12)
    return stage.sent


class Sending(Stage):
    """A stage that keeps the messages that were sent."""

    def arrives(self, notice) -> None:
        self.sent.append(self.desk.message(notice))


def staged(*keys: str, names: tuple[str, ...]) -> Sending:
    parts = tuple(component(key, name=name) for key, name in zip(keys, names, strict=True))
    stage = Sending(settings(rule("down", *keys), components=parts, people=(person("alice"),)))
    stage.sent = []
    return stage


async def main(folder: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = str(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*HOSTS).configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 443), Providers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = Controller(
        Mailbox(), hostname="127.0.0.1", port=465, ssl_context=context, data_size_limit=64 << 10,
        authenticator=lambda *_: AuthResult(success=True), auth_require_tls=False,
    )  # fmt: skip
    mail.start()
    Metadata().serve()

    sender, told = Sender(soft=60, hard=70), {}
    messages = {"outage": one()[0], "recovery": one()[1], "many": many()[0]}

    async def sent(url: str, message: Message) -> dict:
        before = len(arrived)
        outcome = await sender.send(Secret(url), message)
        return {"sent": outcome.sent.value, "detail": outcome.detail, "arrived": arrived[before:]}

    for name, url in CHANNELS.items():
        told[name] = {what: await sent(url, message) for what, message in messages.items()}
    told["metadata"] = [{"url": url, **await sent(url, messages["outage"])} for url in METADATA]
    told["visits"] = list(Metadata.visits)
    with socket.create_connection(("169.254.169.254", 80)) as line:
        line.recv(1)
    told["visits_of_ours"] = list(Metadata.visits)
    told["letters"] = [[letter.title, letter.body] for letter in messages["many"].letters]
    await sender.close()
    mail.stop()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
