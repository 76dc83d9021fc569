"""Server-sent events of a job's progress (WHATWG HTML, 9.2): one whenever the job has moved, or
whoever ran it has died.

An event's id says where the job stood, so that a reader who comes back with Last-Event-ID is told
only what is new; one who has heard of the end gets 204, which tells a browser not to come again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.responses import Response, StreamingResponse

from ingather import errors
from ingather.api.door import Door
from ingather.domain.job import Job
from ingather.engine import lease

EVERY = 0.5
"""Seconds between two looks at the job."""
ALIVE = 15.0
"""Seconds of silence after which a comment keeps proxies from hanging up."""

OVER = frozenset({"done", "failed", "cancelled"})


async def follow(
    door: Door,
    show: Callable[[], Awaitable[Job]],
    view: Callable[[Job], Awaitable[msgspec.Struct]],
    still: Callable[[], Awaitable[bool]],
    *,
    last: str | None,
    every: float = EVERY,
    alive: float = ALIVE,
) -> Response:
    """The stream. still: whether its reader may still read it."""
    job = await show()
    if job.status in OVER and last == _id(job):
        return Response(status_code=204)
    door.room()
    stream = _events(door, show, view, still, last=last, every=every, alive=alive)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _events(
    door: Door,
    show: Callable[[], Awaitable[Job]],
    view: Callable[[Job], Awaitable[msgspec.Struct]],
    still: Callable[[], Awaitable[bool]],
    *,
    last: str | None,
    every: float,
    alive: float,
) -> AsyncIterator[bytes]:
    door.admit()
    try:
        yield b"retry: 2000\n\n"
        silent = unasked = 0.0
        while not door.closing.is_set():
            try:
                job = await show()
            except errors.JobNotFound:
                yield b"event: deleted\ndata: {}\n\n"
                return
            if (at := _id(job)) != last:
                over = job.status in OVER
                name = "end" if over else "progress"
                data = msgspec.json.encode(await view(job)).decode()
                yield f"id: {at}\nevent: {name}\ndata: {data}\n\n".encode()
                if over:
                    return
                last, silent = at, 0.0
            await _pause(door, every)
            silent += every
            unasked += every
            if unasked >= alive:
                if not await still():
                    return
                unasked = 0.0
            if silent >= alive:
                yield b": still here\n\n"
                silent = 0.0
    finally:
        door.leave()


async def _pause(door: Door, seconds: float) -> None:
    """Wait, but not for longer than the server lives."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(door.closing.wait(), seconds)


def _id(job: Job) -> str:
    counted = job.counters
    left = "-left" if lease.alive(job) is False else ""
    return f"{job.fence}-{job.sequence}-{counted.calls}-{job.status}{left}"
