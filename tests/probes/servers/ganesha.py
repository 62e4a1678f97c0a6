"""nfs-ganesha with two exports, one of them for those with a Kerberos ticket."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, debian

AGAINST = debian("nfs-ganesha")
CONFIG = """
NFS_CORE_PARAM {{ NFS_Port={port}; MNT_Port={mount}; Bind_addr=127.0.0.1; Protocols=4; Enable_NLM=false;
  Enable_RQUOTA=false; Enable_UDP=false; }}
NFSV4 {{ Graceless=true; RecoveryRoot={folder}; }}
EXPORT {{ Export_Id=1; Path={folder}/exp; Pseudo=/exp; Access_Type=RO; Squash=No_Root_Squash; SecType=sys;
  Protocols=4; Transports=TCP; FSAL {{ Name=VFS; }} }}
EXPORT {{ Export_Id=2; Path={folder}/strict; Pseudo=/strict; Access_Type=RO; SecType=krb5;
  Protocols=4; Transports=TCP; FSAL {{ Name=VFS; }} }}
"""


@contextlib.contextmanager
def ganesha(folder):
    """The server of folders in *folder*, as its user: it opens files by their handles."""
    (folder / "exp" / "inner").mkdir(parents=True)
    (folder / "strict").mkdir()
    port = free_port()
    (folder / "conf").write_text(CONFIG.format(port=port, mount=free_port(), folder=folder))
    program = [
        "/usr/bin/ganesha.nfsd",
        "-F",
        "-f",
        folder / "conf",
        "-L",
        folder / "log",
        "-p",
        folder / "pid",
    ]
    with running(*program, places=[("127.0.0.1", port)], user=False) as process:
        yield SimpleNamespace(process=process, address=f"127.0.0.1:{port}", exported=folder / "exp")


@contextlib.contextmanager
def stand(site):
    with ganesha(site.folder) as it:
        yield Stood(it.process, {"nfs": Asked({"server": it.address, "path": "/exp"})})
