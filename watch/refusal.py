"""What is said of a configuration that the hub does not take over: one line, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.wording import one_line
from watch.errors import RestartNeeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from watch.errors import ConfigError, Remark

_RUNS_ON = "the old configuration runs on"
_LISTED, _LONGEST = 5, 160  # mistakes that a letter lists, and characters of each


def refusal(error: ConfigError, path: Path) -> tuple[str, str]:
    """The trouble that *error*, a refusal of the configuration at *path*, is: its text and its cure.

    The text is one line; the cure lists the mistakes, one a line.
    """
    if isinstance(error, RestartNeeded):
        return f"{', '.join(error.settings)} changed in {path.name}, which needs a restart; {_RUNS_ON}", (
            "Stop the hub and start it again to take it over, or undo that change."
        )
    if not error.mistakes:
        return f"{path.name} cannot be taken over; {_RUNS_ON}", f"Correct this: {one_line(str(error), 400)}"
    count, first = len(error.mistakes), error.mistakes[0]
    many = f"{count} mistakes" if count > 1 else "a mistake"
    place = f"{', the first' * (count > 1)} in line {first.line}" if first.line else ""
    file = path.name if not path.is_dir() else f"{path.name}/{_file(first)}"
    lines = _lines(error.mistakes, in_folder=path.is_dir())
    begin = "Correct this; the hub loads the file when you save it:"
    return f"{file} has {many}{place}; {_RUNS_ON}", "\n".join([begin, *lines])


def _lines(mistakes: Sequence[Remark], *, in_folder: bool) -> Iterator[str]:
    for it in mistakes[:_LISTED]:
        place = [f"{_file(it)}:"] if in_folder else []
        place += [f"line {it.line}:"] if it.line else []
        yield one_line(
            " ".join(["-", *place, f"{it.message}; {it.cure}" if it.cure else it.message]), _LONGEST
        )
    if len(mistakes) > _LISTED:
        yield f"and {len(mistakes) - _LISTED} more: `threenines validate` lists all"


def _file(remark: Remark) -> str:
    return remark.file.rpartition("/")[2]
