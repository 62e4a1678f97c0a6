"""MariaDB with TLS, and people with various rights."""

from __future__ import annotations

import contextlib

from tests.ports import free_port
from tests.probes.databases import call, running, until
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("mariadb-server", "; never run against a real MySQL")
CANARY = "correct horse battery"
PEOPLE = f"""
create user threenines identified by '{CANARY}';
create user clerk identified by '{CANARY}';
create user nameless;
create user strict identified by '{CANARY}' require ssl;
grant slave monitor on *.* to threenines;
create database shop; use shop;
create table shop.orders (id int primary key, what text);
insert into shop.orders select seq, concat('order ', seq) from seq_1_to_5000;
grant select, insert on shop.* to threenines;
create user copier identified by '{CANARY}';
grant replication slave on *.* to copier;
"""


def sql(port, text):
    return call("mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", port, "-u", "root", "-NBe", text).strip()


def server(folder, name, port, *more):
    data = folder / name
    install = [
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    call("mysql_install_db", *install)
    where = [f"--datadir={data}", f"--socket={data}/s", f"--pid-file={data}/pid", f"--port={port}"]
    small = ["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=16M", "--max-connections=20"]
    return running("/usr/sbin/mariadbd", "--no-defaults", *where, *small, *more, port=port, folder=folder)


@contextlib.contextmanager
def primary(folder, pem):
    """A server with TLS, 5000 orders and a log for replicas; yields its process and its port."""
    port = free_port()
    tls = [f"--ssl-cert={pem}/cert.pem", f"--ssl-key={pem}/key.pem"]
    with server(folder, "one", port, *tls, "--server-id=1", "--log-bin=log") as process:
        until(lambda: sql(port, "select 1"))
        sql(port, PEOPLE)
        yield process, port


@contextlib.contextmanager
def stand(site):
    with primary(site.folder, site.pem) as (process, port):
        there = {"address": f"localhost:{port}", "password": CANARY, "ca_file": str(site.ca_file)}
        yield Stood(process, {"mysql": Asked(there)})
