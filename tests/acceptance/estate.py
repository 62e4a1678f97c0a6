"""A small estate of real processes on the loopback, and a hub that watches it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from tests.ports import free_port
from tests.yardstick import PATIENCE
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOT = Path(__file__).parents[2]
_POLL = 0.05  # seconds between looks at a process that has no other way to tell us


async def until(condition: Callable[[], Awaitable[object] | object], *, within: float = PATIENCE, what: str):
    """What *condition* gives once that is true; fails with *what* when it is not *within* seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = condition()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(_POLL)


@dataclass
class Process:
    """A program that runs until the test ends; `out` is a file with what it said."""

    command: list[str]
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self.folder / "out").open("ab") as out:
            self.running = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self.folder,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.env},
                start_new_session=True,
            )

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self.running is not None
        with contextlib.suppress(ProcessLookupError):
            self.running.send_signal(how)
        return await self.running.wait()

    def said(self) -> str:
        return (self.folder / "out").read_text("utf-8", "replace")


async def listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


def nginx(folder: Path, port: int) -> Process:
    """A web server in one process, so that SIGKILL leaves nobody behind."""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "fastcgi", "scgi", "uwsgi", "proxy")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}} http {{ access_log off; {temporary}"
        f'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "Sign in"; }} }} }}\n'
    )
    return Process(["/usr/sbin/nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], folder)


def dnsmasq(folder: Path, port: int) -> Process:
    command = [
        "/usr/sbin/dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--listen-address=127.0.0.1",
        "--bind-interfaces", f"--port={port}", "--address=/www.acme.example/192.0.2.7", "--user=root", f"--pid-file={folder}/pid",
    ]  # fmt: skip
    return Process(command, folder)


def echo(folder: Path, port: int) -> Process:
    script = (
        "import socketserver\n"
        "class Echo(socketserver.StreamRequestHandler):\n"
        "    def handle(self):\n"
        "        for line in self.rfile: self.wfile.write(line)\n"
        "socketserver.ThreadingTCPServer.allow_reuse_address = True\n"
        f"socketserver.ThreadingTCPServer(('127.0.0.1', {port}), Echo).serve_forever()\n"
    )
    return Process([sys.executable, "-c", script], folder)


def openssl(folder: Path, port: int) -> Process:
    """A TLS server with a certificate of its own authority, whose file is `ca.pem`."""
    import trustme

    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return Process(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{folder}/server.pem", "-quiet"],
        folder,
    )


def rows(store: Path, sql: str, *values: object) -> list[tuple]:
    """What a stock SQLite reads in *store*."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


class Hub(Process):
    """`threenines run` on a configuration in *folder*, whose listeners are at `page` and `operators`."""

    def __init__(self, folder: Path, text: str) -> None:
        self.page, self.operators = free_port(), free_port()
        listen = f"listen: {{page: 127.0.0.1:{self.page}, operators: 127.0.0.1:{self.operators}}}\n"
        (folder / "checks.yaml").write_text(text + listen)
        self.store = folder / "threenines.db"
        super().__init__([sys.executable, "-m", "watch", "run"], folder, {"PYTHONPATH": str(ROOT)})

    async def begin(self) -> None:
        """Start, and return once the first readings are judged."""
        await self.start()
        await until(self.ready, what=f"the hub is ready; it said: {self.said()}")

    async def ready(self) -> bool:
        assert self.running is not None
        assert self.running.returncode is None, self.said()
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            return (await self.answer(self.operators, "/readyz"))[0] == 200
        return False

    async def answer(self, port: int, path: str) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            return response.status, await response.text()

    async def summary(self) -> dict:
        return json.loads((await self.answer(self.page, "/api/v2/summary.json"))[1])

    async def public(self, name: str) -> str | None:
        """The public status of the component called *name*."""
        components = (await self.summary())["components"]
        return next((c["status"] for c in components if c["name"] == name), None)

    async def verb(self, *words: str) -> tuple[int, str]:
        """What another `threenines` says, run beside the hub: its exit code and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watch", *words, cwd=self.folder, env={**os.environ, **self.env},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    def rows(self, sql: str, *values: object) -> list[tuple]:
        """What a stock SQLite reads in the store."""
        return rows(self.store, sql, *values)

    def downtime_ms(self, check: str, until_ms: int) -> int:
        """The downtime of *check* up to an instant, added up from the ledger's transitions by hand."""
        sql = "SELECT effective_ms, body FROM ledger WHERE kind = 'transition' AND subject = ? ORDER BY seq"
        down, since = 0, None
        for effective_ms, body in self.rows(sql, check):
            if since is not None:
                down, since = down + effective_ms - since, None
            if json.loads(body)["to"] == State.DOWN:
                since = effective_ms
        return down + (until_ms - since if since is not None else 0)
