"""A SQL store that drops comment exports so long after their end."""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from msgspec import structs

from ingather import errors
from ingather.domain.instants import iso
from ingather.domain.job import Job
from ingather.stores.sql import Sql

_EXPIRED = (
    "SELECT id FROM extractions WHERE extraction_type = 'comments' AND finished_at <= ?"
    " AND status IN ('done', 'failed', 'cancelled')"
)


class Retained:
    """Jobs, Leases and Rows over such a store.

    seconds: for which a comment export is kept after its end; extractions are kept for good, and so
    is what is unfinished. every: seconds between two sweeps, which whoever creates or lists jobs
    makes.
    """

    def __init__(self, store: Any, sql: Sql, *, seconds: float, every: float = 60.0) -> None:
        self._store = store
        self._sql = sql
        self._seconds = seconds
        self._every = every
        self._swept: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        await self._sweep()
        created: Job = await self._store.create(job, fresh=fresh)
        return created

    async def show(self, job_id: str, **asked: Any) -> Job:
        return self._told(await self._store.show(job_id, **asked))

    async def list(self, **asked: Any) -> Sequence[Job]:
        await self._sweep()
        return [self._told(job) for job in await self._store.list(**asked)]

    async def settle(self, *words: Any, **asked: Any) -> Job:
        return self._told(await self._store.settle(*words, **asked))

    def _told(self, job: Job) -> Job:
        """The job, with the moment when it is dropped."""
        if job.kind != "comments" or job.unfinished or job.finished_at is None:
            return job
        ended = datetime.fromisoformat(job.finished_at).timestamp()
        return structs.replace(job, expires_at=iso(ended + self._seconds))

    async def _sweep(self) -> None:
        time = monotonic()
        if self._swept is not None and time - self._swept < self._every:
            return
        self._swept = time
        before = iso(await self._sql.now() - self._seconds)
        for (job_id,) in await self._sql.all(_EXPIRED, before):
            try:
                await self._store.delete(job_id)
            except (errors.JobBusy, errors.JobNotFound):
                continue  # taken up again, or dropped by somebody else
