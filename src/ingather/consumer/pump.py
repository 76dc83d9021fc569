"""A batch of Kafka's messages through the work, many at once, and their offsets after them.

The offset that is committed never passes a message that is not done. While a batch takes long,
its partitions are paused and polled, so that the group does not take us for dead; after a rebalance
they are paused again, and what now belongs to somebody else is let go.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from ingather import points
from ingather.consumer.drain import Drain
from ingather.domain.refresh import Origin

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

_log = structlog.get_logger("ingather.consumer")
_COMMIT_SECONDS = 1.0
_PATIENCE = 5.0


class Lane:
    """One partition's part of a batch: which offset may be committed."""

    def __init__(self, offsets: Sequence[int]) -> None:
        self._offsets = list(offsets)
        self._done: set[int] = set()
        self._passed = 0
        self.committed = offsets[0]
        self.tasks: list[asyncio.Task[None]] = []

    def finish(self, offset: int) -> None:
        self._done.add(offset)
        while self._passed < len(self._offsets) and self._offsets[self._passed] in self._done:
            self._passed += 1

    @property
    def next(self) -> int:
        """The offset after the last message before which every one is done."""
        return self._offsets[self._passed - 1] + 1 if self._passed else self._offsets[0]

    @property
    def whole(self) -> bool:
        return self._passed == len(self._offsets)


class Pump(ConsumerRebalanceListener):  # type: ignore[misc]
    """work: handles one message; on return it is done. at_once: messages under way at a time.
    waiting: how many of them wait just now and may be let go at any moment."""

    def __init__(
        self,
        work: Callable[[bytes | None, Origin], Awaitable[str]],
        *,
        waiting: Callable[[], int],
        at_once: int = 64,
        hold_after: float = 5.0,
    ) -> None:
        self._work = work
        self._waiting = waiting
        self._turns = asyncio.Semaphore(at_once)
        self._hold_after = hold_after
        self._lanes: dict[TopicPartition, Lane] = {}
        self._holding = False
        self._ending = Drain()
        self.hurry = self._ending.hurry
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.consumer: AIOKafkaConsumer | None = None

    async def run(self, records: Sequence[Any]) -> None:
        """Handle a batch to its end. Raises nothing but CancelledError."""
        if self._ending.begun or not records:
            return
        self._idle.clear()
        keeper = asyncio.create_task(self._keep())
        try:
            tasks = self._begin(records)
            if tasks:
                await asyncio.wait(tasks)
        finally:
            tasks = [task for lane in self._lanes.values() for task in lane.tasks]
            for task in (keeper, *tasks):  # those that are done do not mind
                task.cancel()
            await asyncio.gather(keeper, *tasks, return_exceptions=True)
            await self._commit()
            self._lanes.clear()
            self._release()
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, let what is under way end for so long, commit, and let go of what
        waits: it stays in Kafka."""
        await self._ending.wait(lambda: self._running - self._waiting(), seconds)
        for lane in self._lanes.values():
            for task in lane.tasks:
                task.cancel()
        with contextlib.suppress(TimeoutError):  # what will not be broken off is left
            await asyncio.wait_for(self._idle.wait(), 2 * _PATIENCE)

    async def on_partitions_revoked(self, revoked: Collection["TopicPartition"]) -> None:
        """A rebalance begins: say how far we are while it is still ours to say."""
        await self._commit()

    async def on_partitions_assigned(self, assigned: Collection["TopicPartition"]) -> None:
        """A rebalance has ended: pause again what was paused, let go what is no longer ours."""
        if self.consumer is None:
            return
        ours = self.consumer.assignment()
        for partition, lane in self._lanes.items():
            if partition not in ours:
                for task in lane.tasks:
                    task.cancel()
        if self._holding and assigned:
            self.consumer.pause(*assigned)

    def _begin(self, records: Sequence[Any]) -> list[asyncio.Task[None]]:
        from aiokafka import TopicPartition

        parts: dict[TopicPartition, list[Any]] = {}
        for record in records:
            parts.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
        for partition, rows in parts.items():
            self._lanes[partition] = lane = Lane([row.offset for row in rows])
            lane.tasks = [asyncio.create_task(self._one(row, lane)) for row in rows]
        return [task for lane in self._lanes.values() for task in lane.tasks]

    async def _one(self, record: Any, lane: Lane) -> None:
        async with self._turns:
            if self._ending.begun:
                return
            origin = Origin(record.topic, record.partition, record.offset)
            self._running += 1
            try:
                outcome = await self._work(record.value, origin)
            finally:
                self._running -= 1
            lane.finish(record.offset)
            _log.info(
                "message", outcome=outcome, topic=origin.topic, partition=origin.partition,
                offset=origin.offset,
            )  # fmt: skip

    async def _keep(self) -> None:
        """While a batch is under way: commit what is done, and be seen alive."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            await asyncio.sleep(min(_COMMIT_SECONDS, self._hold_after))
            await self._commit()
            if loop.time() - begun >= self._hold_after:
                await self._hold()

    async def _hold(self) -> None:
        """Pause every partition, and poll: nothing comes, and the group sees us alive."""
        if self.consumer is None:
            return
        self._holding = True
        try:
            ours = self.consumer.assignment()
            if not ours:
                return
            self.consumer.pause(*ours)
            told = await self.consumer.getmany(*ours, timeout_ms=0)
            for partition, rows in told.items():  # a rebalance came in between: read it later
                self.consumer.seek(partition, rows[0].offset)
        except KafkaError as failure:
            _log.warning("poll failed", error=type(failure).__name__)

    def _release(self) -> None:
        if self._holding and self.consumer is not None:
            with contextlib.suppress(KafkaError):
                self.consumer.resume(*self.consumer.paused())
        self._holding = False

    async def _commit(self) -> None:
        """Commit how far each partition is. Where that fails the messages come again, and are
        found done."""
        if self.consumer is None:
            return
        ours = self.consumer.assignment()
        ends = {
            partition: lane.next
            for partition, lane in self._lanes.items()
            if lane.next > lane.committed and partition in ours
        }
        if not ends:
            return
        # A commit waits for the group to be whole again; messages that come twice do no harm.
        asked = asyncio.create_task(self.consumer.commit(ends))
        ended = await settled(asked, _PATIENCE) and not asked.cancelled()
        failure = asked.exception() if ended else TimeoutError()
        if failure is not None:
            _log.warning("commit failed", error=type(failure).__name__)
            return
        for partition, end in ends.items():
            if partition in self._lanes:
                self._lanes[partition].committed = end
        points.reach("offset_committed")


async def settled(task: asyncio.Task[None], seconds: float) -> bool:
    """Wait for a task's end, and no longer than that: aiokafka may not let itself be cancelled.
    Whether it came; what goes wrong later is nobody's any more."""
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
        task.add_done_callback(lambda it: it.cancelled() or it.exception())
    return task.done()
