"""The queue of waiting jobs in SQLite: the next one is found and claimed in one transaction."""

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import sql_rows, states
from ingather.stores.sql_link import SqliteLink, now

_FREE = "due <= :now AND (lease_until IS NULL OR lease_until <= :now)"

_NEXT = f"""
WITH RECURSIVE
waiting (tenant) AS (
    SELECT min(tenant) FROM extractions WHERE due IS NOT NULL
    UNION ALL
    SELECT (SELECT min(e.tenant) FROM extractions e
            WHERE e.due IS NOT NULL AND e.tenant > waiting.tenant)
    FROM waiting WHERE waiting.tenant IS NOT NULL
),
heads (number) AS (
    SELECT (SELECT e.number FROM extractions e
            WHERE e.due IS NOT NULL AND e.tenant = waiting.tenant AND {_FREE}
              AND (:sources IS NULL OR e.source IN (SELECT value FROM json_each(:sources)))
              AND json_extract(e.options, '$.sandbox') = :sandbox
            ORDER BY e.priority DESC, e.requested_at, e.number LIMIT 1)
    FROM waiting WHERE waiting.tenant IS NOT NULL
)
SELECT e.id FROM heads
JOIN extractions e ON e.number = heads.number
LEFT JOIN turns ON turns.tenant = e.tenant
ORDER BY coalesce(turns.turn, 0), e.requested_at, e.number
LIMIT 1
"""
"""Each tenant's first job by way of the index, then that of the tenant whose turn it is; the
tenants themselves are found by hopping along the same index."""

_SERVED = (
    "INSERT INTO turns (tenant, turn) SELECT ?, coalesce(max(turn), 0) + 1 FROM turns WHERE 1"
    " ON CONFLICT (tenant) DO UPDATE SET turn = excluded.turn"
)

_HOLD_BACK = f"""
UPDATE extractions SET status = 'paused', reason = :reason, attempts = 0, due = NULL
WHERE due IS NOT NULL AND {_FREE} AND source = :source AND status <> 'csv_pending'
  AND (:owner IS NULL OR json_extract(owner, '$.instagramId') = :owner)
"""


class SqlQueue:
    """Queue over one SQLite file."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link

    async def next(
        self,
        holder: Holder,
        *,
        lease: float = 30.0,
        sources: Collection[str] | None = None,
        sandbox: bool = False,
    ) -> Claim | None:
        names = None if sources is None else msgspec.json.encode(sorted(sources)).decode()

        def first(connection: sqlite3.Connection) -> str | None:
            wanted = {"now": now(connection), "sources": names, "sandbox": sandbox}
            found = connection.execute(_NEXT, wanted).fetchone()
            return None if found is None else str(found[0])

        def work(connection: sqlite3.Connection) -> Claim | errors.DamagedRecord | None:
            job_id = first(connection)
            if job_id is None:
                return None
            try:
                kept = sql_rows.find(connection, "id", job_id)
            except errors.DamagedRecord as damaged:
                connection.execute("UPDATE extractions SET due = NULL WHERE id = ?", (job_id,))
                return damaged
            assert kept is not None
            connection.execute(_SERVED, (kept.job.tenant,))
            return take(connection, kept, holder, lease)

        # Who only looks, as idle workers do every second, keeps nobody from writing.
        if await self._link.run(first) is None:
            return None
        found = await self._link.write(work)
        if isinstance(found, errors.DamagedRecord):
            raise found
        return found

    async def held(self) -> Sequence[Job]:
        return await self._link.run(
            lambda connection: sql_rows.some(
                connection, "due IS NOT NULL AND lease_until > ?", now(connection)
            )
        )

    async def enqueue(self, job_id: str) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            kept = sql_rows.find(connection, "id", job_id)
            if kept is None:
                raise errors.JobNotFound(f"There is no job {job_id}.")
            job = states.queued(kept.job)
            sql_rows.update(connection, kept.number, job)
            if kept.job.status == "failed":
                sql_rows.reopen(connection, kept.number, job.key)
            return job

        return await self._link.write(work)

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        def work(connection: sqlite3.Connection) -> int:
            values = {"now": now(connection), "source": source, "reason": reason, "owner": owner}
            return connection.execute(_HOLD_BACK, values).rowcount

        return await self._link.write(work)


def take(
    connection: sqlite3.Connection, kept: sql_rows.Kept, holder: Holder, lease: float
) -> Claim:
    """The lease of a job that may be taken."""
    time = now(connection)
    job = states.claimed(kept.job, holder, now=time)
    sql_rows.update(connection, kept.number, job, lease_until=time + lease)
    if kept.job.status == "failed":
        sql_rows.reopen(connection, kept.number, job.key)
    seen = connection.execute(
        "SELECT fingerprint FROM cursors_seen WHERE extraction = ?", (kept.number,)
    )
    return Claim(job, job.fence, {fingerprint for (fingerprint,) in seen})
