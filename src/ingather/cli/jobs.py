"""`ingather jobs`: what runs, what waits, what is kept."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import export, filter_lists, options, queueing
from ingather.cli.run import confirmed, run, say, stoppable, world
from ingather.cli.texts import many

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.job import Job, Status, Wish

app = typer.Typer(no_args_is_help=True, help="What runs, what waits, what is kept.")


@app.command("list")
def list_(
    as_json: options.Json = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=options.MOST, metavar="N", help="At most so many.")
    ] = 50,
) -> None:
    """Jobs, newest first, with what expires when."""

    async def command() -> int:
        from ingather.cli import show, standing

        async with world() as here:
            jobs = await every(here, limit)
        if as_json:
            print(json.dumps([show.summary(job) for job in jobs], ensure_ascii=False))
        elif jobs:
            standing.job_table(jobs)
        else:
            say("There are no jobs yet. Begin with: ingather export comments POST -o comments.xlsx")
        return 0

    run(command)


@app.command("show")
def show_(job_id: options.JobId, as_json: options.Json = False) -> None:
    """One job and its receipt."""

    async def command() -> int:
        from ingather.cli import show

        async with world() as here:
            job = await find(here, job_id)
        print(show.as_json(job) if as_json else "\n".join(show.receipt_lines(job)))
        if not as_json:
            for line in show.unread_lines(job, show.MOST_SHOWN):
                say(line)
        if job.error and not as_json:
            say(f"Error: {job.error.message}")
        return 0

    run(command)


@app.command("watch")
def watch(job_id: options.JobId) -> None:
    """Follow a job that another process runs or will take up, until it stops."""

    async def command() -> int:
        import asyncio

        from ingather.cli import show, standing
        from ingather.cli.bar import Bar

        async with world() as here:
            job = await find(here, job_id)
            with Bar(job) as bar:
                while standing.goes_on(job):
                    bar.began(job)
                    await asyncio.sleep(0.5)
                    job = await here.store_of(job).show(job.id, targets=1)
                job = await here.store_of(job).show(job.id)
        print("\n".join(show.receipt_lines(job)))
        if job.status == "running":
            say(f"Its process has ended in the middle. To go on: {export.resume_line(job)}")
        return 0

    run(command)


@app.command("pause")
def pause(job_id: options.JobId) -> None:
    """Stop a job at its next page; it can be resumed."""

    async def command() -> int:
        async with world() as here:
            job = await _ask(here, job_id, "pause")
        now = job.status == "paused"
        say("Paused." if now else "It will pause after the page it is at.")
        say(f"To go on: {export.resume_line(job)}")
        return 0

    run(command)


@app.command("cancel")
def cancel(job_id: options.JobId) -> None:
    """End a job for good; what it collected can still be saved."""

    async def command() -> int:
        async with world() as here:
            job = await _ask(here, job_id, "cancel")
        over = job.status == "cancelled"
        say("Cancelled." if over else "It will end after the page it is at.")
        return 0

    run(command)


@app.command("resume")
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
    budget: options.Budget = None,
    no_wait: options.NoWait = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> None:
    """Go on with a job where it stopped. One that failed is tried again."""

    async def command() -> int:
        async with world() as here:
            if paused is not None or job_id is None:
                return await _queue_all(here, job_id, paused)
            job = await find(here, job_id)
            if no_wait:
                await here.collection_of(job).release(job)
                return await queueing.queue(here, job, as_json=as_json)
        job.claimable()  # before a sandbox is started for it in vain
        async with world(sandbox=job.options.sandbox) as here, stoppable(budget) as stop:
            await here.learn_rate(job.source)
            fetcher = here.collection_of(job).fetcher()
            return await export.run_job(
                here, job, fetcher, stop=stop, strict=strict, as_json=as_json
            )

    run(command)


@app.command("save")
def save(
    job_id: options.JobId,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output.")
    ],
    format: options.Format = None,
    raw_csv: options.RawCsv = False,
    filters: options.Filters = None,
) -> None:
    """Write what a job has kept, in any format, without fetching anything.

    \b
    Example:
      ingather jobs save 7683 --filter verified=yes -o verified.xlsx
    """

    async def command() -> int:
        from msgspec import structs

        async with world() as here:
            job = await find(here, job_id)
            chosen = await filter_lists.chosen(here, filters or (), job.kind)
            path = export.path_of(output)
            assert path is not None
            if path == "-":
                wanted = structs.replace(job.options, format=format, raw_csv=raw_csv)
                await export.to_stdout(here, structs.replace(job, options=wanted), chosen)
            else:
                file = await here.collection_of(job).save(
                    job, path, format, raw_csv=raw_csv, chosen=chosen
                )
                say(f"{many(file.rows, 'rows')} in {file.path}")
        if job.status != "done":
            then = "" if job.status == "cancelled" else f" To go on: {export.resume_line(job)}"
            say(f"This is partial: the job is {job.status}.{then}")
        return 0

    run(command)


@app.command("delete")
def delete(
    job_id: options.JobId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a job and every row it kept. Files already saved stay."""

    async def command() -> int:
        from ingather import errors

        async with world() as here:
            try:
                job = await find(here, job_id)
                found, rows = job.id, f"{job.counters.appended:,}"
            except (errors.DamagedRecord, errors.StateLost):
                job, found, rows = None, job_id, "unreadable"
            if not yes and not confirmed(f"Delete job {found} and its {rows} rows?"):
                return 1
            if job is not None:
                await here.collection_of(job).release(job)
                await here.store_of(job).delete(found)
            else:
                await delete_unread(here, found)
        say("Deleted.")
        return 0

    run(command)


async def every(here: "World", limit: int, status: "Status | None" = None) -> "list[Job]":
    """Jobs of every store, or those that stand so, newest first."""
    # One that was carried over from Redis is in both, and is shown once.
    found = {
        job.id: job for store in here.stores for job in await store.list(limit=limit, status=status)
    }
    return sorted(found.values(), key=lambda job: job.created_at, reverse=True)[:limit]


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


async def delete_unread(here: "World", job_id: str) -> None:
    """Delete a job that cannot be read, in whichever store it is."""
    from ingather import errors

    for store in here.stores:
        try:
            await store.delete(job_id)
        except errors.JobNotFound:
            continue


async def _ask(here: "World", job_id: str, wish: "Wish") -> "Job":
    job = await find(here, job_id)
    await here.collection_of(job).release(job)
    return await here.store_of(job).ask(job.id, wish)


async def find(here: "World", wanted: str) -> "Job":
    """The job whose id begins so; an error that helps where there is none, or more than one."""
    from ingather import errors

    for store in here.stores:
        try:
            return await store.show(wanted)
        except errors.JobNotFound:
            continue
    # Every id begins with nothing, which is what a shell's variable without a value is.
    matches = [job for job in await every(here, 1_000) if wanted and job.id.startswith(wanted)]
    if len(matches) == 1:
        return await here.store_of(matches[0]).show(matches[0].id)
    problem = f"There is no job {wanted or 'without an id'}"
    if matches:
        problem = f"{len(matches)} jobs begin with {wanted}"
    raise errors.JobNotFound(f"{problem}.", hint="`ingather jobs list` shows them.")
