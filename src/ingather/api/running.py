"""Beginning jobs, and working on them within a request, under a budget."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ingather import errors
from ingather.api.door import Door
from ingather.api.shapes import Worked
from ingather.domain.job import Job
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.ports import Claim
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
        task = asyncio.create_task(start)
        stop.over(task)
        try:
            return await task
        except asyncio.CancelledError:
            if stop.reason is None:
                raise
            raise errors.Transient(
                f"The source did not answer within {LOOKING:.0f} seconds; nothing was begun."
            ) from None


async def worked(door: Door, store: "Store", job: Job, seconds: float) -> Job:
    """The job after at most so many seconds of work: ours, or that of whoever holds it."""
    with door.budget(seconds) as stop:
        if job.unfinished or job.status == "failed":
            try:
                return await _run(door, job, stop)
            except errors.JobBusy:
                return await _follow(store, job, stop)
    return await store.show(job.id)


async def _run(door: Door, job: Job, stop: Stop) -> Job:
    collection = door.world.collection_of(job)
    await door.world.learn_rate(job.source)
    fetcher = collection.fetcher()
    try:
        return await collection.run(job, fetcher, stop=stop, watch=Unwatched())
    except (errors.LeaseLost, errors.SourceError):
        # What went wrong stands in the job, which is what is asked for here.
        return await door.world.store_of(job).show(job.id)


async def _follow(store: "Store", job: Job, stop: Stop) -> Job:
    while True:
        job = await store.show(job.id)
        if stop.reason is not None or job.status != "running":
            return job
        await asyncio.sleep(LOOK)


class _Noting(Workshop):
    """Keeps how a job stood when it was taken up."""

    before: Job | None = None

    async def run(self, claim: Claim, stop: Stop) -> Job:
        self.before = claim.job
        return await super().run(claim, stop)


async def taken_up(door: Door, seconds: float) -> Worked | None:
    """The next job that is due, after at most so many seconds of work; None where none is.

    What is not finished then is given back, to be taken up again by whoever comes next.
    """
    workshop = _Noting(door.world)
    crew = workshop.crew(room=1, report=Quiet())
    with door.told(crew.drain):
        job = await crew.one(seconds)
    if job is None:
        return None
    before = workshop.before.counters if workshop.before is not None else job.counters
    return Worked(
        id=job.id,
        kind=job.kind,
        status=job.status,
        reason=job.reason,
        rows=job.counters.appended,
        added=job.counters.appended - before.appended,
        calls=job.counters.calls - before.calls,
        error=job.error.message if job.error is not None else None,
    )
