"""What is written where an address belongs is an address, or a mistake that tells the cure and shows no login."""

from __future__ import annotations

import dataclasses
import re
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes import peers
from watch.config import load
from watch.core.metadata_addresses import denied
from watch.core.settings import Secret
from watch.errors import ConfigError
from watch.probes import kinds, of_kind
from watch.probes.wire.net.address import check_host

LOGIN = "hunter2"
NO_ADDRESSES = {
    "a URL": "redis://u:hunter2@db.example:6379/0",
    "a URL without a login": "https://db.example/",
    "a login": "u:hunter2@db.example",
    "a login and a port": "u:hunter2@db.example:5432",
    "a user": "u@db.example",
    "a path": "db.example/hunter2",
    "a path after the port": "db.example:5432/hunter2",
    "a query": "db.example:5432?password=hunter2",
    "blanks": "db.example 5432",
    "a password with a colon": "u:hun:hunter2@db.example",
    "too many colons": "db.example:54:32",
    "a number that is no address": "10.0.0.300",
    "a short address": "127.1",
}
"""What people write."""

HOSTS = {
    "icmp": ["host"], "ports": ["host"], "traceroute": ["host"],
    "iscsi": ["portal", "portals"], "nfs": ["server"], "dns": ["resolver", "server_name"],
}  # fmt: skip
"""Options that hold a host, where they are called neither `address` nor `server_name`."""

MORE = {
    "dns": {"name": "web.test", "resolver": "192.0.2.1", "over": "tls"},
    "ports": {"host": "192.0.2.1", "allowed": ["80"]},
    "icmp": {"host": "192.0.2.1"},
    "traceroute": {"host": "192.0.2.1"},
}


def options_of(kind):
    return MORE.get(kind) or peers.ALL[kind].at(80)


def held():
    """Every (kind, option) that holds a host."""
    for kind in kinds():
        names = {it.name for it in dataclasses.fields(of_kind(kind))}
        for option in sorted(set(HOSTS.get(kind, [])) | (names & {"address", "server_name"})):
            yield kind, option


WHERE = list(held())


def test_every_kind_that_asks_another_machine_is_among_them_or_takes_a_url():
    urls = {"http", "s3", "etcd", "elasticsearch", "smb", "file", "mirror"}
    assert {kind for kind, _ in WHERE} | urls == {
        kind for kind in kinds() if peers.ALL[kind].TRANSPORT or kind in ("icmp", "ports", "traceroute")
    }


@pytest.mark.parametrize("text", NO_ADDRESSES.values(), ids=NO_ADDRESSES)
@pytest.mark.parametrize(("kind", "option"), WHERE)
def test_what_is_no_address_is_refused_with_a_cure_and_without_the_password(kind, option, text):
    value = [text] if option == "portals" else text
    if option == "portals":
        value = tuple(value)
    with pytest.raises(ValueError) as caught:
        of_kind(kind)(**options_of(kind) | {option: value})
    told = str(caught.value)
    assert told.startswith(f"{option}: ")
    assert "write" in told
    assert LOGIN not in told


IN_URLS = {
    ("http", "url"): "http://u:hunter2@db.example:x/",
    ("http", "proxy"): "http://u:hunter2@a b:80",
    ("etcd", "url"): "http://u:hunter2@db.example/",
    ("elasticsearch", "url"): "http://u:hunter2@db.example/",
    ("s3", "url"): "http://u:hunter2@db.example/bucket",
    ("smb", "share"): "smb://u:hunter2@nas.example/share",
    ("file", "path"): "sftp://u:hunter2@nas.example/backups/*",
    ("mirror", "first"): "iscsi://u:hunter2@nas.example/iqn.x/1",
    ("mirror", "second"): "redis://u:hunter2@nas.example/iqn.x/1",
    ("smtp", "mailbox"): "imaps://u:hunter2@mail.example",
    ("dns", "name"): "https://u:hunter2@www.example",
}


@pytest.mark.parametrize(("kind", "option"), IN_URLS)
def test_a_url_that_is_no_good_is_not_repeated(kind, option):
    cls = of_kind(kind)
    text = IN_URLS[kind, option]
    secret = Secret in typing.get_args(typing.get_type_hints(cls)[option]) or option == "proxy"
    more = {"recipient": "a@b.example", "mailbox_username": "u", "mailbox_password": Secret("p")}
    with pytest.raises(ValueError) as caught:
        cls(
            **options_of(kind) | {option: Secret(text) if secret else text} | (more if kind == "smtp" else {})
        )
    assert LOGIN not in str(caught.value)
    assert str(caught.value).startswith(f"{option}: ")


FILES = {
    "a check": "components: {x: {checks: {r: {redis: 'TEXT'}}}}",
    "a check with options": "components: {x: {checks: {r: {redis: {address: 'TEXT', password: secret-1}}}}}",
    "several checks": "components: {x: {checks: {r: {redis: '${item}', for_each: ['TEXT']}}}}",
    "a canary": "vantages: {hub: {canaries: [{icmp: 'TEXT'}]}}\ncomponents: {x: {checks: {r: {icmp: 192.0.2.1}}}}",
    "a nameserver": "components: {x: {checks: {r: {icmp: a.example, via: {resolver: 'TEXT'}}}}}",
    "a source": "components: {x: {checks: {r: {icmp: a.example, via: {source: 'TEXT'}}}}}",
    "a pinned address": "components: {x: {checks: {r: {icmp: a.example, via: {address: 'TEXT'}}}}}",
    "a proxy": "components: {x: {checks: {r: {tcp: 'a.example:80', via: {proxy: 'TEXT'}}}}}",
    "a portal": "components: {x: {checks: {r: {iscsi: {portal: 'TEXT', target: iqn.x}}}}}",
    "a second portal": "components: {x: {checks: {r: {iscsi: {portal: a, portals: ['TEXT'], target: iqn.x}}}}}",
}


@pytest.mark.parametrize("text", [it for it in NO_ADDRESSES.values() if ":hun" in it])
@pytest.mark.parametrize("name", FILES)
def test_the_mistake_in_the_file_shows_no_password(name, text, tmp_path):
    path = tmp_path / "checks.yaml"
    path.write_text(FILES[name].replace("TEXT", text))
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert LOGIN not in str(caught.value)
    assert re.search(r"write .*(like|alone)|not a proxy like", str(caught.value))
    assert len(caught.value.mistakes) == 1


HOSTS_OF_ALL_KINDS = """
db db.example.org db.example.org. _srv.a-b.example 192.0.2.7 ::1 [::1] fe80::1%eth0 localhost 1.example
münchen.example 例え.テスト हिन्दी.example xn--mnchen-3ya.example
"""


@pytest.mark.parametrize("text", HOSTS_OF_ALL_KINDS.split())
def test_a_name_or_an_address_is_a_host(text):
    check_host(text)


@given(st.text(max_size=60))
def test_any_text_is_a_host_or_a_mistake_that_shows_no_login(text):
    told = ""
    try:
        check_host(text)
    except ValueError as error:
        told = str(error)
    assert "@" not in told
    assert "://" not in told
    assert told or not set(text) & set(" @/?#\\\"'<>{}\t\n\0")


@pytest.mark.parametrize(
    ("ip", "what"),
    [
        ("169.254.169.254", "a cloud metadata address"),
        ("::ffff:169.254.169.254", "a cloud metadata address"),
        ("64:ff9b::a9fe:a9fe", "a cloud metadata address"),
        ("2002:a9fe:a9fe::1", "a cloud metadata address"),
        ("fd00:ec2::254", "a cloud metadata address"),
        ("fd20:ce::254", "a cloud metadata address"),
        ("100.100.100.200", "a cloud metadata address"),
        ("168.63.129.16", "a cloud metadata address"),
        ("192.0.0.192", "a cloud metadata address"),
        ("169.254.170.2", "a link-local address"),
        ("fe80::a9fe:a9fe%eth0", "a link-local address"),
        ("169.253.169.254", ""),
        ("192.0.0.193", ""),
        ("127.0.0.1", ""),
        ("fd00:ec2::253", ""),
    ],
)
def test_the_addresses_at_which_clouds_hand_out_credentials(ip, what):
    assert denied(ip) == what
