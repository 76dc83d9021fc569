"""Options that several commands share, said once. A span of time says its unit (`cli.numbers`):
where a number alone is taken, the option is called SECONDS."""

from typing import Annotated

import typer

from ingather.cli import numbers
from ingather.cli.run import writable

Sandbox = Annotated[
    bool,
    typer.Option(
        "--sandbox",
        help="Play Instagram on this machine: no account, nothing leaves. Try the post `demo`.",
    ),
]
CLOSED = "Standard output is closed."


def printed(value: bool) -> bool:
    """Refused where there is no standard output, before anything is done whose result is lost."""
    if value and not writable():
        raise typer.BadParameter(CLOSED)
    return value


Json = Annotated[
    bool,
    typer.Option("--json", callback=printed, help="Print one JSON object instead of words."),
]


def file(value: str | None) -> str | None:
    """The file that was named; standard output by whatever name is -: no file can take its place,
    and what goes there is written as it comes. One that is closed is refused before anything is
    fetched for it."""
    if value not in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        return value
    if not writable():
        raise typer.BadParameter(f"{CLOSED} Name a file.")
    return "-"


Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=file,
        help="Where to; its ending picks the format: .csv .xlsx .json .jsonl .parquet, and .gz"
        " on the text ones. `-` is standard output.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="csv, xlsx, json, jsonl or parquet, whatever the file is called.",
    ),
]
RawCsv = Annotated[
    bool, typer.Option("--raw-csv", help="CSV for machines: no BOM, no formula escaping.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 when rows are missing.")]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Queue it for `ingather worker`, print its id and return."),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FILTER",
        help="Keep only what passes, as private=no or likes>=100; may be repeated.",
    ),
]
JobId = Annotated[
    str, typer.Argument(metavar="ID", help="A job's id, or as much of it as is unique.")
]
MOST = 1_000_000
"""Lines of a list at the most."""
AtMost = Annotated[
    int, typer.Option("--max", parser=numbers.whole(1, MOST), metavar="N", help="At most so many.")
]
Cap = Annotated[
    int | None,
    typer.Option(
        "--cap",
        parser=numbers.whole(),
        metavar="N",
        help="The safety cap of one comment export: 5,000, or INGATHER_COMMENTS_CAP.",
    ),
]
Rows = Annotated[
    int | None,
    typer.Option("--max", parser=numbers.whole(), metavar="N", help="Keep at most N rows."),
]
MaxCalls = Annotated[
    int | None,
    typer.Option("--max-calls", parser=numbers.whole(), metavar="N", help="Pause after N calls."),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost", parser=numbers.money, metavar="MONEY", help="Pause before more is spent."
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        parser=numbers.seconds,
        metavar="SECONDS",
        help="Stop cleanly when spent (exit 3); or a time, as 10m.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew even if the same is unfinished.")]
