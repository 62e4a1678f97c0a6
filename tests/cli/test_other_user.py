"""A user who may not ask the hub of another one: every verb says whose it is and how to act as them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.running import CONFIG, running

# Root without its powers: before the files of others as any user is.
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
THEIRS = 1  # the user daemon
MORE = 'people: {bob: {channels: ["json://127.0.0.1:1/"]}}\nrotations: {primary: {people: [bob], every: 1 week, handover: "Mon 09:00", start: 2026-11-02}}\n'
VERBS = [
    "status", "ack", "ack web", "ack --all", "resolve web --reason done", "silence add --for 1h --reason x", "silence list",
    "silence end 1", "oncall", "oncall override bob --to '2030-01-01 00:00'", "oncall override --remove 1",
    "events", "uptime", "explain web", "audit export", "ledger verify", "ledger rebuild", "reload",
    "alert test bob", "backup copy.db", "replay --from '2026-11-01 00:00'", "doctor", "run",
]  # fmt: skip
CURE = "`sudo -u daemon threenines"


async def said(folder: Path, words: str) -> tuple[int, str]:
    import shlex

    process = await asyncio.create_subprocess_exec(
        *POWERLESS, sys.executable, "-m", "watch", *shlex.split(words), cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def give(folder: Path, *, but: str = "") -> None:
    """Let what is in *folder* belong to another user, and to nobody else, *but* a file."""
    for file in folder.iterdir():
        if file.name != but:
            file.chmod(0o600)
            os.chown(file, THEIRS, THEIRS)


async def test_every_verb_says_whose_the_hub_is_and_none_says_that_there_is_no_hub(tmp_path):
    async with running(tmp_path, CONFIG + MORE):
        give(tmp_path, but="checks.yaml")
        tmp_path.chmod(0o755)
        os.chown(tmp_path, THEIRS, THEIRS)
        told = await asyncio.gather(*(said(tmp_path, words) for words in VERBS))
    for words, (code, out) in zip(VERBS, told, strict=True):
        assert CURE in out, f"{words}: {out}"
        assert code == (1 if words == "doctor" else 2), words
        assert "no hub" not in out, words
        assert "unable to open" not in out, words
        assert "a bug of ours" not in out, words


@pytest.mark.parametrize("words", ["status", "uptime", "ack web", "run", "validate", "reload"])
async def test_a_configuration_of_another_user_is_said_to_be_theirs(tmp_path, words):
    (tmp_path / "checks.yaml").write_text(CONFIG)
    give(tmp_path)
    code, out = await said(tmp_path, words)
    assert code == 2
    assert out == (
        "checks.yaml belongs to daemon, and this user may not read it: "
        "run this as daemon, `sudo -u daemon threenines …`\n"
    )


@pytest.mark.parametrize("words", ["status", "uptime", "ack", "ack web", "run", "oncall", "events", "doctor"])
async def test_a_store_in_a_folder_that_this_user_may_not_look_into_is_said_to_be_theirs(tmp_path, words):
    async with running(tmp_path, CONFIG):
        pass
    there = tmp_path / "private"
    there.mkdir()
    for file in tmp_path.glob("threenines.db*"):
        shutil.move(file, there)
    give(there)
    there.chmod(0o700)
    os.chown(there, THEIRS, THEIRS)
    (tmp_path / "checks.yaml").write_text(f"{CONFIG}store: sqlite:///{there}/threenines.db\n")
    code, out = await said(tmp_path, words)
    assert CURE in out
    assert code == (1 if words == "doctor" else 2), out
    assert "a bug of ours" not in out


async def test_who_may_read_the_store_reads_it_though_the_hub_is_anothers(tmp_path):
    async with running(tmp_path, CONFIG):
        give(tmp_path, but="checks.yaml")
        for end in ("", "-wal", "-shm", ".lock"):
            (tmp_path / f"threenines.db{end}").chmod(0o644)
        for words in ("status", "uptime", "events", "ack", "explain web"):
            code, out = await said(tmp_path, words)
            assert code == 0, f"{words}: {out}"
