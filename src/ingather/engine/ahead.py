"""The page after the one that is waited for: one is asked for ahead, never more.

It is asked for as soon as its cursor is known: before the rows of the page before it are read, if
the source can tell so early, and nothing in these rows could make the call one for nothing.
"""

import asyncio
from collections.abc import Callable

from msgspec import structs

from ingather.domain.job import TargetState
from ingather.domain.page import Page
from ingather.engine.backoff import Fetcher
from ingather.engine.lease import Lease
from ingather.engine.stop import Stop


class Ahead:
    """Asks for the pages of one job. replies: whether those of comments are wanted too."""

    def __init__(self, fetcher: Fetcher, lease: Lease, stop: Stop, *, replies: bool) -> None:
        self._fetcher = fetcher
        fetcher.listener = self._hear
        self._lease = lease
        self._stop = stop
        self._replies = replies
        self._task: asyncio.Task[Page] | None = None
        self._cursor: str | None = None
        self._awaited: TargetState | None = None
        self._may: Callable[[str], bool] | None = None

    async def take(
        self, state: TargetState, early: Callable[[str], bool] | None
    ) -> "asyncio.Task[Page]":
        """The page at a state, asked for now unless it has been. early: whether the one at a cursor
        that this one tells may be asked for before this one is read; None: it may not."""
        await self._make(state)
        task, self._task = self._task, None
        self._awaited, self._may = state, early
        assert task is not None
        return task

    async def begin(self, state: TargetState) -> None:
        """Ask for the page at a state, unless it was asked for early."""
        self._awaited = None
        if await self._make(state):
            await _sent()

    async def drop(self) -> None:
        """The page that was asked for ahead is not wanted."""
        task, self._task, self._awaited = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _make(self, state: TargetState) -> bool:
        """Let the page at a state be the one that is asked for; whether it was not yet."""
        if self._task is not None and self._cursor == state.cursor:
            return False
        await self.drop()
        self._task, self._cursor = asyncio.create_task(self._fetch(state)), state.cursor
        self._stop.over(self._task)
        return True

    async def _fetch(self, state: TargetState) -> Page:
        await self._lease.sure()
        return await self._fetcher.page(state.target, state.cursor, replies=self._replies)

    async def _hear(self, cursor: str | None, then: str) -> None:
        """The page at `cursor` has come, and `then` follows it. It is asked for at once where that
        is allowed, and the page that has come is the one which is waited for."""
        state = self._awaited
        if state is None or state.cursor != cursor or self._may is None or self._stop.reason:
            return
        if self._may(then):
            self._awaited = None
            await self._make(structs.replace(state, cursor=then))
            await _sent()


async def _sent() -> None:
    """Let a call that was begun go out: neither reading rows nor a commit need give way once."""
    for _ in ("made", "sent"):
        await asyncio.sleep(0)
