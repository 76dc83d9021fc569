"""`ingather analyze`: which reels of an account work, when, and with what."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import options
from ingather.cli.run import INTERRUPTED, PAUSED, nowhere, run, say, stoppable, world

if TYPE_CHECKING:
    from datetime import tzinfo

    from ingather.assembly import World
    from ingather.domain.job import Job
    from ingather.engine.stop import Stop
    from ingather.exports.reel_files import Story
    from ingather.features.analyses import Reels, Wanted


def analyze(
    username: Annotated[
        str, typer.Argument(metavar="USERNAME", help="@name, name or the address of a profile.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=options.file,
            help="Where to; its ending picks the format: .html .pdf .csv .json .xlsx, and .gz on"
            " .csv and .json. In a folder the name tells account and time. - is standard output.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="html, pdf, csv, json or xlsx."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DAY", help="Only reels from then on, as 2026-01-31."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="At most N reels.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="graph or hiker, and that one alone.")
    ] = None,
    no_fill: Annotated[
        bool, typer.Option("--no-fill", help="Leave gaps: ask HikerAPI, which costs, for nothing.")
    ] = False,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="FILTER", help="Only reels that pass; may be repeated."),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option("--fields", metavar="NAMES", help="Columns of the file, comma-separated."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--tz", metavar="ZONE", help="Of hours and weekdays, as Europe/Berlin."),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option("--compare", metavar="USERNAME", help="With up to four more; repeatable."),
    ] = None,
    collaborations: Annotated[
        bool, typer.Option("--collaborations", help="Count reels made with other accounts too.")
    ] = False,
    budget: options.Budget = None,
    raw_csv: options.RawCsv = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Fetch anew even if an analysis is still fresh.")
    ] = False,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Analyse the reels of an account: how they do, when, and what helps.

    Ctrl-C, a crash or a power cut lose nothing: the same command goes on where it stopped.

    \b
    Examples:
      ingather analyze @natgeo -o report.html
      ingather analyze natgeo --since 2026-01-01 --compare bbcearth -o reels.xlsx
      ingather analyze reels --sandbox -o report.html
    """

    async def command() -> int:
        from ingather import errors
        from ingather.domain import receipt
        from ingather.domain.analysis import MOST_COMPARED
        from ingather.domain.names import username as account
        from ingather.exports import files, reel_files
        from ingather.exports.reel_files import Story
        from ingather.features import voices
        from ingather.features.analyses import Wanted

        path, ending = _file(output, format, username)
        if fields and ending in (".html", ".pdf"):
            raise errors.BadInput(
                "--fields picks columns, and a report has none.",
                hint="Leave it out, or name a file that ends in .csv, .json or .xlsx.",
            )
        columns = reel_files.layout(fields)
        where, where_name = _zone(zone)
        if path not in (None, "-"):
            await files.check_writable(path, receipt=False)
        names = [username, *(compare or [])]
        if len(names) > MOST_COMPARED:
            raise errors.BadInput(
                f"{len(names)} accounts are too many.", hint=f"Compare up to {MOST_COMPARED}."
            )
        async with world(sandbox=sandbox) as here, stoppable(budget) as stop:
            voice = voices.of_analysis(source, ready=here.reach())
            await here.learn_rate(voice)
            fill = voice == "graph" and source is None and not no_fill and "hiker" in here.reach()
            reels = here.analyses(voice, fill=fill)
            stories: list[Story] = []
            for name in dict.fromkeys(map(account, names)):
                wanted = Wanted(
                    username=name,
                    since=since,
                    limit=limit,
                    filters=tuple(filters or ()),
                    fresh=fresh,
                    sandbox=sandbox,
                )
                job = await _run(here, reels, wanted, stop=stop, quiet=as_json)
                if job.status == "paused":
                    return _paused(stop)
                filled = await reels.filled(job)
                report = await reels.report(job, where, where_name, collaborations=collaborations)
                rows = await reels.rows(report) if path is not None and not stories else ()
                stories.append(
                    Story(
                        analysis=report.analysis,
                        rows=rows,
                        receipt=receipt.of_sources(job, filled),
                        change=report.change,
                    )
                )
            return _hand_over(
                stories, path, ending, columns=columns, raw_csv=raw_csv, as_json=as_json
            )

    run(command)


def _file(output: str | None, format: str | None, username: str) -> tuple[str | None, str]:
    """The file as an absolute path, and its format; no file where none was asked for."""
    from datetime import UTC, datetime

    from ingather.domain import names
    from ingather.exports import reel_files

    name = names.username(username)
    if output is None:
        if format is None:
            return None, ""
        output = "."
    if output == "-":
        ending = reel_files.ending_of("reels.csv", format)
        reel_files.check_streams(ending)
        return output, ending
    path = Path(output).expanduser().absolute()
    if path.is_dir():
        ending = reel_files.ending_of("reels.html", format)
        at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        return str(path / f"{name}-{at}{ending}"), ending
    return str(path), reel_files.ending_of(str(path), format)


def _zone(name: str | None) -> "tuple[tzinfo, str]":
    """The time zone, and what it is called; that of this computer where none is named."""
    from zoneinfo import ZoneInfo

    from ingather import errors

    if name is None:
        from ingather.cli.local_zone import Local

        here = Local()
        return here, here.name
    try:
        return ZoneInfo(name), name
    except (KeyError, ValueError, OSError):
        raise errors.BadInput(
            f"There is no time zone {name!r}.", hint="Name one as Europe/Berlin or UTC."
        ) from None


async def _run(
    here: "World", reels: "Reels", wanted: "Wanted", *, stop: "Stop", quiet: bool
) -> "Job":
    """The job at its end, or as far as it came."""
    from ingather import errors
    from ingather.cli.bar import Bar
    from ingather.cli.run import program
    from ingather.domain.kinds import FILLED
    from ingather.features.filling import MOST_UNITS

    if not wanted.fresh and (recent := await reels.recent(wanted)) is not None:
        say(
            f"Reusing the analysis of @{recent.targets[0].words} made at"
            f" {recent.finished_at}; --fresh makes a new one."
        )
        return recent
    job = await reels.start(wanted)
    if job.route != reels.route:
        reels = here.analyses(job.source, route=job.route)  # it goes on as it was begun
    if job.sequence:
        say(f"Going on with job {job.id}: {job.counters.appended:,} reels are here already.")
    elif job.route.endswith(FILLED):
        say(
            f"Gaps such as lengths are filled from HikerAPI, for at most {MOST_UNITS} paid units an"
            " account; --no-fill leaves them."
        )
    try:
        with Bar(job, quiet=quiet) as bar:
            return await reels.run(job, reels.fetcher(), stop=stop, watch=bar)
    except errors.IngatherError:
        if job.sequence or (await reels.show(job.id)).unfinished:
            say(f"Everything so far is kept. To go on: {program()} jobs resume {job.id[:8]}")
        raise


def _paused(stop: "Stop") -> int:
    say("Everything so far is kept. Run the same command again to go on.")
    return INTERRUPTED if stop.signal == signal.SIGINT else PAUSED


def _hand_over(
    stories: "list[Story]",
    path: str | None,
    ending: str,
    *,
    columns: object,
    raw_csv: bool,
    as_json: bool,
) -> int:
    """Write the file, and say on standard output what was found."""
    from msgspec import structs

    from ingather import errors
    from ingather.cli import reel_words
    from ingather.exports import reel_files

    story = structs.replace(stories[0], others=[each.analysis for each in stories[1:]])
    file = None
    if path == "-":
        try:
            reel_files.pour(story, sys.stdout.buffer, ending, columns=columns, raw_csv=raw_csv)  # type: ignore[arg-type]
        except errors.StorageFull:
            nowhere()
            raise
        words = [reel_words.as_json(story, None)] if as_json else reel_words.summary(story)
        say("\n".join(words))
        return 0
    if path is not None:
        file = reel_files.save(story, path, ending, columns=columns, raw_csv=raw_csv)  # type: ignore[arg-type]
    if as_json:
        print(reel_words.as_json(story, file))
    else:
        print("\n".join(reel_words.summary(story)))
        if file is not None:
            print(f"\nFile: {file.path} ({file.size_bytes:,} bytes, SHA-256 {file.sha256[:16]}…)")
    return 0
