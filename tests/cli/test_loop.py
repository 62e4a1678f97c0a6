"""The loop of a command: what is left behind in it shows no traceback and no secret."""

from __future__ import annotations

import asyncio
import gc

from watch.cli.loop import run_loop


def test_what_a_library_leaves_behind_is_one_line_without_its_text(caplog, capfd):
    async def lost() -> None:
        raise RuntimeError("postgres://bob:hunter2@db")

    async def work() -> str:
        task = asyncio.create_task(lost())
        await asyncio.wait([task])
        del task
        gc.collect()
        return "done"

    assert run_loop(work) == "done"
    (line,) = caplog.messages
    assert "RuntimeError at test_loop.py:" in line
    assert "in lost" in line
    assert "hunter2" not in caplog.text + "".join(capfd.readouterr())
    assert "Traceback" not in caplog.text
