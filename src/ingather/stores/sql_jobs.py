"""Jobs, leases and rows in SQLite: a page is one transaction, which checks fence and sequence."""

import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import structs

from ingather import errors, points
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
from ingather.domain.records import Record, User, parents, writers
from ingather.ports import Batch, Claim, Outcome, Stand
from ingather.stores import sql_list, sql_queue, sql_records, sql_rows, states
from ingather.stores.sql_link import SqliteLink, now

_MOST_HELD = 512
"""Jobs remembered between their commits; others are read again."""


class _Slow(Exception):
    """The page is not all new: the transaction is rolled back and done with care."""


@dataclass
class _Held:
    """A job as its last commit under this lease left it. Its fence makes this process its only
    writer; the update of the row checks that it still is.

    users: hashes of the distinct user ids kept, so that counting them costs no index; empty in
    lists of accounts, in which each is its own.
    """

    number: int
    job: Job
    users: set[int]


class SqlStore:
    """Jobs, Leases and Rows over one SQLite file."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link
        self._held: OrderedDict[tuple[str, int], _Held] = OrderedDict()

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            if fresh:
                connection.execute(
                    "UPDATE extractions SET open_key = NULL WHERE open_key = ?", (job.key,)
                )
            elif found := sql_rows.find(connection, "open_key", job.key):
                return sql_rows.update(connection, found.number, states.reopened(found.job, job))
            sql_rows.insert(connection, job)
            return job

        return await self._link.write(work)

    async def show(self, job_id: str, *, targets: int = ALL) -> Job:
        return await self._link.run(
            lambda connection: sql_rows.found(connection, job_id, targets).job
        )

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
        asked = (limit, tenant, before, kinds, status, targets)
        return await self._link.run(lambda connection: sql_list.newest(connection, *asked))

    async def tally(self) -> Mapping[tuple[str, Stand], int]:
        return await self._link.run(sql_list.tally)

    async def amend(self, job_id: str, options: Options) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            kept = sql_rows.found(connection, job_id)
            return sql_rows.update(connection, kept.number, states.amended(kept.job, options))

        return await self._link.write(work)

    async def ask(self, job_id: str, wish: Wish) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            kept = sql_rows.found(connection, job_id)
            job = states.asked(kept.job, wish, now=now(connection))
            # A lease that ran out is taken away, lest its late holder write after all.
            lease_until = kept.lease_until if job.held else None
            return sql_rows.update(connection, kept.number, job, lease_until=lease_until)

        return await self._link.write(work)

    async def delete(self, job_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            try:
                kept = sql_rows.found(connection, job_id, 0)
            except errors.DamagedRecord:  # who cannot be read can still be removed
                pass
            else:
                if kept.job.held:
                    raise states.busy(kept.job)
            sql_rows.delete(connection, job_id)

        await self._link.write(work)

    async def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        lease: float = 30.0,
        dead: int | None = None,
        heed: bool = False,
    ) -> Claim:
        def work(connection: sqlite3.Connection) -> Claim:
            kept = sql_rows.found(connection, job_id)
            kept.job.claimable()
            if kept.job.held and dead != kept.job.fence:
                raise states.busy(kept.job)
            return sql_queue.take(connection, kept, holder, lease, heed=heed)

        return await self._link.write(work)

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        def work(connection: sqlite3.Connection) -> Wish | None:
            kept = sql_rows.fenced(connection, job_id, fence)
            connection.execute(
                "UPDATE extractions SET lease_until = ? WHERE number = ?",
                (now(connection) + lease, kept.number),
            )
            return kept.job.wish

        return await self._link.write(work)

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        def work(connection: sqlite3.Connection) -> Outcome:
            held = self._held.get((job_id, fence))
            if held is None or held.job.sequence + 1 != sequence:
                return self._commit_anew(connection, job_id, fence, sequence, batch)
            done = self._commit_fast(connection, held, batch)
            if done is None:
                raise _Slow
            return done

        try:
            try:
                return await self._link.write(work)
            except _Slow:
                users = self._held.pop((job_id, fence)).users
                return await self._link.write(
                    lambda found: self._commit_anew(found, job_id, fence, sequence, batch, users)
                )
        except BaseException:
            # What was rolled back, or may have been, must not be remembered.
            self._held.pop((job_id, fence), None)
            raise

    def _commit_fast(
        self, connection: sqlite3.Connection, held: _Held, batch: Batch
    ) -> Outcome | None:
        """Commit a page on what is remembered of the job: every row new, and room for all.

        None where that turns out not to be so: then nothing of it may stay.
        """
        job, rows = held.job, batch.rows
        filtered = batch.seen or job.counters.filtered
        if filtered or job.counters.appended + len(rows) > batch.most:
            return None
        if not sql_records.add(connection, held.number, job.counters.appended, rows):
            return None
        return self._advance(connection, held, batch, rows, new=len(rows), refused=0)

    def _commit_anew(
        self,
        connection: sqlite3.Connection,
        job_id: str,
        fence: int,
        sequence: int,
        batch: Batch,
        users: set[int] | None = None,
    ) -> Outcome:
        """Commit a page on what the database holds. users: what is remembered of them."""
        kept = sql_rows.fenced(connection, job_id, fence)
        if sequence == kept.job.sequence and kept.outcome:
            last = msgspec.json.decode(kept.outcome, type=Outcome)
            return structs.replace(last, wish=kept.job.wish)
        if sequence != kept.job.sequence + 1:
            raise errors.LeaseLost
        if users is None:  # a look at every row there is
            users = sql_records.users(connection, RECORDS[kept.job.kind], kept.number)
        held = _Held(kept.number, kept.job, users)
        appended = kept.job.counters.appended
        rows, new, refused = sql_records.choose(connection, kept.number, appended, batch)
        if not sql_records.add(connection, kept.number, appended, rows):
            raise errors.DamagedRecord(f"Job {job_id} has rows that it does not count.")
        sql_records.mark(connection, kept.number, batch.seen)
        done = self._advance(connection, held, batch, rows, new=new, refused=refused)
        if done is None:
            raise errors.LeaseLost
        self._remember(job_id, fence, held)
        return done

    def _advance(
        self,
        connection: sqlite3.Connection,
        held: _Held,
        batch: Batch,
        rows: Sequence[Record],
        *,
        new: int,
        refused: int,
    ) -> Outcome | None:
        """Move the job past a page whose rows are in. None where it is no longer ours, or somebody
        has wished something meanwhile."""
        points.reach("rows_written")
        users = writers(rows)
        told = list(map(hash, filter(None, users) if None in users else users))
        if RECORDS[held.job.kind] is User:  # each is kept once, and is nobody but itself
            unique = held.job.counters.uniq_users + len(told)
        else:
            held.users.update(told)
            unique = len(held.users)
        sql_rows.see_cursor(connection, held.number, batch.cursor)
        job, outcome = states.committed(
            held.job,
            batch,
            appended=len(rows),
            replies=len(rows) - parents(rows).count(None),
            new=new,
            refused=refused,
            uniq_users=unique,
        )
        if not sql_rows.advance(connection, held.number, held.job, job, batch, outcome):
            return None
        points.reach("cursor_written")
        held.job = job
        return structs.replace(outcome, wish=job.wish) if job.wish else outcome

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
        def work(connection: sqlite3.Connection) -> Job:
            kept = sql_rows.fenced(connection, job_id, fence, targets=ALL)
            self._held.pop((job_id, fence), None)
            job = states.settled(
                kept.job, status, reason, error, file, spent, again=again, now=now(connection)
            )
            return sql_rows.update(connection, kept.number, job, lease_until=None)

        return await self._link.write(work)

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        def work(connection: sqlite3.Connection) -> Sequence[Record]:
            kept = sql_rows.found(connection, job_id, 0)
            kind = RECORDS[kept.job.kind]
            return sql_records.some(connection, kind, kept.number, limit=limit, offset=offset)

        return await self._link.run(work)

    async def count(self, job_id: str) -> int:
        return (await self.show(job_id, targets=0)).counters.appended

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        offset = 0
        while batch := await self.slice(job_id, offset, size):
            yield batch
            offset += len(batch)
