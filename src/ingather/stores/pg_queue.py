"""The queue of waiting jobs in PostgreSQL: the next one is found and claimed in one statement, and
whoever asks at the same moment passes it by (FOR UPDATE SKIP LOCKED)."""

from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, PgLink

_AHEAD = 16
"""Jobs that are looked at: more than workers ask in the same instant."""

_FREE = f"due <= (SELECT {NOW}) AND (lease_until IS NULL OR lease_until <= (SELECT {NOW}))"
"""True of a job in the queue that a worker may take; `due IS NOT NULL` says it to the index."""

_SANDBOX = """(options LIKE '%"sandbox":true%')"""
"""Only the option itself reads so: in a string its quotes would be escaped."""

_RETURNING = ", ".join(f"e.{name}" for name in sql_rows.COLUMNS.replace(",", "").split())

_NEXT = f"""
WITH RECURSIVE waiting (tenant) AS (
    (SELECT tenant FROM extractions WHERE due IS NOT NULL
     ORDER BY tenant, priority DESC, requested_at, number LIMIT 1)
    UNION ALL
    SELECT next.tenant FROM waiting CROSS JOIN LATERAL (
        SELECT e.tenant FROM extractions e WHERE e.due IS NOT NULL AND e.tenant > waiting.tenant
        ORDER BY e.tenant, e.priority DESC, e.requested_at, e.number LIMIT 1
    ) AS next
), heads AS MATERIALIZED (
    SELECT head.*, COALESCE(turns.turn, 0) AS turn
    FROM waiting
    LEFT JOIN turns ON turns.tenant = waiting.tenant
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY priority DESC, requested_at, number) AS nth
        FROM (
            SELECT number, priority, requested_at FROM extractions
            WHERE due IS NOT NULL AND tenant = waiting.tenant AND {_FREE}
              AND ($1::text[] IS NULL OR source = ANY ($1::text[])) AND {_SANDBOX} = $2::boolean
            ORDER BY priority DESC, requested_at, number
            LIMIT (SELECT {_AHEAD} / count(*) + 1 FROM waiting)
        ) AS first
    ) AS head
), picked AS MATERIALIZED (
    SELECT e.number, e.tenant
    FROM (SELECT * FROM heads ORDER BY nth, turn, requested_at, number
          LIMIT {_AHEAD}) AS head
    JOIN extractions e ON e.number = head.number
    WHERE e.due IS NOT NULL AND e.due <= {NOW}
      AND (e.lease_until IS NULL OR e.lease_until <= {NOW})
    ORDER BY head.nth, head.turn, head.requested_at, head.number
    LIMIT 1 FOR UPDATE OF e SKIP LOCKED
), known AS (
    UPDATE turns SET turn = ({NOW} * 1e6)::bigint
    WHERE tenant IN (
        SELECT t.tenant FROM turns t JOIN picked ON picked.tenant = t.tenant
        FOR UPDATE OF t SKIP LOCKED
    )
), newcomer AS (
    INSERT INTO turns (tenant, turn)
    SELECT picked.tenant, ({NOW} * 1e6)::bigint FROM picked
    WHERE NOT EXISTS (SELECT FROM turns WHERE turns.tenant = picked.tenant)
    ON CONFLICT DO NOTHING
)
UPDATE extractions e
SET fence = e.fence + 1, attempts = e.attempts + 1,
    status = CASE WHEN e.status = 'csv_pending' THEN e.status ELSE 'running' END,
    reason = CASE WHEN e.status = 'csv_pending' THEN e.reason END,
    holder = $3, wish = NULL, finished_at = NULL, lease_until = {NOW} + $4::float8,
    started_at = COALESCE(
        e.started_at,
        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
FROM picked WHERE e.number = picked.number
RETURNING {_RETURNING}, {NOW},
    ARRAY(SELECT fingerprint FROM cursors_seen WHERE extraction = e.number)
"""
"""$1 sources or null, $2 sandbox, $3 holder, $4 lease. Tenants are found by hopping along the index
of what waits, and their first jobs by way of it; what is limited keeps the planner at these. While
others take a tenant's first job, another tenant's goes before its second. What is made of the job
is `states.claimed` of one that has not failed. Of two claims at once for one tenant, one notes its
turn: enough."""

_ANY = f"""
SELECT FROM extractions WHERE due IS NOT NULL AND {_FREE}
  AND ($1::text[] IS NULL OR source = ANY ($1::text[])) AND {_SANDBOX} = $2::boolean LIMIT 1"""

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
            row = await self._link.one(_NEXT, told, sandbox, text, lease)
            if row is not None:
                break
            # Others may have taken all that was looked at, this very instant, and there be more.
            if not await self._link.all(_ANY, told, sandbox):
                return None
        *columns, cursors = row
        try:
            job = pg_rows.kept(columns).job
        except errors.DamagedRecord:
            await self._link.all(
                "UPDATE extractions SET due = NULL, lease_until = NULL WHERE number = $1",
                columns[0],
            )
            raise
        return Claim(job, job.fence, set(cursors))

    async def held(self) -> Sequence[Job]:
        return await pg_rows.some(self._link, f"due IS NOT NULL AND lease_until > {NOW}")

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
