"""Fixtures of the rehearsal's tests."""

from __future__ import annotations

import pytest

from tests.cli.conftest import threenines
from tests.rehearsal.scenes import Scene

__all__ = ["threenines"]


@pytest.fixture
def scene(tmp_path) -> Scene:
    return Scene(tmp_path)
