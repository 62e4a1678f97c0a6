"""Peers that speak in lines by a script."""

from __future__ import annotations

import asyncio


def lines(greeting, *answers, stays=True):
    """A peer that greets, gives an answer to each line it reads, and then listens, or hangs up."""

    async def talk(reader, writer):
        writer.write(greeting)
        for answer in answers:
            await reader.readline()
            writer.write(answer)
            await writer.drain()
        if stays:
            await reader.read()

    return talk


class Overhearing:
    """A peer that gives an answer to each thing it is told, and remembers all it was told."""

    def __init__(self, *answers, greeting=b""):
        self._greeting, self._answers = greeting, answers
        self._heard, self._over = b"", asyncio.Event()

    async def __call__(self, reader, writer):
        writer.write(self._greeting)
        for answer in self._answers:
            self._heard += await reader.read(4096)
            writer.write(answer)
        self._heard += await reader.read()
        self._over.set()

    async def heard(self):
        """All that was said until the caller hung up."""
        await self._over.wait()
        return self._heard
