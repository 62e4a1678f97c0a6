"""Real servers, a real hub, a real outage: from SIGKILL to the page, the phone and the account."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.acceptance.estate import Hub, dnsmasq, echo, listening, nginx, openssl, until
from tests.alerts.receiver import Serving
from tests.ports import free_port

CONFIG = """
service: {{name: Acme Cloud, timezone: UTC}}
defaults: {{every: 1s, timeout: 10s, retry_every: 500ms}}
components:
  web: {{name: Web application, checks: {{home: {{http: "http://127.0.0.1:{http}/", expect: ['body contains "Sign in"']}}}}}}
  mail: {{name: Echo, checks: {{port: {{tcp: {{address: "127.0.0.1:{tcp}"}}}}}}}}
  names: {{name: Names, checks: {{a: {{dns: {{name: www.acme.example, type: A, resolver: "127.0.0.1:{dns}"}}, expect: ['answers >= 1']}}}}}}
  vault: {{name: Vault, checks: {{tls: {{tls: {{address: "localhost:{tls}", ca_file: {ca}}}, warn: [certificate.left > 1d]}}}}}}
  wire: {{name: Wire, checks: {{ping: {{icmp: {{host: 127.0.0.1, packets: 1}}}}}}}}
people: {{alice: {{channels: ["{channel}"]}}}}
alerts: [{{when: down, components: all}}]
alerting: {{group_wait: 500ms, resolve_hold: 3s}}
"""
NAMES = {"Web application", "Echo", "Names", "Vault", "Wire"}


@pytest.fixture
async def phone():
    async with Serving() as receiver:
        yield receiver


@pytest.fixture
async def estate(tmp_path, phone):
    ports = {name: free_port() for name in ("http", "tcp", "dns", "tls")}
    folders = {name: tmp_path / name for name in (*ports, "hub")}
    for folder in folders.values():
        folder.mkdir()
    made = {"http": nginx, "tcp": echo, "dns": dnsmasq, "tls": openssl}
    servers = {name: make(folders[name], ports[name]) for name, make in made.items()}
    for server in servers.values():
        await server.start()
    for name, port in ports.items():
        await until(lambda port=port: listening(port), what=f"{name} listens: {servers[name].said()}")
    text = CONFIG.format(**ports, ca=folders["tls"] / "ca.pem", channel=f"{phone.url}/phone")
    hub = Hub(folders["hub"], text)
    yield hub, servers, ports["http"]
    for process in (*servers.values(), hub):
        if process.running is not None and process.running.returncode is None:
            await process.kill()


async def test_an_outage_from_sigkill_to_the_account(estate, phone):
    hub, servers, port = estate
    await hub.begin()
    await until(lambda: _all(hub, "operational"), what="everything is operational")

    killed_ms = _now_ms()
    await servers["http"].kill()
    await until(lambda: _is(hub, "Web application", "major_outage"), what="the API says so")
    _, html = await hub.answer(hub.page, "/")
    assert "Web application is down" in html
    await until(lambda: phone.received, what="alice is paged")
    assert (await hub.summary())["status"]["indicator"] == "major"
    others = {
        c["name"]: c["status"] for c in (await hub.summary())["components"] if c["name"] != "Web application"
    }
    assert set(others.values()) == {"operational"}, others

    await servers["http"].start()
    await until(lambda: listening(port), what="nginx is back")
    back_ms = _now_ms()
    await until(lambda: _is(hub, "Web application", "operational"), what="the page is green again")
    await until(lambda: len(phone.received) == 2, what="alice hears of the recovery")
    # Nothing more may come: longer than another retry, hold or group could take.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await until(lambda: len(phone.received) > 2, what="a notice too many")
    first, second = (body for _, body in phone.received)
    assert first["title"].startswith("[Acme Cloud] DOWN: Web application"), first
    assert "Web application" in second["title"], second
    assert "web/home" in first["message"]

    await _the_account_holds(hub, killed_ms, back_ms)
    assert await hub.kill(signal_term()) == 0
    assert "Traceback" not in hub.said()


async def _the_account_holds(hub: Hub, killed_ms: int, back_ms: int) -> None:
    code, out = await hub.verb("uptime", "--json")
    assert code == 0, out
    web = next(c for c in json.loads(out)["components"] if c["key"] == "web")
    assert web["down_ms"] == hub.downtime_ms("web/home", _now_ms())
    assert web["down_min_ms"] <= back_ms - killed_ms <= web["down_max_ms"], (web, back_ms - killed_ms)
    assert web["scope_ms"] == web["excluded_ms"] + web["down_ms"] + web["up_ms"] + web["unknown_ms"]
    code, account = await hub.verb("explain", "web")
    assert code == 0, account
    assert f"D {web['down_ms']:>14}".split()[1] in account
    assert "refused" in account
    code, out = await hub.verb("ledger", "verify")
    assert (code, "verified, with evidence" in out) == (0, True), out


async def _all(hub: Hub, status: str) -> bool:
    components = {c["name"]: c["status"] for c in (await hub.summary())["components"]}
    return components == dict.fromkeys(NAMES, status)


async def _is(hub: Hub, name: str, status: str) -> bool:
    return await hub.public(name) == status


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def signal_term():
    import signal

    return signal.SIGTERM
