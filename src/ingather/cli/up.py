"""`ingather up`: everything in one process, the HTTP door and a worker behind it."""

import contextlib
import functools
import importlib
import socket
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ingather.cli import numbers, options
from ingather.cli.run import program, run, say, stoppable, world
from ingather.cli.worker import ROOM, Room, at_work

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.engine.crew import Crew

PORT = 8080


class Place(NamedTuple):
    """Where to listen, and the socket that listens there already."""

    host: str
    port: int
    sock: socket.socket


def up(
    port: Annotated[
        int,
        typer.Option(
            "--port", parser=numbers.whole(0, 65_535), metavar="PORT", help="0 picks a free one."
        ),
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
        # Before a word is said: an address that is taken, or is none, is all there is to say.
        with contextlib.closing(_app().bound(host, port)) as sock:
            place = Place(host, port, sock)
            async with world(sandbox=sandbox) as here:
                if no_worker:
                    await _serve(here, place, None)
                else:
                    from ingather.consumer.beside import refreshing

                    async with at_work(here, jobs) as crew, refreshing(here):
                        await _both(here, place, crew)
        return 0

    run(command)


def _app() -> Any:
    """The HTTP door: by name, because doors do not know each other; this one only opens it."""
    return importlib.import_module("ingather.api.app")


async def _both(here: "World", place: Place, crew: "Crew") -> None:
    """The door and the crew, until one of them ends: then the other is told to."""
    import asyncio

    working = asyncio.create_task(crew.work())
    serving = asyncio.create_task(_serve(here, place, crew))
    await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
    crew.drain()
    await asyncio.wait({working, serving})
    for task in (serving, working):
        task.result()


async def _serve(here: "World", place: Place, crew: "Crew | None") -> None:
    """The HTTP door, until the crew is drained or, without one, a signal comes."""
    import asyncio

    from ingather.doorway import Doorway
    from ingather.engine.stop import Stop

    serve = functools.partial(_app().serve, here, place.host, place.port, sock=place.sock)
    if not any(key.revoked_at is None for key in await Doorway(here).keys.list()):
        say(f"Nobody has a key to the HTTP API yet: {program()} keys create NAME")
    if crew is None:
        async with stoppable() as stop:
            await serve(stop, ready=_listening)
        return
    stop = Stop()
    told = asyncio.create_task(crew.drained())
    told.add_done_callback(lambda _: stop.request("asked"))
    try:
        await serve(stop, ready=_listening)
    finally:
        told.cancel()


def _listening(url: str) -> None:
    say(f"Listening at {url}; its routes are at {url}/docs.")
