"""The operators' listener: metrics for Prometheus, health for supervisors.

`/healthz` answers 200 while every loop has run within its limit, and 503 when one is stuck: restart the hub then.
`/readyz` answers 200 while no trouble of ours makes the hub not ready (`watch.hub.trouble_kinds`), and 503 else: first
readings that are not there yet, a store that takes no writes, an overload. Both give the reason in JSON. The
configuration makes sure that it listens on loopback only. It answers only to names of loopback: a web page of somebody
else can make its own name mean 127.0.0.1, and then read our answers through a visitor's browser. Acknowledge links come
from outside, through a reverse proxy: `/ack/` also answers to the name of `service.outside_url`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import hdrs, http_parser, web
from aiohttp.http_writer import HttpVersion11

from watch.web.public import refuse_slow_parser
from watch.web.targets import absolute_host, loopback_name, same_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.typedefs import Handler, Middleware

    from watch.web.ack_page import AckPages
    from watch.web.metrics import Metrics
    from watch.web.series import Samples

_ACK = "/ack/"
Fact = str | int | float | bool | None
_MOST = 64 * 1024  # bytes of a request's body; only a form of one field is read
_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # unless a page has its own
}
_MISDIRECTED = (
    "421 Misdirected Request\nThis address answers only to the names localhost, 127.0.0.1 and [::1]: "
    "a web page of somebody else must not read it through your browser.\n"
)


@dataclass(frozen=True, slots=True)
class Beat:
    """One loop of the hub: how long ago it last ran, and after how long it counts as stuck."""

    loop: str
    ago_ms: int
    limit_ms: int

    @property
    def stuck(self) -> bool:
        return self.ago_ms > self.limit_ms


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process works, and facts about its pipeline for people."""

    beats: tuple[Beat, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readiness:
    """The troubles of the monitoring itself, like ``3 checks have no first reading yet``.

    Args:
        waiting: Those that make the hub not ready; empty means ready.
        troubles: All others, like a channel that refuses notices.
    """

    waiting: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """The functions that give the answers; each is called once a request and must not block."""

    samples: Callable[[], Samples]
    health: Callable[[], Health]
    readiness: Callable[[], Readiness]


def operators_app(metrics: Metrics, sources: Sources, acks: AckPages | None = None) -> web.Application:
    """An application with `/metrics`, `/healthz`, `/readyz` and `/ack/`; ListenError without aiohttp's C parser.

    Args:
        acks: The pages behind acknowledge links.
    """
    refuse_slow_parser(http_parser.HttpRequestParser)

    async def exposed(request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, ()))
        body, content_type = metrics.exposition(sources.samples(), accept)
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def healthy(_: web.Request) -> web.Response:
        return _health(sources.health())

    async def ready(_: web.Request) -> web.Response:
        found = sources.readiness()
        ready = not found.waiting
        return _json({"ready": ready, "waiting": found.waiting, "troubles": found.troubles}, ok=ready)

    app = web.Application(client_max_size=_MOST, middlewares=[_plain_errors, _to_names(acks)])
    app.on_response_prepare.append(_guarded)
    app.router.add_get("/metrics", exposed)
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", ready)
    if acks is not None:
        app.router.add_get(f"{_ACK}{{token}}", acks.show)
        app.router.add_post(f"{_ACK}{{token}}", acks.act)
    return app


def _health(health: Health) -> web.Response:
    stuck = [beat.loop for beat in health.beats if beat.stuck]
    loops = {beat.loop: {"ago_ms": beat.ago_ms, "limit_ms": beat.limit_ms} for beat in health.beats}
    said = {"status": "stuck" if stuck else "alive", "stuck": stuck, "loops": loops, "facts": health.facts}
    return _json(said, ok=not stuck)


def _json(said: Any, *, ok: bool) -> web.Response:
    body = orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=200 if ok else 503, content_type="application/json")


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a 404 or 405 with one line of text."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        if not isinstance(refusal, web.HTTPMisdirectedRequest):
            refusal.text = f"{refusal.status} {refusal.reason}\n"
        raise


def _to_names(acks: AckPages | None) -> Middleware:
    """Refuse a request whose Host, or whose absolute target, is no name of loopback.

    `/ack/` is also answered by the name of `service.outside_url`: a reverse proxy passes it on.
    """

    @web.middleware
    async def to_names(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, ())
        target = absolute_host(request.raw_path)
        if len(hosts) > 1 or (not hosts and request.version >= HttpVersion11):
            raise web.HTTPBadRequest
        outside = acks.outside_url if acks is not None and request.path.startswith(_ACK) else None
        for host in (*hosts, *(() if target is None else (target,))):
            if not loopback_name(host) and not (outside is not None and same_name(host, outside)):
                raise web.HTTPMisdirectedRequest(text=_MISDIRECTED)
        return await handler(request)

    return to_names


async def _guarded(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    del response.headers[hdrs.SERVER]
