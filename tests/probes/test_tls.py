"""The tls probe against real TLS servers, honest, expired and odd."""

from __future__ import annotations

import datetime as dt
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.probes.wires import (
    Meter,
    ask,
    closed_port,
    enough,
    garbage,
    hang_up,
    reset,
    said,
    saying,
    serving,
    silence,
)
from tests.yardstick import HOLD
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.tls import TlsProbe

KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])


def odd(folder, *, names=("localhost",), begin=-1, end=30, key=KEY, serial=7, extra=()):
    """Return a server's context with a self-signed certificate of these properties."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(NAME, NAME, key.public_key(), serial)
        .not_valid_before(now + timedelta(days=begin))
        .not_valid_after(now + timedelta(days=end))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    )
    for extension in extra:
        builder = builder.add_extension(extension, critical=False)
    return served(folder, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), key)


def served(folder, der, key):
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "odd.pem").write_bytes(private + ssl.DER_cert_to_PEM_cert(der).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "odd.pem")
    return context


async def test_a_good_certificate_is_up_with_its_facts(tls, ca_file):
    now = datetime.now(UTC)
    async with serving(silence, tls=tls) as port:
        reading = await ask("tls", address=f"localhost:{port}", ca_file=ca_file, now=now)
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["certificate.subject"] == "localhost"
    assert facts["certificate.names"] == "localhost, 127.0.0.1"
    assert facts["certificate.key"] == "EC 256"
    assert facts["certificate.left"] == pytest.approx(facts["certificate.expires"] - now.timestamp())
    assert (facts["protocol"], facts["chain.count"]) == ("TLSv1.3", 1)
    assert facts["bits"] >= 128
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()))


async def test_a_certificate_about_to_expire_is_degraded(tls, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(TlsProbe).facts, {})
    async with serving(silence, tls=tls) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file, "judge": judge}
        end = (await ask("tls", **there)).facts["certificate.expires"]
        late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
        assert said(await ask("tls", **there, now=late)) == ("degraded", "certificate")


async def test_an_expired_certificate_is_down_and_still_a_fact(tmp_path):
    async with serving(silence, tls=odd(tmp_path, begin=-9, end=-2)) as port:
        reading = await ask("tls", address=f"localhost:{port}", ca_file=tmp_path / "odd.pem")
    assert said(reading) == ("down", "certificate")
    assert reading.detail == "the certificate has expired"
    assert reading.facts["certificate.left"] == pytest.approx(-2 * 86400, abs=60)


async def test_a_certificate_of_the_future_is_down(tmp_path):
    async with serving(silence, tls=odd(tmp_path, begin=5)) as port:
        reading = await ask("tls", address=f"localhost:{port}", ca_file=tmp_path / "odd.pem")
    assert (said(reading), reading.detail) == (("down", "certificate"), "the certificate is not valid yet")


async def test_an_untrusted_certificate_is_down(tls, tmp_path):
    async with serving(silence, tls=tls) as port:
        reading = await ask("tls", address=f"localhost:{port}")
    assert said(reading) == ("down", "certificate")
    assert "not trusted" in reading.detail
    assert reading.facts["certificate.subject"] == "localhost"
    async with serving(silence, tls=odd(tmp_path)) as port:
        reading = await ask("tls", address=f"localhost:{port}")
    assert reading.detail == "the certificate is self-signed"


async def test_a_certificate_for_another_name_is_down_and_says_for_which(tls, ca_file):
    async with serving(silence, tls=tls) as port:
        reading = await ask(
            "tls", address=f"127.0.0.1:{port}", ca_file=ca_file, server_name="www.example.org"
        )
    assert said(reading) == ("down", "certificate")
    assert reading.detail == "the certificate is for localhost, 127.0.0.1, not www.example.org"


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (silence, ("down", "timeout")),
        (hang_up, ("down", "reset")),
        (reset, ("down", "reset")),
        (garbage, ("down", "tls")),
        (saying(b"\x15\x03\x03\x00\x02\x02\x28"), ("down", "tls")),
        (saying(b"\x16\x03\x03\x40\x00" + b"\x02\x00\xff\xff" + b"a" * 20000), ("down", "tls")),
    ],
)
async def test_a_peer_that_does_not_shake_hands_is_down_in_time(peer, told):
    async with serving(peer) as port, Meter() as meter:
        reading = await ask("tls", address=f"127.0.0.1:{port}", seconds=enough(told, 0.4))
    assert said(reading) == told, reading
    assert meter.ticked < 2 * 0.4


async def test_nobody_listening_is_refused():
    assert said(await ask("tls", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


def old_server(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem / "cert.pem", pem / "key.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("legacy", "accepts", "told"),
    [
        ("ignore", True, ("up", "ok")),
        ("report", True, ("up", "ok")),
        ("report", False, ("up", "ok")),
        ("refuse", False, ("up", "ok")),
        ("refuse", True, ("down", "tls")),
    ],
)
async def test_old_protocols_are_reported_or_refused(pem, ca_file, legacy, accepts, told):
    context = old_server(pem)
    if accepts:
        context.minimum_version = ssl.TLSVersion.TLSv1
    async with serving(silence, tls=context) as port:
        reading = await ask("tls", address=f"localhost:{port}", ca_file=ca_file, legacy=legacy)
    assert said(reading) == told
    assert reading.facts.get("legacy") == (None if legacy == "ignore" else accepts)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_an_appliance_that_knows_only_old_protocols_can_be_allowed(pem, ca_file):
    context = old_server(pem)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with serving(silence, tls=context) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file}
        assert said(await ask("tls", **there))[0] == "down"
        reading = await ask("tls", **there, legacy="allow")
    assert said(reading) == ("up", "ok")
    assert reading.facts["protocol"] == "TLSv1.1"


def edited(folder, change):
    """Return a server with a certificate whose DER was changed after signing: nobody's signature fits."""
    context = odd(folder)
    pem = (folder / "odd.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
    return served(folder, change(der), KEY) if context else None


ODD = {
    "a huge list of names": lambda d: odd(d, names=[f"host-{n}.example.org" for n in range(3000)]),
    "a huge serial number": lambda d: odd(d, serial=(1 << 158) + 1),
    "a negative serial number": lambda d: edited(
        d, lambda der: der.replace(b"\x02\x01\x07", b"\x02\x01\x87", 1)
    ),
    "a date in month 13": lambda d: edited(d, bad_date),
    "an unknown extension": lambda d: odd(
        d, extra=[x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\xff" * 5000)]
    ),
    "a year of four digits": lambda d: odd(d, end=365 * 7000),
}


def bad_date(der):
    year = f"{dt.datetime.now(UTC) + timedelta(days=30):%y%m}".encode()
    return der.replace(b"\x17\x0d" + year, b"\x17\x0d" + year[:2] + b"13", 1)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", ["tls", "http"])
async def test_an_odd_certificate_gets_a_typed_reading_in_time(kind, name, tmp_path):
    async with serving(silence, tls=ODD[name](tmp_path)) as port:
        options = {"address": f"localhost:{port}"} if kind == "tls" else {"url": f"https://localhost:{port}/"}
        await ask(kind, **options)
        async with Meter() as meter:
            reading = await ask(kind, **options)
    assert reading.verdict.value == "down", reading
    assert reading.reason.value in ("certificate", "tls")
    assert meter.ticked < 2 * 0.5
    assert meter.held < HOLD
    assert meter.grown < 2 << 20


async def test_a_key_of_16_kilobits_does_not_hold_the_loop(tmp_path):
    numbers = (1 << 16383) + 0x10001  # no key at all, but of that size: it need not sign anything here
    fake = rsa.RSAPublicNumbers(65537, numbers | 1).public_key()
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(NAME, NAME, fake, 7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3))
        .sign(KEY, hashes.SHA256())
    )
    from watch.probes.wire.net.certificate import CertificateChain

    async with Meter() as meter:
        facts = CertificateChain([certificate.public_bytes(serialization.Encoding.DER)]).facts(now)
    assert facts["certificate.key"] == "RSA 16384"
    assert meter.held < HOLD


async def test_what_no_library_can_read_gives_no_facts_and_no_exception():
    from watch.probes.wire.net.certificate import CertificateChain

    now = datetime.now(UTC)
    for chain in ([b""], [b"\x30\x80" * 1000], [b"a"] * 11, [b"a" * 200_000]):
        assert CertificateChain(chain).facts(now) == {
            "certificate.readable": False,
            "chain.count": len(chain),
        }


def test_the_port_may_be_left_out():
    assert TlsProbe(address="www.example.org").peer() == "www.example.org"
    with pytest.raises(ValueError, match="address: "):
        TlsProbe(address="www.example.org:x")
