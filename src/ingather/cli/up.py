"""`ingather up`: everything in one process, the HTTP door and a worker behind it."""

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import options
from ingather.cli.run import program, run, say, stoppable, world
from ingather.cli.worker import ROOM, Room, at_work

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.engine.crew import Crew

PORT = 8080


def up(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, metavar="PORT", help="0 picks a free one.")
    ] = PORT,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 is all.")
    ] = "127.0.0.1",
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Serve only; jobs wait for `ingather worker`.")
    ] = False,
    jobs: Room = ROOM,
    sandbox: options.Sandbox = False,
) -> None:
    """Serve the HTTP API, with a worker inside. Ctrl-C or SIGTERM ends both in good order."""

    async def command() -> int:
        async with world(sandbox=sandbox) as here:
            if no_worker:
                await _serve(here, host, port, None)
            else:
                from ingather.consumer.beside import refreshing

                async with at_work(here, jobs) as crew, refreshing(here):
                    await _both(here, host, port, crew)
        return 0

    run(command)


async def _both(here: "World", host: str, port: int, crew: "Crew") -> None:
    """The door and the crew, until one of them ends: then the other is told to."""
    import asyncio

    working = asyncio.create_task(crew.work())
    serving = asyncio.create_task(_serve(here, host, port, crew))
    await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
    crew.drain()
    await asyncio.wait({working, serving})
    for task in (serving, working):
        task.result()


async def _serve(here: "World", host: str, port: int, crew: "Crew | None") -> None:
    """The HTTP door, until the crew is drained or, without one, a signal comes."""
    import asyncio

    from ingather.doorway import Doorway
    from ingather.engine.stop import Stop

    # By name, because doors do not know each other; this one only opens the other.
    serve = importlib.import_module("ingather.api.app").serve
    if not any(key.revoked_at is None for key in await Doorway(here).keys.list()):
        say(f"Nobody has a key to the HTTP API yet: {program()} keys create NAME")
    if crew is None:
        async with stoppable() as stop:
            await serve(here, host, port, stop, ready=_listening)
        return
    stop = Stop()
    told = asyncio.create_task(crew.drained())
    told.add_done_callback(lambda _: stop.request("asked"))
    try:
        await serve(here, host, port, stop, ready=_listening)
    finally:
        told.cancel()


def _listening(url: str) -> None:
    say(f"Listening at {url}; its routes are at {url}/docs.")
