"""How often letters may leave: token buckets for people and for channels.

A bucket holds some letters, and gets one more after each interval. So the first pages of an outage leave at once, and a
storm of them becomes a few letters that name everything that has happened since the last one. Nothing is lost by
waiting: what a recipient should know is compared with what they have heard when their turn comes.

* A person's bucket is `alerting.pace`. A letter that only says that something is over leaves two letters in it, for
  what may fail next: recoveries are never in a hurry.
* A letter that nobody has got yet, and that a newer one replaces before it was tried, gives its turn back.
* Retries and next channels cost a person nothing: they are the same letter.
* A channel, which several people may share, has a bucket of its own. Services refuse more than about one message a
  second (Slack, Telegram, Discord).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVE = 2  # letters that recoveries leave in a person's bucket
CHANNEL_BURST, CHANNEL_EVERY_MS = 20, 1_000
K = TypeVar("K")


class Pace(Generic[K]):
    """A bucket for each key, full at first.

    Args:
        burst: How many letters a bucket holds. every_ms: After how long it gets another one.
    """

    def __init__(self, burst: int, every_ms: int) -> None:
        self.set(burst, every_ms)
        # When the bucket is full again, Unix time in ms; a bucket that is not in here is full.
        self._full_ms: dict[K, int] = {}

    def set(self, burst: int, every_ms: int) -> None:
        """Replace the pace; what was taken stays taken."""
        self._burst, self._every_ms = burst, every_ms

    def next_ms(self, key: K, now_ms: int, *, reserve: int = 0) -> int:
        """The first instant from *now_ms* on at which a letter may leave so that *reserve* letters stay."""
        lacking = 1 + min(reserve, self._burst - 1)
        return max(now_ms, self._full(key, now_ms) - (self._burst - lacking) * self._every_ms)

    def take(self, key: K, now_ms: int) -> None:
        """A letter leaves."""
        self._full_ms[key] = self._full(key, now_ms) + self._every_ms

    def give_back(self, key: K) -> None:
        """A letter has not left after all."""
        if key in self._full_ms:
            self._full_ms[key] -= self._every_ms

    def rename(self, names: Mapping[K, K]) -> None:
        """Know keys by other names: former → new."""
        moved = {new: self._full_ms.pop(old) for old, new in names.items() if old in self._full_ms}
        self._full_ms.update(moved)

    def _full(self, key: K, now_ms: int) -> int:
        return max(self._full_ms.get(key, now_ms), now_ms)
