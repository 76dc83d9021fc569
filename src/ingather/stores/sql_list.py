"""Lists of jobs in SQLite, each with only the first of its targets, and how many there are."""

import sqlite3
from collections.abc import Collection

from ingather import errors
from ingather.domain.job import Job, Status
from ingather.stores import sql_rows

TALLY = "SELECT extraction_type, status, count(*) FROM extractions GROUP BY extraction_type, status"


def tally(connection: sqlite3.Connection) -> dict[tuple[str, Status], int]:
    """How many jobs there are of each kind and status that has any."""
    return {(kind, status): count for kind, status, count in connection.execute(TALLY)}


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
