"""The refresh inside another process: the queue's reader, and the schedule every hour."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from ingather import errors
from ingather.assembly import World
from ingather.assembly_refresh import Refreshing
from ingather.consumer.metrics import Metrics
from ingather.consumer.queue import QueueReader
from ingather.engine.meanwhile import meanwhile
from ingather.features import schedule
from ingather.features.refresh_keep import tidy

_HOUR = 3_600.0
_log = structlog.get_logger("ingather.consumer")


@contextlib.asynccontextmanager
async def refreshing(world: World) -> AsyncIterator[None]:
    """Keep accounts fresh for as long as the context lasts. With Kafka that is the consumers' work,
    and only the schedule runs here."""
    world = world.of_accounts
    metrics = Metrics()
    parts = Refreshing(world, metrics)
    async with contextlib.AsyncExitStack() as stack:
        if world.settings.kafka is None:
            await stack.enter_async_context(QueueReader(parts.queue, parts.work, metrics))
        await stack.enter_async_context(meanwhile(_schedule(parts)))
        yield


async def _schedule(parts: Refreshing) -> None:
    while True:
        try:
            await schedule.publish(parts.accounts, parts.events, schedule.Plan(most=parts.share))
            await tidy(parts.accounts, parts.events, parts.keep)
        except errors.IngatherError as failure:
            _log.warning("schedule failed", code=failure.code)
        await asyncio.sleep(_HOUR)
