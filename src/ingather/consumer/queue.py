"""The same work without Kafka: messages of the queue in the store, taken for a while each."""

import asyncio
import contextlib

import structlog

from ingather import errors, points
from ingather.consumer.drain import Drain
from ingather.consumer.metrics import Metrics
from ingather.features.refresh_work import Work
from ingather.stores.sql_events import SqlEvents, Taken

_log = structlog.get_logger("ingather.consumer")
_IDLE = 1.0
_MOST = 64
"""In hand at once: a message that waits for a limit or a source leaves its place to others."""


class QueueReader:
    """Reads the queue for as long as the context lasts.

    at_once: messages that are worked on; those that wait come on top. lease: seconds for which a
    message is ours; it is held for longer while it is under way, and is somebody else's so long
    after we died.
    """

    def __init__(
        self,
        queue: SqlEvents,
        work: Work,
        metrics: Metrics,
        *,
        at_once: int = 16,
        lease: float = 60.0,
        patience: float = 10.0,
    ) -> None:
        self._queue = queue
        self._work = work
        self._metrics = metrics
        self._at_once = at_once
        self._lease = lease
        self._patience = patience
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._ending = Drain()
        self.hurry = self._ending.hurry
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "QueueReader":
        self._loops = [asyncio.create_task(self._read()), asyncio.create_task(self._hold())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing new, and give what is under way a while; what waits stays in the queue."""
        await self._ending.wait(
            lambda: len(self._under_way) - self._metrics.waiting, self._patience
        )
        for task in [*self._loops, *self._under_way.values()]:
            task.cancel()
        await asyncio.gather(*self._loops, *self._under_way.values(), return_exceptions=True)

    @property
    def ready(self) -> bool:
        return not self._ending.begun

    async def measure(self) -> None:
        """Tell the metrics how many messages wait."""
        with contextlib.suppress(errors.StoreError):
            self._metrics.behind({"queue": await self._queue.waiting()})
            self._metrics.answers.set(1)

    async def _read(self) -> None:
        while not self._ending.begun:
            room = min(_MOST, self._at_once + self._metrics.waiting) - len(self._under_way)
            taken: list[Taken] = []
            if room > 0:
                try:
                    taken = await self._queue.take(limit=room, lease=self._lease)
                except errors.StoreError as failure:
                    _log.warning("queue unreadable", code=failure.code)
            for each in taken:
                task = asyncio.create_task(self._one(each))
                self._under_way[each.id] = task
            if not taken:
                await self._rest()

    async def _rest(self) -> None:
        """Till something is done, or for a while."""
        waiting = list(self._under_way.values())
        if waiting:
            await asyncio.wait(waiting, timeout=_IDLE, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(_IDLE)

    async def _one(self, taken: Taken) -> None:
        try:
            outcome = await self._work.do(taken.body, taken.origin)
            await self._finish(taken.id)
            points.reach("offset_committed")
            _log.info("message", outcome=outcome, message=taken.id)
        finally:
            self._under_way.pop(taken.id, None)

    async def _finish(self, message: str) -> None:
        """Where the store does not answer the message comes again, and is found done."""
        try:
            await self._queue.finish([message])
        except errors.StoreError as failure:
            _log.warning("queue unwritable", code=failure.code)

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            with contextlib.suppress(errors.StoreError):
                await self._queue.keep(list(self._under_way), lease=self._lease)
