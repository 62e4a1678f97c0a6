"""The operators' listener: what a supervisor and Prometheus ask it."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from watch.web.metrics import Metrics
from watch.web.operators import Beat, Health, Readiness, Sources, operators_app
from watch.web.series import CheckSample, Samples


class Hub:
    """What a hub would say, changeable by the test."""

    def __init__(self):
        self.beats = (Beat("scheduler", 12, 5_000), Beat("sender", 900, 30_000))
        self.waiting = ()

    def sources(self):
        return Sources(
            samples=lambda: Samples([CheckSample("web/home", "web", "up", {"total": 0.1})]),
            health=lambda: Health(self.beats, {"checks": 7, "version": "0.1.0"}),
            readiness=lambda: Readiness(self.waiting),
        )


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
async def client(aiohttp_client, hub):
    return await aiohttp_client(operators_app(Metrics(), hub.sources()))


async def test_metrics_are_prometheus_text_unless_asked_for_more(client):
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'threenines_check_state{check="web/home",component="web",state="up"} 1\n' in await answer.text()


async def test_openmetrics_is_given_to_who_prefers_it(client):
    answer = await client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"}
    )
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    text = await answer.text()
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert list(openmetrics(text))


async def test_a_turning_pipeline_is_alive(client):
    answer = await client.get("/healthz")
    assert (answer.status, await answer.json()) == (
        200,
        {
            "status": "alive",
            "stuck": [],
            "loops": {
                "scheduler": {"ago_ms": 12, "limit_ms": 5_000},
                "sender": {"ago_ms": 900, "limit_ms": 30_000},
            },
            "facts": {"checks": 7, "version": "0.1.0"},
        },
    )


async def test_a_stuck_loop_is_named(client, hub):
    hub.beats = (Beat("scheduler", 5_001, 5_000), Beat("sender", 30_000, 30_000))
    answer = await client.get("/healthz")
    said = await answer.json()
    assert (answer.status, said["status"], said["stuck"]) == (503, "stuck", ["scheduler"])


async def test_it_is_ready_when_nothing_is_awaited(client, hub):
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"ready": True, "waiting": []})
    hub.waiting = ("first readings of 3 checks",)
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (
        503,
        {"ready": False, "waiting": ["first readings of 3 checks"]},
    )


@pytest.mark.parametrize("path", ["/", "/metrics/", "/debug", "/<script>alert(1)</script>"])
async def test_nothing_else_is_there(client, path):
    answer = await client.get(path)
    assert (answer.status, await answer.text()) == (404, "404 Not Found\n")


async def test_it_can_only_be_read(client):
    answer = await client.post("/metrics")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nowhere"])
async def test_answers_are_neither_kept_nor_sniffed_nor_framed(client, path):
    for method in ("GET", "HEAD"):
        answer = await client.request(method, path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Server"] == "threenines"
