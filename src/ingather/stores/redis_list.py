"""The list of jobs in a Redis: ours by the time of their creation, and those of other programs
that write the seeds' records, found by the seeds' index of users."""

import time
from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence

from ingather import errors
from ingather.domain.job import LOCAL, Job
from ingather.stores import redis_keys, states
from ingather.stores.redis_link import RedisLink
from ingather.stores.redis_state import Kept

_AT_ONCE = 100
_FRESH_S = 60.0
"""Seconds for which the ids of other programs' records are not looked for again."""


class RedisList:
    """Newest first; what cannot be read is left out."""

    def __init__(self, link: RedisLink, read: Callable[[str], Awaitable[Kept]]) -> None:
        self._link = link
        self._read = read
        self._others: tuple[float, Sequence[str]] = (float("-inf"), ())

    async def newest(
        self, limit: int, tenant: str | None, before: Job | None, wanted: Callable[[Job], bool]
    ) -> Sequence[Job]:
        """Those that are wanted, of one tenant where one is named, not younger than `before`."""
        index = redis_keys.JOBS if tenant is None else redis_keys.TENANT_INDEX + tenant
        top = "+inf" if before is None else redis_keys.created_ms(before)
        jobs: list[Job] = []
        place = 0
        while len(jobs) < limit:
            ids = await self._link.call(
                *("ZREVRANGEBYSCORE", index, top, "-inf", "LIMIT", place, _AT_ONCE)
            )
            if not ids:
                break
            place += len(ids)
            names = [each.decode() for each in ids]
            jobs += filter(wanted, await self._readable(names, index))
        if tenant in (None, LOCAL):
            jobs += filter(wanted, await self._readable(await self._other_ids(), index))
        jobs.sort(key=states.age, reverse=True)
        return jobs[:limit]

    async def _readable(self, ids: Sequence[str], index: str) -> list[Job]:
        found = await gather(*(self._job(job_id, index) for job_id in ids))
        return [job for job in found if job is not None]

    async def _job(self, job_id: str, index: str) -> Job | None:
        try:
            return (await self._read(job_id)).whole().job
        except errors.JobNotFound:  # expired; nothing else takes its name out of the set
            await self._link.call("ZREM", index, job_id)
        except (errors.StateLost, errors.DamagedRecord):
            pass
        return None

    async def _other_ids(self) -> Sequence[str]:
        then, ids = self._others
        if time.monotonic() - then < _FRESH_S:
            return ids
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, keys = await self._link.call(
                *("SCAN", cursor, "MATCH", redis_keys.USER_INDEX + "*", "COUNT", 1_000)
            )
            for members in await gather(*(self._link.call("SMEMBERS", key) for key in keys)):
                found.update(each.decode() for each in members)
            if cursor == b"0":
                break
        names = sorted(found)
        ours = await self._link.call("ZMSCORE", redis_keys.JOBS, *names) if names else []
        ids = [name for name, score in zip(names, ours, strict=True) if score is None]
        self._others = (time.monotonic(), ids)
        return ids
