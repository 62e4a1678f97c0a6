"""Sends one notice over one channel, in a process that can be killed (`watch.alerts.child`).

Starting that process costs 1.2 s of CPU time, so `warm` starts it before it is needed. If it dies or does not
answer, the sends under way have failed and will be retried, and the next send starts a new process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watch.alerts.message import SendOutcome, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.alerts.message import Message
    from watch.core.settings import Secret

log = logging.getLogger(__name__)

# The child imports the same `watch` as we, and nothing from the folder that it is started in.
_ROOT = Path(__file__).parents[2]
_CHILD = "import sys; sys.path.insert(0, sys.argv.pop(1)); from watch.alerts.child import main; main()"
_SILENT = 3.0  # seconds after the hard limit; without an answer by then, the sending process itself hangs
# The environment variables that a plug-in may need; others may hold secrets.
_PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"))
_TRUST = frozenset(("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"))
_ENVIRONMENT = _PROXIES | {name.lower() for name in _PROXIES} | _TRUST | {"PATH", "LANG", "LC_ALL", "TZ"}


class Sender:
    """Sends notices. Any number of sends may run at once; each has its own process.

    Args:
        soft: Seconds after which a send is interrupted; *hard*: after which its process is killed.
    """

    def __init__(self, soft: float = 10.0, hard: float = 15.0) -> None:
        self._soft, self._hard = soft, hard
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[SendOutcome]] = {}
        self._last = 0

    async def warm(self) -> None:
        """Start the process now if it does not run, so that the first notice need not wait for it."""
        await self._started()

    async def send(self, url: Secret, message: Message) -> SendOutcome:
        """Send one notice. Returns within the hard limit plus 3 s; raises nothing but cancellation."""
        self._last += 1
        number = self._last
        future: asyncio.Future[SendOutcome] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        process = None
        try:
            process = await self._started()
            request = {
                "id": number, "url": url.reveal(), "tone": message.tone, "urgent": message.urgent,
                "letters": [(letter.title, letter.body) for letter in message.letters],
                "threads": [(thread.key, thread.open) for thread in message.threads],
            }  # fmt: skip
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            async with asyncio.timeout(self._hard + _SILENT):
                await process.stdin.drain()
                return await future
        except TimeoutError:
            await self._end(process)
            return SendOutcome(Sent.TEMPORARY, "the sending process did not answer and was killed")
        except OSError as error:
            await self._end(process)
            return SendOutcome(Sent.TEMPORARY, f"the sending process cannot be started: {error.strerror}")
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Kill the process; sends under way have failed."""
        async with self._starting:
            await self._end(self._process)

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._end(self._process)
                self._process = await _spawn(self._soft, self._hard)
                self._reader = asyncio.create_task(self._read(self._process), name="alerts.sender")
            return self._process

    async def _end(self, process: asyncio.subprocess.Process | None) -> None:
        """Kill *process*, unless another one has replaced it."""
        if process is None or process is not self._process:
            return
        reader, self._process, self._reader = self._reader, None, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if reader is not None:
            await reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass answers on until the process ends; sends under way then have failed."""
        assert process.stdout is not None
        assert process.stdin is not None
        while line := await process.stdout.readline():
            self._settle(json.loads(line))
        process.stdin.close()
        await process.wait()
        if process is self._process:
            log.warning(
                "the sending process ended unexpectedly with exit code %s; the next send starts it again",
                process.returncode,
            )
        for future in self._waiting.values():
            if not future.done():
                future.set_result(SendOutcome(Sent.TEMPORARY, "the sending process died"))

    def _settle(self, answer: dict[str, Any]) -> None:
        future = self._waiting.get(answer["id"])
        if future is not None and not future.done():
            outcome = SendOutcome(Sent(answer["sent"]), str(answer["detail"]), float(answer["retry_after_s"]))
            future.set_result(outcome)


async def _spawn(soft: float, hard: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", _CHILD, str(_ROOT), str(os.getpid()), str(soft), str(hard),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd="/", env=_environment(os.environ),
        start_new_session=True,  # an interrupt at the terminal must not reach the children
    )  # fmt: skip


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a plug-in may need of *ours*. What is on this machine is never asked through a proxy."""
    found = {name: value for name, value in ours.items() if name in _ENVIRONMENT}
    direct = found.get("no_proxy") or found.get("NO_PROXY") or ""
    if direct != "*":
        direct = ",".join(part for part in (direct, "127.0.0.1") if part)
    return found | {"no_proxy": direct, "NO_PROXY": direct}
