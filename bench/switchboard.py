"""Thousands of web targets in one process: `/17` answers 200, or 503 while target 17 is down.

Run as a program it serves on 64 addresses of the loopback at the port in its argument, and reads on standard input who
goes down and who comes back: `down 0 1000`, `up 5 6`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from bench.ours import ROOT
from bench.process import OTHERS, free_port
from bench.targets import answered

if TYPE_CHECKING:
    from types import TracebackType

# The hub never has more than eight runs to one host at the same time.
_HOSTS = tuple(f"127.0.1.{n}" for n in range(1, 65))
_ANSWERS = {
    False: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    True: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
_BACKLOG = 4096


class Switchboard:
    """The process that serves, during a block."""

    def __init__(self) -> None:
        self._port = free_port()

    def url(self, number: int) -> str:
        """The target called *number*."""
        return f"http://{_HOSTS[number % len(_HOSTS)]}:{self._port}/{number}"

    def down(self, first: int, end: int) -> None:
        """The targets from *first* up to *end*, without it, go down."""
        self._tell(f"down {first} {end}")

    def up(self, first: int, end: int) -> None:
        """They come back."""
        self._tell(f"up {first} {end}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        command = ["taskset", "-c", str(OTHERS), sys.executable, "-m", "bench.switchboard", str(self._port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
        try:
            answered(self.url(0))
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class _Line(asyncio.Protocol):
    """One connection: one request, one answer."""

    def __init__(self, down: set[int]) -> None:
        self._down = down

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        number = int(data.split(b" ", 2)[1].strip(b"/") or 0)
        self._transport.write(_ANSWERS[number in self._down])
        self._transport.close()


async def _serve(port: int) -> None:
    down: set[int] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(down), _HOSTS, port, backlog=_BACKLOG)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        word, first, end = line.split()
        change = down.update if word == b"down" else down.difference_update
        change(range(int(first), int(end)))
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
