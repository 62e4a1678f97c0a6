"""A configuration and a script as texts, and what comes of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.config import load
from watch.rehearsal.script_file import script_at
from watch.rehearsal.simulation import Simulation
from watch.rehearsal.telling import told
from watch.rehearsal.wording import stamp
from watch.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000
CONFIG = """
service: {name: Acme, timezone: America/New_York}
vantages:
  hub: {site: irvine, local: true, canaries: [{tcp: "127.0.0.1:1"}, {tcp: "127.0.0.1:2"}]}
components:
  web:
    name: Web site
    checks: {home: {http: "https://www.example.org/"}}
  db:
    name: Database
    group: Data
    needs: 1 of 2
    checks: {a: {tcp: "192.0.2.1:5432"}, b: {tcp: "192.0.2.2:5432"}}
maintenance:
  storage: {components: [db], when: "Sat 03:00-04:00", suppress_alerts: true}
people:
  alice: {channels: ["ntfy://${env:NTFY_A}", "mailto://x:${file:/nowhere}@example.org"]}
  bob: {channels: ["ntfy://bobs-secret-topic"]}
rotations:
  primary: {people: [alice, bob], every: 1 week, handover: Mon 09:00, start: 2025-11-03}
escalations:
  urgent: [{page: primary}, {page: bob, after: 15m}]
alerts:
  - {when: down, components: all, escalate: urgent}
  - {when: redundancy_lost, components: [db], for: 10m}
"""
START = "start: 2025-11-22 01:00\nlength: 4h\n"  # a Saturday; alice is on call


@dataclass
class Scene:
    """A folder with a configuration and a script."""

    folder: Path

    def configure(self, text: str = CONFIG, name: str = "checks.yaml") -> Path:
        (self.folder / name).write_text(text, "utf-8")
        return self.folder / name

    def settings(self, text: str = CONFIG):
        return load(self.configure(text), secrets=False, environ={}).settings

    def script(self, text: str, config: str = CONFIG):
        (self.folder / "faults.yaml").write_text(text, "utf-8")
        return script_at(self.folder / "faults.yaml", self.settings(config))

    def simulated(self, text: str, config: str = CONFIG, **more) -> Simulation:
        """What comes of *text*, which needs no `start`."""
        written = text if "start:" in text else START + text
        simulation = Simulation(self.settings(config), self.script(written, config), **more)
        asyncio.run(simulation.run())
        return simulation

    def lived(self, text: str, config: str = CONFIG) -> Simulation:
        """The same, kept in the store of the configuration as a hub would."""
        store = SqliteStore(self.settings(config).store)
        written = text if "start:" in text else START + text
        simulation = Simulation(self.settings(config), self.script(written, config), store=store)

        async def lived() -> None:
            await simulation.run()
            await store.close()

        asyncio.run(lived())
        return simulation

    def lines(self, text: str, config: str = CONFIG, **more) -> list[str]:
        diary = self.simulated(text, config, **more).diary
        return list(told(diary, self.settings(config).service.timezone))


def pages(simulation) -> list[tuple[str, str, int, str]]:
    """Who was paged when over which channel with which subject."""
    zone = simulation.diary._settings.service.timezone
    return [
        (
            stamp(line.at_ms, zone, line.at_ms),
            line.facts["person"],
            line.facts["channel"],
            line.facts["subject"],
        )
        for line in simulation.diary.lines
        if line.kind == "page"
    ]
