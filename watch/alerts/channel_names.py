"""Whether apprise knows a channel at all: asked by `validate`, before somebody needs it at three in the morning."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.settings import Person


def unknown(people: Mapping[str, Person]) -> Iterator[tuple[str, int]]:
    """Whose channel, counted from 1, apprise cannot make anything of. Loads apprise: most of a second."""
    if not any(person.channels for person in people.values()):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plug-ins use modules that Python is to drop
        import apprise  # noqa: PLC0415 - costly, and only for those who have channels

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would print what it could not read
        found = [
            (name, n)
            for name, person in people.items()
            for n, known in enumerate(_known(apprise, person), 1)
            if not known
        ]
    yield from found


def _known(apprise: object, person: Person) -> Iterable[bool]:
    instantiate = apprise.Apprise.instantiate  # type: ignore[attr-defined]  # the module, imported when needed
    return (instantiate(channel.reveal()) is not None for channel in person.channels)
