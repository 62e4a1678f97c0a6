"""The error for a wrong expectation, with its place."""

from __future__ import annotations


class ExpectationError(ValueError):
    """An expectation cannot be compiled.

    Args:
        message: What is wrong.
        offset: The index of the wrong character in the expectation, from 0.
        cure: What to write instead; empty when the message says it all.
        text: The expectation.
        place: The list and the index (`("expect", 0)`) of an expectation from a list.
    """

    def __init__(self, message: str, offset: int, cure: str = "", *, text: str = "") -> None:
        super().__init__(f"{message}: {cure}" if cure else message)
        self.message = message
        self.offset = offset
        self.cure = cure
        self.text = text
        self.place: tuple[str, int] | None = None
