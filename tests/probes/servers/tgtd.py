"""tgtd with three targets at two portals: one for everybody, one behind CHAP, one that proves itself, too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from tests.ports import free_port
from tests.probes.conftest import until_listening
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("tgt")
OPEN, CLOSED, MUTUAL = (f"iqn.2026-11.test:{name}" for name in ("open", "closed", "mutual"))
CANARY, PROOF = "canary-secret-1", "canary-target-1"
SIZE = 64 << 20  # of LUN 1; LUN 2 has twice as much


@contextlib.contextmanager
def array(folder, size=SIZE):
    """Yield its process and the portals; the disks lie in *folder*, disk11 behind LUN 1 of the first target."""
    ports = free_port(), free_port()
    env = {"TGT_IPC_SOCKET": str(folder / "sock"), "PATH": os.environ["PATH"]}
    program = ["/usr/sbin/tgtd", "-f", "-C", "0", "--iscsi", f"portal=127.0.0.1:{ports[0]}"]
    log = (folder / "log").open("w")
    process = subprocess.Popen(program, env=env, start_new_session=True, stdout=log, stderr=log)

    def tell(*words):
        subprocess.run(["/usr/sbin/tgtadm", "-C", "0", "--lld", "iscsi", *words], env=env, check=True)

    try:
        until_listening(process, ("127.0.0.1", ports[0]))
        tell("--op", "new", "--mode", "portal", "--param", f"portal=127.0.0.1:{ports[1]}")
        for tid, name in enumerate((OPEN, CLOSED, MUTUAL), start=1):
            target = ("--mode", "target", "--tid", str(tid))
            tell("--op", "new", *target, "-T", name)
            for lun in (1, 2):
                disk = folder / f"disk{tid}{lun}"
                with disk.open("wb") as file:
                    file.truncate(lun * size)
                tell("--op", "new", "--mode", "logicalunit", "--tid", str(tid), "--lun", str(lun), "-b", disk)
            tell("--op", "bind", *target, "-I", "ALL")
        for user, password in (("mon", CANARY), ("array", PROOF)):
            tell("--op", "new", "--mode", "account", "--user", user, "--password", password)
        for tid in ("2", "3"):
            tell("--op", "bind", "--mode", "account", "--tid", tid, "--user", "mon")
        tell("--op", "bind", "--mode", "account", "--tid", "3", "--user", "array", "--outgoing")
        yield process, [f"127.0.0.1:{port}" for port in ports]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it ignores SIGTERM
        process.wait()
        log.close()


@contextlib.contextmanager
def stand(site):
    with array(site.folder) as (process, (portal, _)):
        there = {"portal": portal, "target": CLOSED, "lun": 1, "username": "mon", "password": CANARY}
        first, second = (f"iscsi://{portal}/{OPEN}/{lun}" for lun in (2, 1))
        halves = {"first": second, "second": first}
        yield Stood(process, {"iscsi": Asked(there), "mirror": Asked(halves)})
