"""Who plays along with a hub under strain: a target that can be killed, a slow one, and a receiver of its pages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time

import orjson
from aiohttp import web

from bench.process import OTHERS, free_port


class Victim:
    """A target that can be killed and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        code = (
            "import socket\n"
            f"s = socket.create_server(('127.0.0.1', {self.port}), backlog=4096)\n"
            "while True: s.accept()[0].close()"
        )
        self._process = subprocess.Popen(["taskset", "-c", str(OTHERS), sys.executable, "-c", code])
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Receiver:
    """Takes pages: (instant, title) of each."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str]] = []
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve(ready)))
        self._thread.start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        app = web.Application()
        app.router.add_post("/{rest:.*}", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.heard.append((time.monotonic(), str(orjson.loads(await request.read()).get("title", ""))))
        return web.Response()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()


class Slow:
    """A healthy web server that answers after 1.5 s."""

    def __init__(self) -> None:
        self.port = free_port()
        code = (
            "import asyncio\n"
            "async def h(r, w):\n"
            "    try:\n"
            "        await r.readuntil(b'\\r\\n\\r\\n'); await asyncio.sleep(1.5)\n"
            "        w.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'); await w.drain()\n"
            "    except Exception: pass\n"
            "    w.close()\n"
            "async def main():\n"
            f"    await (await asyncio.start_server(h, '127.0.0.1', {self.port}, backlog=4096)).serve_forever()\n"
            "asyncio.run(main())"
        )
        self._process = subprocess.Popen(["taskset", "-c", str(OTHERS), sys.executable, "-c", code])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
