"""PostgreSQL with TLS, and people with various rights."""

from __future__ import annotations

import contextlib

from tests.ports import free_port
from tests.probes.databases import call, running, until
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("postgresql-15")
BIN = "/usr/lib/postgresql/15/bin"
CANARY = "correct horse battery"
HBA = """
host replication mon 127.0.0.1/32 trust
host all mon 127.0.0.1/32 trust
host all plain 127.0.0.1/32 password
host all old 127.0.0.1/32 md5
host all nobody 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""
PEOPLE = f"""
create role threenines login password '{CANARY}' in role pg_monitor;
create role clerk login password '{CANARY}';
create role plain login password '{CANARY}';
set password_encryption = md5;
create role old login password '{CANARY}';
create table orders (id int primary key, what text);
insert into orders select n, 'order ' || n from generate_series(1, 5000) n;
grant select, insert on orders to threenines
"""


def sql(port, text):
    return call("psql", "-h", "127.0.0.1", "-p", port, "-U", "mon", "-d", "postgres", "-qAtc", text).strip()


def server(folder, data, port, *more):
    options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories=", "-cfsync=off"]
    return running(f"{BIN}/postgres", "-D", folder / data, *options, *more, port=port, folder=folder)


@contextlib.contextmanager
def primary(folder, pem):
    """A server with TLS and 5000 orders; yields its process and its port."""
    where = ["-D", folder / "one", "-U", "mon", "-A", "trust"]
    call(f"{BIN}/initdb", *where, "--no-sync", "--locale=C", "-EUTF8")
    (folder / "one" / "pg_hba.conf").write_text(HBA)
    for name in ("cert.pem", "key.pem"):
        (folder / name).write_bytes((pem / name).read_bytes())
        (folder / name).chmod(0o600)
    tls = ["-cssl=on", f"-cssl_cert_file={folder}/cert.pem", f"-cssl_key_file={folder}/key.pem"]
    port = free_port()
    with server(folder, "one", port, *tls, "-cmax_connections=20") as process:
        until(lambda: sql(port, "select 1"))
        sql(port, PEOPLE)
        yield process, port


@contextlib.contextmanager
def stand(site):
    with primary(site.folder, site.pem) as (process, port):
        there = {"address": f"localhost:{port}", "password": CANARY, "ca_file": str(site.ca_file)}
        yield Stood(process, {"postgres": Asked(there)})
