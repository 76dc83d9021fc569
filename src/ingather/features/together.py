"""Calls that are made at the same moment become one: a store is asked once for many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Together(Generic[Asked, Told]):
    """work: takes what was asked in order, gives as many answers in that order.

    While it works, what is asked meanwhile waits and goes together the next time. An error is
    everybody's who asked. A caller that is cancelled stops nobody else's work. most: in one call;
    fewer let a store write one lot while the next is made ready.
    """

    def __init__(
        self, work: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]], *, most: int = 100
    ) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Told:
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        await asyncio.sleep(0)  # whoever is ready now may still join
        while self._waiting:
            turn, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                told = await self._work([asked for asked, _ in turn])
            except Exception as failure:  # noqa: BLE001 - whoever asked hears it
                for _, answer in turn:
                    if not answer.done():
                        answer.set_exception(failure)
                continue
            for (_, answer), each in zip(turn, told, strict=True):
                if not answer.done():
                    answer.set_result(each)
