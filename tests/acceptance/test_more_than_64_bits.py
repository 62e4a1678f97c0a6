"""A target says how many, and the number fits in no store: the hub lives, the reading counts, the number is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.estate import Hub, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLAN = """
service: {{name: Big}}
defaults: {{every: 1s, timeout: 10s, retry_every: 300ms}}
components:
  cache: {{name: Cache, checks: {{redis: {{redis: "127.0.0.1:{port}", expect: [keys >= 0]}}}}}}
  wire: {{name: Wire, checks: {{port: {{tcp: "127.0.0.1:{port}"}}}}}}
"""
MANY, DATABASES = 10**18 - 1, 20  # each count is in order; their sum is beyond 64 bits


class Redis:
    """A server with the manners of Redis and *keys* keys in each of its databases."""

    def __init__(self, keys: int, databases: int) -> None:
        self.keys, self.databases, self.asked, self.port = keys, databases, 0, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    length = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(length + 2))[:-2])
                if words[0].upper() == b"INFO":
                    self.asked += 1
                    keys = "".join(f"db{n}:keys={self.keys},expires=0\r\n" for n in range(self.databases))
                    info = f"role:master\r\nused_memory:1024\r\n{keys}".encode()
                    writer.write(b"$%d\r\n%b\r\n" % (len(info), info))
                else:
                    writer.write(b"+PONG\r\n")
                await writer.drain()
        writer.close()


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    made = Redis(MANY, DATABASES)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


@pytest.fixture
async def hub(tmp_path, redis) -> AsyncIterator[Hub]:
    made = Hub(tmp_path, PLAN.format(port=redis.port))
    yield made
    if made.running is not None and made.running.returncode is None:
        await made.kill()


def newest(hub: Hub) -> tuple[str, str, str]:
    """Verdict, detail and facts of the newest reading of the cache that is on disk."""
    sql = (
        "SELECT verdict, detail, body FROM observation JOIN name ON name.id = check_id "
        "WHERE text = 'cache/redis' ORDER BY observation.id DESC LIMIT 1"
    )
    (row,) = hub.rows(sql)
    return row


async def test_a_count_that_no_store_can_hold_is_dropped_and_said_and_the_hub_goes_on(hub, redis):
    await hub.begin()
    await until(lambda: redis.asked > 3, what="it is asked again and again")
    assert await hub.ready()
    verdict, detail, body = newest(hub)
    assert (verdict, detail) == ("up", "not kept, for no store can hold it: keys")
    facts = json.loads(body)[0]
    assert "keys" not in facts
    assert (facts["role"], facts["memory"]) == ("primary", 1024)
    code, said = await hub.verb("status", "--json")
    assert code == 0
    told = {c["name"]: c for part in json.loads(said)["components"] for c in part["checks"]}
    assert told["cache/redis"]["state"] == told["wire/port"]["state"] == "up"
    assert "keys" in told["cache/redis"]["detail"]
    assert "Traceback" not in hub.said()


async def test_a_restart_finds_nothing_on_disk_that_it_cannot_read(hub, redis):
    await hub.begin()
    asked = redis.asked
    await hub.kill(signal.SIGKILL)
    await hub.begin()
    await until(lambda: redis.asked > asked + 2, what="it is asked by the second hub")
    assert await hub.public("Cache") == "operational"
    hub.running.send_signal(signal.SIGTERM)
    await until(lambda: hub.running.returncode is not None, what="it has drained")
    assert hub.running.returncode == 0


async def test_a_count_that_is_honest_again_is_kept_again(hub, redis):
    await hub.begin()
    redis.databases = 1
    await until(lambda: f'"keys":{MANY}' in newest(hub)[2], what="what a store can hold is kept")
    assert newest(hub)[1] == ""
