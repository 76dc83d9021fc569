"""The end of a reader: nothing new is begun, and what is under way is given a while."""

import asyncio
import contextlib
from collections.abc import Callable

_LOOK = 0.02


class Drain:
    """begun: whether the reader is to take nothing new."""

    def __init__(self) -> None:
        self.begun = False
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """A drain waits for nothing any more."""
        self._hurried.set()

    async def wait(self, at_work: Callable[[], int], seconds: float) -> None:
        """Begin, and wait till nothing is at work, for so long at the most. What waits itself, for
        a limit or a store, is not at work: it may be let go at any moment."""
        self.begun = True
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while at_work() > 0 and loop.time() < until and not self._hurried.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), _LOOK)
