"""No classification defaults to the target: the lists of what is known to be its doing are short and written here."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl

import pycurl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.names import name_server
from tests.probes.starved import only
from tests.probes.wires import ask, said, serving
from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.files.folder import _blocked
from watch.probes.wire.http.engine import SHUT
from watch.probes.wire.http.failure import fault as of_curl
from watch.probes.wire.http.handle import Handle
from watch.probes.wire.http.transfer import Transfer
from watch.probes.wire.net.blame import fault, of_errno
from watch.probes.wire.net.engines import adopt
from watch.probes.wire.net.resolver import Resolver, address

THEIRS = {
    "ECONNREFUSED", "ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH",
    "EHOSTDOWN", "EPROTO",
}  # fmt: skip
LACKING = {"EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAGAIN", "EADDRNOTAVAIL", "EADDRINUSE", "ENOSPC"}


@pytest.mark.parametrize("name", sorted(errno.errorcode.values()))
def test_an_errno_is_the_targets_only_when_it_is_known_to_be(name):
    code = getattr(errno, name)
    name = errno.errorcode[code]
    found = of_errno(code, "192.0.2.1:80")
    assert isinstance(found, ProbeFailure) is (name in THEIRS)
    assert (found.reason is Reason.OVERLOADED) is (name in LACKING)
    assert found.detail.endswith(": 192.0.2.1:80")
    raised = fault(OSError(code, "x"))
    assert type(raised) is type(found)
    assert raised.reason is found.reason


@given(st.integers(-5, 100_000))
def test_an_errno_that_nobody_knows_is_ours(code):
    if errno.errorcode.get(code) not in THEIRS:
        assert isinstance(of_errno(code), OurFault)


def test_a_librarys_error_without_a_number_is_ours_unless_its_words_have_one():
    assert isinstance(fault(OSError("something is wrong")), OurFault)
    assert fault(OSError("Too many open files (os error 24)")).reason is Reason.OVERLOADED
    assert fault(OSError("Connection refused (os error 111)")).reason is Reason.REFUSED


@pytest.mark.parametrize("code", [code for code in dir(socket) if code.startswith("EAI_")])
def test_only_a_name_that_is_not_there_is_the_targets(code):
    found = fault(socket.gaierror(getattr(socket, code), "x"))
    assert isinstance(found, ProbeFailure) is (code in {"EAI_NONAME", "EAI_NODATA"})


@pytest.mark.parametrize("library", ["PEM", "SYS", "CRYPTO", "CONF"])
def test_what_openssl_lacks_beside_the_handshake_is_ours(library):
    error = ssl.SSLError(1, "x")
    error.library, error.reason = library, "SOMETHING"
    assert isinstance(fault(error), OurFault)
    error.library, error.reason = "SSL", "MALLOC_FAILURE"
    assert fault(error).reason is Reason.OVERLOADED


@pytest.mark.parametrize("what", ["connected", "not connected"])
def test_a_code_of_curl_is_the_targets_only_when_it_is_known_to_be(what):
    transfer = Transfer("http://192.0.2.1/", "192.0.2.1:80", None, 100)
    handle = Handle(None)
    theirs = {1, 8, 16, 18, 28, 52, 55, 56, 60, 61, 92, 95, 96, 98, 100}
    with contextlib.closing(handle.curl):
        handle.fd = 9 if what == "connected" else -1
        blamed = {
            code
            for code in range(1, 120)
            if isinstance(of_curl(handle, transfer, code, "some words"), ProbeFailure)
        }
        assert isinstance(of_curl(handle, transfer, SHUT, "stopping"), OurFault)
        shaken = of_curl(handle, transfer, pycurl.E_SSL_CONNECT_ERROR, "TLS connect error: alert")
        assert isinstance(shaken, ProbeFailure) is (what == "connected")
        assert of_curl(handle, transfer, pycurl.E_OUT_OF_MEMORY, "").reason is Reason.OVERLOADED
        begun = of_curl(handle, transfer, pycurl.E_COULDNT_CONNECT, "Failed to connect")
        assert "gives no cause" in begun.detail
    assert blamed == (theirs if what == "connected" else {60})


@pytest.mark.parametrize(
    "name", ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR", "ENOSYS", "EPERM", "EACCES"]
)
def test_a_file_that_we_could_not_look_at_is_not_broken(name):
    assert isinstance(_blocked(getattr(errno, name), "/backups"), OurFault)


@pytest.mark.parametrize("name", ["EIO", "ESTALE", "EUCLEAN", "ENOTCONN", "ENOENT"])
def test_a_file_system_that_is_broken_is_its_own_fault(name):
    assert isinstance(_blocked(getattr(errno, name), "/backups"), ProbeFailure)


async def test_a_nameserver_that_we_could_not_ask_says_nothing_of_the_name():
    async with name_server({"known.test": "127.0.0.1"}, ttl=0):
        assert await address("known.test") == "127.0.0.1"  # it answered lately
        with only(0), pytest.raises(OurFault) as caught:
            await address("other.test")
    assert caught.value.reason is Reason.OVERLOADED


async def test_hosts_that_cannot_be_read_now_are_read_later(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.7 db.test\n")
    adopt(Resolver([], hosts=hosts))
    with only(0), pytest.raises(OSError, match="Too many open files"):
        await address("db.test")
    assert await address("db.test") == "192.0.2.7"


async def test_a_certificate_is_not_distrusted_because_the_authorities_could_not_be_read(tls):
    async def talk(reader, writer):
        await reader.read(100)

    async with serving(talk, tls=tls) as port:
        for kind in ("http", "tls"):
            there = {"url": f"https://localhost:{port}/"} if kind == "http" else {}
            there = there or {"address": f"localhost:{port}"}
            assert said(await ask(kind, **there)) == ("down", "certificate")
            with only(0):
                run = asyncio.ensure_future(ask(kind, **there))
                assert said(await run) == ("unknown", "overloaded")
            assert said(await ask(kind, **there)) == ("down", "certificate")
