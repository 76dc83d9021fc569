"""The names of a job's keys, and how long each outlives it (seeds: data-models.md).

The first four and the two indexes of media and user are the seeds', to the letter; the others
are ours and stand beside them. Nothing of a job expires while it is unfinished.
"""

from ingather.domain.job import Job

DAY_MS = 86_400_000
RECORD_MS = 7 * DAY_MS
ROWS_MS = 3 * DAY_MS
INDEX_MS = 14 * DAY_MS

JOBS = "igexp:index:jobs"
"""Sorted set of all jobs of ours, by the time of their creation in milliseconds."""

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
    """The same, then the indexes of media, user and open jobs, then that of all jobs."""
    return (
        *of(job.id),
        MEDIA_INDEX + job.target.id,
        USER_INDEX + job.owner.instagram_id,
        OPEN_INDEX + job.key,
        JOBS,
    )
