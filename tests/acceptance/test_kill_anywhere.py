"""Fifty times kill -9 where a hub does more than write: nothing acknowledged is lost, and the next start works.

At the checkpoints of months that ended, in the middle of a migration, of a backup, of a restore, and of a reload
(`moments.py`, `copies.py`). `make soak` does fifty of each.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.acceptance import copies, moments

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pasts(tmp_path_factory) -> dict[str, Path]:
    return asyncio.run(moments.pasts_in(tmp_path_factory.mktemp("pasts")))


async def test_a_hub_killed_at_its_checkpoints_makes_them_all_the_same(tmp_path, pasts, seed):
    await moments.at_checkpoints(tmp_path, pasts, seed, 10)


async def test_a_migration_killed_anywhere_moves_the_schema_whole_and_after_its_copy(tmp_path, pasts, seed):
    await copies.of_migrations(tmp_path, pasts, seed, 12)


async def test_a_backup_killed_anywhere_is_whole_or_absent_and_the_next_one_works(tmp_path, pasts, seed):
    await copies.of_backups(tmp_path, pasts, seed, 8)


async def test_a_hub_killed_at_a_backup_leaves_it_whole_or_absent(tmp_path, pasts, seed):
    await copies.of_hubs_at_a_backup(tmp_path, pasts, seed, 4)


async def test_a_restore_killed_anywhere_leaves_the_old_store_or_the_new_one(tmp_path, pasts, seed):
    await copies.of_restores(tmp_path, pasts, seed, 5)


async def test_a_restore_killed_where_there_was_no_store_does_not_hinder_the_next_one(tmp_path, pasts, seed):
    await copies.of_restores_to_nowhere(tmp_path, pasts, seed, 3)


async def test_a_hub_killed_at_a_reload_has_on_record_what_it_answered(tmp_path, pasts, seed):
    await moments.at_reloads(tmp_path, pasts, seed, 8)
