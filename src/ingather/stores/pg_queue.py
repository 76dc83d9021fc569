"""The queue of waiting jobs in PostgreSQL: the next one is found and claimed in one statement, and
whoever asks at the same moment passes it by (FOR UPDATE SKIP LOCKED)."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import ALL, Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, PgLink

_AHEAD = 16
"""Jobs that are looked at: more than workers ask in the same instant."""
_RIPE = 100
"""Jobs given back for later, or whose lease has run out, that are looked at: those for longest."""
_BRIEFLY = 0.002
"""Seconds in which others make known what they have just taken."""

_FREE = f"due <= {NOW} AND (lease_until IS NULL OR lease_until <= {NOW})"
"""True of a job in the queue that a worker may take."""

_SANDBOX = """(CASE WHEN options LIKE '%"sandbox":true%' THEN 1 ELSE 0 END)"""
"""Only the option itself reads so: in a string its quotes would be escaped. A number, for what is
true or false the planner writes in other words, which no index has."""

_WAITING = f"due = 0 AND lease_until IS NULL AND {_SANDBOX} = $2::int"
"""The index `extractions_waiting`: what may be taken at once and never was, or was queued anew."""
_LATER = "due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL)"
"""The index `extractions_later`: all else in the queue, by when it may be taken."""
_PLACE = "source, tenant, priority DESC, requested_at, number"

_RETURNING = ", ".join(f"e.{name}" for name in sql_rows.COLUMNS.replace(",", "").split())

_NEXT = f"""
WITH RECURSIVE heads (source, tenant, priority, requested_at, number) AS (
    (SELECT source, tenant, priority, requested_at, number FROM extractions
     WHERE {_WAITING} ORDER BY {_PLACE} LIMIT 1)
    UNION ALL
    SELECT next.* FROM heads CROSS JOIN LATERAL (
        SELECT source, tenant, priority, requested_at, number FROM extractions
        WHERE {_WAITING} AND (source, tenant) > (heads.source, heads.tenant)
        ORDER BY {_PLACE} LIMIT 1
    ) AS next
), ours AS (
    SELECT * FROM heads WHERE $1::text[] IS NULL OR source = ANY ($1::text[])
), seen AS MATERIALIZED (
    SELECT tenant, priority, requested_at, number FROM ours
    UNION ALL
    SELECT more.* FROM ours CROSS JOIN LATERAL (
        SELECT tenant, priority, requested_at, number FROM extractions
        WHERE {_WAITING} AND source = ours.source AND tenant = ours.tenant
        ORDER BY {_PLACE}
        OFFSET 1 LIMIT (SELECT ({_AHEAD} - count(*)) / count(*) FROM ours)
    ) AS more
    UNION ALL
    (SELECT tenant, priority, requested_at, number FROM extractions
     WHERE {_LATER} AND greatest(due, lease_until) <= (SELECT {NOW})
       AND ($1::text[] IS NULL OR source = ANY ($1::text[])) AND {_SANDBOX} = $2::int
     ORDER BY greatest(due, lease_until) LIMIT {_RIPE})
), picked AS MATERIALIZED (
    SELECT e.number, e.tenant
    FROM (
        SELECT number, requested_at,
            row_number() OVER (PARTITION BY tenant ORDER BY priority DESC, requested_at, number)
                AS nth,
            COALESCE((SELECT turn FROM turns WHERE turns.tenant = seen.tenant), 0) AS turn
        FROM seen ORDER BY nth, turn, requested_at, number LIMIT {_AHEAD}
    ) AS head
    JOIN extractions e ON e.number = head.number
    WHERE {_FREE}
    ORDER BY head.nth, head.turn, head.requested_at, head.number
    LIMIT 1 FOR UPDATE OF e SKIP LOCKED
), known AS (
    UPDATE turns SET turn = ({NOW} * 1e6)::bigint
    WHERE tenant = (
        SELECT tenant FROM turns WHERE tenant = (SELECT tenant FROM picked)
        FOR UPDATE SKIP LOCKED
    )
), newcomer AS (
    INSERT INTO turns (tenant, turn)
    SELECT picked.tenant, ({NOW} * 1e6)::bigint FROM picked
    WHERE NOT EXISTS (SELECT FROM turns WHERE turns.tenant = picked.tenant)
    ON CONFLICT DO NOTHING
), taken AS (
    UPDATE extractions e
    SET fence = e.fence + 1, attempts = e.attempts + 1,
        status = CASE WHEN e.status = 'csv_pending' THEN e.status ELSE 'running' END,
        reason = CASE WHEN e.status = 'csv_pending' THEN e.reason END,
        holder = $3, wish = NULL, finished_at = NULL, lease_until = {NOW} + $4::float8,
        started_at = COALESCE(
            e.started_at,
            to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM picked WHERE e.number = picked.number
    RETURNING {_RETURNING}
)
SELECT EXISTS (SELECT FROM seen), taken.* FROM (SELECT) AS always LEFT JOIN taken ON true
"""
"""$1 sources or null, $2 sandbox (1 or 0), $3 holder, $4 lease. One row: whether any job was seen,
then the one taken. The first job of each tenant and source is found by hopping along the index of
what waits; where few tenants wait, their next ones are looked at too. While others take a tenant's
first job, another tenant's goes before its second. What is made of the job is `states.claimed` of
one that has not failed. Of two claims at once for one tenant, one notes its turn: enough."""

_BESIDE = f"""
SELECT {pg_rows.TARGETS.format(number="$1", most=ALL)},
    ARRAY(SELECT fingerprint FROM cursors_seen WHERE extraction = $1)"""
"""What a claim tells beside the job's row. Asked for after it: whoever held the job before may have
committed a page meanwhile, and cannot any more."""

_HOLD_BACK = f"""
UPDATE extractions SET status = 'paused', reason = $2, attempts = 0, due = NULL
WHERE due IS NOT NULL AND {_FREE} AND source = $1 AND status <> 'csv_pending'
  AND ($3::text IS NULL OR owner::json ->> 'instagramId' = $3::text)"""


class PgQueue:
    """Queue over one PostgreSQL database."""

    def __init__(self, link: PgLink) -> None:
        self._link = link

    async def next(
        self,
        holder: Holder,
        *,
        lease: float = 30.0,
        sources: Collection[str] | None = None,
        sandbox: bool = False,
    ) -> Claim | None:
        told = None if sources is None else list(sources)
        text = msgspec.json.encode(holder).decode()
        while True:
            seen, *columns = await self._link.one(_NEXT, told, int(sandbox), text, lease)
            if not seen:
                return None
            if columns[0] is not None:
                break
            # Others are taking all that was looked at, this very instant, and there may be more.
            await asyncio.sleep(_BRIEFLY)
        ((targets, cursors),) = await self._link.read(_BESIDE, columns[0])
        try:
            job = sql_rows.kept((*columns, targets), ALL).job
        except errors.DamagedRecord:
            await self._link.all(
                "UPDATE extractions SET due = NULL, lease_until = NULL WHERE number = $1",
                columns[0],
            )
            raise
        return Claim(job, job.fence, set(cursors))

    async def held(self) -> Sequence[Job]:
        return await pg_rows.some(
            self._link,
            1,
            f"{_LATER} AND greatest(due, lease_until) > {NOW} AND lease_until > {NOW}",
        )

    async def enqueue(self, job_id: str) -> Job:
        async with self._link.transaction() as connection:
            found = await pg_rows.find(connection, "id", job_id)
            if found is None:
                raise errors.JobNotFound(f"There is no job {job_id}.")
            job = states.queued(found.job)
            await pg_rows.update(connection, found.number, job)
            if found.job.status == "failed":
                await pg_rows.reopen(connection, found.number, job.key)
            return job

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        async with self._link.connection() as connection:
            said: str = await connection.execute(_HOLD_BACK, source, reason, owner)
            return int(said.rpartition(" ")[2])
