"""Beginning jobs, and working on them within a request, under a budget."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ingather import errors
from ingather.api.door import Door
from ingather.api.shapes import NAMED, Resumed, Worked
from ingather.domain.job import Failure, Job
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Unwatched
from ingather.features.amending import Amended, amended
from ingather.workshop import Quiet, Workshop

if TYPE_CHECKING:
    from ingather.storage import Store

LOOKING = 20.0
"""Seconds for finding a new job's target at its source."""
LOOK = 0.3
"""Seconds between two looks at a job that somebody else works on."""


async def begun(door: Door, start: Coroutine[Any, Any, Job]) -> Job:
    """The job that a feature starts, or Transient where its source takes too long to find it."""
    with door.budget(LOOKING) as stop:
        try:
            return await stop.within(start)
        except Stopped:
            raise errors.Transient(
                f"The source did not answer within {LOOKING:.0f} seconds; nothing was begun."
            ) from None


async def resumed(door: Door, store: "Store", job: Job, wanted: Resumed, budget: int | None) -> Job:
    """The job under what is wanted: after at most so many milliseconds of work, else in its
    queue. What was wished before, and is not yet granted, is forgotten."""
    limits = Amended(limit=wanted.max, max_calls=wanted.max_calls, max_units=wanted.max_units)
    job = await amended(store, job, limits)
    if budget is not None:
        if job.wish is not None and job.unfinished:
            await door.world.queue_of(job).enqueue(job.id)
        return await worked(door, store, job, budget / 1000)
    if job.status in ("done", "cancelled"):
        return job
    await door.world.collection_of(job).release(job)
    return await door.world.queue_of(job).enqueue(job.id)


async def worked(door: Door, store: "Store", job: Job, seconds: float) -> Job:
    """The job after at most so many seconds of work: ours, or that of whoever holds it."""
    with door.budget(seconds) as stop:
        if job.unfinished or job.status == "failed":
            try:
                return await _run(door, job, stop)
            except errors.JobBusy:
                return await _follow(store, job, stop)
    return await store.show(job.id, targets=NAMED)


async def _run(door: Door, job: Job, stop: Stop) -> Job:
    collection = door.world.collection_of(job)
    await door.world.learn_rate(job.source, job.route)
    fetcher = collection.fetcher()
    try:
        return await collection.run(job, fetcher, stop=stop, watch=Unwatched())
    except (errors.LeaseLost, errors.SourceError):
        # What went wrong stands in the job, which is what is asked for here.
        return await door.world.store_of(job).show(job.id, targets=NAMED)


async def _follow(store: "Store", job: Job, stop: Stop) -> Job:
    while True:
        job = await store.show(job.id, targets=NAMED)
        if stop.reason is not None or job.status != "running":
            return job
        await asyncio.sleep(LOOK)


class _Noting(Quiet):
    """Keeps how each job stood when it was first taken up, and why no more could be."""

    def __init__(self) -> None:
        self.began_as: dict[str, Job] = {}
        self.away: errors.IngatherError | None = None
        self.drain: Callable[[], None] = lambda: None

    def began(self, job: Job) -> None:
        self.began_as.setdefault(job.id, job)

    def trouble(self, error: errors.IngatherError) -> None:
        if not isinstance(error, (errors.StateLost, errors.DamagedRecord)):  # of one job alone
            self.away = error
            self.drain()  # a timer's next call asks again


async def shift(door: Door, seconds: float, room: int) -> tuple[list[Worked], bool]:
    """Work on what is due for at most so many seconds, so many jobs at a time: what became of
    each, and whether nothing more is due.

    What is not finished then is given back, to be taken up again by whoever comes next. Raises a
    store's errors where nothing could be taken up.
    """
    noting = _Noting()
    crew = Workshop(door.world).crew(room=room, report=noting)
    noting.drain = crew.drain
    timer = asyncio.get_running_loop().call_later(seconds, crew.drain)
    try:
        with door.told(crew.drain):
            idle = await crew.work(once=True)
    finally:
        timer.cancel()
    if noting.away is not None and not noting.began_as:
        raise noting.away
    return [await _became(door, job) for job in noting.began_as.values()], idle


async def _became(door: Door, before: Job) -> Worked:
    try:
        job = await door.world.store_of(before).show(before.id, targets=0)
    except errors.IngatherError as gone:  # deleted meanwhile, or its store is away
        told = Failure(gone.message, gone.code)
        job = structs.replace(before, error=told)
    return Worked(
        id=job.id,
        kind=job.kind,
        status=job.status,
        reason=job.reason,
        rows=job.counters.appended,
        added=job.counters.appended - before.counters.appended,
        calls=job.counters.calls - before.counters.calls,
        error=job.error.message if job.error is not None else None,
    )
