"""An event loop whose timers are exact: an answer after 50 ms comes after 50 ms, not after 51.

epoll counts whole milliseconds and asyncio rounds them up: a fiftieth of such a wait, which is as
much as the clients that are measured here differ by.
"""

import asyncio
import select
import selectors
import time
from typing import Final

_LONG: Final = 0.005
"""Seconds of a wait whose end is watched for: with shorter ones many answers are under way."""

_WATCHED: Final = 0.0002
"""Seconds before the end of a long wait from which it is watched for: a process that sleeps wakes
up later than it asked to."""


def runner() -> asyncio.Runner:
    """What runs a loop that waits to some microseconds where the system can."""
    if not hasattr(selectors, "EpollSelector"):
        return asyncio.Runner()  # kqueue counts finer as it is
    return asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_selector()))


def _selector() -> selectors.BaseSelector:
    class Exact(selectors.EpollSelector):
        """Waits for the epoll itself with `select`, which counts microseconds."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is None or timeout <= 0:
                return super().select(timeout)
            until = time.monotonic() + timeout
            slept = timeout - _WATCHED if timeout > _LONG else timeout
            select.select((self.fileno(),), (), (), slept)
            found = super().select(0)
            while not found and time.monotonic() < until:
                found = super().select(0)
            return found

    return Exact()
