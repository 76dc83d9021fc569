"""`ingather extract`: lists of accounts, posts and comments, of one target or of thousands."""

import itertools
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import export, filter_lists, money, options, queueing
from ingather.cli.run import confirmed, run, say, stoppable, world
from ingather.cli.texts import many, text_of

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.job import Job
    from ingather.engine.backoff import Fetcher
    from ingather.engine.stop import Stop
    from ingather.features.extraction import Extractions, Wanted
    from ingather.providers.hiker_wire import Balance


def extract(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="followers, following, likers, commenters, posts, hashtag-clips, reels or liked.",
        ),
    ],
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET...",
            help="Accounts (@name or address), posts, hashtags; or the ZIP of your own archive.",
        ),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="More targets, one a line; - is stdin."),
    ] = None,
    output: options.Output = None,
    limit: options.Rows = None,
    filters: options.Filters = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="graph, hiker or archive, where several could serve."),
    ] = None,
    insights: Annotated[
        bool,
        typer.Option("--insights", help="Posts and reels of your own: reach, saves, watch time."),
    ] = False,
    max_calls: options.MaxCalls = None,
    max_cost: options.MaxCost = None,
    budget: options.Budget = None,
    format: options.Format = None,
    raw_csv: options.RawCsv = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask about the estimate.")] = False,
    fresh: options.Fresh = False,
    no_wait: options.NoWait = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Extract a list: of your own archive, through the Graph API, or through HikerAPI.

    Ctrl-C, a crash or a power cut lose nothing: the same command goes on where it stopped.

    \b
    Examples:
      ingather extract followers instagram-me-2026-11-01-abc.zip -o followers.xlsx
      ingather extract followers @natgeo --filter verified=yes --max 10000 -o verified.csv
      ingather extract reels @bluebottle -o reels.csv
      ingather extract reels --from creators.txt --source hiker --max-calls 500 -o reels.parquet
      ingather extract followers flat5000 --sandbox -o followers.csv
    """

    async def command() -> int:
        from ingather.features import collection, extraction

        wanted_kind = extraction.kind_of(kind)
        path = export.path_of(output)
        collection.check_file(path, format)
        await queueing.check_path(path, "rows.csv", no_wait=no_wait)
        words = [*(targets or []), *_listed(from_file)]
        async with world(sandbox=sandbox) as here:
            voices, words = _voices(here, wanted_kind, source, words, insights=insights)
            wanted = extraction.Wanted(
                kind=wanted_kind,
                words=tuple(words)
                if voices == ("archive",)
                else extraction.canonical(wanted_kind, words),
                filters=tuple(filters or ()),
                lists=await filter_lists.read(here, filters or ()),
                path=path,
                format=format,
                raw_csv=raw_csv,
                limit=limit,
                max_calls=max_calls,
                fresh=fresh,
                sandbox=sandbox,
            )
            extraction.passing(wanted)  # refused before anybody is asked anything
            async with stoppable(budget) as stop:
                job, fetcher = await _begun(
                    here, wanted, voices, words, stop, insights=insights, max_cost=max_cost
                )
                if job is None:
                    return export.not_begun(stop)
                if not await _agreed(here, wanted, job, stop, yes=yes or sandbox):
                    await here.sql_store.delete(job.id)
                    return 1 if stop.reason is None else export.not_begun(stop)
                if no_wait:
                    return await queueing.queue(here, job, as_json=as_json)
                return await export.run_job(
                    here, job, fetcher, stop=stop, strict=strict, as_json=as_json
                )

    run(command)


def _listed(path: Path | None) -> list[str]:
    """Targets of a file, one a line; blank lines and # remarks are passed over."""
    if path is None:
        return []
    lines = (line.partition(" #")[0].strip() for line in text_of(path).splitlines())
    return [line for line in lines if line and not line.startswith("# ")]


def _voices(
    here: "World", kind: str, source: str | None, words: list[str], *, insights: bool
) -> tuple[tuple[str, ...], list[str]]:
    """Who is asked, in order: the archive where the targets are its files, else whoever there is a
    token or key for; and the targets as that source has them."""
    from ingather import errors
    from ingather.features import extraction, voices

    if not words:
        raise errors.BadInput(
            "There is no target.", hint="Name accounts, posts, a hashtag or an archive's ZIP."
        )
    there = [Path(word).expanduser() for word in words]
    files = all(path.suffix.lower() == ".zip" or path.is_dir() for path in there)
    zips = [path for path in there if path.suffix.lower() == ".zip" and path.is_file()]
    if zips and not files and source != "archive":  # a service may know an account of this name
        raise errors.BadInput(
            f"{zips[0]} is an archive, and not all targets are.",
            hint="Extract archives and names one after the other.",
        )
    found = voices.choose(kind, source, ready=here.reach(), files=files)
    if insights:
        voices.check_insights(kind, found)
    if found == ("archive",):
        return found, ["\n".join(str(path.absolute()) for path in there)]
    return found, extraction.played(kind, words, here.named(found[0]))


async def _begun(
    here: "World",
    wanted: "Wanted",
    voices: tuple[str, ...],
    words: list[str],
    stop: "Stop",
    *,
    insights: bool,
    max_cost: float | None,
) -> "tuple[Job | None, Fetcher]":
    """The job and what fetches its pages: of the first source that reaches the target."""
    from ingather import errors
    from ingather.cli.waiting import LookUp
    from ingather.domain.kinds import WITH_INSIGHTS
    from ingather.features.extraction import by_first, is_own
    from ingather.features.voices import called

    then = dict(itertools.pairwise(voices))

    async def begin(
        voice: str, feature: "Extractions", fetcher: "Fetcher"
    ) -> "tuple[Job | None, Fetcher]":
        fetcher.watch = LookUp()
        start = _start(here, feature, wanted, fetcher, voice, max_cost)
        try:
            job = await export.started(start, stop)
        except errors.NotReachable as failure:
            if voice in then:
                say(f"{failure} Asking {called(then[voice])} instead.")
            raise
        if job is None:
            return None, fetcher
        if feature.route == WITH_INSIGHTS and job.count == 1 and not is_own(job):
            say(f"@{job.target.username} is not your account: its insights are told to nobody.")
        if job.route != feature.route:
            fetcher = here.collection_of(job).fetcher()  # it goes on as it was begun
        return job, fetcher

    through = partial(here.through, kind=wanted.kind, words=words, insights=insights)
    return await by_first(voices, through, begin)


async def _start(
    here: "World",
    feature: "Extractions",
    wanted: "Wanted",
    fetcher: "Fetcher",
    voice: str,
    max_cost: float | None,
) -> "Job":
    """The job, with what the money allowed to it buys."""
    from msgspec import structs

    units = await money.units(here, wanted.kind, voice, max_cost)
    return await feature.start(structs.replace(wanted, max_units=units), fetcher)


async def _agreed(here: "World", wanted: "Wanted", job: "Job", stop: "Stop", *, yes: bool) -> bool:
    """Say what a job through HikerAPI will take, and ask; other sources cost nothing."""
    from ingather import errors
    from ingather.features.extraction import calls_expected

    if job.sequence or job.fence or job.due is not None:  # it was agreed to when it was begun
        say(f"Going on with job {job.id}: {many(job.counters.appended, 'rows')} here already.")
        return True
    if job.source != "hiker":
        _announce(here, wanted.kind, job)
        return True
    balance = await export.started(money.balance(here, wanted.kind), stop)
    if balance is None:
        return False
    calls = calls_expected(wanted.kind, job)
    say(f"{_expected(job, balance, calls)}. The account has {balance.requests:,} requests left.")
    if calls is not None and calls[0] > balance.requests:
        say("These do not suffice: it will pause when they are spent, and go on once topped up.")
    if yes:
        return True
    if not sys.stdin.isatty():
        await here.sql_store.delete(job.id)
        raise errors.BadInput("Nobody is here to agree to that.", hint="Add --yes.")
    return confirmed("Go on?")


def _expected(job: "Job", balance: "Balance", calls: tuple[int, int] | None) -> str:
    """What it will take, as far as that can be told: of several targets, to look each up."""
    named = job.count
    if calls is None and named == 1:
        return "A list of unknown size"
    least, most = calls or (named, named)
    if calls is None:
        expected = f"{named:,} targets of unknown size: at least {many(least, 'calls')}"
    else:
        rows = many(job.target.declared or 0, "rows")
        expected = f"{rows} declared: about {many(least, 'calls', most)}"
    if balance.rate:
        seconds = money.span(round(least / balance.rate), round(most / balance.rate))
        expected += f", {seconds} s at {balance.rate:g} a second"
    if balance.amount and balance.requests:
        price = balance.amount / balance.requests
        expected += f", {money.cost(least * price, most * price)} {balance.currency or ''}".rstrip()
    return expected


def _announce(here: "World", kind: str, job: "Job") -> None:
    """What a long job through the Graph API will take; it costs nothing."""
    from ingather.features.extraction import calls_expected
    from ingather.features.rates import SAFE

    calls = calls_expected(kind, job)
    if job.source != "graph" or calls is None or calls[1] <= 20:
        return
    hourly = here.settings.calls_per_hour or (None if kind == "commenters" else SAFE)
    often = "" if hourly is None else f"; {hourly:,} an hour at the most are made"
    rows = many(job.target.declared or 0, "rows")
    say(f"{rows} declared: about {many(calls[0], 'calls', calls[1])}, at no cost{often}.")
