"""A job as the fields of its hash, and back; and what is stored there that cannot be read."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from ingather import errors
from ingather.domain import export_record
from ingather.domain.instants import iso
from ingather.domain.job import Counters, Failure, Job, TargetState
from ingather.domain.records import Comment
from ingather.ports import Outcome
from ingather.stores import redis_keys
from ingather.stores.redis_wire import Reply, Word

T = TypeVar("T")

COUNTERS: dict[str, str] = {
    name: structs.fields(Counters)[place].encode_name
    for place, name in enumerate(Counters.__struct_fields__)
}
"""Field of Counters → field of the hash, in the order in which redis_commit.lua has them."""

_encode = msgspec.json.Encoder().encode
_rows = msgspec.json.Decoder(list[Comment])


class Kept(Struct, frozen=True, kw_only=True):
    """A job as it was read.

    now: the server's clock, epoch seconds. version: raised by each write; None where another
    program wrote the record. lease: epoch milliseconds at which it runs out, None where given
    back. lost: the first of its keys that should be there and is not.
    """

    job: Job
    now: float
    version: bytes | None = None
    lease: float | None = None
    lost: str | None = None

    def whole(self) -> "Kept":
        """The same; raises StateLost where a part is gone."""
        if self.lost is not None:
            raise lost(self.job.id, self.lost)
        return self


def lost(job_id: str, key: str) -> errors.StateLost:
    """The error that says which key of which job is gone."""
    return errors.StateLost(
        f"Job {job_id} cannot be told to be complete: {key} is gone or too short.",
        hint="Was the Redis flushed, or did the rows expire? `--fresh` starts it anew.",
    )


def missing(job_id: str) -> errors.JobNotFound:
    return errors.JobNotFound(f"There is no job {job_id}.")


def fields(job: Job) -> list[Word]:
    """Fields and values of the hash, one after the other.

    `job` is the whole of it as of the last claim or wish; what a page moves stands beside it and
    is what counts.
    """
    words: list[Word] = [
        *("job", _encode(job), "fence", job.fence, "sequence", job.sequence),
        *("attempts", job.attempts, "status", job.status, "reason", job.reason or ""),
        *("error", _encode(job.error) if job.error else b"", "wish", job.wish or ""),
        *("due", "" if job.due is None else round(job.due * 1000), "priority", job.priority),
        *("source", job.source, "sandbox", int(job.options.sandbox)),
    ]
    for name, field in COUNTERS.items():
        words += (field, getattr(job.counters, name))
    for place, target in enumerate(job.targets):
        words += (target_field(place), _encode(target))
    return words


def target_field(place: int) -> str:
    return f"target:{place}"


def outcome(text: bytes, wish: bytes | None) -> Outcome:
    """The answer of redis_commit.lua: new, appended, refused, status, reason or -, counters."""
    new, appended, refused, status, reason, *counted = text.decode().split(" ")
    return Outcome(
        new=int(new),
        appended=int(appended),
        refused=int(refused),
        counters=Counters(**dict(zip(COUNTERS, map(int, counted), strict=True))),
        status=status,  # type: ignore[arg-type]  # the script writes running or csv_pending
        reason=None if reason == "-" else reason,
        wish=wish.decode() if wish else None,  # type: ignore[arg-type]
    )


def kept(job_id: str, reply: Reply) -> Kept:
    """What redis_read.lua gave. Raises JobNotFound, StateLost (our job without its hash),
    DamagedRecord."""
    now_ms, record, flat, rows, ids, users, cursors, ours, record_left, rows_left = reply
    now = now_ms / 1000
    if not flat:
        if record is None:
            raise missing(job_id)
        if ours:
            raise lost(job_id, redis_keys.of(job_id)[4])
        left = rows_left if rows_left > 0 else record_left
        expires = iso(now + left / 1000) if left > 0 else None
        found = foreign(job_id, record)
        gone = found.status not in ("done", "failed") and rows < found.counters.appended
        job = export_record.job_of(found, expires_at=expires)
        return Kept(job=job, now=now, lost=redis_keys.of(job_id)[1] if gone else None)
    held = dict(zip(flat[::2], flat[1::2], strict=True))
    lease = float(held[b"lease"]) if held[b"lease"] else None
    job = _job(redis_keys.of(job_id)[4], held, leased=lease is not None and lease > now_ms)
    if record is not None:
        foreign(job_id, record)
    return Kept(
        job=expiring(job),
        now=now,
        version=held[b"version"],
        lease=lease,
        lost=_gone(job, record, rows, ids, users, cursors),
    )


def expiring(job: Job) -> Job:
    """The job with the time at which its rows will expire, if it is over."""
    expires = None
    if not job.unfinished and job.finished_at is not None:
        ended = datetime.fromisoformat(job.finished_at).replace(tzinfo=UTC)
        expires = iso(ended.timestamp() + redis_keys.ROWS_MS / 1000)
    return structs.replace(job, expires_at=expires)


def foreign(job_id: str, text: bytes) -> export_record.ExportRecord:
    """An ExportRecord's text, read. Raises DamagedRecord."""
    return _decoded(redis_keys.of(job_id)[0], text, export_record.ExportRecord)


def comments(key: str, texts: Sequence[bytes], *, first: int) -> list[Comment]:
    """Rows from their texts; `first` is the place of the first in the list `key`, for the error
    of a row that cannot be read (DamagedRecord)."""
    try:
        return _rows.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_comment(f"{key}[{first + n}]", text) for n, text in enumerate(texts)]


def _comment(key: str, text: bytes) -> Comment:
    """A row of another program: it may lack keys, and hold half an emoji."""
    found = _decoded(key, text, dict[str, object])
    blank = dict.fromkeys(("userId", "username", "timestamp", "likeCount", "text"))
    try:
        return msgspec.convert(blank | found, Comment)
    except msgspec.ValidationError as failure:
        raise _damaged(key, failure) from failure


def _decoded(key: str, text: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.ValidationError as failure:
        raise _damaged(key, failure) from failure
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:  # JavaScript writes half of a surrogate pair as an escape, which msgspec refuses
        loose = json.loads(text)
        whole = json.dumps(loose, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return msgspec.json.decode(whole.decode("utf-16", "replace"), type=type_)
    except (ValueError, msgspec.ValidationError) as failure:
        raise _damaged(key, failure) from failure


def _damaged(key: str, failure: Exception) -> errors.DamagedRecord:
    return errors.DamagedRecord(f"What Redis holds under {key} cannot be read: {failure}.")


def _job(key: str, held: dict[bytes, bytes], *, leased: bool) -> Job:
    """The job that a hash holds."""
    try:
        job = _decoded(key, held[b"job"], Job)
        error = held[b"error"]
        return structs.replace(
            job,
            held=leased,
            fence=int(held[b"fence"]),
            sequence=int(held[b"sequence"]),
            attempts=int(held[b"attempts"]),
            status=held[b"status"].decode(),
            reason=held[b"reason"].decode() or None,
            error=_decoded(key, error, Failure) if error else None,
            wish=held[b"wish"].decode() or None,
            counters=Counters(
                **{name: int(held[field.encode()]) for name, field in COUNTERS.items()}
            ),
            targets=tuple(
                _decoded(key, held[target_field(place).encode()], TargetState)
                for place in range(len(job.targets))
            ),
        )
    except (KeyError, ValueError) as failure:
        raise _damaged(key, failure) from failure


def _gone(
    job: Job, record: bytes | None, rows: int, ids: int, users: int, cursors: int
) -> str | None:
    """The first key that should be there. The rows of a finished job may have expired."""
    names = redis_keys.of(job.id)
    if record is None:
        return names[0]
    if not job.unfinished:
        return None
    kept = job.counters.appended
    if rows != kept:
        return names[1]
    if ids < kept:
        return names[2]
    if job.counters.uniq_users and not users:
        return names[3]
    if job.counters.pages and cursors == 0 and any(target.cursor for target in job.targets):
        return names[5]
    return None
