"""`ingather export`: a post's comments to a file, without losing a row."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ingather.cli import options, queueing
from ingather.cli.run import (
    INTERRUPTED,
    PAUSED,
    nowhere,
    program,
    run,
    say,
    say_result,
    stoppable,
    world,
)
from ingather.cli.texts import many

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from ingather import errors
    from ingather.assembly import World
    from ingather.domain.filter_kinds import Filter
    from ingather.domain.job import Job
    from ingather.engine.backoff import Fetcher
    from ingather.engine.stop import Stop
    from ingather.features.comments import Wanted

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Collect, and hand over as a file.")


@app.callback()
def root() -> None:
    """Collect, and hand over as a file."""


@app.command("comments")
def comments(
    post: Annotated[
        str,
        typer.Argument(
            metavar="POST", help="A media id, a shortcode, or the address of a post or reel."
        ),
    ],
    output: options.Output = None,
    replies: Annotated[
        bool, typer.Option("--replies/--no-replies", help="Collect replies too.")
    ] = True,
    limit: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Keep at most N comments.")
    ] = None,
    cap: options.Cap = None,
    budget: options.Budget = None,
    format: options.Format = None,
    raw_csv: options.RawCsv = False,
    since_last: Annotated[
        bool,
        typer.Option(
            "--since-last",
            help="Only what is newer than the last finished export of this post. New replies"
            " under older comments are not looked for, unless --look-back says how far.",
        ),
    ] = False,
    look_back: Annotated[
        str | None,
        typer.Option(
            "--look-back",
            metavar="TIME",
            help="With --since-last: read the comments of so long ago again, as 7d or 12h, for"
            " new replies under them. One call for 50 comments.",
        ),
    ] = None,
    fresh: options.Fresh = False,
    no_wait: options.NoWait = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Export the comments of one of your own posts.

    Ctrl-C, a crash or a power cut lose nothing: the same command goes on where it stopped.

    \b
    Examples:
      ingather export comments https://www.instagram.com/p/CtZs0Y3v2lx/ -o comments.xlsx
      ingather export comments CtZs0Y3v2lx --no-replies --format jsonl -o - | wc -l
      ingather export comments demo --sandbox -o comments.csv
    """

    async def command() -> int:
        from ingather.domain import instants
        from ingather.features.collection import check_file
        from ingather.features.comments import Wanted

        path = path_of(output)
        await queueing.check_path(path, "comments.csv", no_wait=no_wait)
        check_file(path, format)
        back = None if look_back is None else int(instants.span(look_back))
        async with world(sandbox=sandbox) as here:
            wanted = Wanted(
                post=here.names.get(post.strip(), post),
                path=path,
                format=format,
                raw_csv=raw_csv,
                replies=replies,
                limit=limit,
                cap=cap or here.settings.comments_cap,
                fresh=fresh,
                since_last=since_last,
                look_back=back,
                sandbox=sandbox,
            )
            if no_wait:
                from ingather.cli.waiting import LookUp

                fetcher = here.comments.fetcher()
                fetcher.watch = LookUp()
                return await queueing.queue(
                    here, await here.comments.start(wanted, fetcher), as_json=as_json
                )
            return await _export(here, wanted, budget=budget, strict=strict, as_json=as_json)

    run(command)


async def _export(
    here: "World", wanted: "Wanted", *, budget: float | None, strict: bool, as_json: bool
) -> int:
    from ingather.cli.waiting import LookUp
    from ingather.domain import posts

    fetcher = here.comments.fetcher()
    fetcher.watch = LookUp()
    reading = posts.read(wanted.post)
    if wanted.post not in here.names.values() and (reading.media_id or reading.number):
        say(f"Read as {reading.describe()}.")
    async with stoppable(budget) as stop:
        job = await started(here.comments.start(wanted, fetcher), stop)
        if job is None:
            return not_begun(stop)
        if wanted.since_last and job.options.since_time is None and not job.sequence:
            say("No export of this post has been read to its end: everything is fetched.")
        _announce(job, await here.comments.rereading(job))
        return await run_job(here, job, fetcher, stop=stop, strict=strict, as_json=as_json)


async def started(start: "Coroutine[Any, Any, T]", stop: "Stop") -> T | None:
    """What is needed before a job runs, or None where a signal or the budget came before it."""
    from ingather.engine.stop import Stopped

    try:
        return await stop.within(start)
    except Stopped:
        return None


def not_begun(stop: "Stop") -> int:
    """Say that nothing was collected; the exit code."""
    spent = "The budget was spent" if stop.reason == "budget" else "Stopped"
    say(f"{spent} before this run collected anything. Run the same command again.")
    return INTERRUPTED if stop.signal == signal.SIGINT else PAUSED


def _announce(job: "Job", rereading: int | None) -> None:
    """What is about to happen: a job that goes on, or an estimate of a long one. rereading: calls
    for older comments."""
    from ingather.features.comments import estimate

    if job.sequence:
        say(f"Going on with job {job.id}: {many(job.counters.appended, 'comments')} here already.")
    if job.options.since_time:
        say(f"Only what is newer than {job.options.since_time}.")
    if rereading is not None:
        calls = many(rereading, "calls")
        say(f"Comments since {job.down_to} are read again for new replies: about {calls}.")
    expected = estimate(job)
    if expected.most is not None and expected.most > 20 and not job.options.since_time:
        calls = many(expected.least or 0, "calls", expected.most)
        say(
            f"{expected.declared:,} comments are declared: about {calls}, and waits only where"
            " Instagram asks for them."
        )


async def run_job(
    here: "World",
    job: "Job",
    fetcher: "Fetcher",
    *,
    stop: "Stop",
    strict: bool,
    as_json: bool,
) -> int:
    """Run a job that exists, and say how it stands then; its exit code."""
    from ingather import errors
    from ingather.cli.bar import Bar

    try:
        with Bar(job, quiet=as_json) as bar:
            collection = here.collection_of(job)
            job = await collection.run(job, fetcher, stop=stop, watch=bar)
    except errors.IngatherError as failure:
        return await _broken(here, job, failure, as_json=as_json)
    if job.status == "done" and job.options.output == "-":
        await to_stdout(here, job)
    tell(job, as_json=as_json)
    if job.status in ("paused", "pending"):  # pending: queued by somebody while it was paused
        say(f"Everything so far is kept. To go on: {resume_line(job)}")
        return INTERRUPTED if stop.signal == signal.SIGINT else PAUSED
    if job.status == "cancelled" or job.reason == "unreachable":
        return 1
    from ingather.domain import receipt

    return 1 if strict and receipt.complete(job) is False else 0


async def _broken(
    here: "World", job: "Job", failure: "errors.IngatherError", *, as_json: bool
) -> int:
    """Say what went wrong, what is kept, and how to go on; then the exit code."""
    from msgspec import structs

    from ingather import errors

    if isinstance(failure, (errors.JobBusy, errors.LeaseLost, errors.JobNotFound)):
        raise failure
    say(f"Error: {failure}")
    try:
        job = await here.store_of(job).show(job.id)
    except errors.StoreError:
        return failure.exit_code
    # This process is done with it, also where the store could not be told so.
    tell(structs.replace(job, holder=None), as_json=as_json)
    if job.unfinished:
        say(f"Everything so far is kept. To go on: {resume_line(job)}")
        return failure.exit_code if failure.exit_code == 2 else PAUSED
    if job.counters.appended:
        say(f"What was collected is kept: {program()} jobs save {job.id[:8]} -o FILE")
    if job.error is None or job.error.code != errors.StateLost.code:
        say(f"To try again: {resume_line(job)}")
    return failure.exit_code


def tell(job: "Job", *, as_json: bool) -> None:
    """The receipt: one object on standard output, or words; beside data on stderr."""
    from ingather.cli import show

    if as_json:
        print(show.as_json(job), file=sys.stderr if job.options.output == "-" else sys.stdout)
    else:
        beside = job.status == "done" and job.options.output != "-"
        (say_result if beside else say)("\n".join(show.receipt_lines(job)))
    for warning in show.warnings(job):
        say(f"Note: {warning}")


async def to_stdout(here: "World", job: "Job", chosen: "Sequence[Filter]" = ()) -> None:
    """The rows that pass and nothing else."""
    from ingather import errors
    from ingather.exports import files
    from ingather.features.collection import envelope, layout

    try:
        fmt = files.format_of("comments.csv", job.options.format)
        files.check_streams(fmt)
        await files.pour(
            sys.stdout.buffer,
            fmt,
            here.collection_of(job).stream(job, chosen),
            columns=layout(job),
            envelope=envelope(job, chosen),
            raw_csv=job.options.raw_csv,
        )
    except errors.StorageFull as full:
        nowhere()
        hint = f"What was collected is kept: {program()} jobs save {job.id[:8]} -o FILE"
        raise errors.StorageFull(full.message, hint=hint) from None


def resume_line(job: "Job") -> str:
    """The shortest command that goes on with a job."""
    return f"{program()} jobs resume {job.id[:8]}"


def path_of(output: str | None) -> str | None:
    """The file as an absolute path; - stays what it is."""
    if output is None or output == "-":
        return output
    return str(Path(output).expanduser().absolute())
