"""A job as the seeds' `ExportRecord`, key for key, and such a record as a job.

Pure. The text can be had in pieces with a hole for the status and for each counter, so that a
script inside Redis can write the record without ever decoding it: Lua's cjson turns `[]` into
`{}`, cuts large integers and throws on half an emoji.
"""

from typing import Literal

import msgspec
from msgspec import Struct, field

from ingather.domain.job import Counters, Failure, Job, Options, Owner, Status, Target, TargetState

Word = Literal["pending", "running", "csv_pending", "done", "failed"]
"""The seed's status words (data-models.md, ExportRecord)."""

WORDS: dict[Status, Word] = {
    "pending": "pending",
    "running": "running",
    "paused": "running",
    "csv_pending": "csv_pending",
    "done": "done",
    "failed": "failed",
    "cancelled": "failed",
}

CANCELLED = Failure("Cancelled on request.", "cancelled")

HOLES = ("status", "fetched", "appended", "skippedDupes", "uniqUsers")
"""What is to be written between the pieces of a text, in this order."""


class Post(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The post; its permalink is null where it is not known."""

    media_id: str
    permalink: str | None = field(default_factory=lambda: None)
    caption: str | None = None


class Paging(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the source goes on."""

    next_cursor: str | None = None


class Tally(Struct, frozen=True, rename="camel"):
    """The seed's four counters."""

    fetched: int = 0
    appended: int = 0
    skipped_dupes: int = 0
    uniq_users: int = 0


class RowList(Struct, frozen=True):
    """The key of the Redis list that holds the rows."""

    key: str


class RecordFile(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Whether a file was written, and its bytes."""

    csv_ready: bool = field(default_factory=lambda: False)
    size_bytes: int | None = None


class RecordError(Struct, frozen=True, omit_defaults=True):
    """Why it failed."""

    message: str
    code: str | None = None


class ExportRecord(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`ExportRecord` of data-models.md: optional keys are left out where nothing is known."""

    export_id: str
    status: Word
    owner: Owner
    post: Post
    ig_paging: Paging = field(default_factory=Paging)
    counters: Tally = field(default_factory=Tally)
    list: RowList
    file: RecordFile = field(default_factory=RecordFile)
    error: RecordError | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


_encode = msgspec.json.Encoder().encode
_NOTHING = b'"counters":' + _encode(Tally())
_TALLY_PIECES = (b',"appended":', b',"skippedDupes":', b',"uniqUsers":')


def rows_key(job_id: str) -> str:
    """The Redis list of a job's rows."""
    return f"igexp:{job_id}:comments"


def of(job: Job) -> ExportRecord:
    """The record of a job: paused shows as running, cancelled as failed with code `cancelled`."""
    counted = job.counters
    failure = None
    if job.status == "cancelled":
        failure = Failure((job.error or CANCELLED).message, "cancelled")
    elif job.status == "failed":
        failure = job.error
    return ExportRecord(
        export_id=job.id,
        status=WORDS[job.status],
        owner=job.owner,
        post=Post(
            media_id=job.target.id, permalink=job.target.permalink, caption=job.target.caption
        ),
        ig_paging=Paging(job.targets[0].cursor),
        counters=Tally(
            counted.fetched, counted.appended, counted.skipped_dupes, counted.uniq_users
        ),
        list=RowList(rows_key(job.id)),
        file=RecordFile(job.file is not None, job.file.size_bytes if job.file else None),
        error=RecordError(failure.message, failure.code) if failure else None,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def text(job: Job) -> bytes:
    """The record's JSON."""
    return _encode(of(job))


def pieces(record: ExportRecord) -> tuple[bytes, ...]:
    """The record's JSON cut at HOLES: piece, status, piece, fetched, piece, … last piece.

    The record's own status and counters do not matter.
    """
    blank = msgspec.structs.replace(record, status="running", counters=Tally())
    # A quotation mark inside a JSON text is always escaped, so that neither of these can be
    # found within a caption or a cursor.
    head, rest = _encode(blank).split(b'"status":"running"', 1)
    middle, tail = rest.split(_NOTHING, 1)
    first = b'"' + middle + b'"counters":{"fetched":'
    return (head + b'"status":"', first, *_TALLY_PIECES, b"}" + tail)


def job_of(record: ExportRecord, *, expires_at: str | None = None) -> Job:
    """The job that a record written by another program tells of.

    Only what the record says is known: there is no lease, and no cursor but the last.
    """
    failure = Failure(record.error.message, record.error.code) if record.error else None
    cancelled = record.status == "failed" and failure is not None and failure.code == "cancelled"
    return Job(
        id=record.export_id,
        kind="comments",
        owner=record.owner,
        source="graph",
        route="graph",
        targets=(
            TargetState(
                target=Target(
                    id=record.post.media_id,
                    permalink=record.post.permalink,
                    caption=record.post.caption,
                ),
                cursor=record.ig_paging.next_cursor,
            ),
        ),
        options=Options(),
        status="cancelled" if cancelled else record.status,
        reason="cancelled" if cancelled else None,
        counters=Counters(
            fetched=record.counters.fetched,
            appended=record.counters.appended,
            skipped_dupes=record.counters.skipped_dupes,
            uniq_users=record.counters.uniq_users,
        ),
        error=failure,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        expires_at=expires_at,
    )
