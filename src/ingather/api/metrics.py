"""Numbers for Prometheus. Labels are words of the program's own, so that nobody can make them many:
methods, route templates, statuses, kinds."""

from collections import Counter as Tally
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingather import errors
from ingather.domain.job import Counters, Job

if TYPE_CHECKING:
    from ingather.assembly import World

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ADDED_UP = 1_000
"""Jobs of each store whose counters are added up: the newest."""


class Metrics:
    """One server's numbers, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "ingather_http_request_seconds",
            "Seconds that requests took, streams included.",
            ("method", "route", "status"),
            registry=self._registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
        )
        self._jobs = Gauge(
            "ingather_jobs",
            "Jobs by kind and status; abandoned: called running, and nobody holds it any more.",
            ("kind", "status"),
            registry=self._registry,
        )
        newest = f"the newest {ADDED_UP} jobs of each store"
        self._rows = self._gauge("ingather_job_rows", f"Rows kept by {newest}.")
        self._calls = self._gauge("ingather_job_calls", f"Calls made by {newest}.")
        self._units = self._gauge("ingather_job_units", f"Units billed to {newest}.")
        self._away = Gauge(
            "ingather_stores_away",
            "Stores that do not tell their jobs now; these are missing above.",
            registry=self._registry,
        )
        self._webhooks = Counter(
            "ingather_webhooks", "Webhooks sent, tries included.", registry=self._registry
        )

    def _gauge(self, name: str, words: str) -> Gauge:
        return Gauge(name, words, ("kind",), registry=self._registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        known = method if method in METHODS else "other"
        self._seconds.labels(known, route, str(status)).observe(seconds)

    def sent(self, webhooks: int) -> None:
        """So many webhooks."""
        self._webhooks.inc(webhooks)

    async def text(self, world: "World") -> bytes:
        """All of it, with the jobs as they stand now."""
        tally: Tally[tuple[str, str]] = Tally()
        newest: list[Job] = []
        away = 0
        for store in world.stores:
            try:
                tally.update(await store.tally())
                newest += await store.list(limit=ADDED_UP, targets=0)
            except errors.StoreError:  # the other numbers are wanted all the more
                away += 1
        self._jobs.clear()
        for (kind, status), count in tally.items():
            self._jobs.labels(kind, status).set(count)
        self._add_up(newest)
        self._away.set(away)
        return generate_latest(self._registry)

    def _add_up(self, jobs: list[Job]) -> None:
        for gauge, field in (
            (self._rows, "appended"),
            (self._calls, "calls"),
            (self._units, "units"),
        ):
            gauge.clear()
            for job in jobs:
                gauge.labels(job.kind).inc(_number(job.counters, field))


def _number(counters: Counters, field: str) -> int:
    found: int = getattr(counters, field)
    return found
