"""The errors that end what was asked for: each is a message for the user, and none is a bug.

The tree:

    Trouble                       the root; its text is what the user reads
    ├── ConfigError               checks.yaml is wrong: all mistakes, with their places
    │   └── RestartNeeded         it is right, but a running hub cannot take it over
    ├── StoreError                the database cannot be opened, read or written
    │   ├── StoreHeld             another hub holds it (exit 3)
    │   └── StoreCorrupt          it is damaged; nothing was changed, and the text says how to recover
    └── ListenError               an address cannot be bound
"""

from __future__ import annotations

from dataclasses import dataclass


class Trouble(Exception):  # noqa: N818 - the word in the documentation
    """An error that the user can correct. The text says what, where and how; `exit_code` is the command's."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A mistake or a warning about one place in checks.yaml.

    Args:
        line: Counted from 1, as is *column*; 0 when it is about the file as a whole.
        excerpt: The line with secrets masked, cut to the text around the place.
        pointer: The line under the excerpt: blanks and a caret.
        cure: What to write instead; empty when the message says it all.
        ineffective: A warning that something written there has no effect; others are about what may be a choice.
    """

    file: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    pointer: str = ""
    cure: str = ""
    ineffective: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        shown = [f"    {self.excerpt}", f"    {self.pointer}"] if self.excerpt else []
        cure = [f"    {self.cure}"] if self.cure else []
        return "\n".join([f"{place}: {self.message}", *shown, *cure])


class ConfigError(Trouble):
    """checks.yaml has mistakes: *mistakes* are all of them, in the file's order, and the text lists them."""

    def __init__(self, text: str, mistakes: tuple[Remark, ...] = ()) -> None:
        super().__init__(text)
        self.mistakes = mistakes


class RestartNeeded(ConfigError):  # noqa: N818 - as `Trouble`
    """A running hub cannot take over a change of *settings*."""

    def __init__(self, settings: tuple[str, ...]) -> None:
        super().__init__(
            f"{', '.join(settings)} changed: that needs a restart. The old configuration runs on."
        )
        self.settings = settings


class StoreError(Trouble):
    """The database cannot be opened, read or written."""


class StoreHeld(StoreError):  # noqa: N818 - as `Trouble`
    """Another hub holds the store."""

    exit_code = 3


class StoreCorrupt(StoreError):  # noqa: N818 - as `Trouble`
    """The database is damaged."""


class RowsDamaged(StoreCorrupt):
    """Rows are damaged that `threenines ledger rebuild` removes or makes anew."""


class ListenError(Trouble):
    """An address cannot be bound."""


def place(error: BaseException) -> str:
    """Return where *error* was raised: ``file.py:12 in name``, the innermost frame. It holds no secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name}"
