"""The queue of waiting jobs in PostgreSQL: the next one is found and claimed in one statement, and
whoever asks at the same moment passes it by (FOR UPDATE SKIP LOCKED)."""

from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import ALL, CLAIMS, Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, PgLink

_RIPE = 100
"""Jobs given back for later, or whose lease has run out, that are looked at: those for longest."""
_FENCES = 2**24
"""How many fences the next one is drawn from."""

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

_BESIDE = (
    f"{pg_rows.TARGETS.replace('{most}', str(ALL))},"
    " ARRAY(SELECT fingerprint FROM cursors_seen WHERE extraction = {number})"
)
"""What a claim tells beside the job's row: its targets, and the cursors seen."""

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
), seen AS (
    SELECT tenant, priority, requested_at, number FROM ours
    UNION ALL
    (SELECT tenant, priority, requested_at, number FROM extractions
     WHERE {_LATER} AND greatest(due, lease_until) <= (SELECT {NOW})
       AND ($1::text[] IS NULL OR source = ANY ($1::text[])) AND {_SANDBOX} = $2::int
     ORDER BY greatest(due, lease_until) LIMIT {_RIPE})
), ranked AS MATERIALIZED (
    SELECT number FROM (
        SELECT number, requested_at, coalesce(turn, 0) AS turn,
            row_number() OVER (
                PARTITION BY seen.tenant ORDER BY priority DESC, requested_at, number
            ) AS nth
        FROM seen LEFT JOIN turns ON turns.tenant = seen.tenant
    ) AS each
    ORDER BY nth, turn, requested_at, number
), picked AS MATERIALIZED (
    SELECT number, tenant FROM (
        SELECT free.* FROM ranked CROSS JOIN LATERAL (
            SELECT number, tenant FROM extractions
            WHERE number = ranked.number AND {_FREE} FOR UPDATE SKIP LOCKED
        ) AS free
        UNION ALL
        SELECT free.* FROM ours CROSS JOIN LATERAL (
            SELECT number, tenant FROM extractions
            WHERE {_WAITING} AND source = ours.source AND tenant = ours.tenant
            ORDER BY {_PLACE} LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS free
    ) AS free LIMIT 1
), served AS (
    INSERT INTO turns (tenant, turn) SELECT tenant, ({NOW} * 1e6)::bigint FROM picked
    ON CONFLICT (tenant) DO UPDATE SET turn = excluded.turn
)
UPDATE extractions e
SET fence = e.fence + 1 + {CLAIMS} * floor(random() * {_FENCES})::bigint,
    attempts = e.attempts + 1,
    status = CASE WHEN e.status = 'csv_pending' THEN e.status ELSE 'running' END,
    reason = CASE WHEN e.status = 'csv_pending' THEN e.reason END,
    holder = $3, wish = NULL, finished_at = NULL, lease_until = {NOW} + $4::float8,
    started_at = coalesce(
        e.started_at,
        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
FROM picked WHERE e.number = picked.number
RETURNING {_RETURNING}, (SELECT sequence FROM extractions AS old WHERE old.number = e.number),
    {_BESIDE.format(number="e.number")},
    set_config('synchronous_commit', 'off', true)
"""
"""$1 sources or null, $2 sandbox (1 or 0), $3 holder, $4 lease. The job taken, or no row. The first
job of each tenant and source is found by hopping along the index of what waits; while others take
a tenant's first job, another tenant's goes before its second. Where others are taking all of these,
the next ones that wait behind them are looked at. What is made of the job is `states.claimed` of
one that has not failed, but for the fence: it is drawn, so that one that a crash takes back is not
given again (docs/decisions/claims-may-be-lost.md)."""

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
        row = await self._link.one(_NEXT, told, int(sandbox), text, lease)
        if row is None:
            return None
        *columns, sequence, targets, cursors, _ = row
        try:
            job = sql_rows.kept((*columns, targets), ALL).job
            if job.sequence != sequence:
                # A late page of whoever held it before came while this claim was on its way, and
                # none can any more.
                asked = f"SELECT {_BESIDE.format(number='$1')}"
                ((targets, cursors),) = await self._link.read(asked, columns[0])
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
