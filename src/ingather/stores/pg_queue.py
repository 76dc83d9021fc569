"""The queue of waiting jobs in PostgreSQL: the next one is found and claimed in one statement, and
whoever asks at the same moment passes it by (FOR UPDATE SKIP LOCKED)."""

import time
from collections.abc import Collection, Sequence

import msgspec

from ingather import errors
from ingather.domain.job import ALL, CLAIMS, Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, PgLink

_MOST = 16
"""Ripe jobs that are lined up at once: a few, for whoever still runs one whose lease has run out,
as after an outage, may go on until it is."""
_EVERY = 60.0
"""Seconds after which tenants who wait for nothing are looked for, however much is waiting."""
_FENCES = 2**24
"""How many fences the next one is drawn from."""

_FREE = f"due <= {NOW} AND (lease_until IS NULL OR lease_until <= {NOW})"
"""True of a job in the queue that a worker may take."""

_SANDBOX = """(CASE WHEN options LIKE '%"sandbox":true%' THEN 1 ELSE 0 END)"""
"""Only the option itself reads so: in a string its quotes would be escaped. A number, for what is
true or false the planner writes in other words, which no index has."""

_AT_ONCE = "due = 0 AND lease_until IS NULL"
_WAITING = f"{_AT_ONCE} AND {_SANDBOX} = $2::int"
"""The index `extractions_waiting`: what may be taken at once and never was, or was queued anew."""
_LATER = "due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL)"
"""The index `extractions_later`: all else in the queue, by when it may be taken."""
_PLACE = "source, tenant, priority DESC, requested_at, number"

_RETURNING = ", ".join(f"e.{name}" for name in sql_rows.COLUMNS.replace(",", "").split())

_BESIDE = (
    f"{pg_rows.TARGETS.format(number='{job}.number', most=ALL)},"
    " CASE WHEN {job}.sequence > 0 THEN"
    " ARRAY(SELECT fingerprint FROM cursors_seen WHERE extraction = {job}.number) END"
)
"""What a claim tells beside the job's row: its targets, and the cursors seen, null where none can
have been."""

_CLAIM = f"""
UPDATE extractions e
SET fence = e.fence + 1 + {CLAIMS} * floor(random() * {_FENCES})::bigint,
    attempts = e.attempts + 1,
    status = CASE WHEN e.status = 'csv_pending' THEN e.status ELSE 'running' END,
    reason = CASE WHEN e.status = 'csv_pending' THEN e.reason END,
    holder = $3, finished_at = NULL, lease_until = {NOW} + $4::float8,
    started_at = coalesce(
        e.started_at,
        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
FROM picked WHERE e.number = picked.number
RETURNING {_RETURNING}, picked.sequence, {_BESIDE.format(job="e")},
    set_config('synchronous_commit', 'off', true)
"""
"""$1 sources, $2 sandbox (1 or 0), $3 holder, $4 lease. The job that was picked, or no row; the
sequence of `picked` is that of the moment of which the targets and cursors are told. What is made
of the job is `states.claimed` of one that has not failed, and heeds a wish, but for the fence: it
is drawn, so that one that a crash takes back is not given again
(docs/decisions/claims-may-be-lost.md)."""

_SERVED = f"UPDATE turns SET turn = {pg_rows.MICROS} FROM picked WHERE turns.tenant = picked.tenant"

_FIRST = f"""
WITH picked AS MATERIALIZED (
    SELECT free.number, free.tenant, head.sequence
    FROM (SELECT tenant FROM turns ORDER BY turn) AS each
    CROSS JOIN LATERAL (
        SELECT number, sequence FROM unnest($1::text[]) AS voice (source) CROSS JOIN LATERAL (
            SELECT priority, requested_at, number, sequence FROM extractions
            WHERE {_WAITING} AND source = voice.source AND tenant = each.tenant
            ORDER BY {_PLACE} LIMIT 1
        ) AS head ORDER BY priority DESC, requested_at, number LIMIT 1
    ) AS head
    CROSS JOIN LATERAL (
        SELECT number, tenant FROM extractions
        WHERE number = head.number AND {_FREE} FOR UPDATE SKIP LOCKED
    ) AS free
    WHERE (
        SELECT greatest(due, lease_until) <= {NOW} FROM extractions WHERE {_LATER}
        ORDER BY greatest(due, lease_until) LIMIT 1
    ) IS NOT TRUE LIMIT 1
), served AS ({_SERVED}) {_CLAIM}"""
"""The first job of the tenant whose turn is longest ago; while others take it, another tenant's
goes before that one's second. Nothing where a job is ripe: it has to be lined up first."""

_ANY = f"""
WITH picked AS MATERIALIZED (
    SELECT free.number, free.tenant,
        (SELECT sequence FROM extractions AS old WHERE old.number = free.number) AS sequence
    FROM (SELECT tenant FROM turns ORDER BY turn) AS each
    CROSS JOIN unnest($1::text[]) AS voice (source)
    CROSS JOIN LATERAL (
        SELECT number, tenant FROM extractions
        WHERE {_WAITING} AND source = voice.source AND tenant = each.tenant
        ORDER BY {_PLACE} LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS free LIMIT 1
), served AS ({_SERVED}) {_CLAIM}"""
"""A job that waits behind those that others are taking."""

_LINE_UP = f"""
WITH RECURSIVE lanes AS (
    (SELECT {_SANDBOX} AS sandbox, source, tenant FROM extractions
     WHERE {_AT_ONCE} ORDER BY 1, 2, 3 LIMIT 1)
    UNION ALL
    SELECT next.* FROM lanes CROSS JOIN LATERAL (
        SELECT {_SANDBOX}, source, tenant FROM extractions
        WHERE {_AT_ONCE}
          AND ({_SANDBOX}, source, tenant) > (lanes.sandbox, lanes.source, lanes.tenant)
        ORDER BY 1, 2, 3 LIMIT 1
    ) AS next
), ripe AS (
    UPDATE extractions SET due = 0, lease_until = NULL WHERE number IN (
        SELECT number FROM extractions
        WHERE {_LATER} AND greatest(due, lease_until) <= (SELECT {NOW})
        ORDER BY greatest(due, lease_until) LIMIT {_MOST} FOR UPDATE SKIP LOCKED)
    RETURNING tenant
), waiting AS MATERIALIZED (
    SELECT tenant FROM lanes UNION SELECT tenant FROM ripe
), idle AS (
    DELETE FROM turns WHERE tenant IN (
        SELECT tenant FROM turns
        WHERE tenant NOT IN (SELECT tenant FROM waiting) AND turn < coalesce(
            (SELECT min(turn) FROM turns JOIN waiting USING (tenant)), {pg_rows.MICROS})
        FOR UPDATE SKIP LOCKED)
), added AS (
    {pg_rows.TURNS} SELECT tenant, {pg_rows.FIRST} FROM waiting ORDER BY tenant
    ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM waiting)"""
"""Jobs given back for later whose time has come, or whose lease has run out, wait again; every
tenant of whom a job waits is in `turns`; those who wait for nothing and would have the next turn
are not, lest each claim pass them by. Whether anything waits. Others may do the same or serve a
tenant meanwhile: what they have in hand is left to them, and tenants are added in one order, so
that no two wait for each other."""

_HOLD_BACK = f"""
UPDATE extractions SET status = 'paused', reason = $2, attempts = 0, due = NULL
WHERE due IS NOT NULL AND {_FREE} AND source = $1 AND status <> 'csv_pending'
  AND ($3::text IS NULL OR owner::json ->> 'instagramId' = $3::text)"""


class PgQueue:
    """Queue over one PostgreSQL database."""

    def __init__(self, link: PgLink) -> None:
        self._link = link
        self._lined_up = -_EVERY

    async def next(
        self,
        holder: Holder,
        *,
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        wanted = (list(sources), int(sandbox))
        held = (msgspec.json.encode(holder).decode(), lease)
        if time.monotonic() - self._lined_up > _EVERY:
            await self._line_up()
        row = await self._link.one(_FIRST, *wanted, *held)
        if row is None and await self._line_up():
            for statement in (_FIRST, _ANY):
                row = row or await self._link.one(statement, *wanted, *held)
        if row is None:
            return None
        *columns, sequence, targets, cursors, _ = row
        try:
            job = sql_rows.kept((*columns, targets), ALL).job
            if job.sequence != sequence:
                # A late page of whoever held it before came while this claim was on its way, and
                # none can any more.
                asked = f"SELECT {_BESIDE.format(job='e')} FROM extractions e WHERE number = $1"
                ((targets, cursors),) = await self._link.read(asked, columns[0])
                job = sql_rows.kept((*columns, targets), ALL).job
        except errors.DamagedRecord:
            await self._link.all(
                "UPDATE extractions SET due = NULL, lease_until = NULL WHERE number = $1",
                columns[0],
            )
            raise
        return Claim(job, job.fence, set(cursors or ()))

    async def _line_up(self) -> bool:
        """Whether anything waits, once whatever may be taken does."""
        ((waits,),) = await self._link.all(_LINE_UP)
        self._lined_up = time.monotonic()
        return bool(waits)

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
            if found.job.status == "failed":  # before its tenant's turn, as where a job begins
                await pg_rows.reopen(connection, found.number, job.key)
            await pg_rows.update(connection, found.number, job)
            return job

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        async with self._link.connection() as connection:
            said: str = await connection.execute(_HOLD_BACK, source, reason, owner)
            return int(said.rpartition(" ")[2])
