"""`ingather jobs resume`: a job goes on, under other limits where they are named; or many queue."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import export, money, options, queueing, reel_steps
from ingather.cli.finding import every, find
from ingather.cli.run import run, say, stoppable, world

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.job import Job
    from ingather.features.amending import Amended


def resume(
    job_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="A job's id, or as much as is unique.")
    ] = None,
    paused: Annotated[
        str | None,
        typer.Option(
            "--paused",
            metavar="REASON",
            help="Instead of one: queue every job paused for this reason, as no_balance.",
        ),
    ] = None,
    output: options.Output = None,
    limit: options.Rows = None,
    cap: options.Cap = None,
    max_calls: options.MaxCalls = None,
    max_cost: options.MaxCost = None,
    budget: options.Budget = None,
    format: options.Format = None,
    raw_csv: options.RawCsv = False,
    no_wait: options.NoWait = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> None:
    """Go on with a job where it stopped. One that failed is tried again.

    What is not said stays as it was when the job was begun.
    """

    async def command() -> int:
        from msgspec import structs

        from ingather import errors
        from ingather.features.amending import Amended, amended

        wanted = Amended(
            limit=limit,
            cap=cap,
            max_calls=max_calls,
            output=export.path_of(output),
            format=format,
            raw_csv=raw_csv or None,
        )
        async with world() as here:
            if paused is not None or job_id is None:
                if wanted != Amended() or max_cost is not None or budget is not None:
                    raise errors.BadInput(
                        "Files and limits are of one job.", hint="Resume it by its id."
                    )
                return await _queue_all(here, job_id, paused)
            job = await find(here, job_id)
            if job.wish is not None and job.unfinished:
                job = await here.queue_of(job).enqueue(job.id)
                say("What was asked of it before, and not yet done, is forgotten.")
        job.claimable()  # before a sandbox is started for it in vain
        report: tuple[str | None, str] = None, ""
        if job.kind == "analysis" and not no_wait:
            report = await reel_steps.file_of(output, format, job.owner.username)
            wanted = structs.replace(wanted, output=None, format=None, raw_csv=None)
        await _check(job, wanted, no_wait=no_wait)
        async with world(sandbox=job.options.sandbox) as here, stoppable(budget) as stop:
            job = await find(here, job.id)
            units = await money.units(here, job.kind, job.source, max_cost)
            wanted = structs.replace(wanted, max_units=units)
            job = await amended(here.store_of(job), job, wanted)
            if no_wait:
                await here.collection_of(job).release(job)
                return await queueing.queue(here, job, as_json=as_json)
            if job.kind == "analysis":
                told = {"raw_csv": raw_csv, "as_json": as_json}
                return await reel_steps.go_on(here, job, stop, report, **told)
            fetcher = here.collection_of(job).fetcher()
            return await export.run_job(
                here, job, fetcher, stop=stop, strict=strict, as_json=as_json
            )

    run(command)


async def _check(job: "Job", wanted: "Amended", *, no_wait: bool) -> None:
    """Raise for what this job has not, and for a file that cannot be made of it, before anything is
    fetched for it."""
    from ingather import errors
    from ingather.features import collection

    if wanted.cap is not None and job.kind != "comments":
        raise errors.BadInput("Comment exports alone have a cap.", hint="Use --max.")
    path, format = wanted.output, wanted.format
    if path is None and format is None and wanted.raw_csv is None:
        return
    if job.kind == "analysis":
        raise errors.BadInput(
            "Workers write no file of an analysis.",
            hint=f"Once it is done: ingather jobs save {job.id[:8]} -o report.html",
        )
    path = path or job.options.output
    collection.check_file(path, format)
    await queueing.check_path(path, "rows.csv", no_wait=no_wait)


async def _queue_all(here: "World", job_id: str | None, reason: str | None) -> int:
    """Queue every job that is paused for a reason, oldest first."""
    from typing import get_args

    from ingather import errors
    from ingather.domain.job import Pause

    if job_id is not None or reason is None:
        raise errors.BadInput("Which job?", hint="Name its id, or --paused REASON for many.")
    if reason not in get_args(Pause):
        raise errors.BadInput(
            f"No job is paused for {reason!r}.", hint=f"There are {', '.join(get_args(Pause))}."
        )
    found = [job for job in await every(here, 100_000, "paused") if job.reason == reason]
    return await queueing.queue_all(here, found)
