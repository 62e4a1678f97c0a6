"""What acceptance tests share that pytest must find by its name."""

from __future__ import annotations

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """What a test draws its moments from; a failure shows it, and with it in the environment they are the same again."""
    drawn = int(os.environ.get("THREENINES_SEED", "0")) or random.randrange(1, 10**6)
    print(f"THREENINES_SEED={drawn}")
    return drawn
