"""What the routes of one server share: the world, and what is under way."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.requests import Request

from ingather import errors
from ingather.api.metrics import Metrics
from ingather.doorway import Doorway
from ingather.engine.stop import Stop

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.assembly_refresh import Refreshing

MOST_STREAMS = 200
"""Downloads and event streams at once."""


class Door(Doorway):
    """One server's state. tasks: what must be let finish before the world is closed."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.world = world
        self.metrics = Metrics()
        self.closing = asyncio.Event()
        self.tasks: set[asyncio.Task[object]] = set()
        self._ends: set[Callable[[], None]] = set()
        self.streams = 0

    @cached_property
    def refreshing(self) -> "Refreshing":
        """The accounts that are kept fresh, and the ways to refresh them."""
        from ingather.assembly_refresh import Refreshing
        from ingather.features.unwatched import Unwatched

        return Refreshing(self.world.of_accounts, Unwatched())

    def keep(self, task: asyncio.Task[object]) -> None:
        """Let a task outlive its request, and its error be seen."""
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def close(self) -> None:
        """End what runs within requests: event streams, and jobs worked on under a budget."""
        self.closing.set()
        for end in list(self._ends):
            end()

    @contextmanager
    def told(self, end: Callable[[], None]) -> Iterator[None]:
        """Call this when the server ends meanwhile."""
        self._ends.add(end)
        if self.closing.is_set():
            end()
        try:
            yield
        finally:
            self._ends.discard(end)

    @contextmanager
    def budget(self, seconds: float) -> Iterator[Stop]:
        """A Stop that its budget requests, and the end of this server."""
        stop = Stop()
        stop.after(seconds, "budget")
        try:
            with self.told(lambda: stop.request("asked")):
                yield stop
        finally:
            stop.close()

    def room(self) -> None:
        """Raise TooManyRequests where no stream more can be served."""
        if self.streams >= MOST_STREAMS:
            raise errors.TooManyRequests("Too many downloads are under way.", wait=5.0)

    def admit(self) -> None:
        """One stream more."""
        self.room()
        self.streams += 1

    def leave(self) -> None:
        """One stream less."""
        self.streams -= 1


def door(request: Request) -> Door:
    """The server that a request came to."""
    found = request.app.state.door
    assert isinstance(found, Door)
    return found
