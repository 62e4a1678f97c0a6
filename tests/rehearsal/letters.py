"""The letters of docs/how-to/letters.md: a rehearsal of its configuration and script, sent to a receiver on the loopback.

`python -m tests.rehearsal.rewrite` writes them into the page; `test_letters.py` compares them with it.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.alerts.receiver import Serving
from watch.alerts.letter import letters
from watch.alerts.message import Letter, Message
from watch.alerts.preview import previewed
from watch.alerts.rehearsal import test_message as message_of_a_test
from watch.alerts.sender import Sender
from watch.config import load
from watch.core.alert import Alert, Event, dedup_key
from watch.core.settings import When
from watch.errors import ConfigError
from watch.refusal import refusal
from watch.rehearsal.script_file import script_at
from watch.rehearsal.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "letters.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The letters of the rehearsal that the page shows: the first with such a title, in the order of the page.
SHOWN = (
    r"DOWN: Web site$", r"RESOLVED: Web site", r"DOWN: .*; 1 degraded$", r"REDUNDANCY LOST: ", r"DEGRADED: Web site",
    r"NO DATA: ", r"FLAPPING: ", r"RESOLVED: Files .* of ", r"DELIVERED LATE: ", r"CLOSED BY HAND: ", r"DOWN: Printers\n.*closed it by hand",
    r"MONITORING TROUBLE: vantage point",
)  # fmt: skip
SMS = 160  # characters


def blocks(language: str) -> list[str]:
    """The blocks of the page in *language*."""
    return [text for found, text in _BLOCK.findall(PAGE.read_text("utf-8")) if found == language]


def told() -> list[str]:
    """All letters that the page shows, in its order, as they arrive."""
    return asyncio.run(_arrived())


def rewritten() -> str:
    """The page with what arrives now."""
    found = iter(told())
    return _BLOCK.sub(lambda it: it[0] if it[1] else f"```\n{next(found)}\n```", PAGE.read_text("utf-8"))


async def _arrived() -> list[str]:
    with TemporaryDirectory() as made:
        folder = Path(made)
        (config,), (script,) = blocks("yaml"), blocks("yml")
        (folder / "checks.yaml").write_text(config, "utf-8")
        (folder / "faults.yaml").write_text(script, "utf-8")
        settings = load(folder / "checks.yaml", secrets=False, environ={}).settings
        simulation = Simulation(settings, script_at(folder / "faults.yaml", settings))
        await simulation.run()
        others = list(_others(settings, folder, simulation.diary.lines[0].at_ms))
    said = [
        Letter(line.facts["subject"], line.facts["body"])
        for line in simulation.diary.lines
        if line.kind == "page"
    ]
    return await _sent([*_shown(said), *others])


def _shown(said: list[Letter]) -> Iterator[Letter]:
    left = list(said)
    for title in SHOWN:
        found = next((it for it in left if re.search(title, f"{it.title}\n{it.body}", re.MULTILINE)), None)
        assert found is not None, f"no letter like {title} in {[it.title for it in said]}"
        left.remove(found)
        yield found


def _others(settings: Settings, folder: Path, now_ms: int) -> Iterator[Letter]:
    """Those that no rehearsal has: a mistaken file, a test, and a text message."""
    name, cure = _refused(folder / "checks.yaml")
    mistaken = Alert(
        id=31, when=When.MONITOR, subject="config_reload", name=name, n=1, opened_ms=now_ms, since_ms=now_ms - 300_000,
        recipients=("alice",), policies=(), dedup_key=dedup_key(settings.service.name, When.MONITOR, "config_reload", 1),
        detail=cure,
    )  # fmt: skip
    yield letters([(Event.TRIGGERED, mistaken)], settings, lines=["To acknowledge: threenines ack 31"])[0]
    yield message_of_a_test("alice", 1, "bob", settings, now_ms).letters[0]
    short = previewed(settings, When.DOWN, ["web", "mail", "files"], "alice", now_ms, recovered=False)
    yield next(it for it in short if len(it.title) + len(it.body) < SMS)


def _refused(path: Path) -> tuple[str, str]:
    """What is said of the configuration at *path* after somebody made two typing errors."""
    text = path.read_text("utf-8").replace("people:", "poeple:")
    path.write_text(text.replace("when: monitor", "when: monitro"), "utf-8")
    try:
        load(path, secrets=False, environ={})
    except ConfigError as error:
        return refusal(error, path)
    raise AssertionError("it has mistakes")


async def _sent(said: list[Letter]) -> list[str]:
    """What arrived when *said* was sent as the product sends."""
    sender = Sender()
    try:
        async with Serving() as phone:
            for letter in said:
                await sender.send(phone.channel("alice"), Message((letter,)))
            return [f"{body['title']}\n\n{body['message']}" for _, body in phone.received]
    finally:
        await sender.close()
