"""Checks for `validate` whether apprise supports the channels."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.settings import Person


def unknown(people: Mapping[str, Person]) -> Iterator[tuple[str, int]]:
    """(person, channel number from 1) of each channel that apprise does not support. It loads apprise: most of 1 s."""
    if not any(person.channels for person in people.values()):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plug-ins use deprecated modules
        import apprise  # noqa: PLC0415 - slow to import, and only needed with channels

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would print the URL it cannot read
        found = [
            (name, n)
            for name, person in people.items()
            for n, known in enumerate(_known(apprise, person), 1)
            if not known
        ]
    yield from found


def _known(apprise: object, person: Person) -> Iterable[bool]:
    instantiate = apprise.Apprise.instantiate  # type: ignore[attr-defined]  # the module, imported late
    return (instantiate(channel.reveal()) is not None for channel in person.channels)
