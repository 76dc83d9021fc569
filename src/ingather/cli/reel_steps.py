"""What `ingather analyze` does step by step: read, report, hand over."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ingather.cli.run import INTERRUPTED, PAUSED, nowhere, program, say, say_result

if TYPE_CHECKING:
    from datetime import tzinfo

    from ingather.assembly import World
    from ingather.domain.job import File, Job
    from ingather.engine.stop import Stop
    from ingather.exports.reel_files import Story
    from ingather.features.analyses import Reels, Wanted


async def go_on(
    here: "World",
    job: "Job",
    stop: "Stop",
    file: tuple[str | None, str],
    *,
    raw_csv: bool,
    as_json: bool,
) -> int:
    """An analysis that was begun, to its end, and what it says; the exit code."""
    from ingather.exports import reel_files

    reels = here.analyses(job.source, route=job.route)
    job = await _read(reels, job, stop, quiet=as_json)
    if job.status != "done":
        return cut_short(job, stop)
    path, ending = file
    story = await story_of(reels, job, zone_of(None), collaborations=False, rows=path is not None)
    columns = reel_files.layout(None)
    return hand_over([story], path, ending, columns=columns, raw_csv=raw_csv, as_json=as_json)


def is_report(path: str, format: str | None) -> bool:
    """Whether a file is the page of an analysis, and no list of rows."""
    ending = f".{format.lower().removeprefix('.')}" if format else Path(path).suffix.lower()
    return ending in (".html", ".pdf")


async def report(
    here: "World", job: "Job", path: str, format: str | None, *, chosen: bool
) -> "File":
    """Write what there is to say of an analysis, whether or not it is finished, without fetching.
    Raises BadInput for filters: those of a report were committed to when it was begun."""
    from ingather import errors
    from ingather.exports import reel_files

    if chosen:
        raise errors.BadInput(
            "A report has the filters of its analysis.", hint="Begin one: ingather analyze --filter"
        )
    target, ending = await file_of(path, format, job.owner.username)
    assert target is not None
    reels = here.analyses(job.source, route=job.route)
    story = await story_of(reels, job, zone_of(None), collaborations=False, rows=True)
    if target == "-":
        return reel_files.pour(story, sys.stdout.buffer, ending)
    return reel_files.save(story, target, ending)


async def story_of(
    reels: "Reels",
    job: "Job",
    hours: "tuple[tzinfo, str]",
    *,
    collaborations: bool,
    rows: bool,
) -> "Story":
    """What there is to tell of a finished analysis. rows: its reels too."""
    from ingather.domain import receipt
    from ingather.exports.reel_files import Story

    report = await reels.report(job, *hours, collaborations=collaborations)
    return Story(
        analysis=report.analysis,
        rows=await reels.rows(report) if rows else (),
        receipt=receipt.of_sources(job, await reels.filled(job)),
        change=report.change,
    )


async def file_of(output: str | None, format: str | None, username: str) -> tuple[str | None, str]:
    """The file as an absolute path that can be written, and its format; no file where none was
    asked for."""
    from ingather.exports import files

    path, ending = _file(output, format, username)
    if path not in (None, "-"):
        await files.check_writable(path, receipt=False)
    return path, ending


def _file(output: str | None, format: str | None, username: str) -> tuple[str | None, str]:
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


def zone_of(name: str | None) -> "tuple[tzinfo, str]":
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


async def read_or_reuse(
    here: "World", reels: "Reels", wanted: "Wanted", *, stop: "Stop", quiet: bool
) -> "Job":
    """The job at its end, or as far as it came."""
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
    return await _read(reels, job, stop, quiet=quiet)


async def _read(reels: "Reels", job: "Job", stop: "Stop", *, quiet: bool) -> "Job":
    from ingather import errors
    from ingather.cli.bar import Bar

    try:
        with Bar(job, quiet=quiet) as bar:
            return await reels.run(job, reels.fetcher(), stop=stop, watch=bar)
    except errors.IngatherError:
        if job.sequence or (await reels.show(job.id)).unfinished:
            say(f"Everything so far is kept. To go on: {program()} jobs resume {job.id[:8]}")
        raise


def cut_short(job: "Job", stop: "Stop") -> int:
    """Say why there is no report: one of half a list would be taken for one of all. The exit
    code."""
    if job.status == "cancelled":
        kept = f"{program()} jobs save {job.id[:8]} -o FILE"
        say(f"It was cancelled before its end, so nothing is said of it. What was read: {kept}")
        return 1
    say("Everything so far is kept. Run the same command again to go on.")
    return INTERRUPTED if stop.signal == signal.SIGINT else PAUSED


def hand_over(
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
        return 0
    words = reel_words.summary(story)
    if file is None:
        print("\n".join(words))
    else:
        size = f"{file.size_bytes:,} bytes, SHA-256 {file.sha256[:16]}…"
        say_result("\n".join([*words, f"\nFile: {file.path} ({size})"]))
    return 0
