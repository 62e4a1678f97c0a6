"""BIND with a root of our own: zones signed well, badly and not at all, over UDP, TCP, TLS and HTTPS.

The zones are signed by BIND's own `dnssec-signzone` before it starts, so that they can be signed in the past or
altered afterwards; one is signed by `named` itself, as most zones are. The same names are served in two trees:
`test` denies by NSEC, `hash` by NSEC3 with opt-out.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import folder, give, running
from tests.probes.servers import Asked, Stood, debian
from tests.yardstick import PATIENCE

AGAINST = debian("bind9")

HEAD = """$TTL 300
@ IN SOA ns.{zone} admin.{zone} 1 3600 600 86400 300
@ IN NS ns.{zone}
ns.{zone} IN A 127.0.0.1
"""
LEAF = 'www IN A 127.0.0.8\nalias IN CNAME www\n*.wild IN A 127.0.0.9\nx.empty IN TXT "deep"\n'
CHILDREN = ("good", "stale", "early", "forged", "stripped", "swapped", "plain")
CONF = """
options {{
  directory "{dir}"; pid-file "{dir}/pid"; session-keyfile "{dir}/session"; key-directory "{dir}/keys";
  managed-keys-directory "{dir}"; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; notify no;
  listen-on port {plain} {{ 127.0.0.1; }};
  listen-on port {tls} tls t {{ 127.0.0.1; }};
  listen-on port {https} tls t http default {{ 127.0.0.1; }};
}};
controls {{ }};
tls t {{ cert-file "{dir}/cert.pem"; key-file "{dir}/key.pem"; }};
"""
RESOLVER = """
options {{
  directory "{dir}"; pid-file "{dir}/rpid"; session-keyfile "{dir}/rsession"; managed-keys-directory "{dir}";
  listen-on-v6 {{ none; }}; listen-on port {port} {{ 127.0.0.1; }}; recursion yes; allow-query {{ any; }};
  dnssec-validation yes; forward only; forwarders {{ 127.0.0.1 port {plain}; }}; empty-zones-enable no;
}};
controls {{ }};
trust-anchors {{ . static-ds {anchor}; }};
"""
ZONE = 'zone "{zone}" {{ type primary; file "{file}"; check-integrity no; {more} }};\n'
LIVE = "dnssec-policy default; inline-signing yes;"


def signed(where, zone, text, *, options=()):
    """Sign a zone with one key of its own; return its DS records and leave the file `<zone>signed`."""
    keys = where / "keys"
    made = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", keys, zone, where=where)
    (where / f"{zone}zone").write_text(text + (keys / f"{made.strip()}.key").read_text())
    # -z: the one key signs everything; -P: what is wrong on purpose is not refused.
    signing = ["-z", "-P", "-o", zone, "-K", keys, "-f", where / f"{zone}signed", *options]
    run("dnssec-signzone", *signing, where / f"{zone}zone", where=where)
    return run("dnssec-dsfromkey", "-2", keys / made.strip(), where=where)


def valid(first, last):
    """Return the options for signatures that are valid between two days, counted from today."""
    days = [datetime.now(UTC) + timedelta(days=day) for day in (first, last)]
    begin, end = (f"{day:%Y%m%d%H%M%S}" for day in days)
    return ("-s", begin, "-e", end)


def run(program, *arguments, where):
    done = subprocess.run(
        [program, *map(str, arguments)],
        check=True,
        cwd=where,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.stdout


def family(where, top, options):
    """Sign the children of *top*, and *top* itself; return its DS records."""
    text = HEAD.format(zone=top)
    for child in CHILDREN:
        zone = f"{child}.{top}"
        text += f"{zone} IN NS ns.{zone}\nns.{zone} IN A 127.0.0.1\n"
        body = HEAD.format(zone=zone) + LEAF
        if child == "plain":
            (where / f"{zone}signed").write_text(body)
            continue
        times = {"stale": valid(-20, -3), "early": valid(3, 20)}
        text += signed(where, zone, body, options=(*options, *(times.get(child, ()))))
        if child == "swapped":  # by a key that the parent has never heard of
            signed(where, zone, body, options=options)
        file = where / f"{zone}signed"
        if child == "forged":
            file.write_text(re.sub(r"127\.0\.0\.8", "127.6.6.6", file.read_text()))
        if child == "stripped":
            file.write_text(body)
    return signed(where, top, text, options=options)


@contextlib.contextmanager
def bind(pem, **more):
    """BIND while it answers: its places, and `root`, the DS record of its root.

    `resolver` is another BIND, which asks the first one and validates.
    """
    port, ports = free_port(), {"plain": free_port(), "tls": free_port(), "https": free_port()}
    with folder(**{name: (pem / name).read_bytes() for name in ("cert.pem", "key.pem")}) as where:
        (where / "keys").mkdir()
        text = HEAD.format(zone=".").replace("ns..", "ns.").replace("admin..", "admin.")
        for top, options in (("test.", ()), ("hash.", ("-3", "-", "-H", "0", "-A"))):
            text += f"{top} IN NS ns.{top}\nns.{top} IN A 127.0.0.1\n" + family(where, top, options)
        root = signed(where, ".", text)
        zones = [
            ".",
            *(z for top in ("test.", "hash.") for z in (top, *(f"{child}.{top}" for child in CHILDREN))),
        ]
        (where / "live.zone").write_text(HEAD.format(zone="live.") + LEAF)
        conf = CONF.format(dir=where, **ports) + "".join(
            ZONE.format(zone=zone, file=f"{zone}signed", more="") for zone in zones
        )
        (where / "conf").write_text(conf + ZONE.format(zone="live", file="live.zone", more=LIVE))
        *numbers, digest = root.split()[3:]
        anchor = f'{" ".join(numbers)} "{digest}"'
        (where / "resolver").write_text(RESOLVER.format(dir=where, port=port, anchor=anchor, **ports))
        give(where)
        with (
            named(where / "conf", *ports.values(), **more) as process,
            named(where / "resolver", port, **more),
        ):
            places = {name: f"127.0.0.1:{number}" for name, number in ports.items()}
            resolver = f"127.0.0.1:{port}"
            yield SimpleNamespace(process=process, root=root.strip(), resolver=resolver, **places)


def named(conf, *ports, **more):
    program = ("/usr/sbin/named", "-g", "-4", "-n", "1", "-c", conf)
    return running(*program, places=[("127.0.0.1", port) for port in ports], **more)


@contextlib.contextmanager
def stand(site):
    with bind(site.pem) as it:
        name = {"name": "www.good.test", "dnssec": True, "anchor": it.root}
        tls = {"server_name": "localhost", "ca_file": str(site.ca_file)}
        yield Stood(
            it.process,
            {
                "dns-signed": Asked({**name, "resolver": it.plain, "recurse": False}, kind="dns"),
                "dns-over-tls": Asked(
                    {**name, **tls, "resolver": it.tls, "over": "tls", "recurse": False}, kind="dns"
                ),
                "dns-over-https": Asked(
                    {**name, **tls, "resolver": it.https, "over": "https", "recurse": False}, kind="dns"
                ),
            },
        )
