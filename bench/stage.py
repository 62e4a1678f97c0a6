"""A hub under strain: its process, a target that can be killed, and a receiver of its pages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from bench.ours import ROOT
from bench.players import Receiver, Slow, Victim
from bench.process import MEASURED, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from bench.overload import Result
    from bench.targets import Targets

_VICTIM = """
  victim:
    checks:
      v: {{tcp: "127.0.0.1:{port}", every: 2s, retry_every: 1s, timeout: 2s}}
people: {{p: {{channels: ["json://127.0.0.1:{receiver}/"]}}}}
alerts: [{{when: down, components: all}}, {{when: degraded, components: all}}, {{when: monitor}}]
alerting: {{group_wait: 0s, resolve_hold: 1s}}
"""
_HEAD = """
service: {name: Strained}
defaults: {every: 2s, timeout: 5s, retry_every: 1s}
store: sqlite:///hub.db
listen: {page: "127.0.0.1:0", operators: "127.0.0.1:0"}
components:
"""


class Stage:
    """A hub on one core, with a victim among its targets, from when it listens until the block ends."""

    def __init__(
        self, folder: Path, targets: Targets, text: str, *, slow_checks: int = 0, files: int = 0
    ) -> None:
        folder.mkdir()
        self._folder, self._targets, self._files = folder, targets, files
        self.victim, self.receiver = Victim(), Receiver()
        self._slow = Slow() if slow_checks else None
        self._text = text
        self._slow_checks = slow_checks
        self._told = 0  # pages about the victim are expected

    def _written(self) -> None:
        body = self._text.partition("components:\n")[2]
        if self._slow is not None:
            body = "  slow:\n    checks:\n" + "".join(
                f'      s{n}: {{http: "http://127.0.0.1:{self._slow.port}/", every: 1s, timeout: 3s}}\n'
                for n in range(self._slow_checks)
            )
        head = _HEAD
        tail = _VICTIM.format(port=self.victim.port, receiver=self.receiver.port)
        new = self._folder / "checks.new"
        new.write_text(head + body + tail)
        new.rename(self._folder / "checks.yaml")

    def __enter__(self) -> Self:
        self.victim.start()
        self._written()
        hub = [sys.executable, "-m", "watch", "run", str(self._folder / "checks.yaml")]
        files = ["prlimit", f"--nofile={self._files}:{self._files}"] if self._files else []
        environ = os.environ | {"SSL_CERT_FILE": str(self._targets.trust), "PYTHONPATH": str(ROOT)}

        self._process = subprocess.Popen(
            ["taskset", "-c", str(MEASURED), *files, *hub], cwd=ROOT, env=environ, stdout=subprocess.PIPE,
            stderr=(self._folder / "log").open("ab"),
        )  # fmt: skip
        found: list[str] = []
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found += re.findall(r"http://([\d.]+:\d+)", line.decode())
            if len(found) == 2:
                break
        else:
            raise RuntimeError((self._folder / "log").read_text())
        self._page, self._operators = found
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.victim.kill()
        self.receiver.close()
        if self._slow is not None:
            self._slow.close()

    def signal(self, number: signal.Signals) -> None:
        """Send *number* to the hub; the strain begins now."""
        self._process.send_signal(number)
        self.strained()

    def strained(self) -> None:
        """The strain begins now: what is to be said within seconds counts from here."""
        self._began = time.monotonic()

    def configure(self, text: str, slow_checks: int = 0) -> None:
        """Give the hub another configuration."""
        self._text, self._slow_checks = text, slow_checks or self._slow_checks
        self._written()
        self.signal(signal.SIGHUP)

    # ---- looking ----

    def _asked(self, address: str, path: str) -> tuple[int, str, float]:
        before = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode(), time.monotonic() - before
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), time.monotonic() - before
        except OSError:
            return 0, "", time.monotonic() - before

    def _status(self) -> str:
        asked = subprocess.run(
            ["taskset", "-c", str(OTHERS), sys.executable, "-m", "watch", "--config", str(self._folder / "checks.yaml"),
             "status", "--json"],
            cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return asked.stdout.partition('"components"')[0]

    def troubled(self) -> str:
        """What /readyz says of an overload; empty without one."""
        _, text, _ = self._asked(self._operators, "/readyz")
        return text if "overloaded" in text else ""

    def settle(self, within: float = 120) -> None:
        """Return once the hub is ready."""
        until = time.monotonic() + within
        while self._asked(self._operators, "/readyz")[0] != 200:
            if time.monotonic() > until:
                raise RuntimeError(
                    "the hub did not become ready: " + self._asked(self._operators, "/readyz")[1][:300]
                )
            time.sleep(0.2)
        time.sleep(5)

    def watch(self, result: Result, seconds: float, *, page: bool = True) -> None:
        """Look for *seconds* at who says that the hub is overloaded, and how fast the page answers."""
        said: dict[str, float | None] = {"readyz": None, "metric": None, "status": None}
        while time.monotonic() - self._began < seconds:
            if said["readyz"] is None and (text := self.troubled()):
                said["readyz"] = time.monotonic() - self._began
                result.what = text[:160].replace("\n", " ")
            if said["metric"] is None:
                metrics = self._asked(self._operators, "/metrics")[1]
                if re.search(r'^threenines_trouble\{kind="overloaded"\} [1-9]', metrics, re.MULTILINE):
                    said["metric"] = time.monotonic() - self._began
            if said["status"] is None and said["readyz"] is not None and "overloaded" in self._status():
                said["status"] = time.monotonic() - self._began
            if page:
                result.slowest_page = max(result.slowest_page, self._asked(self._page, "/")[2])
            time.sleep(1)
        result.said = said

    def usual(self) -> float:
        """The time from killing the victim to its page, on a hub at ease."""
        found = self.kill_victim(60)
        if found is None:
            raise RuntimeError("the victim was not paged at ease")
        return found

    def kill_victim(self, within: float) -> float | None:
        """Kill the victim, wait for its page, start it again and wait for its recovery; seconds until the page."""
        self.victim.kill()
        found = self.paged_after(within)
        self.victim.start()
        self._until_heard("RESOLVED", within)
        return found

    def paged_after(self, within: float) -> float | None:
        """Seconds until the victim is paged as down; None when it is not within *within*."""
        return self._until_heard("DOWN", within)

    def _until_heard(self, word: str, within: float) -> float | None:
        began, before = time.monotonic(), len(self.receiver.heard)
        while time.monotonic() - began < within:
            for at, title in self.receiver.heard[before:]:
                if title.startswith(word) and "victim" in title.lower():
                    return at - began
            time.sleep(0.05)
        return None

    def relieved(self, result: Result) -> None:
        """Wait until nothing says overloaded any more; then count what was said of healthy targets."""
        began = time.monotonic()
        while time.monotonic() - began < 90:
            if not self.troubled():
                result.normal = time.monotonic() - began
                break
            time.sleep(0.25)
        time.sleep(2)
        result.bad = self._bad()
        pages = [t for _, t in self.receiver.heard if "victim" not in t.lower() and not _of_ours(t)]
        result.pages = len(pages)
        if pages:
            result.what = f"paged: {'; '.join(pages)[:300]}"

    def _bad(self) -> int:
        """How many times a healthy check became down or degraded."""
        found = sqlite3.connect(f"file:{self._folder / 'hub.db'}?mode=ro", uri=True)
        with contextlib.closing(found):
            rows = found.execute("SELECT subject, body FROM ledger WHERE kind = 'transition'").fetchall()
        return sum(
            json.loads(b)["to"] in ("down", "degraded") for s, b in rows if not s.startswith("victim/")
        )

    @contextlib.contextmanager
    def in_turns(self, stopped: float, running: float) -> Iterator[None]:
        """Stop and continue the hub in turns during the block."""
        over = threading.Event()

        def turn() -> None:
            while not over.is_set():
                self._process.send_signal(signal.SIGSTOP)
                over.wait(stopped)
                self._process.send_signal(signal.SIGCONT)
                over.wait(running)

        thread = threading.Thread(target=turn)
        self.strained()
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._process.send_signal(signal.SIGCONT)


def _of_ours(title: str) -> bool:
    """Whether the page *title* is about the monitoring itself: its trouble, or that this is over."""
    return title.startswith(("MONITORING TROUBLE", "OVER: "))
