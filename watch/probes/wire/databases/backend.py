"""What several databases share: one query that only reads, and numbers read from text.

The operator writes the query, but a check must not write by mistake. So a query must be one statement that
begins with a word that reads, and runs in a read-only transaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.core.reading import FactValue

_READS = re.compile(r"\s*\(*\s*(?:select|show|with|table|values|describe|desc|explain)\b", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d{1,18}")
MOST_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Query:
    """A statement of the operator's own.

    Options:
        query: One statement to run; it begins with SELECT, WITH, SHOW, VALUES, TABLE or EXPLAIN.
        statement_timeout: After how long the server itself ends a statement, even after the check has gone.
    """

    __slots__ = ()
    query: str | None = None
    statement_timeout: timedelta = timedelta(seconds=5)

    def check_query(self) -> None:
        """Raise ValueError unless the query begins like one that only reads."""
        if self.query is not None and not _READS.match(self.query):
            raise ValueError(
                "query: a check only reads; begin with SELECT, WITH, SHOW, VALUES, TABLE or EXPLAIN"
            )
        check_statement_timeout(self.statement_timeout)


def check_statement_timeout(given: timedelta) -> None:
    if not timedelta(milliseconds=1) <= given <= timedelta(minutes=10):
        raise ValueError("statement_timeout: from 1ms to 10m")


def answer(rows: int, first: str | None) -> dict[str, FactValue]:
    """Return the facts of a query with that many *rows*; *first*: the first value of the first row."""
    facts: dict[str, FactValue] = {"rows": rows}
    if first is not None:
        facts["answer"] = first[:200]
        value = number(first)
        if value is not None:
            facts["value"] = value
    return facts


def number(text: str) -> float | int | None:
    """Return *text* as a number, None when it is not one."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None
