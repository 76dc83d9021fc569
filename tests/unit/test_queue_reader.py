"""The refresh without Kafka: the reader of the queue in the store, and its end."""

import asyncio
import time

import pytest

from ingather import errors
from ingather.consumer.metrics import Metrics
from ingather.consumer.queue import QueueReader
from ingather.domain.refresh import Event
from ingather.stores.sql import SqliteSql
from ingather.stores.sql_events import SqlEvents
from ingather.stores.sql_link import SqliteLink


@pytest.fixture
async def events(tmp_path):
    link = SqliteLink(tmp_path / "ingather.db")
    yield SqlEvents(SqliteSql(link))
    await link.close()


class Work:
    """Does a message once it may; `parked` ones wait for a limit instead, for ever."""

    def __init__(self, metrics: Metrics, *, parked: bool = False) -> None:
        self._metrics, self._parked = metrics, parked
        self.may = asyncio.Event()
        self.begun: list[bytes] = []

    async def do(self, body: bytes, origin) -> str:
        self.begun.append(body)
        if self._parked:
            with self._metrics.parked("limit", since=0.0, until=1.0):
                await asyncio.Event().wait()
        await self.may.wait()
        return "refreshed"


async def published(events: SqlEvents, count: int) -> None:
    await events.publish(
        [Event(f"a{n}", "instagram", "2026-11-21T10:00:00Z") for n in range(count)]
    )


async def until(told) -> None:
    async with asyncio.timeout(5):
        while not told():
            await asyncio.sleep(0.005)


async def test_a_drain_waits_for_what_is_under_way(events) -> None:
    """Its message is done and gone from the queue; nothing new is taken meanwhile."""
    metrics = Metrics()
    work = Work(metrics)
    await published(events, 1)
    reader = QueueReader(events, work, metrics)
    await reader.__aenter__()
    await until(lambda: work.begun)
    assert reader.ready
    ending = asyncio.create_task(reader.__aexit__())
    await until(lambda: not reader.ready)
    await events.publish([Event("late", "instagram", "2026-11-21T10:00:00Z")])
    work.may.set()
    await ending
    assert len(work.begun) == 1 and await events.waiting() == 1


@pytest.mark.parametrize("how", ["parked", "hurried", "late"])
async def test_a_drain_lets_go_of_what_will_not_end(events, how) -> None:
    """What waits for a limit is not waited for, nor what takes longer than there is patience, nor
    anything once somebody hurries; its message stays in the queue."""
    metrics = Metrics()
    work = Work(metrics, parked=how == "parked")
    await published(events, 2)
    patience = 0.05 if how == "late" else 20.0
    async with QueueReader(events, work, metrics, patience=patience) as reader:
        await until(lambda: len(work.begun) == 2)
        if how == "hurried":
            reader.hurry()
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert await events.waiting() == 2


async def test_what_is_under_way_is_held(events) -> None:
    """However long a message takes, nobody else is given it."""
    metrics = Metrics()
    work = Work(metrics)
    await published(events, 1)
    async with QueueReader(events, work, metrics, lease=0.15):
        await until(lambda: work.begun)
        await asyncio.sleep(0.4)
        assert await events.take(limit=5, lease=60.0) == []
        work.may.set()
        async with asyncio.timeout(5):
            while await events.waiting():
                await asyncio.sleep(0.01)


async def test_no_more_is_taken_than_is_worked_on_at_once(events) -> None:
    """Others may take the rest."""
    metrics = Metrics()
    work = Work(metrics)
    await published(events, 5)
    async with QueueReader(events, work, metrics, at_once=3):
        await until(lambda: len(work.begun) == 3)
        assert len(await events.take(limit=5, lease=60.0)) == 2
        work.may.set()


async def test_what_waits_leaves_its_place_to_others(events, monkeypatch) -> None:
    """A limit, or a source that is out of order, holds up the messages that need it and no others;
    but nobody takes the whole queue in hand."""
    from ingather.consumer import queue

    monkeypatch.setattr(queue, "_MOST", 7)
    metrics = Metrics()
    work = Work(metrics, parked=True)
    await published(events, 9)
    async with QueueReader(events, work, metrics, at_once=3):
        await until(lambda: len(work.begun) == 7)
        assert len(await events.take(limit=9, lease=60.0)) == 2


async def test_a_store_that_is_away_for_a_moment_is_asked_again(events, monkeypatch) -> None:
    """Neither the reading nor the finishing of a message ends the reader; one that could not be
    finished comes again."""
    from ingather.consumer import queue

    monkeypatch.setattr(queue, "_IDLE", 0.01)
    metrics, away = Metrics(), {"take": 2, "finish": 1}
    work = Work(metrics)
    work.may.set()
    for name in ("take", "finish"):
        real = getattr(events, name)

        async def failing(*words, name=name, real=real, **more):
            if away[name]:
                away[name] -= 1
                raise errors.StoreUnavailable
            return await real(*words, **more)

        monkeypatch.setattr(events, name, failing)
    await published(events, 1)
    async with QueueReader(events, work, metrics, lease=0.1):
        async with asyncio.timeout(5):
            while await events.waiting():
                await asyncio.sleep(0.01)
    assert len(work.begun) == 2 and away == {"take": 0, "finish": 0}
