"""Jobs, leases and rows in PostgreSQL, for many workers on many machines.

A page that is all new is one statement, which is one round trip and one transaction; any other page
is one transaction of a few. Either way the job's row is locked first, and its fence and sequence
are checked under that lock.
"""

import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from asyncpg.exceptions import UniqueViolationError
from msgspec import structs

from ingather import errors, points
from ingather.domain.job import NOTHING, Counters, Failure, File, Holder, Job, Status, Wish
from ingather.domain.kinds import RECORDS
from ingather.domain.records import Record, User, is_reply, natural_id, writer
from ingather.ports import Batch, Claim, Outcome
from ingather.stores import pg_records, pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, Connection, PgLink

_MOST_HELD = 512
"""Jobs remembered between their commits; others are read again."""


@dataclass
class _Held:
    """A job as its last commit under this lease left it. Its fence makes this process its only
    writer; the statement that moves the row checks that it still is.

    users: hashes of the distinct user ids kept.
    """

    number: int
    job: Job
    users: set[int]


class PgStore:
    """Jobs, Leases and Rows over one PostgreSQL database."""

    def __init__(self, link: PgLink) -> None:
        self._link = link
        self._held: OrderedDict[tuple[str, int], _Held] = OrderedDict()

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

    async def show(self, job_id: str) -> Job:
        return (await self._shown(job_id)).job

    async def list(
        self, *, limit: int = 100, tenant: str | None = None, before: Job | None = None
    ) -> Sequence[Job]:
        where, values = ["TRUE"], list[object]([limit])
        if tenant is not None:
            values.append(tenant)
            where.append(f"tenant = ${len(values)}")
        if before is not None:
            values += [before.created_at, before.id]
            where.append(f"(requested_at, id) < (${len(values) - 1}, ${len(values)})")
        return await pg_rows.some(
            self._link,
            f"{' AND '.join(where)} ORDER BY requested_at DESC, id DESC LIMIT $1",
            *values,
        )

    async def ask(self, job_id: str, wish: Wish) -> Job:
        async with self._link.transaction() as connection:
            found = await _found(connection, job_id)
            held = found.held
            job = states.asked(found.job, wish, held=held, now=found.now)
            # A lease that ran out is taken away, lest its late holder write after all.
            lease_until = found.lease_until if held else None
            await pg_rows.update(connection, found.number, job, lease_until=lease_until)
            return job

    async def delete(self, job_id: str) -> None:
        async with self._link.transaction() as connection:
            with contextlib.suppress(errors.DamagedRecord):  # can still be removed
                found = await _found(connection, job_id)
                if found.held:
                    raise states.busy(found.job)
            await pg_rows.delete(connection, job_id)

    async def claim(
        self, job_id: str, holder: Holder, *, lease: float = 30.0, dead: int | None = None
    ) -> Claim:
        async with self._link.transaction() as connection:
            found = await _found(connection, job_id)
            states.claimable(found.job)
            if found.held and dead != found.job.fence:
                raise states.busy(found.job)
            job = states.claimed(found.job, holder, now=found.now)
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
        held = self._held.pop((job_id, fence), None)  # not remembered, should anything go wrong
        if held is not None and held.job.sequence + 1 == sequence:
            done = await self._commit_fast(held, batch)
            if done is not None:
                self._remember(job_id, fence, held)
                return done
        return await self._commit_anew(job_id, fence, sequence, batch, held)

    async def _commit_fast(self, held: _Held, batch: Batch) -> Outcome | None:
        """Commit a page on what is remembered of the job: every row new, and room for all.

        None where that turns out not to be so: then nothing of it was written.
        """
        job, rows = held.job, batch.rows
        filtered = batch.seen or job.counters.filtered
        if filtered or job.counters.appended + len(rows) > batch.most:
            return None
        async with self._link.connection() as connection:
            try:
                return await _advance(connection, held, batch, rows, new=len(rows), refused=0)
            except UniqueViolationError:
                return None

    async def _commit_anew(
        self, job_id: str, fence: int, sequence: int, batch: Batch, held: _Held | None
    ) -> Outcome:
        """Commit a page on what the database holds."""
        async with self._link.transaction() as connection:
            found = await pg_rows.find(connection, "id", job_id)
            if found is None or found.job.fence != fence or found.lease_until is None:
                raise errors.LeaseLost
            if sequence == found.job.sequence and found.outcome:
                last = msgspec.json.decode(found.outcome, type=Outcome)
                return structs.replace(last, wish=found.job.wish)
            if sequence != found.job.sequence + 1:
                raise errors.LeaseLost
            kind = RECORDS[found.job.kind]
            if held is None or held.job.sequence != found.job.sequence:
                users = await pg_records.users(connection, kind, found.number)
                held = _Held(found.number, found.job, users)
            held.job = found.job
            ids = [natural_id(row) for row in batch.rows]
            known = await pg_records.known(connection, kind, held.number, [*ids, *batch.seen])
            rows, new, refused = _choose(held.job, batch, ids, known)
            await pg_rows.leave_out(connection, held.number, batch.seen)
            done = await _advance(connection, held, batch, rows, new=new, refused=refused)
            if done is None:
                raise errors.LeaseLost
        self._remember(job_id, fence, held)
        return done

    def _remember(self, job_id: str, fence: int, held: _Held) -> None:
        self._held[job_id, fence] = held
        while len(self._held) > _MOST_HELD:
            self._held.popitem(last=False)

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
        self._held.pop((job_id, fence), None)
        async with self._link.transaction() as connection:
            found = await pg_rows.find(connection, "id", job_id)
            if found is None or found.job.fence != fence or found.lease_until is None:
                raise errors.LeaseLost
            job = states.settled(
                found.job, status, reason, error, file, spent, again=again, now=found.now
            )
            await pg_rows.update(connection, found.number, job, lease_until=None)
            return job

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        found = await self._shown(job_id)
        kind = RECORDS[found.job.kind]
        return await pg_records.some(self._link, kind, found.number, limit=limit, offset=offset)

    async def count(self, job_id: str) -> int:
        return (await self.show(job_id)).counters.appended

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        found, offset = await self._shown(job_id), 0
        kind = RECORDS[found.job.kind]
        while batch := await pg_records.some(
            self._link, kind, found.number, limit=size, offset=offset
        ):
            yield batch
            offset += len(batch)

    async def _shown(self, job_id: str) -> pg_rows.Found:
        rows = await self._link.read(f"{pg_rows.SELECT} WHERE id = $1", job_id)
        if not rows:
            raise _absent(job_id)
        return pg_rows.kept(rows[0])


async def _advance(
    connection: Connection,
    held: _Held,
    batch: Batch,
    rows: Sequence[Record],
    *,
    new: int,
    refused: int,
) -> Outcome | None:
    """Write a page's rows and move the job past it, in one statement; `held` is then the job after
    it. None where the job is no longer ours; raises UniqueViolationError where a row is there
    already. In both cases nothing was written."""
    kind = RECORDS[held.job.kind]
    users = [hash(user) for row in rows if (user := writer(row)) is not None]
    if kind is User:  # each of a list's rows is another account
        told, unique = set[int](), held.job.counters.uniq_users + len(users)
    else:
        told = set(users) - held.users
        unique = len(held.users) + len(told)
    job, outcome = states.committed(
        held.job,
        batch,
        appended=len(rows),
        replies=sum([is_reply(row) for row in rows]),
        new=new,
        refused=refused,
        uniq_users=unique,
    )
    points.reach("rows_written")
    moved: Any = await connection.fetchrow(
        pg_records.words(kind).page,
        *sql_rows.advanced(held.number, job, msgspec.json.encode(outcome)),
        batch.cursor,
        pg_records.as_json(rows),
        held.job.counters.appended,
    )
    if moved is None:
        return None
    points.reach("cursor_written")
    held.users |= told
    held.job = job
    return structs.replace(outcome, wish=moved[0])


def _choose(
    job: Job, batch: Batch, ids: Sequence[str], known: set[str]
) -> tuple[list[Record], int, int]:
    """The rows to insert, how many ids are new, and how many new rows the cap keeps out."""
    fresh = [row for row, each in zip(batch.rows, ids, strict=True) if each not in known]
    taken = fresh[: max(0, batch.most - job.counters.appended)]
    new = len(fresh) + sum(each not in known for each in batch.seen)
    return taken, new, len(fresh) - len(taken)


async def _found(connection: Connection, job_id: str) -> pg_rows.Found:
    found = await pg_rows.find(connection, "id", job_id)
    if found is None:
        raise _absent(job_id)
    return found


def _absent(job_id: str) -> errors.JobNotFound:
    return errors.JobNotFound(f"There is no job {job_id}.")
