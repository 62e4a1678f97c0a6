"""The hub's metrics about itself: counters, timers and gauges.

One `Metrics` lives as long as the process. The hub calls it from its own thread, under a microsecond a call:
frequent counts are plain integers that prometheus-client reads at a scrape. The names of metrics never change,
because users' dashboards and rules depend on them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from watch.web.series import Samples, SeriesWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

# Seconds. Above 0.1 a latency is kept out of the percentiles, above 1 a reading may decide nothing.
_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_DWELLS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 1800.0)
_END = b"# EOF\n"


class Timer(Collector):
    """A histogram for one thread: 0.3 µs an observation, against 1.6 µs with the library's locks."""

    def __init__(self, name: str, says: str, bounds: tuple[float, ...]) -> None:
        self._name, self._says, self._bounds = name, says, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[Metric]:
        bounds = (*map(floatToGoString, self._bounds), "+Inf")
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._says, buckets=buckets, sum_value=self._sum)


class _Tally(Collector):
    """The counts of observations, as a collector of prometheus-client."""

    def __init__(self, counted: Mapping[tuple[str, str], int]) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        says = "Observations accepted, by verdict and reason."
        family = CounterMetricFamily("threenines_observations", says, labels=("verdict", "reason"))
        for (verdict, reason), count in self._counted.items():
            family.add_metric((str(verdict), str(reason)), count)
        yield family


class Metrics:
    """The counters, timers and gauges of one hub."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counted: dict[tuple[str, str], int] = {}
        self._kinds: set[str] = set()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(_Tally(self._counted))
        self._seen = Gauge(
            "threenines_agent_last_seen_seconds",
            "Time since a vantage point last reported.",
            ("vantage",),
            registry=self.registry,
        )
        self._timers()
        self._gauges()
        self._series = SeriesWriter()

    def _timers(self) -> None:
        schedule = Timer("threenines_schedule_lag_seconds", "Delay of the start of checks.", _LAGS)
        loop = Timer("threenines_loop_lag_seconds", "Delay of the event loop.", _LAGS)
        dwell = Timer(
            "threenines_outbox_dwell_seconds", "Time from the creation of a notice to its delivery.", _DWELLS
        )
        for timer in (schedule, loop, dwell):
            self.registry.register(timer)
        self.schedule_lag, self.lag, self.outbox_dwell = schedule.observe, loop.observe, dwell.observe

    def _gauges(self) -> None:
        pending = Gauge("threenines_outbox_pending", "Notices that wait to be sent.", registry=self.registry)
        reload = Gauge(
            "threenines_config_reload_success",
            "Whether checks.yaml was last loaded successfully (1) or not (0).",
            registry=self.registry,
        )
        reload.set(1)  # the hub does not start without a valid configuration
        self._late = Gauge(
            "threenines_checks_late",
            "Checks that a vantage point does not ask on time.",
            ("vantage",),
            registry=self.registry,
        )
        self._trouble = Gauge(
            "threenines_trouble",
            "Troubles of the monitoring itself, by kind.",
            ("kind",),
            registry=self.registry,
        )
        self.outbox_pending = pending.set
        self._reload = reload.set

    def observed(self, verdict: str, reason: str) -> None:
        """Count one accepted observation."""
        key = (verdict, reason)
        self._counted[key] = self._counted.get(key, 0) + 1

    def seen(self, vantage: str, ago_s: float) -> None:
        """Record the seconds since *vantage* last reported."""
        self._seen.labels(vantage).set(ago_s)

    def late(self, vantage: str, checks: int) -> None:
        """Record how many checks *vantage* does not ask on time."""
        self._late.labels(vantage).set(checks)

    def troubled(self, kinds: Iterable[str]) -> None:
        """Record the troubles that hold now, each by its kind."""
        counted = Counter(kinds)
        for kind in self._kinds - counted.keys():
            self._trouble.labels(kind).set(0)
        self._kinds |= counted.keys()
        for kind, count in counted.items():
            self._trouble.labels(kind).set(count)

    def forgotten(self, vantage: str) -> None:
        """Drop *vantage*, which is no longer configured."""
        self._seen.remove(vantage)
        self._late.remove(vantage)

    def reloaded(self, success: bool) -> None:
        """Record whether the configuration was last loaded successfully."""
        self._reload(int(success))

    def exposition(self, samples: Samples, accept: str = "") -> tuple[bytes, str]:
        """All metrics as text, and the content type, in the format that the Accept header *accept* prefers."""
        encode, content_type = choose_encoder(accept)
        own = encode(self.registry)
        end = _END if own.endswith(_END) else b""  # OpenMetrics: it must be the last line, once
        return own.removesuffix(_END) + self._series.written(samples) + end, content_type
