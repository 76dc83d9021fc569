"""How jobs stand, in words: who runs them, what they wait for."""

from collections.abc import Sequence

from ingather.domain.instants import iso
from ingather.domain.job import Job


def alive(job: Job) -> bool | None:
    """Whether whoever runs a job lives; None where nobody does."""
    from ingather.engine import lease

    return lease.alive(job)


def goes_on(job: Job) -> bool:
    """Whether somebody runs the job, or a worker will by itself."""
    if not job.unfinished:
        return False
    return job.due is not None or alive(job) is True


def words(job: Job) -> str:
    """How a job stands, in words."""
    if alive(job) is False:
        return "waiting for a worker" if job.due is not None else "abandoned: its process has ended"
    if job.due is not None:
        if job.status == "pending":
            return "waiting for a worker"
        if job.status == "paused":
            return f"paused ({job.reason}) until {iso(job.due)[11:19]}"
    return f"{job.status} ({job.reason})" if job.reason else job.status


def job_table(jobs: Sequence[Job]) -> None:
    """The list of jobs, for a terminal or a pipe."""
    from ingather.cli import show, tables

    columns = {"id": "", "kind": "", "of": "", "status": "fold", "rows": "right", "started": ""}
    rows = [
        [
            job.id[:8],
            job.kind,
            show.name(job),
            words(job),
            f"{job.counters.appended:,}",
            job.created_at[:16].replace("T", " "),
        ]
        for job in jobs
    ]
    if any(job.expires_at for job in jobs):
        columns["expires"] = ""
        for row, job in zip(rows, jobs, strict=True):
            row.append((job.expires_at or "never")[:10])
    tables.table(columns, rows)
