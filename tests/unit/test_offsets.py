"""Which offset of a partition may be committed, what a commit may hold up, and a rebalance."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from ingather.consumer import pump
from ingather.consumer.pump import Lane, Pump
from ingather.domain.refresh import Origin


class Deaf:
    """What cannot be broken off, until it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def __call__(self, *_: object) -> str:
        self.asked.set()
        while not self.let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.let_go.wait()
        return "refreshed"


@pytest.mark.parametrize("deaf_one", ["commit", "work"])
async def test_what_cannot_be_broken_off_holds_nobody_up(monkeypatch, deaf_one) -> None:
    """A commit or a refresh that ignores its cancellation ends neither batch nor drain late."""
    monkeypatch.setattr(pump, "_PATIENCE", 0.01)
    deaf = Deaf()

    async def well(*_: object) -> str:
        return "refreshed"

    one = Pump(deaf if deaf_one == "work" else well, waiting=lambda: 0)
    one.consumer = SimpleNamespace(
        assignment=lambda: {TopicPartition("t", 0)}, commit=deaf if deaf_one == "commit" else well
    )
    record = SimpleNamespace(topic="t", partition=0, offset=0, value=b"{}")
    async with asyncio.timeout(5):
        batch = asyncio.create_task(one.run([record]))
        await deaf.asked.wait()
        await one.drain(0.01)
        deaf.let_go.set()
        await batch


def test_no_offset_passes_a_message_that_is_not_done() -> None:
    """Messages end in any order, and offsets may have holes; the next one is after the last before
    which every message is done."""
    lane = Lane([5, 7, 8, 12])
    told = [lane.next]
    for offset in (8, 5, 12, 7):
        assert not lane.whole
        lane.finish(offset)
        told.append(lane.next)
    assert told == [5, 5, 6, 6, 13]
    assert lane.whole


class Group:
    """What the pump sees of a consumer in a group. told: what the next poll brings, though every
    partition is paused."""

    def __init__(self, *partitions: int) -> None:
        self.ours = {TopicPartition("t", number) for number in partitions}
        self.held: set[TopicPartition] = set()
        self.committed: dict[TopicPartition, int] = {}
        self.back: dict[TopicPartition, int] = {}
        self.told: dict[TopicPartition, list] = {}
        self.polled = asyncio.Event()

    def assignment(self) -> set[TopicPartition]:
        return set(self.ours)

    def pause(self, *partitions: TopicPartition) -> None:
        assert set(partitions) <= self.ours
        self.held.update(partitions)

    def paused(self) -> set[TopicPartition]:
        return self.held & self.ours

    def resume(self, *partitions: TopicPartition) -> None:
        self.held.difference_update(partitions)

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int) -> dict:
        told, self.told = self.told, {}
        self.polled.set()
        return told

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.back[partition] = offset

    async def commit(self, ends: dict[TopicPartition, int]) -> None:
        assert set(ends) <= self.ours, "what belongs to somebody else is not ours to commit"
        self.committed |= ends


def message(partition: int, offset: int) -> SimpleNamespace:
    return SimpleNamespace(topic="t", partition=partition, offset=offset, value=b"{}")


class Work:
    """Does a message once it is let through, and notes which were done and which broken off."""

    def __init__(self) -> None:
        self.gates: dict[tuple[int, int], asyncio.Event] = {}
        self.done: set[tuple[int, int]] = set()
        self.broken: set[tuple[int, int]] = set()

    def gate(self, partition: int, offset: int) -> asyncio.Event:
        return self.gates.setdefault((partition, offset), asyncio.Event())

    async def __call__(self, body: bytes | None, origin: Origin) -> str:
        place = origin.partition, origin.offset
        try:
            await self.gate(*place).wait()
        except asyncio.CancelledError:
            self.broken.add(place)
            raise
        self.done.add(place)
        return "refreshed"


ZERO, ONE, TWO = (TopicPartition("t", number) for number in range(3))


@pytest.fixture
async def batch():
    """Two messages of each of two partitions under way: pump, work, group, and the batch."""
    work, group = Work(), Group(0, 1)
    one = Pump(work, waiting=lambda: 0, hold_after=60.0)
    one.consumer = group
    rows = [message(part, offset) for part in (0, 1) for offset in (5, 6)]
    running = asyncio.create_task(one.run(rows))
    while len(work.gates) < 4:
        await asyncio.sleep(0)
    yield SimpleNamespace(pump=one, work=work, group=group, running=running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(told) -> None:
    async with asyncio.timeout(5):
        while not told():
            await asyncio.sleep(0)


async def test_what_leaves_with_its_partition_is_let_go_and_the_rest_goes_on(batch) -> None:
    """After a rebalance a partition is somebody else's: its messages are broken off and no offset
    of it is committed; those of the partitions that stayed are done, and the batch ends."""
    batch.work.gate(1, 5).set()
    await until(lambda: batch.work.done)
    batch.group.ours = {ZERO, TWO}
    await batch.pump.on_partitions_assigned({ZERO, TWO})
    await until(lambda: batch.work.broken == {(1, 6)})
    for offset in (5, 6):
        batch.work.gate(0, offset).set()
    async with asyncio.timeout(5):
        await batch.running
    assert batch.work.done == {(1, 5), (0, 5), (0, 6)}
    assert batch.group.committed == {ZERO: 7}


async def test_partitions_that_stay_are_not_let_go(batch) -> None:
    """A rebalance that leaves us what we had breaks nothing off."""
    await batch.pump.on_partitions_assigned({ZERO, ONE})
    for gate in batch.work.gates.values():
        gate.set()
    async with asyncio.timeout(5):
        await batch.running
    assert not batch.work.broken and len(batch.work.done) == 4
    assert batch.group.committed == {ZERO: 7, ONE: 7}


async def test_before_partitions_leave_it_is_said_how_far_they_are(batch) -> None:
    """What is done by then is not done again by whoever comes next; what is not, is."""
    batch.work.gate(0, 5).set()
    batch.work.gate(1, 6).set()  # the one before it is not done: it may not be passed
    await until(lambda: len(batch.work.done) == 2)
    await asyncio.sleep(0)
    await batch.pump.on_partitions_revoked({ZERO, ONE})
    assert batch.group.committed == {ZERO: 6}


async def test_what_comes_while_partitions_are_held_is_held_too(batch) -> None:
    """A batch that takes long holds every partition; those that a rebalance brings are held as
    well, and all are let go with the batch. Where nothing is held, nothing is."""
    await batch.pump.on_partitions_assigned({ONE})
    assert not batch.group.held
    await batch.pump._hold()
    assert batch.group.held == {ZERO, ONE}
    batch.group.ours = {ZERO, ONE, TWO}
    await batch.pump.on_partitions_assigned({TWO})
    assert batch.group.held == {ZERO, ONE, TWO}
    for gate in batch.work.gates.values():
        gate.set()
    async with asyncio.timeout(5):
        await batch.running
    assert not batch.group.held


async def test_what_a_poll_brings_by_mistake_is_read_again(batch) -> None:
    """Between a rebalance and its pause a message may come: nobody handles it now, so it has to
    come again."""
    batch.group.told = {ONE: [message(1, 7), message(1, 8)]}
    await batch.pump._hold()
    assert batch.group.back == {ONE: 7}


async def test_a_consumer_without_partitions_is_left_alone(batch) -> None:
    """All of them may be somebody else's: nothing is paused, polled or committed, and the messages
    under way are let go."""
    batch.group.ours = set()
    await batch.pump.on_partitions_assigned(set())
    await batch.pump._hold()
    async with asyncio.timeout(5):
        await batch.running
    assert not batch.group.polled.is_set() and not batch.group.committed
    assert len(batch.work.broken) == 4


async def test_a_batch_that_takes_long_is_held_and_polled(monkeypatch) -> None:
    """The group takes us for dead without it; what is done meanwhile is committed."""
    monkeypatch.setattr(pump, "_COMMIT_SECONDS", 0.01)
    work, group = Work(), Group(0)
    one = Pump(work, waiting=lambda: 0, hold_after=0.02)
    one.consumer = group
    running = asyncio.create_task(one.run([message(0, 5), message(0, 6)]))
    await until(lambda: len(work.gates) == 2)
    work.gate(0, 5).set()
    async with asyncio.timeout(5):
        await group.polled.wait()
    assert group.held == {ZERO} and group.committed == {ZERO: 6}
    work.gate(0, 6).set()
    async with asyncio.timeout(5):
        await running
    assert group.committed == {ZERO: 7} and not group.held
