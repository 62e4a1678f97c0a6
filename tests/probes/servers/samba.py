"""smbd with one folder as two shares, one of them encrypted."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("samba")
CANARY = "canary-Pa55word"
CONFIG = """
[global]
server role = standalone
interfaces = 127.0.0.1/8
bind interfaces only = yes
smb ports = {port}
disable netbios = yes
private dir = {folder}/priv
lock directory = {folder}/lock
state directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/pid
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
passdb backend = tdbsam:{folder}/priv/passdb.tdb
load printers = no
disable spoolss = yes
[share]
path = {folder}/share
read only = yes
[sealed]
path = {folder}/share
smb encrypt = required
"""


@contextlib.contextmanager
def smbd(folder):
    """The server as whoever runs the tests, whom it knows by name."""
    port = free_port()
    for name in ("priv", "lock", "state", "cache", "pid", "ncalrpc", "share/inner"):
        (folder / name).mkdir(parents=True)
    (folder / "share" / "file").write_text("x")
    (folder / "priv").chmod(0o700)
    conf, me = folder / "conf", pwd.getpwuid(os.getuid()).pw_name
    conf.write_text(CONFIG.format(port=port, folder=folder))
    add = ["/usr/bin/pdbedit", "-s", str(conf), "-a", "-t", "-u", me]
    subprocess.run(add, input=f"{CANARY}\n" * 2, text=True, check=True, capture_output=True)
    program = ["/usr/sbin/smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout"]
    with running(*program, places=[("127.0.0.1", port)], user=False) as process:
        yield SimpleNamespace(process=process, port=port, shared=folder / "share", username=me)


@contextlib.contextmanager
def stand(site):
    with smbd(site.folder) as it:
        there = {"share": f"//127.0.0.1:{it.port}/share", "username": it.username, "password": CANARY}
        yield Stood(it.process, {"smb": Asked(there)})
