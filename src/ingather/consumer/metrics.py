"""What the refresh does, as Prometheus reads it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingather.domain.instants import iso
from ingather.features.refresh_sources import Use

_BUCKETS = (0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0, 3600.0)


_SHORT = 5.0
"""A wait of fewer seconds is not worth a line."""
_QUIET = 60.0
"""Seconds for which a wait is not told again, though a call came through in between."""

_log = structlog.get_logger("ingather.consumer")


class Waiting(Struct, frozen=True, order=True):
    """What is waited for, and until when in epoch seconds."""

    until: float
    what: str


class Metrics:
    """ports.refresh.Watcher. waiting: messages that wait right now, for a limit or a store."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._waits: list[Waiting] = []
        self._silent: dict[str, float] = {}
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
        self._lag = Gauge(
            "ingather_refresh_lag",
            "Messages of the topic that are not done.",
            ("partition",),
            registry=self.registry,
        )
        self.answers = Gauge(
            "ingather_refresh_kafka_answers",
            "Whether Kafka answered when it was last asked: 1 or 0; 1 for the queue in the store.",
            registry=self.registry,
        )
        self.dead = Gauge(
            "ingather_refresh_dead_letters",
            "Dead letters that were not replayed.",
            registry=self.registry,
        )
        self._limit = Gauge(
            "ingather_refresh_limit",
            "Calls that a source allows in its window, with all tokens.",
            ("source",),
            registry=self.registry,
        )
        self._used = Gauge(
            "ingather_refresh_limit_used",
            "Calls of that window that were taken, by all processes that share the tokens.",
            ("source",),
            registry=self.registry,
        )
        self.oldest = Gauge(
            "ingather_refresh_oldest_seconds",
            "Age of the account that was longest not refreshed, of those that ever were.",
            registry=self.registry,
        )
        self.accounts = Gauge(
            "ingather_refresh_accounts",
            "Accounts that are kept fresh, by whether they ever were.",
            ("state",),
            registry=self.registry,
        )

    def behind(self, lag: Mapping[str, int]) -> None:
        """How many messages of each partition are not done; others are somebody else's now."""
        self._lag.clear()
        for partition, count in lag.items():
            self._lag.labels(partition).set(count)

    def within(self, uses: Iterable[Use]) -> None:
        """How far the limits are used."""
        for use in uses:
            self._limit.labels(use.name).set(use.limit)
            self._used.labels(use.name).set(use.used)

    def called(self, source: str, outcome: str) -> None:
        self._calls.labels(source, outcome).inc()

    def done(self, outcome: str, seconds: float) -> None:
        self._messages.labels(outcome).inc()
        self._seconds.observe(seconds)

    @contextmanager
    def parked(
        self, why: str, *, since: float, until: float, source: str | None = None
    ) -> Iterator[None]:
        wait = Waiting(until, f"{why} of {source}" if source else why)
        self._waits.append(wait)
        self._say(wait, since)
        with self._parked.labels(why).track_inprogress():
            try:
                yield
            finally:
                self._waits.remove(wait)

    @property
    def waiting(self) -> int:
        return len(self._waits)

    @property
    def longest(self) -> Waiting | None:
        """The wait that lasts longest of those there are now."""
        return max(self._waits, default=None)

    def _say(self, wait: Waiting, now: float) -> None:
        """Once for all messages that wait for the same, and again only after that time."""
        if now >= self._silent.get(wait.what, 0.0) and wait.until - now >= _SHORT:
            self._silent[wait.what] = max(wait.until, now + _QUIET)
            _log.warning("waiting", waiting_for=wait.what, until=iso(wait.until))

    def text(self) -> bytes:
        """Everything, in Prometheus' form."""
        return generate_latest(self.registry)
