"""`threenines doctor` on broken installations: it names the thing, and its cure works when it is followed.

First those without a hub, in this process; then those of a running hub.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.estate import ROOT, Hub, until
from tests.alerts.receiver import Serving
from tests.cli.running import answering
from tests.cli.stores import BEGIN, CONFIG, Desk, filled, last_seen
from tests.core.ledgers import HOUR
from tests.fakes import observation
from tests.ports import free_port
from watch.cli.diagnosis import diagnosis
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore
from watch.stores.sqlite.opening import hold
from watch.web.hub_client import place

if TYPE_CHECKING:
    from pathlib import Path

# A hub on this has no warning: canaries that answer, somebody to tell, a rule.
WHOLE = """service: {{name: Acme, timezone: UTC}}
vantages: {{here: {{canaries: [{{tcp: "{canary}"}}]}}}}
people: {{alice: {{channels: ["{phone}/alice"]}}}}
alerts: [{{when: down, components: all}}, {{when: monitor}}]
alerting: {{group_wait: 100ms}}
defaults: {{every: 1s, timeout: 500ms, retry_every: 300ms}}
components:
  web: {{checks: {{home: {{{check}}}}}}}
"""


@pytest.fixture
def desk(tmp_path, capsys) -> Desk:
    """A folder with a configuration whose listeners are free, and no store."""
    made = Desk(tmp_path, capsys)
    made.configure(f"{CONFIG}listen: {{page: 127.0.0.1:{free_port()}, operators: 127.0.0.1:{free_port()}}}\n")
    return made


def found(desk: Desk) -> dict[str, dict]:
    """The troubles by kind."""
    said = desk.run("doctor", "--json")
    assert said.code == 1
    return by_kind(said.json)


def by_kind(answer: dict) -> dict[str, dict]:
    """The troubles of *answer* by kind, each with a cure."""
    assert all(t["cure"] and t["text"] for t in answer["troubles"])
    return {t["kind"]: t for t in answer["troubles"]}


def test_no_hub_is_a_trouble_with_its_cure(desk):
    desk.keep(filled(until=int(time.time() * 1000)))
    assert found(desk).keys() == {"no_hub"}
    said = desk.run("doctor")
    assert said.code == 1
    assert "no hub is running" in said.out
    assert "start it with `threenines run`" in said.out
    assert re.search(
        r"^Versions: threenines \S+, python 3\S+, libcurl 8\S+, sqlite 3\S+\.$", said.out, re.MULTILINE
    )


def test_without_a_store_and_without_a_hub_only_the_hub_is_missing(desk):
    assert found(desk).keys() == {"no_hub"}
    assert sorted(p.name for p in desk.folder.iterdir()) == ["checks.yaml"], "it writes nothing"


def test_a_mistake_of_the_configuration_has_its_place_and_its_cure(desk):
    desk.configure(CONFIG.replace("timezone", "timezoen"))
    trouble = found(desk)["config_mistake"]
    assert "checks.yaml:2:" in trouble["text"]
    assert "timezoen" in trouble["text"]
    assert "`timezone`" in trouble["cure"]
    desk.configure()
    assert "config_mistake" not in found(desk)


def test_warnings_of_the_configuration_are_said_and_are_no_troubles(desk):
    answer = desk.run("doctor", "--json").json
    (warning,) = [w for w in answer["warnings"] if "people" in w["text"]]
    assert warning["text"].endswith("there are no `people`: nobody is notified of alerts")
    assert by_kind(answer).keys() == {"no_hub"}
    out = desk.run("doctor").out
    assert "2 warnings of checks.yaml; if that is what you mean, do nothing:\n- " in out
    assert f"- {warning['text']}\n  {warning['cure']}\n" in out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("defaults: {every: 5s, timeout: 1s, retry_every: 10s}", "the check runs every 5s anyway"),
        (
            'maintenance: {work: {components: [web], when: "Sat 07:00-08:00 UTC", sla_exclude: true}}',
            "`work` excludes nothing from the SLA: it is not announced",
        ),
        (
            'people: {al: {channels: ["json://127.0.0.1:9/"]}}\nalerts: [{when: down, components: all}]\ncatch_all: []',
            "alert rules without `escalate` notify nobody",
        ),
    ],
)
def test_a_setting_that_has_no_effect_is_in_the_list_and_changing_it_is_its_cure(desk, line, said):
    good = (desk.folder / "checks.yaml").read_text()
    desk.configure(f"{line}\n{good}")
    trouble = found(desk)["config_ignored"]
    assert said in trouble["text"]
    assert trouble["cure"]
    desk.configure(good)
    assert "config_ignored" not in found(desk)


def test_a_configuration_that_does_not_exist_is_named(desk):
    (desk.folder / "checks.yaml").unlink()
    trouble = found(desk)["config_mistake"]
    assert "checks.yaml does not exist" in trouble["text"]
    assert "or run `threenines init`" in trouble["cure"]


def test_a_wrong_request_exits_with_2(desk):
    assert desk.run("doctor", "--jsno").code == 2


def test_a_store_in_a_folder_that_does_not_exist_is_named(desk):
    text = (desk.folder / "checks.yaml").read_text()
    desk.configure(text.replace("sqlite:///t.db", "sqlite:///data/t.db"))
    trouble = found(desk)["store_folder"]
    assert str(desk.folder / "data") in trouble["text"]
    assert trouble["cure"].startswith("Create that folder")
    (desk.folder / "data").mkdir()
    assert "store_folder" not in found(desk)


READ_ONLY = """
mount -t tmpfs -o size=16m none data && cp store.db data/t.db && mount -o remount,ro data || exit 9
"$@" > before.json
mount -o remount,rw,size=1g data || exit 9
"$@" > after.json
true
"""


def test_a_read_only_and_a_nearly_full_disk_are_named_and_their_cures_work(desk):
    text = (desk.folder / "checks.yaml").read_text()
    desk.keep(filled(until=int(time.time() * 1000)))
    desk.store.rename(desk.folder / "store.db")
    desk.configure(text.replace("sqlite:///t.db", "sqlite:///data/t.db"))
    (desk.folder / "data").mkdir()
    doctor = [sys.executable, "-m", "watch", "doctor", "--json"]
    command = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", READ_ONLY, "sh", *doctor]
    subprocess.run(command, cwd=desk.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    before = by_kind(json.loads((desk.folder / "before.json").read_text()))
    assert before.keys() == {"store_folder", "disk_filling", "no_hub"}
    assert "data/t.db: the store may not be written" in before["store_folder"]["text"]
    assert "on a disk that is not read-only" in before["store_folder"]["cure"]
    assert re.search(r"has 1\d\.\d MB of 16\.8 MB left", before["disk_filling"]["text"])
    assert before["disk_filling"]["cure"].startswith("Free space on that disk or enlarge it.")
    after = by_kind(json.loads((desk.folder / "after.json").read_text()))
    assert after.keys() == {"no_hub"}


FROM_MEMORY = """
mount -t tmpfs -o size=1g none data && touch data/t.db.lock && mount -o remount,ro data || exit 9
"$@" run & hub=$!
for n in $(seq 600); do grep -q Operators hub.out && break; sleep 0.1; done
"$@" doctor --json > before.json
mount -o remount,rw data || exit 9
for n in $(seq 600); do test -S data/t.db.sock && break; sleep 0.1; done
for n in $(seq 60); do "$@" doctor --json > after.json; grep -q store_stuck after.json || break; done
kill $hub && wait $hub
"""


def test_a_hub_that_runs_from_memory_is_not_to_be_ended_and_its_cure_works(desk):
    text = (desk.folder / "checks.yaml").read_text()
    desk.configure(text.replace("sqlite:///t.db", "sqlite:///data/t.db"))
    (desk.folder / "data").mkdir()
    command = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", FROM_MEMORY, "sh", sys.executable, "-m", "watch"]
    with (desk.folder / "hub.out").open("wb") as out:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=desk.folder, env=env, stdout=out, stderr=out, check=True)
    before = by_kind(json.loads((desk.folder / "before.json").read_text()))
    assert before.keys() == {"store_folder", "hub_socket"}
    assert before["hub_socket"]["cure"].startswith("Make the folder of the store writable")
    assert "kill" not in before["hub_socket"]["cure"]
    after = by_kind(json.loads((desk.folder / "after.json").read_text()))
    assert after.keys() <= {"first_readings"}


def test_a_disk_is_judged_by_what_we_may_still_write(desk):
    def statvfs(path):
        real = os.statvfs(path)
        return os.statvfs_result((real[0], 4096, 10**9, 10**9, 1000, *real[5:]))

    answer = diagnosis(str(desk.folder / "checks.yaml"), statvfs)
    assert "disk_filling" in by_kind(answer)
    assert (answer["disk"]["free_bytes"], answer["disk"]["size_bytes"]) == (4_096_000, 4_096_000_000_000)


def test_a_damaged_store_is_named_and_a_backup_restored_is_its_cure(desk):
    desk.keep(filled(until=int(time.time() * 1000)))
    assert desk.run("backup", str(desk.folder / "backup.db")).code == 0
    data = bytearray(desk.store.read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\x5a" * 4096 * 6
    desk.store.write_bytes(data)
    trouble = found(desk)["store_corrupt"]
    assert f"{desk.store}: the database is damaged" in trouble["text"]
    assert "`threenines restore FILE`" in trouble["cure"]
    assert desk.store.read_bytes() == data, "nothing is changed"
    for name in ("t.db", "t.db-wal", "t.db-shm"):
        if (desk.folder / name).exists():
            (desk.folder / name).rename(desk.folder / f"damaged-{name}")
    assert desk.run("restore", str(desk.folder / "backup.db")).code == 0
    assert found(desk).keys() == {"no_hub"}


@pytest.mark.parametrize("table", ["belief", "alert", "observation"])
def test_a_damaged_row_is_named_with_its_table_and_rebuilding_is_its_cure(desk, table):
    now_ms = int(time.time() * 1000)
    desk.keep(filled(until=now_ms))
    desk.keep(Batch([observation("web/home", now_ms)]))
    connection = sqlite3.connect(desk.store)
    if table == "alert":
        connection.execute("INSERT INTO alert (id, key, body) VALUES (1, 'down:web', '{}')")
    connection.execute(f"UPDATE {table} SET body = '{{\"x\":'")
    connection.commit()
    connection.close()
    trouble = found(desk)["store_rows"]
    assert f"table {table}" in trouble["text"]
    assert trouble["cure"].startswith("Stop the hub, run `threenines ledger rebuild`")
    assert desk.run("ledger", "rebuild").code == 0
    assert found(desk).keys() == {"no_hub"}


def test_a_store_of_a_newer_version_is_named_and_the_copy_before_the_migration_works(desk):
    desk.keep(filled(until=int(time.time() * 1000)))
    shutil.copy(desk.store, desk.folder / "t.db.schema-1")
    connection = sqlite3.connect(desk.store)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    trouble = found(desk)["store_newer"]
    assert "it has schema 99" in trouble["text"]
    assert trouble["cure"].startswith("Install the version of Threenines that wrote it.")
    assert "`.schema-`" in trouble["cure"]
    (desk.folder / "t.db.schema-1").replace(desk.store)
    for name in ("t.db-wal", "t.db-shm"):
        (desk.folder / name).unlink(missing_ok=True)
    assert found(desk).keys() == {"no_hub"}


@pytest.mark.parametrize("beside", ["", "-wal", "-shm", ".lock"])
def test_a_link_in_the_place_of_a_file_of_the_store_is_named_and_removing_it_is_its_cure(desk, beside):
    if beside:
        desk.keep(filled(until=int(time.time() * 1000)))
    (desk.folder / f"t.db{beside}").unlink(missing_ok=True)
    (desk.folder / "victim").write_text("precious")
    link = desk.folder / f"t.db{beside}"
    link.symlink_to("victim")
    trouble = found(desk)["store_link"]
    assert trouble["text"] == f"{link}: is a symbolic link"
    assert trouble["cure"].startswith("Remove that link")
    assert "is a symbolic link" in (said := desk.run("run")).err, said
    assert (desk.folder / "victim").read_text() == "precious"
    link.unlink()
    assert found(desk).keys() == {"no_hub"}


def test_the_database_of_another_program_is_named(desk):
    connection = sqlite3.connect(desk.store)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    theirs = desk.store.read_bytes()
    assert "the database of another program" in found(desk)["store_foreign"]["text"]
    assert "is the database of another program" in desk.run("run").err
    assert desk.store.read_bytes() == theirs, "it is not even set to WAL"
    assert not desk.store.with_name("t.db-wal").exists()


def test_an_edit_near_the_end_of_the_ledger_is_named(desk):
    desk.keep(filled(until=int(time.time() * 1000)))
    connection = sqlite3.connect(desk.store)
    connection.execute("UPDATE ledger SET effective_ms = effective_ms + 1 WHERE seq = 3")
    connection.commit()
    connection.close()
    trouble = found(desk)["ledger_broken"]
    assert "entry 3" in trouble["text"]
    assert "`threenines ledger verify`" in trouble["cure"]
    assert desk.run("ledger", "verify").code == 1, "the command of the cure shows the same"


def test_a_record_ahead_of_the_clock_is_told_with_both_times(desk):
    desk.keep(filled(until=int(time.time() * 1000)))
    assert found(desk).keys() == {"no_hub"}
    desk.keep(Batch(beliefs=last_seen(int(time.time() * 1000) + 50 * HOUR + HOUR // 2)))
    trouble = found(desk)["clock_epoch"]
    assert "2 days 2 h behind the end of the record" in trouble["text"]
    assert "before" in trouble["text"]
    assert "after" in trouble["text"]
    assert "set it right" in trouble["cure"]
    desk.keep(Batch(beliefs=last_seen(BEGIN)))
    assert "clock_epoch" not in found(desk), "as when the clock is set right"


def test_a_taken_port_is_named_with_its_owner_and_another_one_is_its_cure(desk):
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        desk.configure(f"{CONFIG}listen: {{page: 127.0.0.1:{port}, operators: 127.0.0.1:{free_port()}}}\n")
        trouble = found(desk)["port_taken"]
        assert trouble["text"].startswith(f"127.0.0.1:{port} is taken by another program (pid {os.getpid()},")
        assert trouble["cure"] == "Stop it or set listen.page to a free address."
        desk.configure(
            f"{CONFIG}listen: {{page: 127.0.0.1:{free_port()}, operators: 127.0.0.1:{free_port()}}}\n"
        )
        assert "port_taken" not in found(desk)


def test_a_hub_that_holds_the_store_and_does_not_answer_is_named_by_its_process(desk):
    lock = hold(desk.store)
    try:
        troubles = found(desk)
    finally:
        os.close(lock)
    assert troubles.keys() == {"hub_silent"}
    assert f"`kill {os.getpid()}`" in troubles["hub_silent"]["cure"]


def test_a_holder_that_wrote_no_number_is_named_by_the_system(desk):
    lock = hold(desk.store)
    try:
        os.ftruncate(lock, 0)
        cure = found(desk)["hub_silent"]["cure"]
    finally:
        os.close(lock)
    assert f"`kill {os.getpid()}`" in cure


async def test_it_looks_while_another_process_holds_the_store(desk):
    store = SqliteStore(desk.store)
    try:
        said = await asyncio.to_thread(diagnosis, str(desk.folder / "checks.yaml"))
        assert by_kind(said).keys() == {"hub_silent"}
    finally:
        await store.close()


# ---- a running hub ---------------------------------------------------------------------------------------------------


class Estate:
    """A hub on WHOLE with a phone, which is also its canary; `doctor` asks it in another process."""

    def __init__(self, folder: Path, phone) -> None:
        self.phone, self.address = phone, phone.url.removeprefix("json://")
        self.hub = Hub(folder, "")
        self._listen = (folder / "checks.yaml").read_text()
        self.write()

    def write(self, *, check: str = "", canary: str = "", phone: str = "") -> None:
        """The configuration, whole but for what is given."""
        text = WHOLE.format(
            check=check or f'tcp: "{self.address}"',
            canary=canary or self.address,
            phone=phone or self.phone.url,
        )
        (self.hub.folder / "checks.yaml").write_text(text + self._listen)

    async def troubles(self) -> dict[str, dict]:
        code, said = await self.hub.verb("doctor", "--json")
        answer = json.loads(said)
        assert code == int(bool(answer["troubles"]))
        return by_kind(answer)

    async def has(self, kind: str) -> dict:
        """The trouble of that kind, once there is one."""

        async def there():
            return (await self.troubles()).get(kind)

        return await until(there, within=60, what=f"doctor says {kind}")

    async def has_not(self, kind: str) -> None:
        async def gone():
            return kind not in await self.troubles()

        await until(gone, within=60, what=f"{kind} is over")

    async def reload(self, **changes: str) -> None:
        self.write(**changes)
        code, said = await self.hub.verb("reload")
        assert code == 0, said

    async def ready(self) -> dict:
        return json.loads((await self.hub.answer(self.hub.operators, "/readyz"))[1])


@pytest.fixture
async def estate(tmp_path):
    async with Serving() as phone:
        made = Estate(tmp_path, phone)
        try:
            yield made
        finally:
            if made.hub.running is not None and made.hub.running.returncode is None:
                await made.hub.kill()


async def test_a_sound_hub_is_one_plain_sentence_and_exit_0(estate):
    troubles = await estate.troubles()
    assert troubles.keys() == {"no_hub"}
    await estate.hub.begin()  # its cure
    code, said = await estate.hub.verb("doctor")
    assert code == 0, said
    pid = estate.hub.running.pid
    left = r"the disk of the store has \d+\.\d [TGM]B of \d+\.\d [TGM]B left"
    assert re.fullmatch(
        rf"Nothing is wrong: the hub runs as process {pid}, 1 check gives readings, and {left}\.\n", said
    )
    answer = json.loads((await estate.hub.verb("doctor", "--json"))[1])
    assert (answer["hub_process"], answer["troubles"], answer["warnings"]) == (pid, [], [])
    assert answer["versions"].keys() == {"threenines", "python", "libcurl", "sqlite"}


async def test_a_warning_that_is_meant_so_leaves_exit_0(estate):
    estate.write()
    file = estate.hub.folder / "checks.yaml"
    file.write_text(re.sub(r"\{canaries: .*\}\}\n", "{}}\n", file.read_text(), count=1))
    await estate.hub.begin()
    code, said = await estate.hub.verb("doctor")
    assert code == 0, said
    assert said.startswith("Nothing is wrong: ")
    assert "1 warning of checks.yaml; if that is what you mean, do nothing:" in said


async def test_a_canary_that_was_never_good_is_named_and_replacing_it_is_the_cure(estate):
    estate.write(canary=f"127.0.0.1:{free_port()}")
    await estate.hub.begin()
    trouble = await estate.has("canary_never_good")
    assert "never good" in trouble["text"]
    assert "`canaries` of here" in trouble["cure"]
    await estate.reload()
    await estate.has_not("canary_never_good")


async def counted(hub: Hub, kind: str) -> bool:
    _, metrics = await hub.answer(hub.operators, "/metrics")
    return f'threenines_trouble{{kind="{kind}"}} 1.0' in metrics


async def test_a_channel_that_refuses_is_named_and_correcting_it_is_the_cure(estate):
    estate.phone.answers["alice"] = 404
    estate.write(check=f'tcp: "127.0.0.1:{free_port()}"')
    await estate.hub.begin()
    trouble = await estate.has("channel_refused")
    assert "channel 1 of alice refuses notices" in trouble["text"]
    status = json.loads((await estate.hub.verb("status", "--json"))[1])
    assert trouble in status["troubles"], "status has the same list"
    await until(lambda: counted(estate.hub, "channel_refused"), what="the metric says it, too")
    place = estate.phone.url.partition("://")[2]
    assert trouble["text"] == f"channel 1 of alice refuses notices for good; {place} answered 404"
    assert trouble["text"] in (await estate.ready())["troubles"], "and /readyz, although the hub is ready"
    await estate.reload(phone=f"{estate.phone.url}/mended")
    await estate.has_not("channel_refused")


async def test_a_channel_that_takes_nothing_is_named_before_notices_are_late(estate):
    estate.phone.answers["alice"] = 500
    estate.write(check=f'tcp: "127.0.0.1:{free_port()}"')
    await estate.hub.begin()
    trouble = await estate.has("channel_failing")
    assert re.search(r"channel 1 of alice does not take notices: \d+ attempts have failed", trouble["text"])
    estate.phone.answers["alice"] = 200
    await estate.has_not("channel_failing")


async def test_a_check_that_gives_only_unknown_is_named_with_its_reason_and_installing_the_program_cures_it(
    estate,
):
    program = estate.hub.folder / "zpool"
    estate.write(check=f"zfs: {{pool: tank, program: {program}}}")
    await estate.hub.begin()
    trouble = await estate.has("checks_unknown")
    assert trouble["text"].startswith("checks that give only unknown: web/home (")
    assert str(program) in trouble["text"]
    program.write_text("#!/bin/sh\necho \"cannot open 'tank': no such pool\" >&2\nexit 1\n")
    program.chmod(0o755)
    await estate.has_not("checks_unknown")


async def test_a_hub_that_stood_still_says_overload_in_doctor_status_readyz_and_metric(estate):
    await estate.hub.begin()
    estate.hub.running.send_signal(signal.SIGSTOP)
    silent = (await estate.troubles())[
        "hub_silent"
    ]  # it waits for an answer, for longer than an overload needs
    assert f"process {estate.hub.running.pid} holds the store, but does not answer" in silent["text"]
    assert f"`kill {estate.hub.running.pid}`" in silent["cure"]
    estate.hub.running.send_signal(signal.SIGCONT)
    trouble = await estate.has("overloaded")
    assert trouble["not_ready"]
    ready = await estate.ready()
    assert (ready["ready"], trouble["text"] in ready["waiting"]) == (False, True)
    status = json.loads((await estate.hub.verb("status", "--json"))[1])
    assert "overloaded" in [t["kind"] for t in status["troubles"]]
    await estate.has_not("overloaded")
    ready = await estate.ready()
    assert (ready["ready"], ready["waiting"]) == (True, [])


async def test_a_hub_of_another_user_is_not_said_to_be_missing(estate):
    await answering(estate.hub)
    os.chown(place(estate.hub.folder / "threenines.db"), 1, 1)
    powerless = [
        "setpriv",
        "--bounding-set=-all",
        "--inh-caps=-all",
    ]  # root, but as any user before others' files
    process = await asyncio.create_subprocess_exec(
        *powerless, sys.executable, "-m", "watch", "doctor", "--json",
        cwd=estate.hub.folder, env={**os.environ, **estate.hub.env}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    troubles = by_kind(json.loads(said))
    assert troubles.keys() == {"hub_private"}
    assert "`sudo -u daemon threenines doctor`" in troubles["hub_private"]["cure"]


async def test_first_readings_that_are_missing_are_in_the_same_list(estate):
    with socket.create_server(("127.0.0.1", 0), backlog=16) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        estate.write(check=f'http: "http://{address}/", timeout: 30s, every: 40s')
        await answering(estate.hub)
        trouble = (await estate.troubles())["first_readings"]
        assert trouble["text"] == "1 check has no first reading yet"
        assert (await estate.ready())["waiting"] == [trouble["text"]]


async def test_a_reload_that_was_refused_is_one_item_for_each_mistake(estate):
    await estate.hub.begin()
    file = estate.hub.folder / "checks.yaml"
    good = file.read_text()
    file.write_text(good.replace("every: 1s, timeout", "evry: 1s, timeout"))
    assert (await estate.hub.verb("reload"))[0] == 2
    troubles = await estate.troubles()
    assert "config_reload" not in troubles, "each mistake is said once"
    assert "evry" in troubles["config_mistake"]["text"]
    file.write_text(good)
    assert (await estate.hub.verb("reload"))[0] == 0
    assert await estate.troubles() == {}
