"""The queue of waiting jobs in PostgreSQL: the next one is found and claimed in one statement, and
whoever asks at the same moment passes it by (FOR UPDATE SKIP LOCKED)."""

import time
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from ingather import errors
from ingather.domain.job import ALL, CLAIMS, Holder, Job, Pause
from ingather.ports import Claim
from ingather.stores import pg_rows, sql_rows, states
from ingather.stores.pg_link import NOW, PgLink

_MOST = 16
"""Ripe jobs that are lined up at once: a few, for whoever still runs one whose lease has run out,
as after an outage, may go on until it is."""
_LOOK = 0.25
"""Seconds after which ripe jobs are looked for, however much is waiting."""
_EVERY = 60.0
"""Seconds after which tenants who wait for nothing are looked for, however much is waiting."""
_WALK = 64
"""Turns that a claim locks on its way, at the most: to lock them is to write."""
_LONG_AGO = 0.0
"""A moment at which a lease just won had not run out, told without asking for the time."""
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

_TARGETS = pg_rows.TARGETS.format(number="e.number", most=ALL)
_BESIDE = f"""
SELECT {_TARGETS}, ARRAY(SELECT fingerprint FROM cursors_seen WHERE extraction = e.number)
FROM extractions e WHERE number = $1 AND fence = $2"""
"""What has been read of a job: its targets as they stand, and the cursors seen. No row where it was
taken away, as from a process that was frozen past its lease right after the claim."""
_SPOILT = "UPDATE extractions SET due = NULL, lease_until = NULL WHERE number = $1 AND fence = $2"

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
WHERE e.number = (SELECT number FROM picked)
RETURNING {_RETURNING}, CASE WHEN e.sequence = 0 THEN {_TARGETS} END,
    set_config('synchronous_commit', 'off', true)
"""
"""$1 sources, $2 sandbox (1 or 0), $3 holder, $4 lease. The job that was picked, with the targets
of one that was never read; or no row. What is made of the job is `states.claimed` of one that has
not failed, and heeds a wish, but for the fence: it is drawn, so that one that a crash takes back is
not given again (docs/decisions/claims-may-be-lost.md)."""

_SERVED = f"UPDATE turns SET turn = {pg_rows.MICROS} WHERE tenant ="

_HEAD = f"""
    SELECT number, priority, requested_at FROM extractions
    WHERE {_WAITING} AND source = voice.source AND tenant = each.tenant
    ORDER BY {_PLACE} LIMIT 1 FOR UPDATE SKIP LOCKED"""

_FIRST = f"""
WITH picked AS MATERIALIZED (
    SELECT head.number, each.tenant
    FROM (SELECT tenant FROM turns ORDER BY turn LIMIT {_WALK} FOR UPDATE SKIP LOCKED) AS each
    CROSS JOIN LATERAL (
        SELECT number FROM unnest($1::text[]) AS voice (source) CROSS JOIN LATERAL ({_HEAD}
        ) AS head ORDER BY priority DESC, requested_at, number LIMIT 1
    ) AS head LIMIT 1
), served AS ({_SERVED} (SELECT tenant FROM picked)) {_CLAIM}"""
"""The first job of the tenant whose turn is longest ago; a tenant who is just being served is
passed by."""

_SOME = f"""EXISTS (
    SELECT FROM unnest($1::text[]) AS voice (source) CROSS JOIN LATERAL (
        SELECT FROM extractions WHERE {_WAITING} AND source = voice.source LIMIT 1
    ) AS found)"""
"""Whether a job waits that is wanted; that its tenant is in `turns` is not said."""

_ANY = f"""
WITH picked AS MATERIALIZED (
    SELECT head.number, each.tenant FROM (SELECT tenant FROM turns ORDER BY turn) AS each
    CROSS JOIN unnest($1::text[]) AS voice (source) CROSS JOIN LATERAL ({_HEAD}
    ) AS head WHERE {_SOME} LIMIT 1
), served AS (
    {_SERVED} (
        SELECT tenant FROM turns WHERE tenant = (SELECT tenant FROM picked) FOR UPDATE SKIP LOCKED)
) {_CLAIM}"""
"""One more job of a tenant who is just being served, and whose turn moves on with the one before;
or one behind so many turns of whom nothing is wanted."""

_RIPE = f"""
SELECT (
    SELECT greatest(due, lease_until) <= {NOW} FROM extractions WHERE {_LATER}
    ORDER BY greatest(due, lease_until) LIMIT 1) IS TRUE"""
"""Whether a job's time has come, or its lease has run out."""
_LEFT = f"{_RIPE} OR {_SOME}"

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
SELECT 1"""
"""Jobs given back for later whose time has come, or whose lease has run out, wait again; every
tenant of whom a job waits is in `turns`; those who wait for nothing and would have the next turn
are not, lest each claim pass them by. Others may do the same or serve a tenant meanwhile: what they
have in hand is left to them, and tenants are added in one order, so that no two wait for each
other."""

_HOLD_BACK = f"""
UPDATE extractions SET status = 'paused', reason = $2, attempts = 0, due = NULL
WHERE due IS NOT NULL AND {_FREE} AND source = $1 AND status <> 'csv_pending'
  AND ($3::text IS NULL OR owner::json ->> 'instagramId' = $3::text)"""


class PgQueue:
    """Queue over one PostgreSQL database."""

    def __init__(self, link: PgLink, *, look: float = _LOOK) -> None:
        self._link = link
        self._look = look
        self._looked = self._lined_up = -_EVERY

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
        while (row := await self._first(wanted, held)) is not None:
            claim = await self._claim(row)
            if claim is not None:
                return claim
        return None

    async def _claim(self, row: Any) -> Claim | None:
        """What was claimed, None where it is ours no more."""
        *columns, targets, _ = row
        ours, seen = (row["number"], row["fence"]), ()
        try:
            if targets is None:  # which nobody else can move any more
                beside = await self._link.read(_BESIDE, *ours)
                if not beside:
                    return None
                targets, seen = beside[0]
            job = sql_rows.kept((*columns, targets, _LONG_AGO), ALL).job
        except errors.DamagedRecord:
            await self._link.all(_SPOILT, *ours)
            raise
        return Claim(job, job.fence, set(seen))

    async def _first(self, wanted: tuple[object, ...], held: tuple[object, ...]) -> Any:
        """The row of the job that is claimed, None where there is none to claim."""
        now = time.monotonic()
        looks = now - self._looked >= self._look
        if looks:
            self._looked = now
        if now - self._lined_up > _EVERY or (looks and await self._told(_RIPE)):
            await self._line_up()
        row = await self._taken(*wanted, *held)
        if row is None and await self._told(_LEFT, *wanted):
            await self._line_up()
            row = await self._taken(*wanted, *held)
        return row

    async def _taken(self, *values: object) -> Any:
        row = await self._link.one(_FIRST, *values)
        return row if row is not None else await self._link.one(_ANY, *values)

    async def _told(self, question: str, *values: object) -> bool:
        return bool((await self._link.one(question, *values))[0])

    async def _line_up(self) -> None:
        """Whatever may be taken waits."""
        await self._link.all(_LINE_UP)
        self._lined_up = time.monotonic()

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
