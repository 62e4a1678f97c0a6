"""The exporter: Debian's prometheus-blackbox-exporter, requested over HTTP as by Prometheus."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.process import MEASURED, OTHERS, cpu_seconds, free_port, running
from bench.targets import answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CONFIG = """
modules:
  http:  {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}
  https: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4, fail_if_not_ssl: true}}
  tcp:   {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}
  icmp:  {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}
"""


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running exporter."""

    pid: int
    port: int
    folder: Path

    def cost(self, kind: str, targets: Sequence[str], *, rate: int, gzip: bool = False) -> float:
        """CPU seconds a check of its process, with one request for each of *targets*, *rate* a second.

        Args:
            gzip: Request compressed answers, as Prometheus does; without it the exporter has less to do.
        """
        order = {
            "port": self.port,
            "paths": [f"/probe?module={kind}&target={quote(target, safe='')}" for target in targets],
            "rate": rate,
            "gzip": gzip,
        }
        before = cpu_seconds(self.pid)
        done = subprocess.run(
            ["taskset", "-c", str(OTHERS), sys.executable, "-m", "bench.scraper"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        spent = cpu_seconds(self.pid) - before
        if int(done.stdout) != len(targets):
            raise RuntimeError(
                f"blackbox_exporter: {int(done.stdout)} of {len(targets)} {kind} probes succeeded"
            )
        return spent / len(targets)


@contextmanager
def exporting(folder: Path, trust: Path) -> Iterator[Exporter]:
    """Run blackbox_exporter on the measured core during the block."""
    config, port = folder / "blackbox.yml", free_port()
    config.write_text(_CONFIG)
    command = [
        "prometheus-blackbox-exporter",
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = folder / "blackbox.log"
    with running(command, core=MEASURED, log=log, environ={"SSL_CERT_FILE": str(trust)}) as process:
        answered(f"http://127.0.0.1:{port}/-/healthy")
        yield Exporter(process.pid, port, folder)
