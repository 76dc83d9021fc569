"""`ingather analyze`: which reels of an account work, when, and with what."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import numbers, options
from ingather.cli.reel_steps import cut_short, file_of, hand_over, read_or_reuse, story_of, zone_of
from ingather.cli.run import run, stoppable, world

if TYPE_CHECKING:
    from ingather.exports.reel_files import Story


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
        int | None,
        typer.Option("--max", parser=numbers.whole(), metavar="N", help="At most N reels."),
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
        from ingather.domain.analysis import MOST_COMPARED
        from ingather.domain.names import username as account
        from ingather.exports import reel_files
        from ingather.features import voices
        from ingather.features.analyses import Wanted

        path, ending = await file_of(output, format, username)
        if fields and ending in (".html", ".pdf"):
            raise errors.BadInput(
                "--fields picks columns, and a report has none.",
                hint="Leave it out, or name a file that ends in .csv, .json or .xlsx.",
            )
        columns = reel_files.layout(fields)
        hours = zone_of(zone)
        names = [username, *(compare or [])]
        if len(names) > MOST_COMPARED:
            raise errors.BadInput(
                f"{len(names)} accounts are too many.", hint=f"Compare up to {MOST_COMPARED}."
            )
        async with world(sandbox=sandbox) as here, stoppable(budget) as stop:
            voice = voices.of_analysis(source, ready=here.reach())
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
                job = await read_or_reuse(here, reels, wanted, stop=stop, quiet=as_json)
                if job.status != "done":
                    return cut_short(job, stop)
                first = path is not None and not stories
                stories.append(
                    await story_of(reels, job, hours, collaborations=collaborations, rows=first)
                )
            return hand_over(
                stories, path, ending, columns=columns, raw_csv=raw_csv, as_json=as_json
            )

    run(command)
