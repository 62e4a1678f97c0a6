"""What the core's users need of the outside world, said in our own words.

The tree of errors, each of which is a sentence for a person and none of which is a bug:

    Trouble                       the root; its text is what the user reads
    ├── ConfigError               checks.yaml is wrong: all mistakes, with their places
    ├── StoreError                the database cannot be opened, read or written
    │   ├── StoreHeld             another hub holds it (exit 3)
    │   └── StoreCorrupt          it is damaged: nothing was changed, and here is the way back
    └── ListenError               an address cannot be bound
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import Reading


class Trouble(Exception):  # noqa: N818 - the users' word for it
    """Something the user can put right. The text says what, where and how; `exit_code` is the command's."""

    exit_code = 2


class ConfigError(Trouble):
    """checks.yaml cannot be used."""


class StoreError(Trouble):
    """The database cannot be opened, read or written."""


class StoreHeld(StoreError):
    """Another hub holds the store."""

    exit_code = 3


class StoreCorrupt(StoreError):
    """The database is damaged."""


class ListenError(Trouble):
    """An address cannot be bound."""


class Probe(Protocol):
    """Asks one target one question, once.

    A probe is a frozen dataclass: its fields are its options in checks.yaml. It neither retries, nor times itself
    out, nor keeps state between runs: the prober does the first two, the core does the third.
    """

    async def run(self, *, now: datetime) -> Reading:
        """Return what was found; raise `ProbeFailure` for the target's fault, `OurFault` for ours.

        A probe that could ask returns *up* and its facts: whether they are good enough is for the
        expectations to say.
        """


class Clock(Protocol):
    """The only way to learn the time or to wait. Tests pass one that jumps."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* on the monotonic clock."""
