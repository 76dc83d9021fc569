"""Which offset of a partition may be committed, and what a commit may hold up."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from ingather.consumer import pump
from ingather.consumer.pump import Lane, Pump


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
