"""Properties have no deadline: a busy machine is no bug, and pytest's own timeout stops what hangs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
