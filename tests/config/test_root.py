"""The checks.yaml at the root is real, and a tour of the language."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from watch.config import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "checks.yaml").read_text()


def loaded():
    return load(ROOT / "checks.yaml", environ={}, now_ms=1_795_000_000_000)


def test_it_loads_with_no_warning_but_that_nobody_is_paged_yet():
    assert [remark.message for remark in loaded().warnings] == [
        "there are no `people`: nobody is notified of alerts"
    ]


def test_it_asks_nothing_beyond_this_machine():
    for check in loaded().settings.checks.values():
        host = check.probe.peer()
        assert host in {"", "localhost"} or ipaddress.ip_address(host).is_loopback


def test_it_asks_the_listeners_it_configures():
    settings = loaded().settings
    asked = {urlsplit(check.probe.url).port for check in settings.checks.values() if check.kind == "http"}
    assert asked == {settings.listen.page[0][1], settings.listen.operators[1]}


def test_its_people_and_alerts_work_once_they_are_no_comments(tmp_path):
    begin = TEXT.index("# people:")
    end = TEXT.index("alerting:")
    text = TEXT[:begin] + re.sub(r"^# ", "", TEXT[begin:end], flags=re.MULTILINE) + TEXT[end:]
    path = tmp_path / "checks.yaml"
    path.write_text(text)
    read = load(path, environ={"NTFY_TOPIC": "x"})
    assert read.warnings == ()
    assert len(read.settings.alerts) == 6


def test_its_network_checks_work_once_they_are_no_comments(tmp_path):
    path = tmp_path / "checks.yaml"
    path.write_text(re.sub(r"^  # (?=(certificate|names|transit):|  )", "  ", TEXT, flags=re.MULTILINE))
    checks = load(path, environ={}).settings.checks
    assert {"tls", "dns"} <= {check.kind for check in checks.values()}
    assert {"transit/out[carrier-a]", "transit/out[carrier-b]", "transit/handover"} <= set(checks)


def test_it_shows_every_section_of_the_language():
    from watch.config.document import DOCUMENT

    built = {key for key, it in DOCUMENT.fields.items() if it.shape is not None}
    assert {key for key in built if not re.search(rf"^(# )?{key}:", TEXT, re.MULTILINE)} == set()
