"""Whatever becomes of standard output and standard error, and whenever Ctrl-C comes: no verb says a wrong word."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.estate import Hub, Process, until
from tests.cli.stores import Desk, filled
from watch.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
THREENINES = [sys.executable, "-m", "watch"]
# A command of each verb, and its exit code where its output is read.
COMMANDS = {
    "init": (["init", "--yes", "--force", "--config", "new.yaml"], 0),
    "validate": (["validate"], 0),
    "schema": (["schema"], 0),
    "probes": (["probes", "http"], 0),
    "check": (["check", "web"], 1),
    "status": (["status"], 0),
    "explain": (["explain", "web", "--month", "2024-02"], 0),
    "uptime": (["uptime", "--month", "2024-02"], 0),
    "reload": (["reload"], 2),
    "oncall": (["oncall"], 0),
    "ack": (["ack"], 0),
    "resolve": (["resolve", "web", "--reason", "known"], 2),
    "silence": (["silence", "list"], 0),
    "audit": (["audit", "export", "--help"], 0),  # nobody has ordered anything
    "alert": (["alert", "preview"], 0),
    "events": (["events", "--since", "2024-01-01 00:00 UTC"], 0),
    "backup": (["backup", "copy.db"], 0),
    "restore": (["restore", "copy.db"], 0),
    "ledger": (["ledger", "export"], 0),
    "doctor": (["doctor"], 1),
    "simulate": (["simulate", "--script", "faults.yaml"], 0),
    "replay": (["replay", "--from", "2024-02-05", "--to", "2024-02-07"], 0),
    "run": (["run", "--help"], 0),  # a hub has tests of its own, below
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a store that has a past, and a copy of it."""
    made = Desk(tmp_path_factory.mktemp("output"), None)
    made.configure()
    made.keep(filled())
    (made.folder / "faults.yaml").write_text("start: 2024-02-05 00:00\n", "utf-8")
    assert spoken(made.folder, "backup", "copy.db").returncode == 0
    return made.folder


def spoken(folder, *words, **streams):
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    if words[:1] == ("backup",):
        (folder / "copy.db").unlink(missing_ok=True)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*THREENINES, *words], cwd=folder, env=environ, check=False, **streams)


def test_every_verb_is_tried():
    assert COMMANDS.keys() == VERBS.keys()


@pytest.mark.parametrize("verb", COMMANDS)
def test_output_that_cannot_be_written_is_said_and_is_neither_bad_news_nor_a_bug(folder, verb):
    with Path("/dev/full").open("w") as full:
        said = spoken(folder, *COMMANDS[verb][0], stdout=full)
        mute = spoken(folder, *COMMANDS[verb][0], stdout=full, stderr=full)
    assert (said.returncode, mute.returncode) == (2, 2)
    if verb not in ("reload", "resolve"):  # they have nothing to print, as no hub runs
        assert said.stderr.decode().endswith(
            "Standard output cannot be written: No space left on device. "
            "Part of the answer is missing; write it elsewhere.\n"
        )
    assert b"Traceback" not in said.stderr


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_reader_who_left_changes_no_exit_code(folder, verb):
    command, code = COMMANDS[verb]
    near, far = os.pipe()
    os.close(near)
    try:
        said = spoken(folder, *command, stdout=far)
        both = spoken(folder, *command, stdout=far, stderr=far)
    finally:
        os.close(far)
    assert (said.returncode, both.returncode) == (code, code)
    assert b"Traceback" not in said.stderr
    assert b"written" not in said.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", ["status", "backup"])
def test_streams_that_are_closed_change_no_exit_code_and_reach_no_file(folder, verb, closed):
    command, code = COMMANDS[verb]
    (folder / "copy.db").unlink(missing_ok=True)
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    line = f'exec "$0" -m watch {" ".join(command)} {closed}'
    done = subprocess.run(["sh", "-c", line, sys.executable], cwd=folder, env=environ, check=False)
    assert done.returncode == code
    assert spoken(folder, "ledger", "verify").returncode == 0


def test_a_long_answer_ends_when_its_reader_leaves(folder):
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m watch ledger export | head -1"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr) == (0, 1, b"")


# ---- a hub

WATCHED = """
defaults: {every: 1s, timeout: 500ms, retry_every: 200ms, confirm: {down: 1, up: 1}}
components: {wire: {checks: {port: {tcp: "127.0.0.1:1"}}}}
people: {alice: {channels: ["json://127.0.0.1:1/"]}}
alerts: [{when: down}]
alerting: {group_wait: 0s}
"""


def stuck() -> tuple[int, int]:
    """A pipe that holds all it can, and its reader, who reads nothing."""
    near, far = os.pipe()
    fcntl.fcntl(far, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(far, False)
    try:
        while True:
            os.write(far, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(far, True)
    return near, far


def left() -> tuple[None, int]:
    """A pipe whose reader left."""
    near, far = os.pipe()
    os.close(near)
    return None, far


def full() -> tuple[None, int]:
    return None, os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("output", [left, full, stuck])
async def test_a_hub_whose_output_goes_nowhere_runs_on_and_ends_well(tmp_path, output):
    near, far = output()
    hub = Hub(tmp_path, WATCHED)
    try:
        hub.running = await asyncio.create_subprocess_exec(
            *hub.command, cwd=tmp_path, env={**os.environ, **hub.env}, stdout=far, stderr=far
        )
        await until(hub.ready, what="the hub is ready")
        # It has logged what it could not send: its output is in use, not only its first two lines.
        await until(lambda: has_sent_in_vain(hub), what="a notice failed")
        assert (await hub.answer(hub.operators, "/healthz"))[0] == 200
        assert await hub.kill(signal.SIGTERM) == 0
    finally:
        if hub.running is not None and hub.running.returncode is None:
            await hub.kill()
        os.close(far)
        os.close(near) if near is not None else None


def has_sent_in_vain(hub) -> bool:
    return bool(hub.rows("SELECT 1 FROM notice WHERE json_extract(body, '$.attempts') > 1"))


async def test_a_hub_says_on_standard_error_that_its_output_is_full(tmp_path):
    hub = Hub(tmp_path, WATCHED)
    with Path("/dev/full").open("w") as nowhere, (tmp_path / "out").open("w") as err:
        hub.running = await asyncio.create_subprocess_exec(
            *hub.command, cwd=tmp_path, env={**os.environ, **hub.env}, stdout=nowhere, stderr=err
        )
    try:
        await until(hub.ready, what="the hub is ready")
    finally:
        await hub.kill(signal.SIGTERM)
    assert (
        hub.said().count("standard output cannot be written (No space left on device); the hub runs on\n")
        == 1
    )
    assert "Traceback" not in hub.said()


# ---- Ctrl-C

# Interrupts itself at the n-th import after the handler is in place, and says how many there were without it.
INTERRUPTED = """
import os, signal, sys
at, seen = int(sys.argv.pop(1)), 0
def heard(event, arguments):
    global seen
    if event == "import" and getattr(signal.getsignal(signal.SIGINT), "__module__", "") == "watch.cli.interrupts":
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(heard)
from watch.cli import main
try:
    main()
finally:
    print("imports:", seen, file=sys.stderr)
"""


def interrupted(folder, at, *words):
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", INTERRUPTED, str(at), *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", ["status", "init", "run"])
def test_ctrl_c_while_a_verb_starts_is_one_line_and_exit_2(folder, verb):
    words = COMMANDS[verb][0]
    count = int(interrupted(folder, 0, *words).stderr.rpartition("imports: ")[2])
    for at in (1, 2, count // 4, count // 2, count - 1):
        done = interrupted(folder, at, *words)
        assert (done.returncode, done.stderr) == (2, "\nInterrupted before it was done.\n"), at


async def test_ctrl_c_ends_checks_that_run(folder, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        text = f'components: {{w: {{checks: {{a: {{http: "http://127.0.0.1:{port}/", timeout: 60s}}}}}}}}\n'
        (tmp_path / "checks.yaml").write_text(text)
        check = Process([*THREENINES, "check"], tmp_path, {"PYTHONPATH": str(ROOT)})
        await check.start()
        asked, _ = await asyncio.get_running_loop().run_in_executor(None, silent.accept)
        assert await check.kill(signal.SIGINT) == 2
        asked.close()
    assert check.said().splitlines()[-1] == "Interrupted before it was done."
    assert "Traceback" not in check.said()


async def test_ctrl_c_ends_a_hub_as_sigterm_does(tmp_path):
    hub = Hub(tmp_path, WATCHED)
    await hub.begin()
    assert await hub.kill(signal.SIGINT) == 0
    assert hub.said().endswith("Stopped; all readings are on disk.\n")
