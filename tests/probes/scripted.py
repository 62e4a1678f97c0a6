"""Peers that speak in lines by a script."""

from __future__ import annotations


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
