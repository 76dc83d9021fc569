"""Rows of `extractions` and `targets` in PostgreSQL as jobs, and back; the columns are those of
`sql_rows`."""

import contextlib
from collections.abc import Sequence
from typing import Any

from asyncpg.exceptions import UniqueViolationError
from msgspec import Struct

from ingather import errors
from ingather.domain.job import ALL, AT_ONCE, Job
from ingather.stores import pg_records, sql_rows, sql_targets
from ingather.stores.pg_link import NOW, Connection, PgLink

_AT_ONCE = 1_000
"""Targets written in one statement."""

_OF_JOBS = ("left_out", "cursors_seen")
"""Tables that hold something of a job by its number, without a foreign key."""

MICROS = f"({NOW} * 1e6)::bigint"
FIRST = f"{MICROS} - (1::bigint << 60)"
"""The turn of a tenant who never had one: before those who had, in the order in which they came."""
TURNS = "INSERT INTO turns (tenant, turn)"
_IN_TURN = f"{TURNS} VALUES ($1, {FIRST}) ON CONFLICT DO NOTHING"

TARGETS = (
    "'[' || array_to_string(ARRAY("
    "SELECT state FROM targets WHERE extraction = {number} AND n < {most} ORDER BY n), ',') || ']'"
)
"""The first targets of a job as one text, a JSON array."""


class Found(Struct, frozen=True):
    """A job with what only the store knows of it. now: of the database, when it was read."""

    kept: sql_rows.Kept
    now: float

    @property
    def number(self) -> int:
        return self.kept.number

    @property
    def job(self) -> Job:
        return self.kept.job

    @property
    def lease_until(self) -> float | None:
        return self.kept.lease_until

    @property
    def outcome(self) -> str | None:
        return self.kept.outcome


def _kept(row: Sequence[Any], found: str | None, targets: int) -> Found:
    *columns, now = row
    return Found(sql_rows.kept((*columns, found, now), targets), now)


async def find(
    connection: Connection, column: str, value: str, *, targets: int = ALL
) -> Found | None:
    """The job with this id or open_key and its first so many targets, its row locked until the
    transaction ends. Raises DamagedRecord."""
    row = await connection.fetchrow(
        f"SELECT {sql_rows.COLUMNS}, {NOW} FROM extractions WHERE {column} = $1 FOR UPDATE", value
    )
    if row is None:
        return None
    states = None
    if targets:  # asked for once the row is ours: a page under way until then has moved them
        states = await connection.fetchval(
            f"SELECT {TARGETS.format(number='$1', most='$2')}", row[0], targets
        )
    return _kept(row, states, targets)


async def fenced(connection: Connection, job_id: str, fence: int, *, targets: int = 0) -> Found:
    """The job that this fence may write to, its row locked. Raises LeaseLost."""
    found = await find(connection, "id", job_id, targets=targets)
    if found is None or found.job.fence != fence or found.lease_until is None:
        raise errors.LeaseLost
    return found


async def shown(link: PgLink, job_id: str, *, targets: int = ALL) -> Found | None:
    """The job as it stands, not locked. Raises DamagedRecord."""
    rows = await link.read(f"{_selecting(targets)} WHERE id = $1", job_id)
    return _kept(rows[0][1:], rows[0][0], targets) if rows else None


async def some(link: PgLink, targets: int, where: str, *values: object) -> list[Job]:
    """Jobs of which this is true, with so many targets of each; unreadable ones left out."""
    jobs = []
    for states, *row in await link.read(f"{_selecting(targets)} WHERE {where}", *values):
        with contextlib.suppress(errors.DamagedRecord):
            jobs.append(_kept(row, states, targets).job)
    return jobs


def _selecting(targets: int) -> str:
    states = TARGETS.format(number="number", most=targets)
    return f"SELECT {states}, {sql_rows.COLUMNS}, {NOW} FROM extractions"


async def insert(connection: Connection, job: Job) -> bool:
    """A new job. False where another has its key."""
    values = sql_rows.created(job)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    number = await connection.fetchval(
        f"INSERT INTO extractions ({', '.join(values)}) VALUES ({places})"
        " ON CONFLICT (open_key) DO NOTHING RETURNING number",
        *values.values(),
    )
    if number is None:
        return False
    for first in range(0, len(job.targets), _AT_ONCE):
        await connection.execute(
            "INSERT INTO targets SELECT $1, $2 + n - 1, state"
            " FROM unnest($3::text[]) WITH ORDINALITY AS each (state, n)",
            number,
            first,
            [sql_targets.text(each) for each in job.targets[first : first + _AT_ONCE]],
        )
    await _in_turn(connection, job)
    return True


async def _in_turn(connection: Connection, job: Job) -> None:
    """A tenant of whom a job waits is in `turns`, where the queue looks for it."""
    if job.due == AT_ONCE:
        await connection.execute(_IN_TURN, job.tenant)


async def update(
    connection: Connection, number: int, job: Job, *, lease_until: object = sql_rows.KEEP
) -> None:
    """All that a claim, a wish or a settlement may change."""
    values = sql_rows.changed(job, lease_until=lease_until)
    places = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, 2))
    await connection.execute(
        f"UPDATE extractions SET {places} WHERE number = $1", number, *values.values()
    )
    await _in_turn(connection, job)


async def delete(connection: Connection, job_id: str) -> None:
    """A job, readable or not, and all its records."""
    number = await connection.fetchval("SELECT number FROM extractions WHERE id = $1", job_id)
    if number is not None:
        await pg_records.forget(connection, number)
        for table in _OF_JOBS:
            await connection.execute(f"DELETE FROM {table} WHERE extraction = $1", number)
        await connection.execute("DELETE FROM extractions WHERE number = $1", number)
    for table in sql_rows.OF_ANALYSES:
        await connection.execute(f"DELETE FROM {table} WHERE analysis_id = $1", job_id)


async def reopen(connection: Connection, number: int, key: str) -> None:
    """Let the same command find the job again, unless another has its place by now."""
    # That other may be on its way, and then is not seen but waited for.
    with contextlib.suppress(UniqueViolationError):
        async with connection.transaction():
            await connection.execute(
                "UPDATE extractions SET open_key = $2 WHERE number = $1", number, key
            )


async def cursors(connection: Connection, number: int) -> set[str]:
    """Fingerprints of every cursor seen."""
    found = await connection.fetch(
        "SELECT fingerprint FROM cursors_seen WHERE extraction = $1", number
    )
    return {row[0] for row in found}


async def leave_out(connection: Connection, number: int, ids: Sequence[str]) -> None:
    """Remember ids that a filter left out."""
    if ids:
        await connection.execute(
            "INSERT INTO left_out (extraction, natural_id) SELECT $1, unnest($2::text[])"
            " ON CONFLICT DO NOTHING",
            number,
            ids,
        )
