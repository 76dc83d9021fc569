"""Rows of `extractions` in PostgreSQL as jobs, and back; the columns are those of `sql_rows`."""

import contextlib
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ingather import errors
from ingather.domain.job import Job
from ingather.stores import pg_records, sql_rows
from ingather.stores.pg_link import NOW, Connection, PgLink

SELECT = f"SELECT {sql_rows.COLUMNS}, {NOW} FROM extractions"


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

    @property
    def held(self) -> bool:
        return self.kept.held_at(self.now)


def kept(row: Sequence[Any]) -> Found:
    """A row of SELECT. Raises DamagedRecord."""
    *columns, now = row
    return Found(sql_rows.kept(columns), now)


async def find(connection: Connection, column: str, value: str) -> Found | None:
    """The job with this id or open_key, its row locked until the transaction ends."""
    row = await connection.fetchrow(f"{SELECT} WHERE {column} = $1 FOR UPDATE", value)
    return None if row is None else kept(row)


async def fenced(connection: Connection, job_id: str, fence: int) -> Found:
    """The job that this fence may write to, its row locked. Raises LeaseLost."""
    found = await find(connection, "id", job_id)
    if found is None or found.job.fence != fence or found.lease_until is None:
        raise errors.LeaseLost
    return found


async def some(link: PgLink, where: str, *values: object) -> list[Job]:
    """Jobs of which this is true; unreadable ones left out."""
    jobs = []
    for row in await link.read(f"{SELECT} WHERE {where}", *values):
        with contextlib.suppress(errors.DamagedRecord):
            jobs.append(kept(row).job)
    return jobs


async def insert(connection: Connection, job: Job) -> bool:
    """A new job. False where another has its key or its id."""
    values = sql_rows.created(job)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    done = await connection.execute(
        f"INSERT INTO extractions ({', '.join(values)}) VALUES ({places})"
        " ON CONFLICT (open_key) DO NOTHING",
        *values.values(),
    )
    return bool(done == "INSERT 0 1")


async def update(
    connection: Connection, number: int, job: Job, *, lease_until: object = sql_rows.KEEP
) -> None:
    """All that a claim, a wish or a settlement may change."""
    values = sql_rows.changed(job, lease_until=lease_until)
    places = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, 2))
    await connection.execute(
        f"UPDATE extractions SET {places} WHERE number = $1", number, *values.values()
    )


async def delete(connection: Connection, job_id: str) -> None:
    """A job, readable or not, and all its records."""
    number = await connection.fetchval("SELECT number FROM extractions WHERE id = $1", job_id)
    if number is not None:
        await pg_records.forget(connection, number)
        await connection.execute("DELETE FROM extractions WHERE number = $1", number)
    for table in sql_rows.OF_ANALYSES:
        await connection.execute(f"DELETE FROM {table} WHERE analysis_id = $1", job_id)


async def reopen(connection: Connection, number: int, key: str) -> None:
    """Let the same command find the job again, unless another has its place by now."""
    await connection.execute(
        "UPDATE extractions SET open_key = $2 WHERE number = $1"
        " AND NOT EXISTS (SELECT 1 FROM extractions WHERE open_key = $2)",
        number,
        key,
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
