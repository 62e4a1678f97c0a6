"""The rack that the acceptance test and the bench stand on: it kills what it is told to, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.probes.rack import rack
from tests.probes.servers import found, memcached
from tests.probes.wires import ask, said
from watch.probes import kinds

SMALL = {name: it for name, it in found().items() if name in {"memcached", "redis"}}


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_a_kind_is_stood_for_by_one_server_alone():
    with rack(
        {name: it for name, it in found().items() if name in {"files", "loopback", "recorded"}}
    ) as standing:
        assert standing.killable() == []
        assert set(standing.asked) < set(kinds())
        assert set(standing.against()) == set(standing.asked)
        kinds_of = [kind for it in standing.servers.values() for kind in it.asked]
    assert len(kinds_of) == len(set(kinds_of))


async def test_what_is_killed_is_refused_and_the_rest_goes_on():
    with rack(SMALL) as standing:
        memory, store = (standing.asked[kind].options for kind in ("memcached", "redis"))
        standing.kill("memcached")
        assert said(await ask("memcached", address=memory)) == ("down", "refused")
        assert said(await ask("redis", address=store["address"])) == (
            "down",
            "auth",
        )  # it is there, and asks who
    assert said(await ask("redis", address=store["address"])) == ("down", "refused")


def test_when_one_does_not_start_those_that_did_are_ended():
    began = []

    @contextlib.contextmanager
    def stand(site):
        with memcached.stand(site) as stood:
            began.append((stood.process.pid, site.folder))
            yield stood

    @contextlib.contextmanager
    def fails(site):
        raise OSError("no such program")
        yield

    both = {"good": SimpleNamespace(stand=stand), "bad": SimpleNamespace(stand=fails)}
    with pytest.raises(OSError, match="no such program"), rack(both):
        raise AssertionError("it stands")
    ((pid, folder),) = began
    assert not alive(pid)
    assert not Path(folder).exists()
