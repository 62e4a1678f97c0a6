"""What is wrong with an expectation, and where the caret goes."""

from __future__ import annotations


class ExpectationError(ValueError):
    """An expectation cannot be compiled.

    Args:
        message: What is wrong.
        offset: The character of the expectation at which it goes wrong, from 0.
        cure: What to write instead; empty when the message says it all.
        text: The expectation.
        place: In which list it stood and where (`("expect", 0)`), when it was one of a list.
    """

    def __init__(self, message: str, offset: int, cure: str = "", *, text: str = "") -> None:
        super().__init__(f"{message}: {cure}" if cure else message)
        self.message = message
        self.offset = offset
        self.cure = cure
        self.text = text
        self.place: tuple[str, int] | None = None
