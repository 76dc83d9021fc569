"""`ingather jobs`: what runs, what waits, what is kept."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import export, filter_lists, options, reel_steps
from ingather.cli.finding import every, find
from ingather.cli.resume import resume
from ingather.cli.run import confirmed, run, say, world
from ingather.cli.texts import many

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.job import Job, Wish

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
        from ingather.cli import show, standing
        from ingather.doorway import Doorway

        async with world() as here:
            job = await find(here, job_id)
            hook = await Doorway(here).webhooks.of(job)
        print(show.as_json(job, hook) if as_json else "\n".join(show.receipt_lines(job)))
        if not as_json and job.due is None and standing.alive(job) is False:
            say(f"Its process has ended. To go on: {export.resume_line(job)}")
        if not as_json:
            for line in show.unread_lines(job, show.MOST_SHOWN):
                say(line)
        if job.error and not as_json:
            say(f"Error: {job.error.message}")
        if hook is not None and not as_json:
            say(show.webhook_line(hook))
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


app.command("resume")(resume)


@app.command("save")
def save(
    job_id: options.JobId,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=options.file,
            help="Where to; - is standard output.",
        ),
    ],
    format: options.Format = None,
    raw_csv: options.RawCsv = False,
    filters: options.Filters = None,
) -> None:
    """Write what a job has kept, in any format, without fetching anything.

    \b
    Example:
      ingather jobs save 7683 --filter verified=yes -o verified.xlsx
      ingather jobs save 9f77 -o report.html        # of an analysis
    """

    async def command() -> int:
        from msgspec import structs

        async with world() as here:
            job = await find(here, job_id)
            chosen = await filter_lists.chosen(here, filters or (), job.kind)
            path = export.path_of(output)
            assert path is not None
            if job.kind == "analysis" and reel_steps.is_report(path, format):
                file = await reel_steps.report(here, job, path, format, chosen=bool(chosen))
                say("The report is written." if path == "-" else f"The report is {file.path}.")
            elif path == "-":
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
