"""Nothing asks the terminal: a client key that wants a passphrase is our fault, and `key_password` opens it."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
import textwrap
import typing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.probes import peers
from tests.probes.servers.sshd import sshd
from tests.probes.wires import ask, said
from tests.terminal import on_a_terminal
from watch.core.settings import Secret
from watch.probes import kinds, of_kind

ROOT = Path(__file__).parents[2]
WORDS = "canary-passphrase"
FORMATS = {
    "PKCS 8": serialization.PrivateFormat.PKCS8,
    "OpenSSL's own": serialization.PrivateFormat.TraditionalOpenSSL,
}


@pytest.fixture(scope="module", params=FORMATS)
def locked(request, pem, tmp_path_factory):
    """A folder with the client's certificate, and its key under a passphrase: apart, and both in one file."""
    folder = tmp_path_factory.mktemp("locked")
    text = (pem / "client.pem").read_bytes()
    key = serialization.load_pem_private_key(text, None)
    kept = key.private_bytes(
        serialization.Encoding.PEM,
        FORMATS[request.param],
        serialization.BestAvailableEncryption(WORDS.encode()),
    )
    certificate = text[text.index(b"-----BEGIN CERTIFICATE-----") :]
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(kept)
    (folder / "both.pem").write_bytes(kept + certificate)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with sshd(tmp_path_factory.mktemp("sshd")) as it:
        key = serialization.load_ssh_private_key(it.key.read_bytes(), None)
        seal = serialization.BestAvailableEncryption(WORDS.encode())
        pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        its_own = it.key.with_name("its-own")
        its_own.write_bytes(it.key.read_bytes())
        its_own.chmod(0o600)
        it.key.write_bytes(key.private_bytes(*pkcs8, seal))
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", WORDS, "-f", its_own], check=True, capture_output=True
        )
        it.its_own = its_own
        yield it


def keyed():
    """The kinds with a key of ours, by the field's type: S3's `key` is the name of an object."""
    for kind in kinds():
        hints = typing.get_type_hints(of_kind(kind), localns={"Path": Path, "Secret": Secret})
        if Path in typing.get_args(hints.get("key")):
            yield kind


KEYED = list(keyed())


def test_every_kind_with_a_key_of_ours_has_an_option_for_its_passphrase():
    assert {"http", "etcd", "elasticsearch", "ssh", "file"} <= set(KEYED)
    for kind in KEYED:
        names = {it.name for it in dataclasses.fields(of_kind(kind))}
        assert "key_password" in names, kind
        with pytest.raises(ValueError, match=r"^key_password: "):
            of_kind(kind)(**peers.ALL[kind].at(80), key_password=Secret("x"))
    for kind in kinds():
        names = {it.name for it in dataclasses.fields(of_kind(kind))}
        assert "certificate" not in names or kind in KEYED


OVER_TLS = [kind for kind in KEYED if "certificate" in {it.name for it in dataclasses.fields(of_kind(kind))}]


def dressed(locked, form):
    if form == "apart":
        return {"certificate": locked / "cert.pem", "key": locked / "key.pem"}
    return {"certificate": locked / "both.pem"}


@pytest.mark.parametrize("form", ["apart", "in one file"])
@pytest.mark.parametrize("kind", OVER_TLS)
async def test_a_client_key_with_a_passphrase_is_ours_and_its_password_opens_it(
    kind, form, locked, nginx, ca_file, capfd
):
    there = {"url": f"https://localhost:{nginx.mutual}", "ca_file": ca_file, **dressed(locked, form)}
    without = await ask(kind, **there)
    assert said(without) == ("unknown", "internal")
    assert without.detail.startswith("our client key wants a passphrase: give it by `key_password`")
    wrong = await ask(kind, **there, key_password=Secret("wrong"))
    assert said(wrong) == ("unknown", "internal")
    assert wrong.detail.startswith("our client key is not opened by its passphrase")
    right = await ask(kind, **there, key_password=Secret(WORDS))
    assert right.verdict.value in ("up", "down")
    if kind == "http":
        assert right.material["body"] == b"SUCCESS"
    else:  # the door is open; nginx is neither
        assert said(right) == ("down", "protocol")
        assert "SUCCESS" in right.detail
    assert "pass phrase" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["ssh", "file"])
async def test_an_ssh_key_with_a_passphrase_is_ours_and_its_password_opens_it(kind, server, capfd):
    if kind == "ssh":
        there = {"address": server.address, "username": server.username}
    else:
        there = {"path": f"sftp://{server.username}@{server.address}/etc/hostname"}
    there |= {"host_key": server.host_key, "key": server.key, "seconds": 10}
    without = await ask(kind, **there)
    assert said(without) == ("unknown", "internal")
    assert without.detail.startswith("our client key wants a passphrase: give it by `key_password`")
    wrong = await ask(kind, **there, key_password=Secret("wrong"))
    assert said(wrong) == ("unknown", "internal")
    assert wrong.detail.startswith("our client key is not opened by its passphrase")
    assert said(await ask(kind, **there, key_password=Secret(WORDS))) == ("up", "ok")
    own = there | {"key": server.its_own}
    without = await ask(kind, **own)
    assert without.detail.startswith("our client key wants a passphrase: give it by `key_password`")
    reading = await ask(kind, **own, key_password=Secret(WORDS))
    if importlib.util.find_spec("bcrypt") is None:
        assert said(reading) == ("unknown", "internal")
        assert "bcrypt" in reading.detail
    else:
        assert said(reading) == ("up", "ok")
    assert "assphrase" not in capfd.readouterr().err


async def test_an_authority_in_a_file_with_a_locked_key_asks_nobody(locked, nginx, capfd):
    for kind in ("http", "tls"):
        there = {"url": f"https://localhost:{nginx.https}/"} if kind == "http" else {}
        there = there or {"address": f"localhost:{nginx.https}"}
        reading = await ask(kind, **there, ca_file=locked / "key.pem")
        assert said(reading) == ("unknown", "internal"), reading
    assert "pass phrase" not in capfd.readouterr().err


def test_on_a_terminal_nothing_waits_for_the_keyboard(locked, nginx, server, tmp_path):
    path = tmp_path / "checks.yaml"
    path.write_text(
        textwrap.dedent(f"""
        components:
          x:
            checks:
              locked:
                http:
                  url: https://localhost:{nginx.mutual}/
                  verify: false
                  certificate: {locked}/cert.pem
                  key: {locked}/key.pem
              login:
                ssh:
                  address: {server.address}
                  username: {server.username}
                  host_key: {server.host_key}
                  key: {server.key}
              other: {{tcp: "127.0.0.1:{nginx.http}"}}
        """)
    )
    ask = ["/usr/bin/setsid", "--ctty", "--wait", sys.executable, "-m", "watch", "--config", path, "check"]
    code, shown = on_a_terminal(ask, columns=200, cwd=ROOT)
    assert code in {1, 2}, shown
    assert "Enter" not in shown
    assert shown.count("our client key wants a passphrase") == 2, shown
    assert "x/other" in shown
