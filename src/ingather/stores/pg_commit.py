"""A page's way into PostgreSQL.

A page that is all new is one statement, which is one round trip and one transaction; any other one
is a transaction of a few. Either way the job's row is locked first, and its fence and sequence are
checked under that lock. Pages that come faster than a disk can be waited for are put on it a few
at a time, and written again should the server have lost them (docs/decisions).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import msgspec
from asyncpg.exceptions import UniqueViolationError
from msgspec import structs

from ingather import errors, points
from ingather.domain.job import Job
from ingather.domain.kinds import RECORDS
from ingather.domain.records import Record, User, natural_ids, parents, writers
from ingather.ports import Batch, Outcome
from ingather.stores import pg_records, pg_rows, sql_rows, sql_targets, states
from ingather.stores.pg_link import Connection, PgLink

_MOST_HELD = 512
"""Jobs remembered between their commits; others are read again."""

_MOST_LATE = 4_000
"""Rows of one job that may be on their way to the disk, each page counted as one more; they are
kept here until they are there."""
_SLOW = 0.02
"""Seconds between two pages of a job from which on each is waited for."""


@dataclass
class _Held:
    """A job as its last commit under this lease left it. Its fence makes this process its only
    writer; the statement that moves the row checks that it still is.

    users: hashes of the distinct user ids kept. since: when the last page came, monotonic.
    """

    number: int
    job: Job
    users: set[int]
    since: float = 0.0


@dataclass
class _Late:
    """Pages of one job that may not be on the disk yet, each with its sequence; and how many rows
    they have, each page counted as one more."""

    pages: list[tuple[int, Batch]] = field(default_factory=list)
    rows: int = 0


class _Behind(Exception):
    """The database is not at the page before this one."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence


class Pages:
    """Commits pages, and remembers of each job what makes the next commit quick."""

    def __init__(self, link: PgLink) -> None:
        self._link = link
        self._held: OrderedDict[tuple[str, int], _Held] = OrderedDict()
        self._late: dict[tuple[str, int], _Late] = {}

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        """Leases.commit."""
        held = self._held.pop((job_id, fence), None)  # not remembered, should anything go wrong
        if held is not None and held.job.sequence + 1 == sequence:
            done = await self._commit_fast(job_id, held, batch)
            if done is not None:
                self._remember(job_id, fence, held)
                return done
        try:
            done = await self._commit_anew(job_id, fence, sequence, batch, held)
        except errors.LeaseLost:
            self.forget(job_id, fence)
            raise
        self._late.pop((job_id, fence), None)
        return done

    def forget(self, job_id: str, fence: int) -> None:
        """The lease is over."""
        self._held.pop((job_id, fence), None)
        self._late.pop((job_id, fence), None)

    async def _commit_fast(self, job_id: str, held: _Held, batch: Batch) -> Outcome | None:
        """Commit a page on what is remembered of the job: every row new, and room for all.

        None where that turns out not to be so: then nothing of it was written.
        """
        job, rows = held.job, batch.rows
        filtered = batch.seen or job.counters.filtered
        if filtered or job.counters.appended + len(rows) > batch.most:
            return None
        late, time = self._late.get((job_id, job.fence)) or _Late(), monotonic()
        sure = (
            batch.end is not None
            or batch.idle_end is not None
            or time - held.since > _SLOW
            or late.rows >= _MOST_LATE
        )
        async with self._link.connection() as connection:
            try:
                done = await _advance(
                    connection, held, batch, rows, new=len(rows), refused=0, sure=sure
                )
            except UniqueViolationError:
                return None
        if done is not None:
            if sure:
                late = _Late()
            else:
                late.pages.append((held.job.sequence, batch))
                late.rows += 1 + len(rows)
            self._late[job_id, job.fence] = late
            held.since = time
        return done

    async def _commit_anew(
        self, job_id: str, fence: int, sequence: int, batch: Batch, held: _Held | None
    ) -> Outcome:
        """Commit a page on what the database holds, after those that it has lost."""
        try:
            return await self._commit_next(job_id, fence, sequence, batch, held)
        except _Behind as behind:
            late = self._late.get((job_id, fence)) or _Late()
            lost = [page for page in late.pages if page[0] > behind.sequence]
        for number, page in [*lost, (sequence, batch)]:
            try:
                done = await self._commit_next(job_id, fence, number, page, None)
            except _Behind:
                raise errors.LeaseLost from None
        return done

    async def _commit_next(
        self, job_id: str, fence: int, sequence: int, batch: Batch, held: _Held | None
    ) -> Outcome:
        async with self._link.transaction() as connection:
            found = await pg_rows.fenced(connection, job_id, fence)
            if sequence == found.job.sequence and found.outcome:
                last = msgspec.json.decode(found.outcome, type=Outcome)
                return structs.replace(last, wish=found.job.wish)
            if sequence != found.job.sequence + 1:
                raise _Behind(found.job.sequence)
            if held is None or held.job.sequence != found.job.sequence:
                kind = RECORDS[found.job.kind]
                users = await pg_records.users(connection, kind, found.number)
                held = _Held(found.number, found.job, users)
            held.job = found.job
            done = await _carefully(connection, held, batch)
        self._remember(job_id, fence, held)
        return done

    def _remember(self, job_id: str, fence: int, held: _Held) -> None:
        self._held[job_id, fence] = held
        while len(self._held) > _MOST_HELD:
            self._held.popitem(last=False)


async def _carefully(connection: Connection, held: _Held, batch: Batch) -> Outcome:
    """Commit the next page of a job whose row is locked, whatever is in it."""
    ids = natural_ids(batch.rows)
    known = await pg_records.known(
        connection, RECORDS[held.job.kind], held.number, [*ids, *batch.seen]
    )
    rows, new, refused = _choose(held.job, batch, ids, known)
    await pg_rows.leave_out(connection, held.number, batch.seen)
    done = await _advance(connection, held, batch, rows, new=new, refused=refused)
    if done is None:
        raise errors.LeaseLost
    return done


async def _advance(
    connection: Connection,
    held: _Held,
    batch: Batch,
    rows: Sequence[Record],
    *,
    new: int,
    refused: int,
    sure: bool = True,
) -> Outcome | None:
    """Write a page's rows and move the job past it, in one statement; `held` is then the job after
    it. None where the job is no longer ours; raises UniqueViolationError where a row is there
    already. In both cases nothing was written."""
    kind = RECORDS[held.job.kind]
    users = writers(rows)
    if kind is User:  # each of a list's rows is another account
        told = set[int]()
        unique = held.job.counters.uniq_users + len(users) - users.count(None)
    else:
        told = {hash(user) for user in users if user is not None} - held.users
        unique = len(held.users) + len(told)
    job, outcome = states.committed(
        held.job,
        batch,
        appended=len(rows),
        replies=len(rows) - parents(rows).count(None),
        new=new,
        refused=refused,
        uniq_users=unique,
    )
    points.reach("rows_written")
    moved: Any = await connection.fetchrow(
        pg_records.words(kind).page,
        *sql_rows.advanced(held.number, job, msgspec.json.encode(outcome)),
        batch.cursor,
        held.job.counters.appended,
        sure,
        batch.target,
        sql_targets.text(batch.state),
        *pg_records.page_words(rows, kind),
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
