"""The database's queue beside one in Redis, where new comment exports wait."""

from collections.abc import Callable, Collection, Sequence

from ingather.domain.job import Holder, Job, Pause
from ingather.ports import Claim, Queue


class Stayed:
    """A queue of which is told what is found in it: it may hold jobs that began before."""

    def __init__(self, queue: Queue, note: Callable[[Job], None]) -> None:
        self._queue = queue
        self._note = note

    async def next(
        self,
        holder: Holder,
        *,
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        claim = await self._queue.next(holder, sources=sources, lease=lease, sandbox=sandbox)
        if claim is not None:
            self._note(claim.job)
        return claim

    async def held(self) -> Sequence[Job]:
        jobs = await self._queue.held()
        for job in jobs:
            self._note(job)
        return jobs

    async def enqueue(self, job_id: str) -> Job:
        return await self._queue.enqueue(job_id)

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        return await self._queue.hold_back(source, reason, owner=owner)
