"""How far each target of a job has been read: a row each, of which a page changes its own alone
(docs/decisions/a-target-is-a-row.md)."""

import sqlite3
from collections.abc import Iterator

import msgspec

from ingather.domain.job import Job, TargetState
from ingather.ports import Batch

ADD = "INSERT INTO targets (extraction, n, state) VALUES (?, ?, ?)"

_decode = msgspec.json.Decoder(tuple[TargetState, ...]).decode
_encode = msgspec.json.Encoder().encode


def asked(most: int) -> str:
    """What a query of `extractions` asks for beside its columns: each job's first so many targets
    as one text, a JSON array or null."""
    return (
        "(SELECT '[' || group_concat(state) || ']' FROM"
        f" (SELECT state FROM targets WHERE extraction = number ORDER BY n LIMIT {most}))"
    )


def states(found: str | None) -> tuple[TargetState, ...]:
    """What `asked` gave. Raises msgspec's errors."""
    return () if found is None else _decode(found)


def rows(number: int, job: Job) -> Iterator[tuple[int, int, str]]:
    """Values for ADD: the targets of a new job."""
    for place, state in enumerate(job.targets):
        yield number, place, text(state)


def move(connection: sqlite3.Connection, number: int, batch: Batch) -> None:
    """Leave the target that a page was of in its new state."""
    connection.execute(
        "UPDATE targets SET state = ? WHERE extraction = ? AND n = ?",
        (text(batch.state), number, batch.target),
    )


def text(state: TargetState) -> str:
    """A state as it rests."""
    return _encode(state).decode()
