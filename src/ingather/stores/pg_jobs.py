"""Jobs, leases and rows in PostgreSQL, for many workers on many machines."""

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from ingather import errors
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
from ingather.domain.kinds import RECORDS
from ingather.domain.records import Record
from ingather.ports import Batch, Claim, Outcome, Stand
from ingather.stores import pg_commit, pg_records, pg_rows, sql_list, states
from ingather.stores.pg_link import NOW, Connection, PgLink


class PgStore:
    """Jobs, Leases and Rows over one PostgreSQL database."""

    def __init__(self, link: PgLink) -> None:
        self._link = link
        self._pages = pg_commit.Pages(link)

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        while True:
            async with self._link.transaction() as connection:
                if fresh:
                    await connection.execute(
                        "UPDATE extractions SET open_key = NULL WHERE open_key = $1", job.key
                    )
                elif found := await pg_rows.find(connection, "open_key", job.key):
                    reopened = states.reopened(found.job, job)
                    await pg_rows.update(connection, found.number, reopened)
                    return reopened
                if await pg_rows.insert(connection, job):
                    return job
            # Somebody else began the same job this very moment: theirs is found the next time.

    async def show(self, job_id: str, *, targets: int = ALL) -> Job:
        return (await self._shown(job_id, targets)).job

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
        where, values = ["TRUE"], list[object]([limit])
        if tenant is not None:
            values.append(tenant)
            where.append(f"tenant = ${len(values)}")
        if before is not None:
            values += [before.created_at, before.id]
            where.append(f"(requested_at, id) < (${len(values) - 1}, ${len(values)})")
        if kinds is not None:
            values.append(list(kinds))
            where.append(f"extraction_type = ANY (${len(values)}::text[])")
        if status is not None:
            values.append(status)
            where.append(f"status = ${len(values)}")
        return await pg_rows.some(
            self._link,
            targets,
            f"{' AND '.join(where)} ORDER BY requested_at DESC, id DESC LIMIT $1",
            *values,
        )

    async def tally(self) -> Mapping[tuple[str, Stand], int]:
        found = await self._link.read(sql_list.tallying(NOW))
        return {(kind, stand): count for kind, stand, count in found}

    async def amend(self, job_id: str, options: Options) -> Job:
        async with self._link.transaction() as connection:
            found = await _found(connection, job_id)
            job = states.amended(found.job, options)
            await pg_rows.update(connection, found.number, job)
            return job

    async def ask(self, job_id: str, wish: Wish) -> Job:
        async with self._link.transaction() as connection:
            found = await _found(connection, job_id)
            job = states.asked(found.job, wish, now=found.now)
            # A lease that ran out is taken away, lest its late holder write after all.
            lease_until = found.lease_until if job.held else None
            await pg_rows.update(connection, found.number, job, lease_until=lease_until)
            return job

    async def delete(self, job_id: str) -> None:
        async with self._link.transaction() as connection:
            with contextlib.suppress(errors.DamagedRecord):  # can still be removed
                found = await _found(connection, job_id, targets=0)
                if found.job.held:
                    raise states.busy(found.job)
            await pg_rows.delete(connection, job_id)

    async def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        lease: float = 30.0,
        dead: int | None = None,
        heed: bool = False,
    ) -> Claim:
        async with self._link.transaction() as connection:
            found = await _found(connection, job_id)
            found.job.claimable()
            if found.job.held and dead != found.job.fence:
                raise states.busy(found.job)
            job = states.claimed(found.job, holder, now=found.now, heed=heed)
            await pg_rows.update(connection, found.number, job, lease_until=found.now + lease)
            if found.job.status == "failed":
                await pg_rows.reopen(connection, found.number, job.key)
            seen = await pg_rows.cursors(connection, found.number)
            return Claim(job, job.fence, seen)

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        row = await self._link.one(
            f"UPDATE extractions SET lease_until = {NOW} + $3::float8 WHERE id = $1 AND fence = $2"
            " AND lease_until IS NOT NULL RETURNING wish",
            job_id,
            fence,
            lease,
        )
        if row is None:
            raise errors.LeaseLost
        wish: Wish | None = row[0]
        return wish

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        return await self._pages.commit(job_id, fence, sequence, batch)

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
        self._pages.forget(job_id, fence)
        async with self._link.transaction() as connection:
            found = await pg_rows.fenced(connection, job_id, fence, targets=ALL)
            job = states.settled(
                found.job, status, reason, error, file, spent, again=again, now=found.now
            )
            await pg_rows.update(connection, found.number, job, lease_until=None)
            return job

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        found = await self._shown(job_id, 0)
        kind = RECORDS[found.job.kind]
        return await pg_records.some(self._link, kind, found.number, limit=limit, offset=offset)

    async def count(self, job_id: str) -> int:
        return (await self.show(job_id, targets=0)).counters.appended

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        found, offset = await self._shown(job_id, 0), 0
        kind = RECORDS[found.job.kind]
        while batch := await pg_records.some(
            self._link, kind, found.number, limit=size, offset=offset
        ):
            yield batch
            offset += len(batch)

    async def _shown(self, job_id: str, targets: int) -> pg_rows.Found:
        found = await pg_rows.shown(self._link, job_id, targets=targets)
        if found is None:
            raise _absent(job_id)
        return found


async def _found(connection: Connection, job_id: str, *, targets: int = ALL) -> pg_rows.Found:
    found = await pg_rows.find(connection, "id", job_id, targets=targets)
    if found is None:
        raise _absent(job_id)
    return found


def _absent(job_id: str) -> errors.JobNotFound:
    return errors.JobNotFound(f"There is no job {job_id}.")
