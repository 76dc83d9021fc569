"""Jobs, leases and rows in SQLite: nothing to install or start.

A page is one transaction; the fence and the sequence are checked inside it.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence

import msgspec
from msgspec import structs

from ingather import errors, points
from ingather.domain.job import Counters, Failure, File, Holder, Job, Status, Wish
from ingather.domain.records import Comment, Record, natural_id
from ingather.ports import Batch, Claim, Outcome
from ingather.stores import sql_rows, states
from ingather.stores.sql_link import SqliteLink, now

_USER_SETS = 256
"""Jobs whose distinct users are remembered between commits; the others are counted again."""


class SqlStore:
    """Jobs, Leases and Rows over one SQLite file."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link
        self._users: OrderedDict[tuple[int, int], set[int]] = OrderedDict()

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            if fresh:
                connection.execute(
                    "UPDATE extractions SET open_key = NULL WHERE open_key = ?", (job.key,)
                )
            elif found := sql_rows.find(connection, "open_key", job.key):
                reopened = states.reopened(found.job, job)
                sql_rows.update(connection, found.number, reopened)
                return reopened
            sql_rows.insert(connection, job)
            return job

        return await self._link.write(work)

    async def show(self, job_id: str) -> Job:
        return await self._link.run(lambda connection: _found(connection, job_id).job)

    async def list(self, *, limit: int = 100) -> Sequence[Job]:
        return await self._link.run(lambda connection: sql_rows.newest(connection, limit))

    async def ask(self, job_id: str, wish: Wish) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            kept = _found(connection, job_id)
            time = now(connection)
            held = kept.held_at(time)
            job = states.asked(kept.job, wish, held=held, now=time)
            # A lease that ran out is taken away, lest its late holder write after all.
            lease_until = kept.lease_until if held else None
            sql_rows.update(connection, kept.number, job, lease_until=lease_until)
            return job

        return await self._link.write(work)

    async def delete(self, job_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            kept = _found(connection, job_id)
            if kept.held_at(now(connection)):
                raise states.busy(kept.job)
            connection.execute("DELETE FROM extractions WHERE number = ?", (kept.number,))

        await self._link.write(work)

    async def claim(
        self, job_id: str, holder: Holder, *, lease: float = 30.0, dead: int | None = None
    ) -> Claim:
        def work(connection: sqlite3.Connection) -> Claim:
            kept = _found(connection, job_id)
            states.claimable(kept.job)
            time = now(connection)
            if kept.held_at(time) and dead != kept.job.fence:
                raise states.busy(kept.job)
            job = states.claimed(kept.job, holder, now=time)
            sql_rows.update(connection, kept.number, job, lease_until=time + lease)
            if kept.job.status == "failed":
                sql_rows.reopen(connection, kept.number, job.key)
            seen = connection.execute(
                "SELECT fingerprint FROM cursors_seen WHERE extraction = ?", (kept.number,)
            )
            return Claim(job, job.fence, {fingerprint for (fingerprint,) in seen})

        return await self._link.write(work)

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        def work(connection: sqlite3.Connection) -> Wish | None:
            kept = _fenced(connection, job_id, fence)
            connection.execute(
                "UPDATE extractions SET lease_until = ? WHERE number = ?",
                (now(connection) + lease, kept.number),
            )
            return kept.job.wish

        return await self._link.write(work)

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        def work(connection: sqlite3.Connection) -> Outcome:
            return self._commit(connection, job_id, fence, sequence, batch)

        try:
            return await self._link.write(work)
        except BaseException:
            # Rows rolled back must not be remembered as users.
            self._users.clear()
            raise

    def _commit(
        self, connection: sqlite3.Connection, job_id: str, fence: int, sequence: int, batch: Batch
    ) -> Outcome:
        kept = _fenced(connection, job_id, fence)
        if sequence == kept.job.sequence and kept.outcome:
            last = msgspec.json.decode(kept.outcome, type=Outcome)
            return structs.replace(last, wish=kept.job.wish)
        if sequence != kept.job.sequence + 1:
            raise errors.LeaseLost
        users = self._users_of(connection, kept)
        taken, new, refused = _choose(connection, kept, batch)
        connection.executemany(
            sql_rows.INSERT_COMMENT, sql_rows.comment_rows(kept.number, kept.base, taken)
        )
        users.update(hash(row.user_id) for row in taken if row.user_id is not None)
        points.reach("rows_written")
        if batch.seen:
            connection.executemany(
                "INSERT OR IGNORE INTO left_out VALUES (?, ?)",
                [(kept.number, each) for each in batch.seen],
            )
        if batch.cursor is not None:
            connection.execute(
                "INSERT OR IGNORE INTO cursors_seen VALUES (?, ?)", (kept.number, batch.cursor)
            )
        job, outcome = states.committed(
            kept.job,
            batch,
            appended=len(taken),
            replies=sum(row.parent_comment_id is not None for row in taken),
            new=new,
            refused=refused,
            uniq_users=len(users),
        )
        sql_rows.advance(connection, kept.number, job, msgspec.json.encode(outcome))
        points.reach("cursor_written")
        return outcome

    def _users_of(self, connection: sqlite3.Connection, kept: sql_rows.Kept) -> set[int]:
        """Hashes of the distinct users kept so far under this lease, counted from the rows where
        they are not at hand. The fence makes this process their only writer."""
        key = (kept.number, kept.job.fence)
        users = self._users.get(key)
        if users is None:
            found = connection.execute(
                "SELECT DISTINCT user_id FROM comments WHERE extraction = ?"
                " AND user_id IS NOT NULL",
                (kept.number,),
            )
            users = self._users[key] = {hash(user) for (user,) in found}
            while len(self._users) > _USER_SETS:
                self._users.popitem(last=False)
        return users

    async def settle(
        self,
        job_id: str,
        fence: int,
        status: Status,
        *,
        reason: str | None = None,
        error: Failure | None = None,
        file: File | None = None,
        calls: int = 0,
        retries: int = 0,
        parks: int = 0,
        waited: int = 0,
    ) -> Job:
        spent = Counters(calls=calls, retries=retries, parks=parks, waited=waited)

        def work(connection: sqlite3.Connection) -> Job:
            kept = _fenced(connection, job_id, fence)
            self._users.pop((kept.number, fence), None)
            time = now(connection)
            job = states.settled(kept.job, status, reason, error, file, spent, now=time)
            sql_rows.update(connection, kept.number, job, lease_until=None)
            return job

        return await self._link.write(work)

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        def work(connection: sqlite3.Connection) -> Sequence[Record]:
            kept = _found(connection, job_id)
            return sql_rows.comments(connection, kept.number, limit=limit, offset=offset)

        return await self._link.run(work)

    async def count(self, job_id: str) -> int:
        return (await self.show(job_id)).counters.appended

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        offset = 0
        while batch := await self.slice(job_id, offset, size):
            yield batch
            offset += len(batch)


def _found(connection: sqlite3.Connection, job_id: str) -> sql_rows.Kept:
    kept = sql_rows.find(connection, "id", job_id)
    if kept is None:
        raise errors.JobNotFound(f"There is no job {job_id}.")
    return kept


def _fenced(connection: sqlite3.Connection, job_id: str, fence: int) -> sql_rows.Kept:
    kept = sql_rows.find(connection, "id", job_id)
    if kept is None or kept.job.fence != fence or kept.lease_until is None:
        raise errors.LeaseLost
    return kept


def _choose(
    connection: sqlite3.Connection, kept: sql_rows.Kept, batch: Batch
) -> tuple[list[Comment], int, int]:
    """The rows to insert, how many ids are new, and how many new rows the cap keeps out."""
    ids = [natural_id(row) for row in batch.rows]
    known = sql_rows.known(connection, kept.number, ids + list(batch.seen))
    fresh = [row for row in batch.rows if natural_id(row) not in known] if known else batch.rows
    room = max(0, batch.most - kept.job.counters.appended)
    taken = list(fresh[:room])
    new = len(fresh) + sum(each not in known for each in batch.seen)
    return taken, new, len(fresh) - len(taken)
