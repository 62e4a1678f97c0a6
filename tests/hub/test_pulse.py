"""A process that stood still was away."""

from __future__ import annotations

from tests.fakes import FakeClock
from watch.hub.pulse import Pulse


def test_a_beat_each_second_is_never_missed_and_a_short_stall_is_none():
    clock = FakeClock()
    pulse = Pulse(clock)
    for seconds in (1, 1, 1.5, 5.9, 1):
        clock.move(seconds)
        assert pulse.missed() == 0
    clock.move(8)
    assert pulse.missed() == 8
    assert pulse.missed() == 0
