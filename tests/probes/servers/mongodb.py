"""The scripted MongoDB of the tests in a process of its own: no real one can be had."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, words

AGAINST = words("a scripted peer; never run against a real server")
ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def stand(site):
    port = free_port()
    program = [sys.executable, "-m", __name__, port]
    with running(*program, places=[("127.0.0.1", port)], user=False, cwd=ROOT) as process:
        yield Stood(process, {"mongodb": Asked(f"127.0.0.1:{port}")})


async def serve(port):
    from tests.probes.mongo import Mongo  # its BSON is pymongo's, which nobody else pays for

    async def talk(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError), contextlib.closing(writer):
            await Mongo()(reader, writer)

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
