"""The jobs that a command speaks of, in whichever store they rest."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.job import Job, Status


async def every(here: "World", limit: int, status: "Status | None" = None) -> "list[Job]":
    """Jobs of every store, or those that stand so, newest first."""
    found: dict[str, Job] = {}
    for store in here.stores:
        for job in await store.list(limit=limit, status=status):
            if job.id not in found:  # else it was carried over from Redis, and is shown once
                here.found(job, store)
                found[job.id] = job
    return sorted(found.values(), key=lambda job: job.created_at, reverse=True)[:limit]


async def find(here: "World", wanted: str) -> "Job":
    """The job whose id begins so; an error that helps where there is none, or more than one."""
    from ingather import errors

    for store in here.stores:
        try:
            job = await store.show(wanted)
        except errors.JobNotFound:
            continue
        here.found(job, store)
        return job
    # Every id begins with nothing, which is what a shell's variable without a value is.
    matches = [job for job in await every(here, 1_000) if wanted and job.id.startswith(wanted)]
    if len(matches) == 1:
        return await here.store_of(matches[0]).show(matches[0].id)
    problem = f"There is no job {wanted or 'without an id'}"
    if matches:
        problem = f"{len(matches)} jobs begin with {wanted}"
    raise errors.JobNotFound(f"{problem}.", hint="`ingather jobs list` shows them.")
