"""The consumer from its start to its drain: reader, health, metrics, signals."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from typing import Protocol, Self

import structlog

from ingather import errors
from ingather.assembly import World
from ingather.assembly_refresh import Refreshing
from ingather.consumer.health import Health
from ingather.consumer.metrics import Metrics
from ingather.consumer.queue import QueueReader
from ingather.engine.meanwhile import meanwhile

_MEASURE_SECONDS = 5.0
_TOTALS_EVERY = 12
_log = structlog.get_logger("ingather.consumer")


class Reader(Protocol):
    """Reads messages for as long as the context lasts; its end is a drain, which `hurry` cuts
    short."""

    @property
    def ready(self) -> bool: ...

    async def measure(self) -> None: ...

    def hurry(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


def log_as_json() -> None:
    """One JSON object a line, on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


async def serve(world: World, *, health_port: int, at_once: int = 64, limit: int | None) -> bool:
    """Refresh what comes until SIGTERM or Ctrl-C; then drain, which a second signal cuts short.
    Whether it was left in peace. Health is told from before the first message till after the
    drain."""
    metrics = Metrics()
    parts = Refreshing(world, metrics, limit=limit)
    source = reader(world, parts, metrics, at_once=at_once)
    ended, hurried = _signals(source.hurry)
    async with contextlib.AsyncExitStack() as stack:
        health = Health(parts.accounts, metrics, lambda: source.ready and not ended.is_set())
        port = await health.start(health_port)
        stack.push_async_callback(health.close)
        await stack.enter_async_context(source)
        _log.info("started", health_port=port, kafka=world.settings.kafka is not None)
        await stack.enter_async_context(meanwhile(_measure(source, parts, metrics)))
        await ended.wait()
    return not hurried.is_set()


def reader(world: World, parts: Refreshing, metrics: Metrics, *, at_once: int = 64) -> Reader:
    """What reads the messages: of Kafka where there is one, else of the queue in the store."""
    link = world.settings.kafka
    if link is None:
        return QueueReader(parts.queue, parts.work, metrics, at_once=min(at_once, 16))
    from ingather.consumer.app import Consumer

    return Consumer(link, parts.work, metrics, at_once=at_once)


def _signals(hurry: Callable[[], None]) -> tuple[asyncio.Event, asyncio.Event]:
    """That a first signal came, and a second, which hurries."""
    ended, hurried = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if ended.is_set():
            hurried.set()
            hurry()
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C interrupts instead
            loop.add_signal_handler(number, asked)
    return ended, hurried


async def _measure(source: Reader, parts: Refreshing, metrics: Metrics) -> None:
    turns = 0
    while True:
        await source.measure()
        if turns % _TOTALS_EVERY == 0:
            for tell in (_totals, _dead, _limits):
                with contextlib.suppress(errors.IngatherError):
                    await tell(parts, metrics)
        turns += 1
        await asyncio.sleep(_MEASURE_SECONDS)


async def _totals(parts: Refreshing, metrics: Metrics) -> None:
    told = await parts.accounts.totals()
    metrics.accounts.labels("never refreshed").set(told.never)
    metrics.accounts.labels("refreshed").set(told.accounts - told.never)
    now = await parts.accounts.now()
    metrics.oldest.set(0 if told.oldest is None else now - told.oldest)


async def _dead(parts: Refreshing, metrics: Metrics) -> None:
    metrics.dead.set(await parts.events.dead_count())


async def _limits(parts: Refreshing, metrics: Metrics) -> None:
    metrics.within(await parts.sources.use())
