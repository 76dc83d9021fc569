"""Where a run learns that it should end, and what is awaited under it."""

import asyncio

import pytest

from ingather.engine.meanwhile import meanwhile
from ingather.engine.stop import Stop, Stopped


async def test_work_within_a_stop_gives_what_it_gives() -> None:
    """Its answer, or its error."""
    stop = Stop()

    async def fails() -> None:
        raise ValueError("no")

    assert await stop.within(asyncio.sleep(0, 7)) == 7
    with pytest.raises(ValueError, match="no"):
        await stop.within(fails())


async def test_a_request_breaks_off_what_is_within() -> None:
    """Also where it came before; the reason is told, and nothing goes on."""
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    stop = Stop()
    asyncio.get_running_loop().call_later(0.01, stop.request, "budget")
    with pytest.raises(Stopped) as found:
        await stop.within(work())
    assert found.value.reason == "budget" and ended.is_set()
    with pytest.raises(Stopped):
        await stop.within(asyncio.sleep(0, 7))


async def test_who_is_cancelled_is_cancelled() -> None:
    """A caller that is let go is not told that it was asked to stop."""
    task = asyncio.create_task(Stop().within(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_goes_on_meanwhile_and_no_longer() -> None:
    """It has ended when the context has, and its error is nobody's unless it is awaited."""
    ended = []

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async def fails() -> None:
        raise ValueError("no")

    async with meanwhile(work()) as task:
        await asyncio.sleep(0)
        assert not task.done()
    assert ended == [True]
    async with meanwhile(fails()):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="no"):
        async with meanwhile(fails()) as task:
            await task
