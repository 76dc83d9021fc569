"""The names of a job's keys, and how long each outlives it (seeds: data-models.md).

The first four and the two indexes of media and user are the seeds', to the letter; the others
are ours and stand beside them. Nothing of a job expires while it is unfinished.
"""

from datetime import datetime

from ingather.domain.job import Job

DAY_MS = 86_400_000
RECORD_MS = 7 * DAY_MS
ROWS_MS = 3 * DAY_MS
INDEX_MS = 14 * DAY_MS

JOBS = "igexp:index:jobs"
"""Sorted set of all jobs of ours, by the time of their creation in milliseconds."""

TENANTS = "igexp:index:tenants"
"""Sorted set of those who have had jobs in the queue, by when one was last taken up."""

QUEUE = "igexp:index:queue:"
"""A tenant's queued jobs, sorted by `place`."""

TENANT_INDEX = "igexp:index:tenant:"
"""A tenant's jobs, sorted as JOBS."""

MEDIA_INDEX = "igexp:index:media:"
USER_INDEX = "igexp:index:user:"
OPEN_INDEX = "igexp:index:open:"


def of(job_id: str) -> tuple[str, str, str, str, str, str]:
    """Record, rows, ids seen, users, job, cursors seen."""
    base = f"igexp:{job_id}"
    return (
        base,
        f"{base}:comments",
        f"{base}:dedupe:comments",
        f"{base}:hll:users",
        f"{base}:job",
        f"{base}:cursors",
    )


def with_indexes(job: Job) -> tuple[str, ...]:
    """The same, then the indexes of media, user and open jobs, then that of all jobs, the queue
    of its tenant, the tenants, and the tenant's jobs."""
    return (
        *of(job.id),
        MEDIA_INDEX + job.target.id,
        USER_INDEX + job.owner.instagram_id,
        OPEN_INDEX + job.key,
        JOBS,
        QUEUE + job.tenant,
        TENANTS,
        TENANT_INDEX + job.tenant,
    )


def created_ms(job: Job) -> int:
    """When the job was created, epoch milliseconds."""
    return int(datetime.fromisoformat(job.created_at).timestamp() * 1000)


def place(job: Job) -> int | str:
    """Where a job stands in its tenant's queue: by priority, then by age. Empty: nowhere."""
    if job.due is None or not job.unfinished:
        return ""
    return created_ms(job) - max(-1_000, min(1_000, job.priority)) * 4_000_000_000_000
