"""`ingather worker`: runs what was queued, many jobs at once, until it is told to stop."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import numbers, options
from ingather.cli.run import program, run, say, world
from ingather.cli.texts import many

if TYPE_CHECKING:
    from collections.abc import Collection

    from ingather import errors
    from ingather.assembly import World
    from ingather.domain.job import Job
    from ingather.engine.crew import Crew

ROOM = 8

Room = Annotated[
    int,
    typer.Option(
        "--jobs", parser=numbers.whole(1, 1_000), metavar="N", help="Jobs run at the same time."
    ),
]


def worker(
    jobs: Room = ROOM,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is waiting any more.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            parser=numbers.seconds,
            metavar="SECONDS",
            help="Give every job back when they are spent; or a time, as 10m.",
        ),
    ] = None,
    sandbox: options.Sandbox = False,
) -> None:
    """Run the jobs that were queued with --no-wait or through the API.

    Start as many as you like, on as many machines as share the database. Ctrl-C or SIGTERM lets
    each job finish the page it is at and gives it back; a second one ends at once.

    \b
    Examples:
      ingather worker
      ingather worker --once --budget 55      # from a timer, every minute
    """

    async def command() -> int:
        from ingather.doorway import Doorway

        async with (
            world(sandbox=sandbox) as here,
            at_work(here, jobs, budget) as crew,
            Doorway(here).delivering(),
        ):
            await crew.work(once=once)
        return 0

    run(command)


@asynccontextmanager
async def at_work(here: "World", room: int, budget: float | None = None) -> "AsyncIterator[Crew]":
    """A crew that SIGINT, SIGTERM and the budget drain; a second signal ends at once."""
    import asyncio

    from ingather.workshop import Workshop

    crew = Workshop(here).crew(room=room, report=Spoken())
    loop = asyncio.get_running_loop()
    heard = 0

    def asked() -> None:
        nonlocal heard
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt
        say("Stopping: each job finishes the page it is at. Once more to end at once.")
        crew.drain()

    timer = loop.call_later(budget, crew.drain) if budget is not None else None
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, asked)
            handled.append(number)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    _introduce(here.reach(), room)
    try:
        yield crew
    finally:
        if timer is not None:
            timer.cancel()
        for number in handled:
            loop.remove_signal_handler(number)


def _introduce(reach: "Collection[str]", room: int) -> None:
    say(f"At work: {room} jobs at a time, of {', '.join(sorted(reach))}.")
    if "graph" not in reach:
        say(f"Comment exports wait for a token: {program()} login")
    if "hiker" not in reach:
        say("Extractions through HikerAPI wait for HIKERAPI_KEY.")


class Spoken:
    """Tells what the crew does, a line each, on standard error."""

    def began(self, job: "Job") -> None:
        going_on = f", going on after {many(job.counters.appended, 'rows')}" if job.sequence else ""
        say(f"{_name(job)}: begun{going_on}")

    def ended(self, job: "Job") -> None:
        reason = f" ({job.reason})" if job.reason else ""
        say(f"{_name(job)}: {job.status}{reason}, {many(job.counters.appended, 'rows')}")

    def failed(self, job: "Job", error: Exception) -> None:
        say(f"{_name(job)}: {type(error).__name__}: {error}")

    def held_back(self, count: int, error: "errors.IngatherError") -> None:
        say(f"{count:,} waiting jobs are paused for the same reason. {error}")

    def trouble(self, error: "errors.IngatherError") -> None:
        say(f"Waiting: {error}")

    def well_again(self) -> None:
        say("It answers again.")


def _name(job: "Job") -> str:
    from ingather.cli import show

    return f"{job.id[:8]} {show.of(job)}"
