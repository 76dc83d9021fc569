"""Jobs, leases and rows in Redis, in the seeds' key layout.

A page is one script; every other change is worked out here from what was read (`states`) and
written by one script if nobody else wrote meanwhile. All times of leases are the server's.
"""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence

import msgspec
from msgspec import Struct, structs

from ingather import errors
from ingather.domain import export_record
from ingather.domain.job import (
    ALL,
    NOTHING,
    Counters,
    Failure,
    File,
    Holder,
    Job,
    Options,
    Status,
    Wish,
)
from ingather.domain.records import Record, natural_ids, parents, writers
from ingather.ports import Batch, Claim, Outcome, Stand
from ingather.stores import redis_keys, redis_state, states
from ingather.stores.redis_link import RedisLink, script
from ingather.stores.redis_list import RedisList
from ingather.stores.redis_state import Kept
from ingather.stores.redis_wire import Reply, Word

_CREATE = script("redis_create.lua")
_MOVE = script("redis_move.lua")
_BEAT = script("redis_beat.lua")
_COMMIT = script("redis_commit.lua")
_DELETE = script("redis_delete.lua")
_READ = script("redis_read.lua")
_SLICE = script("redis_slice.lua")

AS_IT_IS = ""
"""A lease that a change leaves alone."""
_GIVEN_BACK = "-"
_TRIES = 1_000

_encode = msgspec.json.Encoder().encode

Change = Callable[[Kept], tuple[Job, Word]]
"""The job as it shall be, and its lease: as it is, given back, or milliseconds from now."""


class _Held(Struct, frozen=True):
    """What the record says that no page changes, of a job claimed here."""

    fence: int
    record: export_record.ExportRecord


class RedisStore:
    """Jobs, Leases and Rows over one Redis."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._list = RedisList(link, self.read)
        self._held: dict[str, _Held] = {}

    async def read(self, job_id: str) -> Kept:
        """A job as it is kept. Raises JobNotFound, StateLost, DamagedRecord."""
        keys = (*redis_keys.of(job_id), redis_keys.JOBS)
        return redis_state.kept(job_id, await self._link.run(_READ, keys, job_id))

    async def move(self, job_id: str, change: Change) -> Job:
        """Change a job, again and again until nobody else has done so in between."""
        for _ in range(_TRIES):
            kept = await self.read(job_id)
            job, lease = change(kept)
            if kept.version is None:
                raise redis_state.lost(job_id, redis_keys.of(job_id)[4])
            job = redis_state.expiring(job)
            moved = await self._link.run(
                *(_MOVE, redis_keys.with_indexes(job), kept.version, lease),
                *(0 if job.unfinished else 1, job.id, export_record.text(job)),
                *(redis_keys.RECORD_MS, redis_keys.ROWS_MS, redis_keys.INDEX_MS),
                *(redis_keys.place(job), job.tenant),
                *redis_state.fields(job),
            )
            if moved:
                return job
        raise errors.StoreUnavailable(f"Job {job_id} changes too fast to be changed.")

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        for _ in range(_TRIES):
            other: bytes | None = await self._link.run(
                *(_CREATE, redis_keys.with_indexes(job), job.id, int(fresh)),
                *(export_record.text(job), redis_keys.created_ms(job)),
                *(redis_keys.place(job), job.tenant),
                *redis_state.fields(job),
                *("lease", "", "last", "", "version", 1),
            )
            if other is None:
                return job
            kept = await self.read(other.decode())
            if not kept.job.unfinished:  # it ended in between
                continue
            reopened = states.reopened(kept.job, job)
            if reopened == kept.job:
                return reopened
            return await self.move(
                reopened.id, lambda kept: (states.reopened(kept.job, job), AS_IT_IS)
            )
        raise errors.StoreUnavailable(f"Job {job.id} cannot be created.")

    async def show(self, job_id: str, *, targets: int = ALL) -> Job:
        return states.brief((await self.read(job_id)).whole().job, targets)

    async def list(
        self,
        *,
        limit: int = 100,
        tenant: str | None = None,
        before: Job | None = None,
        kinds: Collection[str] | None = None,
        status: Status | None = None,
        targets: int = 1,
    ) -> Sequence[Job]:
        def wanted(job: Job) -> bool:
            older = before is None or states.age(job) < states.age(before)
            return older and states.among(job, kinds, status)

        jobs = await self._list.newest(limit, tenant, before, wanted)
        return [states.brief(job, targets) for job in jobs]

    async def tally(self) -> Counter[tuple[str, Stand]]:
        return Counter((job.kind, states.stands(job)) for job in await self.list(limit=sys.maxsize))

    async def amend(self, job_id: str, options: Options) -> Job:
        return await self.move(
            job_id, lambda kept: (states.amended(kept.whole().job, options), AS_IT_IS)
        )

    async def ask(self, job_id: str, wish: Wish) -> Job:
        def change(kept: Kept) -> tuple[Job, Word]:
            job = states.asked(kept.job, wish, now=kept.now)
            # A holder whose lease ran out must not write over the wish when it wakes.
            return job, AS_IT_IS if job.held else _GIVEN_BACK

        return await self.move(job_id, change)

    async def delete(self, job_id: str) -> None:
        keys: Sequence[str]
        try:
            job = (await self.read(job_id)).job
            keys = redis_keys.with_indexes(job)
        except (errors.StateLost, errors.DamagedRecord):
            none = redis_keys.JOBS + ":none"
            job, keys = None, (*redis_keys.of(job_id), *[none] * 3, redis_keys.JOBS, *[none] * 3)
        if not await self._link.run(_DELETE, keys, job_id):
            raise states.busy(job) if job else errors.JobBusy
        self._held.pop(job_id, None)

    async def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        lease: float = 30.0,
        dead: int | None = None,
        heed: bool = False,
    ) -> Claim:
        def change(kept: Kept) -> tuple[Job, Word]:
            kept.whole().job.claimable()
            if kept.job.held and dead != kept.job.fence:
                raise states.busy(kept.job)
            return states.claimed(kept.job, holder, now=kept.now, heed=heed), _milliseconds(lease)

        job = await self.move(job_id, change)
        self._held[job_id] = _Held(job.fence, export_record.of(job))
        seen = await self._link.call("SMEMBERS", redis_keys.of(job_id)[5])
        return Claim(job, job.fence, {each.decode() for each in seen})

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        keys = (redis_keys.of(job_id)[4],)
        answer = await self._link.run(_BEAT, keys, fence, _milliseconds(lease))
        if answer == b"fence":
            raise self._lease_lost(job_id)
        return answer[0].decode() or None

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        held = self._held.get(job_id)
        if held is None or held.fence != fence:
            held = await self._recall(job_id, fence)
        words = _page(held.record, fence, sequence, batch)
        answer: Reply = await self._link.run(_COMMIT, redis_keys.of(job_id), *words)
        if answer == b"fence":
            raise self._lease_lost(job_id)
        if answer == b"lost":
            raise errors.StateLost(
                f"Keys of job {job_id} are gone from Redis; its rows cannot be complete any more.",
                hint="Was it flushed? `--fresh` starts the job anew.",
            )
        return redis_state.outcome(answer[0], answer[1])

    async def _recall(self, job_id: str, fence: int) -> _Held:
        """What a claim made elsewhere, or before a restart, would have told."""
        try:
            job = (await self.read(job_id)).job
        except errors.JobNotFound:
            raise errors.StateLost(f"Job {job_id} is gone from Redis.") from None
        held = _Held(fence, export_record.of(job))
        if job.fence == fence:
            self._held[job_id] = held
        return held

    def _lease_lost(self, job_id: str) -> errors.LeaseLost:
        self._held.pop(job_id, None)
        return errors.LeaseLost()

    async def settle(
        self,
        job_id: str,
        fence: int,
        status: Status,
        *,
        reason: str | None = None,
        error: Failure | None = None,
        file: File | None = None,
        spent: Counters = NOTHING,
        again: float | None = None,
    ) -> Job:
        def change(kept: Kept) -> tuple[Job, Word]:
            if kept.version is None or kept.lease is None or kept.job.fence != fence:
                raise self._lease_lost(job_id)
            return states.settled(
                kept.job, status, reason, error, file, spent, again=again, now=kept.now
            ), _GIVEN_BACK

        try:
            job = await self.move(job_id, change)
        except errors.JobNotFound:
            raise self._lease_lost(job_id) from None
        self._held.pop(job_id, None)
        return job

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        _, found = await self._part(job_id, offset, offset + limit - 1)
        return redis_state.comments(redis_keys.of(job_id)[1], found, first=offset)

    async def count(self, job_id: str) -> int:
        return (await self._part(job_id, 0, -1))[0]

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        offset = 0
        while batch := await self.slice(job_id, offset, size):
            yield batch
            offset += len(batch)

    async def _part(self, job_id: str, first: int, last: int) -> tuple[int, Sequence[bytes]]:
        """How many rows there are, and the texts of some. Raises StateLost where fewer are there
        than were kept: they expired, or somebody deleted them."""
        names = redis_keys.of(job_id)
        keys = (names[0], names[1], names[4])
        appended, record, there, found = await self._link.run(_SLICE, keys, first, last)
        if appended == b"" and record is None:
            raise redis_state.missing(job_id)
        if record is None:
            raise redis_state.lost(job_id, names[0])
        ours = appended != b""
        kept = int(appended) if ours else redis_state.foreign(job_id, record).counters.appended
        if there < kept or (ours and there > kept):
            raise redis_state.lost(job_id, names[1])
        return there, found


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _page(
    record: export_record.ExportRecord, fence: int, sequence: int, batch: Batch
) -> list[Word]:
    """The words of redis_commit.lua. This is the hot path: a page costs one encoding a row."""
    rows, state = batch.rows, batch.state
    if batch.target == 0:
        record = structs.replace(record, ig_paging=export_record.Paging(state.cursor), error=None)
    return [
        *(fence, sequence, batch.most, batch.most_reason, batch.end or "", batch.idle_end or ""),
        *(redis_state.target_field(batch.target), _encode(state), batch.cursor or ""),
        *(batch.fetched, batch.calls, batch.retries, batch.parks, batch.waited, batch.repaired),
        batch.units,
        *export_record.pieces(record),
        *(len(batch.seen), len(rows)),
        *batch.seen,
        *natural_ids(rows),
        *[user or "" for user in writers(rows)],
        *[_encode(row) for row in rows],
        "".join(["0" if thread is None else "1" for thread in parents(rows)]),
    ]
