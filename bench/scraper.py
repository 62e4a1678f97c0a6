"""A cheap scraper: sends requests to an exporter at a steady rate over a few persistent connections.

It replaces Prometheus in a separate process, whose CPU time is not counted. It reads an order as JSON from stdin and
writes the number of successful probes to stdout.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from typing import Any

_LINES = 16  # connections


async def _line(order: dict[str, Any], number: int, began: float) -> int:
    """Request every sixteenth path at its time; returns the number of successful probes."""
    clock = asyncio.get_running_loop().time
    reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
    coding = "Accept-Encoding: gzip\r\n" if order["gzip"] else ""
    good = 0
    for index in range(number, len(order["paths"]), _LINES):
        await asyncio.sleep(max(0.0, began + index / order["rate"] - clock()))
        writer.write(f"GET {order['paths'][index]} HTTP/1.1\r\nHost: localhost\r\n{coding}\r\n".encode())
        good += b"\nprobe_success 1" in await _body(reader)
    writer.close()
    return good


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:size]
        await reader.readline()
    else:
        length = int(head.partition(b"content-length:")[2].split(maxsplit=1)[0])
        body = await reader.readexactly(length)
    return gzip.decompress(body) if b"content-encoding: gzip" in head else body


async def scrape(order: dict[str, Any]) -> int:
    """Carry out *order*: port, paths, rate (requests a second), gzip. Returns the number of successful probes."""
    began = asyncio.get_running_loop().time() + 0.05
    return sum(await asyncio.gather(*(_line(order, number, began) for number in range(_LINES))))


if __name__ == "__main__":
    print(asyncio.run(scrape(json.load(sys.stdin))))
