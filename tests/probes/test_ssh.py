"""The ssh probe against OpenSSH's server, and against peers that misbehave."""

from __future__ import annotations

import asyncio
import subprocess
from concurrent.futures import ThreadPoolExecutor

import asyncssh
import pytest

from tests.probes.servers.sshd import sshd
from tests.probes.wires import ask, assumed, closed_port, descriptors, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.ssh import SshProbe

pytestmark = pytest.mark.xdist_group("sshd")

CANARY = "canary-b7f3"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with sshd(tmp_path_factory.mktemp("sshd")) as it:
        yield it


def login(server):
    return {
        "address": server.address,
        "host_key": server.host_key,
        "username": server.username,
        "key": server.key,
        "seconds": 5,
    }


async def test_a_server_is_up_with_its_banner_and_key_and_without_a_login(server):
    reading = await ask("ssh", address=server.address)
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert facts["banner"].startswith("SSH-2.0-OpenSSH_")
    assert facts["host_key"] == asyncssh.import_public_key(server.host_key).get_fingerprint()
    assert facts["host_key.kind"] == "ssh-ed25519"
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert facts["address"] == server.address
    assert set(facts) <= set(reference(SshProbe).facts)


async def test_the_pinned_key_is_up_and_another_is_down(server):
    there = {"address": server.address}
    assert said(await ask("ssh", **there, host_key=server.host_key)) == ("up", "ok")
    another = server.stranger.with_suffix(".pub").read_text().strip()
    reading = await ask("ssh", **there, host_key=another)
    assert said(reading) == ("down", "certificate"), reading
    assert "not the pinned one" in reading.detail


async def test_a_pinned_key_of_a_kind_that_the_server_has_not_is_down(server, tmp_path):
    program = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "key"]
    subprocess.run(program, check=True)
    pinned = (tmp_path / "key.pub").read_text().strip()
    reading = await ask("ssh", address=server.address, host_key=pinned)
    assert said(reading) == ("down", "certificate"), reading


async def test_a_fingerprint_can_be_expected(server):
    judge = assumed("ssh", 'host_key == "SHA256:another"')
    assert said(await ask("ssh", address=server.address, judge=judge)) == ("down", "certificate")


async def test_a_login_runs_a_command_and_tells_what_it_said(server):
    reading = await ask("ssh", **login(server), command="echo hello; echo loud >&2", judge=assumed("ssh"))
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["exit"], reading.facts["output"]) == (0, "hello")
    assert reading.facts["took"] == reading.phases["transfer"]


async def test_a_login_without_a_command_is_up(server):
    assert said(await ask("ssh", **login(server), judge=assumed("ssh"))) == ("up", "ok")


async def test_a_command_that_fails_is_down_unless_expected(server):
    there = login(server) | {"command": "exit 3"}
    assert said(await ask("ssh", **there, judge=assumed("ssh"))) == ("down", "status")
    assert said(await ask("ssh", **there, judge=assumed("ssh", "exit == 3"))) == ("up", "ok")


async def test_a_command_that_warns_is_degraded(server):
    judge = compile_judge(
        [], ['output contains "clean"'], reference(SshProbe).facts, SshProbe.ASSUMED, SshProbe.WARNED
    )
    there = login(server) | {"command": "echo resyncing", "judge": judge}
    assert said(await ask("ssh", **there)) == ("degraded", "expectation")


async def test_a_command_that_does_not_end_is_a_timeout(server):
    reading = await ask("ssh", **login(server) | {"command": "sleep 60", "seconds": 1})
    assert said(reading) == ("down", "timeout"), reading


async def test_a_command_that_writes_without_end_is_cut_off(server):
    reading = await ask("ssh", **login(server), command="yes")
    assert said(reading) == ("down", "limit"), reading


async def test_a_command_that_is_killed_is_down(server):
    reading = await ask("ssh", **login(server), command="kill -KILL $$")
    assert said(reading) == ("down", "status"), reading
    assert reading.detail == "the command was ended by SIGKILL"


async def test_a_key_that_the_server_does_not_know_is_down(server):
    reading = await ask("ssh", **login(server) | {"key": server.stranger})
    assert said(reading) == ("down", "auth"), reading


async def test_a_wrong_password_is_down(server):
    there = login(server) | {"key": None, "password": Secret(CANARY)}
    reading = await ask("ssh", **there)
    assert said(reading) == ("down", "auth"), reading
    assert CANARY not in repr(reading)


class Knows(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("mon", CANARY)


async def test_the_right_password_lets_us_in():
    key = asyncssh.generate_private_key("ssh-ed25519")
    with ThreadPoolExecutor(1) as pool:  # asyncssh's listening prepares its options on a thread
        asyncio.get_running_loop().set_default_executor(pool)
        async with asyncssh.listen("127.0.0.1", 0, server_factory=Knows, server_host_keys=[key]) as acceptor:
            reading = await ask(
                "ssh",
                address=f"127.0.0.1:{acceptor.get_port()}",
                host_key=key.export_public_key().decode().strip(),
                username="mon",
                password=Secret(CANARY),
            )
    assert said(reading) == ("up", "ok"), reading
    assert CANARY not in repr(reading)


async def test_a_key_file_that_cannot_be_read_is_our_fault(server, tmp_path):
    for text in (None, "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n"):
        if text is not None:
            (tmp_path / "key").write_text(text)
        reading = await ask("ssh", **login(server) | {"key": tmp_path / "key"})
        assert said(reading) == ("unknown", "internal"), reading
        assert "canary" not in reading.detail


async def test_a_host_key_that_is_none_is_our_fault(server):
    pinned = "ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA"
    assert said(await ask("ssh", address=server.address, host_key=pinned)) == ("unknown", "internal")


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (saying(b"220 mail ready\r\n" * 5, first=False), "reset"),
        (saying(b"SSH-1.5-old\r\n", first=False), "protocol"),
        (saying(b"SSH-2.0-x\r\n" + b"\xff" * 4000), "protocol"),
        (saying(first=False), "reset"),
        (silence, "timeout"),
    ],
)
async def test_a_peer_that_exchanges_no_keys_is_down(peer, told):
    before = descriptors()
    async with serving(peer) as port:
        reading = await ask("ssh", address=f"127.0.0.1:{port}", seconds=enough(told))
    assert said(reading) == ("down", told), reading
    assert len(descriptors()) <= len(before)


async def test_nobody_listening_is_refused():
    assert said(await ask("ssh", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "a:b"}, "address: "),
        ({"host_key": "SHA256:x"}, "host_key: write it like"),
        ({"username": "mon"}, "username: a login needs"),
        ({"password": Secret("x")}, "username: a login needs"),
        ({"username": "mon", "password": Secret("x")}, "host_key: a login needs it"),
        ({"command": "id"}, "command: needs a login"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        SshProbe(**{"address": "bastion.example.org"} | options)
