"""A service on the loopback that waits for beats: a real HTTP server that answers as it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType


@dataclass
class Service:
    """What came, as method and path. `answers` gives a path's status and body; `leads` where it redirects to."""

    url: str = ""
    came: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        self.came.append((request.method, request.path_qs))
        if (there := self.leads.get(request.path)) is not None:
            return web.Response(status=302, headers={"Location": there})
        status, text = self.answers.get(request.path, (200, "OK"))
        return web.Response(status=status, text=text)

    @property
    def beats(self) -> int:
        return len(self.came)

    def paths(self) -> set[str]:
        return {path for _, path in self.came}


class Waiting:
    """A service while it waits."""

    async def __aenter__(self) -> Service:
        service = Service()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", service.answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return service

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
