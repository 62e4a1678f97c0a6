"""Header lines as a mapping, parsed only when an expectation reads them; most checks never do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Lower-case names to text; values of a repeated name are joined by commas."""

    __slots__ = ("_lines", "_read")

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._read: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        if self._read is None:
            read: dict[str, str] = {}
            self._read = read
            for line in self._lines:
                name, colon, value = line.decode("latin-1").partition(":")
                if colon and not name.startswith("HTTP/"):
                    key, text = name.strip().lower(), value.strip()
                    read[key] = f"{read[key]}, {text}" if key in read else text
        return self._read
