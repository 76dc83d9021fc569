"""Lists of jobs in SQLite, each with only the first of its targets, and how many there are."""

import sqlite3
from collections.abc import Collection

from ingather import errors
from ingather.domain.job import Job, Status
from ingather.ports import Stand
from ingather.stores import sql_rows
from ingather.stores.sql_link import NOW


def tallying(now: str) -> str:
    """How many jobs there are of each kind, and of each way in which they stand at that moment."""
    left = f"status = 'running' AND coalesce(lease_until, 0) <= {now}"
    stand = f"CASE WHEN {left} THEN 'abandoned' ELSE status END"
    return f"SELECT extraction_type, {stand}, count(*) FROM extractions GROUP BY 1, 2"


def tally(connection: sqlite3.Connection) -> dict[tuple[str, Stand], int]:
    """As `Jobs.tally` has it."""
    return {(kind, stand): count for kind, stand, count in connection.execute(tallying(NOW))}


def newest(
    connection: sqlite3.Connection,
    limit: int,
    tenant: str | None,
    before: Job | None,
    kinds: Collection[str] | None,
    status: Status | None,
    targets: int,
) -> list[Job]:
    """Jobs as `Jobs.list` has them; unreadable ones left out."""
    where, values = "1", list[object]()
    if tenant is not None:
        where, values = "tenant = ?", [tenant]
    if before is not None:
        where += " AND (requested_at, id) < (?, ?)"
        values += [before.created_at, before.id]
    if kinds is not None:
        where += f" AND extraction_type IN ({', '.join('?' * len(kinds))})"
        values += kinds
    if status is not None:
        where += " AND status = ?"
        values.append(status)
    where += " ORDER BY requested_at DESC, id DESC LIMIT ?"
    return some(connection, targets, where, *values, limit)


def some(connection: sqlite3.Connection, targets: int, where: str, *values: object) -> list[Job]:
    """Jobs of which this is true, with so many targets of each; unreadable ones left out."""
    found = connection.execute(f"{sql_rows.select(targets)} WHERE {where}", values)
    jobs = []
    for row in found:
        try:
            jobs.append(sql_rows.kept(row, targets).job)
        except errors.DamagedRecord:
            continue
    return jobs
