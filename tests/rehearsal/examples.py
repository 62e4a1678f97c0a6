"""The worked examples of docs/how-to/rehearse.md: each a configuration, a script, and what the command printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "rehearse.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = "$ threenines simulate checks.yaml --script faults.yaml\n"
REPLAY = "$ threenines replay "


class Example(NamedTuple):
    config: str
    script: str
    printed: str


def blocks() -> list[tuple[str, str]]:
    """The language and text of every block of the page."""
    return _BLOCK.findall(PAGE.read_text("utf-8"))


def examples() -> list[Example]:
    found, config, script = [], "", ""
    for language, text in blocks():
        if language == "yaml":
            config = text
        elif language == "yml":
            script = text
        elif text.startswith(COMMAND):
            found.append(Example(config, script, text.removeprefix(COMMAND)))
    return found


def replayed() -> tuple[list[str], str]:
    """The words of the replay on the page, and the end of what it printed."""
    (text,) = (text for _, text in blocks() if text.startswith(REPLAY))
    command, _, printed = text.partition("\n")
    words = re.findall(r"'([^']*)'|(\S+)", command.removeprefix("$ threenines "))
    return [quoted or plain for quoted, plain in words], printed


def other(config: str) -> str:
    """The other configuration that the page speaks of."""
    return config.replace("after: 15m", "after: 5m").replace(
        "people: [alice, bob], every", "people: [bob], every"
    )
