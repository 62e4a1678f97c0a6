"""Latencies as a histogram whose buckets grow by 2^⅛, about fifty bytes per hour.

Bucket i counts latencies in (2^((i-1)/8), 2^(i/8)] seconds: schema 3 of Prometheus' native histograms. A
quantile is off by 2^(1/16) at most, 4.4 % either way, over any span: merging adds counts, so hours can be
merged to days and months without loss. Sum and maximum are whole nanoseconds, so that merging in any order
gives the same bytes.
"""

from __future__ import annotations

from math import ceil, inf, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = 1
_PER_OCTAVE = 8
# From a nanosecond (anything shorter counts as that) to 34 years: includes every latency.
_LOWEST, _HIGHEST = -30 * _PER_OCTAVE, 30 * _PER_OCTAVE
_NS = 10**9


class Sketch:
    """A mergeable histogram of latencies."""

    __slots__ = ("_buckets", "_max_ns", "_sum_ns", "count")

    def __init__(self) -> None:
        self.count = 0
        self._buckets: dict[int, int] = {}
        self._sum_ns = 0
        self._max_ns = 0

    def add(self, seconds: float) -> None:
        """Count one latency; ValueError when it is negative, infinite or not a number."""
        if not 0 <= seconds < inf:
            raise ValueError(f"a latency of {seconds} s")
        index = ceil(log2(seconds) * _PER_OCTAVE) if seconds else _LOWEST
        if not _LOWEST <= index < _HIGHEST:
            index, seconds = (_LOWEST, seconds) if index < _LOWEST else (_HIGHEST, min(seconds, 2.0**30))
        ns = round(seconds * _NS)
        self._buckets[index] = self._buckets.get(index, 0) + 1
        self.count += 1
        self._sum_ns += ns
        self._max_ns = max(self._max_ns, ns)

    def merge(self, other: Sketch) -> None:
        """Add the counts of *other*."""
        for index, count in other._buckets.items():
            self._buckets[index] = self._buckets.get(index, 0) + count
        self.count += other.count
        self._sum_ns += other._sum_ns
        self._max_ns = max(self._max_ns, other._max_ns)

    @property
    def sum(self) -> float:
        """The sum of all latencies, in seconds."""
        return self._sum_ns / _NS

    @property
    def max(self) -> float:
        """The longest latency, in seconds; 0 when there is none."""
        return self._max_ns / _NS

    def quantile(self, q: float) -> float | None:
        """Return the latency that a share *q* (0..1) did not exceed, in seconds; None when empty."""
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile of {q}: it lies between 0 and 1")
        passed, rank = 0, q * (self.count - 1)
        for index in sorted(self._buckets):
            passed += self._buckets[index]
            if passed > rank:
                return min(self.max, 2 ** ((index - 0.5) / _PER_OCTAVE))
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def to_bytes(self) -> bytes:
        """Return it as bytes: the same for the same latencies, in whatever order they were merged."""
        out = bytearray((_VERSION,))
        for number in (self._sum_ns, self._max_ns, len(self._buckets)):
            _write(out, number)
        previous = _LOWEST - 1
        for index in sorted(self._buckets):
            _write(out, index - previous - 1)
            _write(out, self._buckets[index])
            previous = index
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """Return the sketch that `to_bytes` wrote; ValueError for other bytes."""
        if data[:1] != bytes((_VERSION,)):
            raise ValueError("these bytes are not a sketch of this version")
        numbers = _numbers(data)
        sketch = cls()
        sketch._sum_ns, sketch._max_ns, size = next(numbers, 0), next(numbers, 0), next(numbers, -1)
        index = _LOWEST - 1
        for _ in range(max(size, 0)):
            index += next(numbers, _HIGHEST * 2) + 1
            count = next(numbers, 0)
            if index > _HIGHEST or count < 1:
                raise ValueError("this sketch is damaged: an impossible bucket")
            sketch._buckets[index] = count
            sketch.count += count
        if size < 0 or next(numbers, None) is not None:
            raise ValueError("this sketch is damaged: cut off or too long")
        return sketch


def _write(out: bytearray, number: int) -> None:
    """Append *number* in groups of seven bits, the lowest first."""
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _numbers(data: bytes) -> Iterator[int]:
    """The numbers after the version byte; ValueError for one that is cut off or absurd."""
    number = shift = 0
    for byte in data[1:]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
        elif shift > 77:  # twelve groups: a sum of ten million years, which is impossible
            raise ValueError("this sketch is damaged: a number without an end")
    if shift:
        raise ValueError("this sketch is damaged: cut off")
