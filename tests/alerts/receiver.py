"""A provider on the loopback that answers as it is told: a real HTTP server, asked by a real apprise."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web

from watch.core.settings import Secret


@dataclass
class Receiver:
    """Keeps what came. `answers` gives a path's status; 0 never answers."""

    url: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, str] = field(default_factory=dict)  # Retry-After
    limits: dict[str, int] = field(default_factory=dict)  # characters of a message; more is answered 400
    received: list[tuple[str, dict]] = field(default_factory=list)
    headers: list[dict] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.strip("/")
        self.received.append((path, json.loads(await request.text())))
        self.headers.append(dict(request.headers))
        status = self.answers.get(path, 200)
        if status == 0:
            await asyncio.Event().wait()
        if len(self.received[-1][1]["message"]) > self.limits.get(path, 10**6):
            status = 400
        pause = self.pauses.get(path)
        return web.Response(status=status, headers={"Retry-After": pause} if pause else {})

    @property
    def place(self) -> str:
        """Host and port, as messages name it."""
        return self.url.partition("://")[2]

    def channel(self, path: str) -> Secret:
        return Secret(f"{self.url}/{path}")

    def bodies(self, path: str) -> list[str]:
        return [body["message"] for came, body in self.received if came == path]


class Serving:
    """A receiver while it serves, at *port* or at one that is free."""

    def __init__(self, port: int = 0) -> None:
        self._port = port

    async def __aenter__(self) -> Receiver:
        receiver = Receiver()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", receiver.answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        receiver.url = f"json://127.0.0.1:{port}"
        return receiver

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
