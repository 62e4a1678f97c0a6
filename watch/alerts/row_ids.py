"""The ids of alerts and notices: they share one sequence."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from watch.core.alert import Alert, Notice


def ids_after(alerts: Iterable[Alert], notices: Iterable[Notice]) -> Callable[[], int]:
    """Returns a new id each time it is called: one after the largest of these rows, and so on."""
    rows: Iterator[Alert | Notice] = itertools.chain(alerts, notices)
    return itertools.count(max((row.id for row in rows), default=0) + 1).__next__
