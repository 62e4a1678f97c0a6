"""OpenLDAP's slapd with two entries, one of them hidden."""

from __future__ import annotations

import contextlib
import subprocess
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import AS_USER, folder, give, running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("slapd")
CANARY = "canary-b7f3"
PEOPLE = "ou=people,dc=example,dc=org"
CONF = """
include /etc/ldap/schema/core.schema
pidfile {dir}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {dir}/cert.pem
TLSCertificateKeyFile {dir}/key.pem
access to dn.subtree="ou=hidden,dc=example,dc=org" by dn.exact="cn=mon,dc=example,dc=org" read by * none
access to * by * read
database mdb
suffix "dc=example,dc=org"
rootdn "cn=mon,dc=example,dc=org"
rootpw {password}
directory {dir}/db
maxsize 10485760
"""
LDIF = """
dn: dc=example,dc=org
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people
description: everybody

dn: ou=hidden,dc=example,dc=org
objectClass: organizationalUnit
ou: hidden
"""


def certified(pem):
    """The files that a server with TLS has beside its configuration."""
    return {f"{name}.pem": (pem / f"{name}.pem").read_bytes() for name in ("cert", "key")}


@contextlib.contextmanager
def slapd(extra, **pem):
    plain, tls = free_port(), free_port()
    with folder(**pem) as path:
        (path / "db").mkdir()
        (path / "conf").write_text(CONF.format(dir=path, password=CANARY) + extra)
        (path / "ldif").write_text(LDIF.lstrip())
        give(path)
        fill = ["/usr/sbin/slapadd", "-f", path / "conf", "-l", path / "ldif"]
        subprocess.run([*AS_USER, *map(str, fill)], check=True, capture_output=True)
        urls = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}"
        program = ["/usr/sbin/slapd", "-d", "0", "-f", path / "conf", "-h", urls]
        with running(*program, places=[("127.0.0.1", plain), ("127.0.0.1", tls)]) as process:
            yield SimpleNamespace(process=process, plain=f"localhost:{plain}", tls=f"localhost:{tls}")


@contextlib.contextmanager
def stand(site):
    with slapd("", **certified(site.pem)) as it:
        mon = {"username": "cn=mon,dc=example,dc=org", "password": CANARY}
        there = {"address": it.plain, "ca_file": str(site.ca_file), "base": PEOPLE, **mon}
        yield Stood(it.process, {"ldap": Asked(there)})
