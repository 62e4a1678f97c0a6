"""A folder of files is one configuration."""

from __future__ import annotations

import os

import pytest

from watch.config import load
from watch.errors import ConfigError

from .conftest import WEB


def test_files_are_merged_by_key_in_the_order_of_their_names(desk):
    desk.write("service: {name: Acme}\n" + WEB, "conf/10.yaml")
    desk.write(
        'service: {target: 99.5%}\ncomponents: {api: {checks: {home: {http: "http://127.0.0.2/"}}}}\n',
        "conf/20.yml",
    )
    desk.write("people: {alice: {channels: ['ntfy://x']}}\n", "conf/05.yaml")
    loaded = load(desk.folder / "conf", environ={})
    assert list(loaded.settings.components) == ["web", "api"]
    assert loaded.settings.service.name == "Acme"
    assert str(loaded.settings.service.target) == "199/200"
    assert [path.name for path in loaded.sources] == ["05.yaml", "10.yaml", "20.yml"]


def test_hidden_files_and_other_files_are_left_alone(desk):
    desk.write(WEB, "conf/10.yaml")
    desk.write("[", "conf/.20.yaml")
    desk.write("[", "conf/notes.txt")
    assert load(desk.folder / "conf", environ={}).settings.components


def test_a_mistake_names_the_file_it_is_in(desk):
    desk.write(WEB, "conf/10.yaml")
    desk.write("alerts: [{when: dwn}]\n", "conf/20.yaml")
    with pytest.raises(ConfigError) as caught:
        load(desk.folder / "conf", environ={})
    assert [mistake.file for mistake in caught.value.mistakes] == [str(desk.folder / "conf" / "20.yaml")]


def test_names_refer_across_files(desk):
    desk.write(WEB, "conf/10.yaml")
    desk.write("alerts: [{when: down, components: [web], escalate: urgent}]\n", "conf/20.yaml")
    desk.write(
        "people: {alice: {channels: ['ntfy://x']}}\nescalations: {urgent: [{page: alice}]}\n", "conf/30.yaml"
    )
    assert load(desk.folder / "conf", environ={}).settings.alerts[0].escalate == "urgent"


def test_the_store_of_a_folder_is_in_it(desk):
    desk.write(WEB, "conf/10.yaml")
    assert load(desk.folder / "conf", environ={}).settings.store == desk.folder / "conf" / "threenines.db"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "does not exist: name the configuration with `--config`"),
        (lambda path: path.mkdir(), "a folder without a"),
        (os.mkfifo, "it is a pipe, not a file. Give a file or a folder"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, make, said):
    path = tmp_path / "checks.yaml"
    make(path)
    with pytest.raises(ConfigError, match=said):
        load(path, environ={})


def test_a_device_is_not_swallowed():
    from pathlib import Path

    with pytest.raises(ConfigError, match=r"it is a device, not a file\. Give a file or a folder"):
        load(Path("/dev/zero"), environ={})
