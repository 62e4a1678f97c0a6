"""The current goes at any instant of a hub's life, of a restore and of a migration: nothing that was acknowledged is lost.

What is tried is in `power.py` and `cut_copies.py`; `make soak` does it often.
"""

from __future__ import annotations

from tests.acceptance import cut_copies, moments, power
from tests.acceptance.killed import Targets
from tests.acceptance.past import lived
from tests.alerts.receiver import Serving

CUTS = 60


async def test_a_cut_in_a_life_from_the_first_start_on_loses_nothing_that_was_known_outside(tmp_path, seed):
    async with Targets() as targets, Serving() as phone:
        life = await power.lived(tmp_path / "new", targets, phone)
        unmade = await power.examined(life, tmp_path / "cut", CUTS, f"{seed} new", started=4)
    assert unmade < CUTS, "no store was there at all"


async def test_a_cut_in_a_life_that_goes_on_after_months_loses_nothing_that_was_known_outside(tmp_path, seed):
    async with Targets() as targets, Serving() as phone:
        past = await lived(tmp_path / "past")
        life = await power.lived(tmp_path / "old", targets, phone, past=past)
        assert not await power.examined(life, tmp_path / "cut", CUTS, f"{seed} old", started=4)


async def test_a_cut_in_a_restore_leaves_the_old_store_or_the_new_one(tmp_path, seed):
    await cut_copies.in_restores(
        tmp_path, await moments.pasts_in(tmp_path / "pasts", readings=300), seed, CUTS
    )


async def test_a_cut_in_a_restore_of_a_damaged_store_never_leaves_none_and_keeps_the_damaged_one(
    tmp_path, seed
):
    pasts = await moments.pasts_in(tmp_path / "pasts", readings=300)
    await cut_copies.in_restores_of_damaged(tmp_path, pasts, seed, CUTS)


async def test_a_cut_in_a_migration_moves_the_schema_whole_and_after_its_copy(tmp_path, seed):
    await cut_copies.in_migrations(
        tmp_path, await moments.pasts_in(tmp_path / "pasts", readings=300), seed, CUTS
    )
