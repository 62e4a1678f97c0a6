"""How the suite is run. Properties have no deadline: a busy machine is no bug, and pytest's own timeout stops what hangs.

Workers take tests file by file, so that what a module's fixtures start is started once. In the folders whose tests
wait most they take single tests, and these come first: a long one that came last would run alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_TESTS = Path(__file__).parent
_FIRST = ("acceptance", "cli", "hub", "config", "statuspage")
_SINGLY = ("acceptance", "cli", "hub")
_WHOLE = ("test_every_kind.py", "test_rebuild.py", "test_verification.py")  # what these start is dear


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order."""
    items.sort(key=lambda item: _place(item.path.relative_to(_TESTS).parts[0]))


def _place(folder: str) -> int:
    return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)


class Dealing(LoadScopeScheduling):
    """Deals out files, or single tests."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        _, folder, *_ = Path(file).parts
        return nodeid if folder in _SINGLY and not file.endswith(_WHOLE) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Dealing:
    """Deal out the tests in the order above."""
    config.option.loadscopereorder = False
    return Dealing(config, log)
