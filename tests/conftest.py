"""How the suite is run. Properties have no deadline: a busy machine is no bug, and pytest's own timeout stops what hangs.

Workers take tests file by file, so that what a module's fixtures start is started once. In the folders whose tests
wait most they take single tests, and these come first: a long one that came last would run alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_TESTS = Path(__file__).parent
_FIRST = ("acceptance", "cli", "hub", "config", "statuspage")
_SINGLY = (
    "acceptance",
    "cli",
    "hub",
)  # but for files with a group of their own: their fixtures last for the file


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order, and into the groups that go to one worker (`--dist loadgroup`)."""
    items.sort(key=lambda item: _place(_folder(item)))
    for number, item in enumerate(items):
        if item.get_closest_marker("xdist_group") is None:
            group = str(number) if _folder(item) in _SINGLY else f"{_folder(item)}.{item.path.stem}"
            item.add_marker(pytest.mark.xdist_group(group))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(_TESTS).parts[0]


def _place(folder: str) -> int:
    return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)
