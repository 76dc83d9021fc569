"""One place where a run learns that it should end now: budget spent, signal, wish, lost lease."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

from ingather.domain.job import Pause

T = TypeVar("T")

Reason = Pause | Literal["wished", "lease_lost", "drained"]
"""`wished`: somebody asked for a pause or an end; the store, which hears whether he has changed his
mind, grants it. `drained`: this process takes no further page; another may go on at once."""


class Stop:
    """Asked once, for the first reason given; whatever is being awaited under it is cancelled."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.signal: int | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def request(self, reason: Reason) -> None:
        if self.reason is not None:
            return
        self.reason = reason
        for task in self._tasks:
            task.cancel()

    def after(self, seconds: float, reason: Reason) -> None:
        """Request it when a budget of so many seconds is spent."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self.request, reason)

    def over(self, task: asyncio.Task[object]) -> None:
        """Let a request cancel this task while it runs."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.reason is not None:
            task.cancel()

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """What this work gives; raises Stopped where a request comes before it."""
        task = asyncio.create_task(work)
        self.over(task)
        return await self.awaited(task)

    async def awaited(self, task: asyncio.Task[T]) -> T:
        """What a task gives that a request may cancel; raises Stopped where one did."""
        try:
            return await task
        except asyncio.CancelledError:
            if self.reason is None:
                raise
            raise Stopped(self.reason) from None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Stopped(Exception):
    """A request came: raised inside a run at the next safe place, and to whoever waits `within`.

    again: seconds after which going on makes sense, where that is known.
    """

    def __init__(self, reason: Reason, *, again: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
