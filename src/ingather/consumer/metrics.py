"""What the refresh does, as Prometheus reads it."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0, 3600.0)


class Metrics:
    """ports_refresh.Watcher. waiting: messages that wait right now, for a limit or a store."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.waiting = 0
        self._calls = Counter(
            "ingather_refresh_calls",
            "Profiles asked for, by source and outcome (`limit`: the limit was reached).",
            ("source", "outcome"),
            registry=self.registry,
        )
        self._messages = Counter(
            "ingather_refresh_messages",
            "Messages done, by outcome (`dead`: a dead letter).",
            ("outcome",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "ingather_refresh_seconds",
            "From a message's arrival to its end, waits included.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._parked = Gauge(
            "ingather_refresh_parked",
            "Messages that wait now, by what for.",
            ("why",),
            registry=self.registry,
        )
        self.lag = Gauge(
            "ingather_refresh_lag",
            "Messages of the topic that are not done.",
            ("partition",),
            registry=self.registry,
        )
        self.oldest = Gauge(
            "ingather_refresh_oldest_seconds",
            "Age of the account that was longest not refreshed.",
            registry=self.registry,
        )
        self.accounts = Gauge(
            "ingather_refresh_accounts",
            "Accounts that are kept fresh, by whether they ever were.",
            ("state",),
            registry=self.registry,
        )

    def called(self, source: str, outcome: str) -> None:
        self._calls.labels(source, outcome).inc()

    def done(self, outcome: str, seconds: float) -> None:
        self._messages.labels(outcome).inc()
        self._seconds.observe(seconds)

    @contextmanager
    def parked(self, why: str) -> Iterator[None]:
        self.waiting += 1
        with self._parked.labels(why).track_inprogress():
            try:
                yield
            finally:
                self.waiting -= 1

    def text(self) -> bytes:
        """Everything, in Prometheus' form."""
        return generate_latest(self.registry)
