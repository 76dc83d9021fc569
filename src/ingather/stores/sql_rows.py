"""Rows of the SQL tables as the domain's things, and back."""

import sqlite3
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import ALL, Counters, Failure, File, Holder, Job, Options, Owner
from ingather.domain.overview import Overview
from ingather.ports import Batch, Outcome
from ingather.stores import sql_records, sql_targets
from ingather.stores.sql_link import NOW

COLUMNS = (
    "number, id, extraction_type, owner, source, route, overview, options, progress, status,"
    " reason, error, file, wish, sequence, fence, attempts, holder, lease_until, outcome,"
    " requested_at, started_at, finished_at, tenant, priority, due"
)

_owner = msgspec.json.Decoder(Owner)
_options = msgspec.json.Decoder(Options)
_overview = msgspec.json.Decoder(Overview)
_counters = msgspec.json.Decoder(Counters)
_encode = msgspec.json.Encoder().encode


OF_ANALYSES = ("instagram_data", "reel_origins", "analyses")
"""Tables that hold something of an analysis, by its job's id."""


class Kept(Struct, frozen=True):
    """A job, with so many of its targets as were asked for, and what only the store knows of it.

    outcome: of the last commit, as JSON.
    """

    number: int
    job: Job
    lease_until: float | None
    outcome: str | None


def select(targets: int) -> str:
    """Rows for `kept`: jobs with so many of the targets of each."""
    return f"SELECT {COLUMNS}, {sql_targets.asked(targets)}, {NOW} FROM extractions"


def find(
    connection: sqlite3.Connection, column: str, value: str, *, targets: int = ALL
) -> Kept | None:
    """The job with this id or open_key, and so many of its targets."""
    row = connection.execute(f"{select(targets)} WHERE {column} = ?", (value,)).fetchone()
    return None if row is None else kept(row, targets)


def kept(row: Iterable[object], targets: int) -> Kept:
    """A row of COLUMNS, the targets that were asked for and the database's clock as a job. Raises
    DamagedRecord."""
    row = tuple(row)
    try:
        found = _readable(*row)  # type: ignore[arg-type]
    except msgspec.MsgspecError as failure:
        raise _damaged(row[1], str(failure)) from failure
    if len(found.job.targets) != min(targets, found.job.count):
        raise _damaged(row[1], "some of its targets are gone")
    return found


def _damaged(job_id: object, why: str) -> errors.DamagedRecord:
    return errors.DamagedRecord(
        f"The stored state of job {job_id} cannot be read: {why}.",
        hint=f"`ingather jobs delete {job_id}` removes it; then start anew.",
    )


def _readable(
    number: int,
    id: str,
    kind: str,
    owner: str,
    source: str,
    route: str,
    overview: str,
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
    targets: str | None,
    now: float,
) -> Kept:
    states, summed = sql_targets.states(targets), _overview.decode(overview)
    job = Job(
        id=id,
        kind=kind,
        owner=_owner.decode(owner),
        source=source,
        route=route,
        targets=states,
        summed=None if len(states) == summed.count else summed,
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
        held=lease_until is not None and lease_until > now,
    )
    return Kept(number, job, lease_until, outcome)


def _text(value: object) -> str | None:
    return None if value is None else _encode(value).decode()


def found(connection: sqlite3.Connection, job_id: str, targets: int = ALL) -> Kept:
    """A job by its id. Raises JobNotFound, DamagedRecord."""
    there = find(connection, "id", job_id, targets=targets)
    if there is None:
        raise errors.JobNotFound(f"There is no job {job_id}.")
    return there


def fenced(connection: sqlite3.Connection, job_id: str, fence: int, targets: int = 0) -> Kept:
    """A job that is held under this fence. Raises LeaseLost."""
    there = find(connection, "id", job_id, targets=targets)
    if there is None or there.job.fence != fence or there.lease_until is None:
        raise errors.LeaseLost
    return there


def created(job: Job) -> dict[str, object]:
    """The columns of a new job."""
    return {
        "id": job.id,
        "extraction_type": job.kind,
        "open_key": job.key,
        "owner": _text(job.owner),
        "source": job.source,
        "route": job.route,
        "overview": _text(job.overview),
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
    done = connection.execute(
        f"INSERT INTO extractions ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )
    assert done.lastrowid is not None
    connection.executemany(sql_targets.ADD, sql_targets.rows(done.lastrowid, job))


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
) -> Job:
    """The job, with all that a claim, a wish or a settlement may change written."""
    values = changed(job, lease_until=lease_until)
    connection.execute(
        f"UPDATE extractions SET {', '.join(f'{name} = ?' for name in values)} WHERE number = ?",
        (*values.values(), number),
    )
    return job


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


_OURS = "number = ? AND fence = ? AND lease_until IS NOT NULL AND sequence = ? AND wish IS ?"
_ON = f"UPDATE extractions SET progress = ?, sequence = ?, outcome = ? WHERE {_OURS}"
_TURN = f"""
UPDATE extractions SET overview = ?, progress = ?, status = ?, reason = ?, sequence = ?,
    attempts = 0, error = NULL, outcome = ? WHERE {_OURS}
"""
"""For a page after which the job stands otherwise than before it. Most leave it running: what is
not written is not checked, and to check a status SQLite builds a tree of all there are."""


def advance(
    connection: sqlite3.Connection, number: int, before: Job, job: Job, batch: Batch, done: Outcome
) -> bool:
    """What a page changes of the job and its target. False where the job is not ours, not at the
    page before, or wished something else of than is known: then nothing may stay."""
    sql_targets.move(connection, number, batch)
    values, on = advanced(number, job, _encode(done)), _standing(before) == _standing(job)
    if on:
        values = (values[1], *values[4:])
    return connection.execute(_ON if on else _TURN, (*values, job.wish)).rowcount > 0


def _standing(job: Job) -> tuple[object, ...]:
    """What few pages change."""
    return job.status, job.reason, job.attempts, job.error, job.overview


def advanced(number: int, job: Job, outcome: bytes) -> tuple[object, ...]:
    """What a page makes of the job's row: overview, progress, status, reason, sequence, outcome;
    and how that row is told: number, fence, the sequence before."""
    return (
        _text(job.overview),
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
