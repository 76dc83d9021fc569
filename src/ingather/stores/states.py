"""How a job changes: the moves that every store makes alike, as pure functions.

Redis and SQL do the counting in their own script or statement; what they make of the counts is
here, so that a job reads the same wherever it rests.
"""

from collections.abc import Collection

from msgspec import structs

from ingather import errors
from ingather.domain.instants import iso
from ingather.domain.job import (
    AT_ONCE,
    Counters,
    Failure,
    File,
    Holder,
    Job,
    Options,
    Pause,
    Status,
    Wish,
)
from ingather.ports import Batch, Outcome, Stand


def reopened(found: Job, wanted: Job) -> Job:
    """The unfinished job, under the limits and with the file of the command that found it."""
    found = amended(found, wanted.options)
    return found if wanted.due is None else queued(found)


def amended(found: Job, options: Options) -> Job:
    """A job that is not over, under these limits and with this file.

    Where every row is in, the limits stay: rows they refused lie behind the cursor. Raises BadInput
    for a job that is over, and for limits below what it has kept: it would be over at once, and
    nobody could go on with it.
    """
    found.claimable()
    limits = found.options if found.status == "csv_pending" else options
    kept, most = found.counters.appended, limits.most
    if kept > most and found.status != "csv_pending":
        raise errors.BadInput(
            f"The unfinished job {found.id} has kept {kept:,} rows already, more than the {most:,}"
            " that are asked for.",
            hint="Ask for more (--max, --cap), or begin another with --fresh.",
        )
    taken = structs.replace(
        found.options,
        cap=limits.cap,
        limit=limits.limit,
        output=options.output,
        format=options.format,
        raw_csv=options.raw_csv,
        max_calls=options.max_calls,
        max_units=options.max_units,
    )
    return structs.replace(found, options=taken)


def age(job: Job) -> tuple[str, str]:
    """What puts jobs in the order of their creation, wherever they rest."""
    return job.created_at, job.id


def queued(job: Job) -> Job:
    """The job as workers may take it up at once."""
    job.claimable()
    job = structs.replace(job, due=AT_ONCE, wish=None)
    if job.status not in ("paused", "failed"):
        return job
    return structs.replace(job, status="pending", reason=None, attempts=0, finished_at=None)


def waiting(job: Job, *, now: float) -> bool:
    """Whether a worker may take the job up."""
    return not job.held and job.unfinished and job.due is not None and job.due <= now


def held_back(job: Job, reason: Pause) -> Job:
    """The waiting job, paused until a person queues it again."""
    return structs.replace(job, status="paused", reason=reason, attempts=0, due=None)


def brief(job: Job, targets: int) -> Job:
    """The job with no more than so many of its targets."""
    if len(job.targets) <= targets:
        return job
    return structs.replace(job, targets=job.targets[:targets], summed=job.overview)


def among(job: Job, kinds: Collection[str] | None, status: Status | None) -> bool:
    """Whether a job is of these kinds and stands so; None: whatever it is."""
    return (kinds is None or job.kind in kinds) and status in (None, job.status)


def stands(job: Job) -> Stand:
    """How a job stands."""
    return "abandoned" if job.status == "running" and not job.held else job.status


def busy(job: Job) -> errors.JobBusy:
    """The error that names who holds the job."""
    who = "another process"
    if job.holder:
        # After the host's name come marks by which the program tells machines apart.
        who = f"process {job.holder.pid} on {job.holder.host.partition('/')[0]}"
    return errors.JobBusy(
        f"Job {job.id} is being run by {who}.",
        hint=f"Watch it with `ingather jobs watch {job.id}`, or end that process first.",
    )


def claimed(job: Job, holder: Holder, *, now: float, heed: bool = False) -> Job:
    """The job under a new lease. A failed one starts its attempts again: a person asked for it.
    heed: a wish that nobody granted is kept."""
    return structs.replace(
        job,
        fence=job.fence + 1,
        attempts=1 if job.status == "failed" else job.attempts + 1,
        status="csv_pending" if job.status == "csv_pending" else "running",
        reason=job.reason if job.status == "csv_pending" else None,
        holder=holder,
        held=True,
        wish=job.wish if heed else None,
        started_at=job.started_at or iso(now),
        finished_at=None,
    )


def asked(job: Job, wish: Wish, *, now: float) -> Job:
    """The job after a wish: at once where nobody holds it."""
    if not job.unfinished:
        raise errors.BadInput(f"Job {job.id} is {job.status}; there is nothing to {wish}.")
    if job.held:
        return structs.replace(job, wish=wish)
    job = structs.replace(job, wish=None)
    if wish == "pause" and job.status == "csv_pending":
        return job  # nothing is read any more, and its ending must not be forgotten
    if wish == "pause":  # which is no failed attempt
        return structs.replace(job, status="paused", reason="asked", attempts=0, due=None)
    return structs.replace(
        job,
        due=None,
        status="cancelled",
        reason="cancelled",
        error=Failure("Cancelled on request.", "cancelled"),
        finished_at=iso(now),
    )


def committed(
    job: Job,
    batch: Batch,
    *,
    appended: int,
    replies: int,
    new: int,
    refused: int,
    uniq_users: int,
) -> tuple[Job, Outcome]:
    """The job after a page, and what to answer; its targets are the store's to change."""
    old = job.counters
    end = batch.most_reason if refused else batch.end or (batch.idle_end if new == 0 else None)
    counters = Counters(
        fetched=old.fetched + batch.fetched,
        appended=old.appended + appended,
        skipped_dupes=old.skipped_dupes + batch.fetched - new,
        uniq_users=uniq_users,
        filtered=old.filtered + new - appended - refused,
        replies=old.replies + replies,
        refused=old.refused + refused,
        pages=old.pages + 1,
        calls=old.calls + batch.calls,
        retries=old.retries + batch.retries,
        parks=old.parks + batch.parks,
        waited=old.waited + batch.waited,
        repaired=old.repaired + batch.repaired,
        units=old.units + batch.units,
    )
    job = structs.replace(
        job,
        summed=job.summed and job.summed.after(batch.state),
        counters=counters,
        sequence=job.sequence + 1,
        attempts=0,
        error=None,
        status="csv_pending" if end else "running",
        reason=end,
    )
    outcome = Outcome(
        new=new,
        appended=appended,
        refused=refused,
        counters=counters,
        status=job.status,
        reason=end,
        wish=job.wish,
        target=batch.target,
    )
    return job, outcome


def _attempts(job: Job, status: Status, error: Failure | None) -> int:
    """To be paused is no failed attempt, however often it happens; nor is a job given back by a
    worker that ends."""
    if status == "paused":
        return 0
    freely = status == "pending" and error is None
    return max(0, job.attempts - 1) if freely else job.attempts


def settled(
    job: Job,
    status: Status,
    reason: str | None,
    error: Failure | None,
    file: File | None,
    spent: Counters,
    *,
    again: float | None,
    now: float,
) -> Job:
    """The job with its lease given back. Unless it is over, a wish goes before; but why people must
    see to a job stays told, rather than that they asked for a pause, too."""
    old = job.counters
    over = status in ("done", "failed", "cancelled")
    left = over or again is None or job.due is None
    given = structs.replace(
        job,
        status=status,
        reason=reason or job.reason,
        attempts=_attempts(job, status, error),
        error=error,
        file=file or job.file,
        finished_at=iso(now) if over else None,
        holder=None,
        held=False,
        wish=None,
        due=None if left else now + (again or 0.0),
        counters=structs.replace(
            old,
            calls=old.calls + spent.calls,
            retries=old.retries + spent.retries,
            parks=old.parks + spent.parks,
            waited=old.waited + spent.waited,
            units=old.units + spent.units,
        ),
    )
    if over or job.wish is None or (left and status == "paused" and job.wish == "pause"):
        return given
    return asked(given, job.wish, now=now)
