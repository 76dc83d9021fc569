"""Rows of an async iterator, handed to the one thread that writes them to disk.

The thread asks for the next batch when it has written the one before: reading ahead would have
the reader and the writer fight for the interpreter, which costs more than it gains.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ingather.domain.records import Record

Batch = Sequence[Record]
T = TypeVar("T")


class RowsFailed(Exception):
    """Reading the rows failed; the reason is in `Feed.error`.

    Its own class, because a store's ConnectionError is an OSError too, and must not be told to
    the user as a fault of the disk.
    """


class Feed:
    """Batches for a thread. count: rows handed over so far."""

    def __init__(self, rows: AsyncIterator[Batch], loop: asyncio.AbstractEventLoop) -> None:
        self.count = 0
        self.error: BaseException | None = None
        self._rows = rows
        self._loop = loop
        self._ahead: Future[Batch | None] | None = None
        self._stopped = False
        self._reading = asyncio.Lock()

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self._wait(self._ask())) is not None:
            self.count += len(batch)
            yield batch

    def _ask(self) -> "Future[Batch | None]":
        ahead = asyncio.run_coroutine_threadsafe(self._pull(), self._loop)
        self._ahead = ahead
        if self._stopped:  # looked at after the line above, so that `close` cannot miss it
            ahead.cancel()
        return ahead

    def _wait(self, ahead: "Future[Batch | None]") -> Batch | None:
        try:
            return ahead.result()
        except BaseException as error:
            self.error = error
            raise RowsFailed from error

    async def _pull(self) -> Batch | None:
        async with self._reading:
            try:
                return await anext(self._rows)
            except StopAsyncIteration:
                return None

    def stop(self) -> None:
        """Let the thread fail at its next batch."""
        self._stopped = True
        if self._ahead is not None:
            self._ahead.cancel()

    async def close(self) -> None:
        """Close the rows, once nobody reads them any more."""
        self.stop()
        async with self._reading:
            aclose = getattr(self._rows, "aclose", None)
            if aclose is not None:
                await aclose()


async def consume(rows: AsyncIterator[Batch], work: Callable[[Feed], T]) -> tuple[T, int]:
    """Run `work` over the rows in a thread: its answer, and how many rows it was given.

    The thread is its own: several files at once would fill asyncio's shared pool with writers
    that wait for rows, and a store that reads in that pool could then never answer them.
    When cancelled, returns only after the thread has let go of its file.
    """
    loop = asyncio.get_running_loop()
    feed = Feed(rows, loop)
    pool = ThreadPoolExecutor(1, thread_name_prefix="ingather-file")
    writing = loop.run_in_executor(pool, work, feed)
    try:
        answer = await asyncio.shield(writing)
    except asyncio.CancelledError:
        feed.stop()
        await asyncio.wait([writing])
        if not writing.cancelled():
            writing.exception()  # marks it as seen; being cancelled is what counts
        raise
    except RowsFailed:
        assert feed.error is not None
        raise feed.error from None
    finally:
        pool.shutdown(wait=False)
        await feed.close()
    return answer, feed.count
