"""What `--no-wait` does: leaves a job to the workers."""

from pathlib import Path
from typing import TYPE_CHECKING

from ingather.cli.run import program, say
from ingather.cli.texts import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingather.assembly import World
    from ingather.domain.job import Job


async def check_path(path: str | None, default: str, *, no_wait: bool) -> None:
    """Raise for a file that cannot be made, before anything is fetched for it."""
    from ingather import errors
    from ingather.exports import files

    if path == "-" and no_wait:
        raise errors.BadInput(
            "Nobody waits for the rows on standard output with --no-wait.",
            hint="Name a file, or none and use `ingather jobs save` when it is done.",
        )
    if path not in (None, "-") or (path is None and not no_wait):
        await files.check_writable(path or Path.cwd() / default)


async def queue(here: "World", job: "Job", *, as_json: bool) -> int:
    """Leave a job to the workers and say how to follow it."""
    from ingather.cli import show

    job = await here.queue_of(job).enqueue(job.id)
    print(show.as_json(job) if as_json else job.id)
    say(f"Queued for `{program()} worker`. To follow it: {program()} jobs watch {job.id[:8]}")
    if job.options.output in (None, "-"):  # workers write to no standard output
        say(f"For a file, once it is done: {program()} jobs save {job.id[:8]} -o FILE")
    return 0


async def queue_all(here: "World", jobs: "Sequence[Job]") -> int:
    """Leave them all to the workers, the last of the list first."""
    for job in reversed(jobs):
        await here.queue_of(job).enqueue(job.id)
    say(f"{many(len(jobs), 'jobs')} queued for `{program()} worker`.")
    return 0
