"""The queue of waiting jobs in Redis: a script offers the next one to one worker alone, which then
claims it as anybody would."""

from collections.abc import Collection, Sequence

from ingather import errors
from ingather.domain.job import Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import redis_keys, states
from ingather.stores.redis_jobs import AS_IT_IS, RedisStore
from ingather.stores.redis_link import RedisLink, script
from ingather.stores.redis_state import Kept
from ingather.stores.redis_wire import Word

_NEXT = script("redis_next.lua")
_OFFER_MS = 3_000
"""Time to claim what was offered; whoever dies meanwhile delays the job by so much."""


class RedisQueue:
    """Queue over one Redis."""

    def __init__(self, link: RedisLink, store: RedisStore) -> None:
        self._link = link
        self._store = store

    async def next(
        self,
        holder: Holder,
        *,
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        if not sources:
            return None
        while True:
            offered = await self._link.run(
                _NEXT, (redis_keys.TENANTS,), _OFFER_MS, int(sandbox), *sorted(sources)
            )
            if offered is None:
                return None
            job_id, tenant = offered[0].decode(), offered[1].decode()
            try:
                return await self._store.claim(job_id, holder, lease=lease, heed=True)
            except errors.JobBusy:  # somebody claimed it by its id
                continue
            except (errors.StateLost, errors.DamagedRecord):
                await self._link.call("ZREM", redis_keys.QUEUE + tenant, job_id)
                raise
            except errors.BadInput:  # over or deleted by now
                await self._link.call("ZREM", redis_keys.QUEUE + tenant, job_id)

    async def held(self) -> Sequence[Job]:
        return [states.brief(kept.job, 1) for kept in await self._queued() if kept.job.held]

    async def enqueue(self, job_id: str) -> Job:
        return await self._store.move(
            job_id, lambda kept: (states.queued(kept.whole().job), AS_IT_IS)
        )

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        changed = 0

        def waits(kept: Kept) -> bool:
            job = kept.job
            return (
                states.waiting(job, now=kept.now)
                and (job.source, job.status != "csv_pending") == (source, True)
                and owner in (None, job.owner.instagram_id)
            )

        def change(kept: Kept) -> tuple[Job, Word]:
            nonlocal changed
            if not waits(kept):  # somebody else moved it in between
                return kept.job, AS_IT_IS
            changed += 1
            return states.held_back(kept.job, reason), AS_IT_IS

        for kept in await self._queued():
            if waits(kept):
                await self._store.move(kept.job.id, change)
        return changed

    async def _queued(self) -> list[Kept]:
        """Every job in the queue; what cannot be read is left out."""
        found = []
        for tenant in await self._link.call("ZRANGE", redis_keys.TENANTS, 0, -1):
            queue = redis_keys.QUEUE + tenant.decode()
            for job_id in await self._link.call("ZRANGE", queue, 0, -1):
                try:
                    found.append(await self._store.read(job_id.decode()))
                except (errors.JobNotFound, errors.StateLost, errors.DamagedRecord):
                    continue
        return found
