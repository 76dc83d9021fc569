"""Rows of the SQL tables as the domain's things, and back."""

import sqlite3
from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import (
    Counters,
    Failure,
    File,
    Holder,
    Job,
    Options,
    Owner,
    Status,
    TargetState,
    Wish,
)
from ingather.stores import sql_records

COLUMNS = (
    "number, id, extraction_type, owner, source, route, targets, options, progress, status,"
    " reason, error, file, wish, sequence, fence, attempts, holder, lease_until, outcome,"
    " requested_at, started_at, finished_at, tenant, priority, due"
)
_SELECT = f"SELECT {COLUMNS} FROM extractions"
TALLY = "SELECT extraction_type, status, count(*) FROM extractions GROUP BY extraction_type, status"

_owner = msgspec.json.Decoder(Owner)
_targets = msgspec.json.Decoder(tuple[TargetState, ...])
_options = msgspec.json.Decoder(Options)
_counters = msgspec.json.Decoder(Counters)
_encode = msgspec.json.Encoder().encode


OF_ANALYSES = ("instagram_data", "reel_origins", "analyses")
"""Tables that hold something of an analysis, by its job's id."""


class Kept(Struct, frozen=True):
    """A job with what only the store knows of it.

    outcome: of the last commit, as JSON.
    """

    number: int
    job: Job
    lease_until: float | None
    outcome: str | None

    def held_at(self, time: float) -> bool:
        return self.lease_until is not None and self.lease_until > time


def find(connection: sqlite3.Connection, column: str, value: str) -> Kept | None:
    """The job with this id or open_key."""
    row = connection.execute(f"{_SELECT} WHERE {column} = ?", (value,)).fetchone()
    return None if row is None else kept(row)


def newest(
    connection: sqlite3.Connection,
    limit: int,
    tenant: str | None,
    before: Job | None,
    kinds: Collection[str] | None,
    status: Status | None,
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
    return some(connection, f"{where} ORDER BY requested_at DESC, id DESC LIMIT ?", *values, limit)


def some(connection: sqlite3.Connection, where: str, *values: object) -> list[Job]:
    """Jobs of which this is true; unreadable ones left out."""
    found = connection.execute(f"{_SELECT} WHERE {where}", values)
    jobs = []
    for row in found:
        try:
            jobs.append(kept(row).job)
        except errors.DamagedRecord:
            continue
    return jobs


def kept(row: Iterable[object]) -> Kept:
    """A row of COLUMNS as a job. Raises DamagedRecord."""
    row = tuple(row)
    try:
        return _readable(*row)  # type: ignore[arg-type]
    except msgspec.MsgspecError as failure:
        raise errors.DamagedRecord(
            f"The stored state of job {row[1]} cannot be read: {failure}.",
            hint=f"`ingather jobs delete {row[1]}` removes it; then start anew.",
        ) from failure


def _readable(
    number: int,
    id: str,
    kind: str,
    owner: str,
    source: str,
    route: str,
    targets: str,
    options: str,
    progress: str,
    status: str,
    reason: str | None,
    error: str | None,
    file: str | None,
    wish: str | None,
    sequence: int,
    fence: int,
    attempts: int,
    holder: str | None,
    lease_until: float | None,
    outcome: str | None,
    requested_at: str,
    started_at: str | None,
    finished_at: str | None,
    tenant: str,
    priority: int,
    due: float | None,
) -> Kept:
    job = Job(
        id=id,
        kind=kind,
        owner=_owner.decode(owner),
        source=source,
        route=route,
        targets=_targets.decode(targets),
        options=_options.decode(options),
        status=status,  # type: ignore[arg-type]
        reason=reason,
        counters=_counters.decode(progress),
        sequence=sequence,
        fence=fence,
        attempts=attempts,
        error=msgspec.json.decode(error, type=Failure) if error else None,
        file=msgspec.json.decode(file, type=File) if file else None,
        created_at=requested_at,
        started_at=started_at,
        finished_at=finished_at,
        holder=msgspec.json.decode(holder, type=Holder) if holder else None,
        wish=wish,  # type: ignore[arg-type]
        tenant=tenant,
        priority=priority,
        due=due,
    )
    return Kept(number, job, lease_until, outcome)


def _text(value: object) -> str | None:
    return None if value is None else _encode(value).decode()


def created(job: Job) -> dict[str, object]:
    """The columns of a new job."""
    return {
        "id": job.id,
        "extraction_type": job.kind,
        "open_key": job.key,
        "owner": _text(job.owner),
        "source": job.source,
        "route": job.route,
        "targets": _text(job.targets),
        "options": _text(job.options),
        "progress": _text(job.counters),
        "status": job.status,
        "requested_at": job.created_at,
        "tenant": job.tenant,
        "priority": job.priority,
        "due": job.due,
    }


def insert(connection: sqlite3.Connection, job: Job) -> None:
    """A new job."""
    values = created(job)
    connection.execute(
        f"INSERT INTO extractions ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )


KEEP = object()


def changed(job: Job, *, lease_until: object = KEEP) -> dict[str, object]:
    """The columns that a claim, a wish or a settlement may change."""
    values: dict[str, object] = {
        "options": _text(job.options),
        "progress": _text(job.counters),
        "status": job.status,
        "reason": job.reason,
        "error": _text(job.error),
        "file": _text(job.file),
        "wish": job.wish,
        "fence": job.fence,
        "attempts": job.attempts,
        "holder": _text(job.holder),
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "due": job.due,
    }
    if lease_until is not KEEP:
        values["lease_until"] = lease_until
    if not job.unfinished:
        values["open_key"] = None
    return values


def update(
    connection: sqlite3.Connection, number: int, job: Job, *, lease_until: object = KEEP
) -> None:
    """All that a claim, a wish or a settlement may change."""
    values = changed(job, lease_until=lease_until)
    connection.execute(
        f"UPDATE extractions SET {', '.join(f'{name} = ?' for name in values)} WHERE number = ?",
        (*values.values(), number),
    )


def delete(connection: sqlite3.Connection, job_id: str) -> None:
    """A job, readable or not, and all its records."""
    found = connection.execute("SELECT number FROM extractions WHERE id = ?", (job_id,)).fetchone()
    if found is not None:
        sql_records.forget(connection, found[0])
        connection.execute("DELETE FROM extractions WHERE number = ?", found)
    for table in OF_ANALYSES:
        connection.execute(f"DELETE FROM {table} WHERE analysis_id = ?", (job_id,))


def reopen(connection: sqlite3.Connection, number: int, key: str) -> None:
    """Let the same command find the job again, unless another has its place by now."""
    connection.execute(
        "UPDATE OR IGNORE extractions SET open_key = ? WHERE number = ?", (key, number)
    )


def advance(
    connection: sqlite3.Connection, number: int, job: Job, outcome: bytes
) -> tuple[Wish | None] | None:
    """All that a page changes in the job's own row, if it is still ours and at the page before.

    The wish somebody may have left, in a tuple; None where the row has moved on without us.
    """
    found: tuple[Wish | None] | None = connection.execute(
        "UPDATE extractions SET targets = ?, progress = ?, status = ?, reason = ?, sequence = ?,"
        " attempts = 0, error = NULL, outcome = ?"
        " WHERE number = ? AND fence = ? AND lease_until IS NOT NULL AND sequence = ?"
        " RETURNING wish",
        advanced(number, job, outcome),
    ).fetchone()
    return found


def advanced(number: int, job: Job, outcome: bytes) -> tuple[object, ...]:
    """What a page makes of the job's row: targets, progress, status, reason, sequence, outcome;
    and how that row is told: number, fence, the sequence before."""
    return (
        _text(job.targets),
        _text(job.counters),
        job.status,
        job.reason,
        job.sequence,
        outcome.decode(),
        number,
        job.fence,
        job.sequence - 1,
    )


def see_cursor(connection: sqlite3.Connection, number: int, cursor: str | None) -> None:
    """Remember a cursor's fingerprint."""
    if cursor is not None:
        connection.execute("INSERT OR IGNORE INTO cursors_seen VALUES (?, ?)", (number, cursor))
