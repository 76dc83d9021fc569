"""The queue of waiting jobs in SQLite: the next one is found and claimed in one transaction."""

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import sql_list, sql_rows, states
from ingather.stores.sql_link import SqliteLink, now

_FREE = "due <= :now AND (lease_until IS NULL OR lease_until <= :now)"

_WAITING = "due = 0 AND lease_until IS NULL AND json_extract(options, '$.sandbox') = :sandbox"
"""The index `extractions_waiting`: what may be taken at once and never was, or was queued anew."""
_LATER = "due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL)"
"""The index `extractions_later`: all else in the queue, by when it may be taken."""
_WHEN = "max(due, coalesce(lease_until, 0))"
_PLACE = "source, tenant, priority DESC, requested_at, number"
_RIPE = 100
"""Jobs given back for later, or whose lease has run out, that are looked at: those for longest."""
_OURS = "source IN (SELECT value FROM json_each(:sources))"

_NEXT = f"""
WITH RECURSIVE heads (source, tenant, priority, requested_at, number) AS (
    SELECT * FROM (
        SELECT source, tenant, priority, requested_at, number FROM extractions
        WHERE {_WAITING} ORDER BY {_PLACE} LIMIT 1
    )
    UNION ALL
    SELECT e.source, e.tenant, e.priority, e.requested_at, e.number
    FROM heads JOIN extractions e ON e.number = coalesce(
        (SELECT number FROM extractions
         WHERE {_WAITING} AND source = heads.source AND tenant > heads.tenant
         ORDER BY {_PLACE} LIMIT 1),
        (SELECT number FROM extractions
         WHERE {_WAITING} AND source > heads.source
         ORDER BY {_PLACE} LIMIT 1)
    )
), seen (tenant, priority, requested_at, number) AS (
    SELECT tenant, priority, requested_at, number FROM heads WHERE {_OURS}
    UNION ALL
    SELECT * FROM (
        SELECT tenant, priority, requested_at, number FROM extractions
        WHERE {_LATER} AND {_WHEN} <= :now AND {_OURS}
          AND json_extract(options, '$.sandbox') = :sandbox
        ORDER BY {_WHEN} LIMIT {_RIPE}
    )
)
SELECT e.id FROM (
    SELECT number, requested_at, coalesce(turn, 0) AS turn,
        row_number() OVER (PARTITION BY seen.tenant ORDER BY priority DESC, requested_at, number)
            AS nth
    FROM seen LEFT JOIN turns ON turns.tenant = seen.tenant
    ORDER BY nth, turn, requested_at, number LIMIT 1
) AS head
JOIN extractions e ON e.number = head.number
"""
"""The first job of each tenant and source is found by hopping along the index of what waits; then
that of the tenant whose turn it is is taken."""

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
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        names = msgspec.json.encode(sorted(sources)).decode()

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
            return take(connection, kept, holder, lease, heed=True)

        # Who only looks, as idle workers do every second, keeps nobody from writing.
        if await self._link.run(first) is None:
            return None
        found = await self._link.write(work)
        if isinstance(found, errors.DamagedRecord):
            raise found
        return found

    async def held(self) -> Sequence[Job]:
        return await self._link.run(
            lambda connection: sql_list.some(
                connection,
                1,
                f"{_LATER} AND {_WHEN} > ?1 AND lease_until > ?1",
                now(connection),
            )
        )

    async def enqueue(self, job_id: str) -> Job:
        def work(connection: sqlite3.Connection) -> Job:
            kept = sql_rows.found(connection, job_id)
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
    connection: sqlite3.Connection,
    kept: sql_rows.Kept,
    holder: Holder,
    lease: float,
    *,
    heed: bool,
) -> Claim:
    """The lease of a job that may be taken."""
    time = now(connection)
    job = states.claimed(kept.job, holder, now=time, heed=heed)
    sql_rows.update(connection, kept.number, job, lease_until=time + lease)
    if kept.job.status == "failed":
        sql_rows.reopen(connection, kept.number, job.key)
    seen = connection.execute(
        "SELECT fingerprint FROM cursors_seen WHERE extraction = ?", (kept.number,)
    )
    return Claim(job, job.fence, {fingerprint for (fingerprint,) in seen})
