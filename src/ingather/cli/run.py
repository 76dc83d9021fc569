"""From a command to an exit code: the loop, the world, the signals, and errors in one sentence."""

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from asyncio import Runner

    from ingather.assembly import World
    from ingather.engine.stop import Stop
    from ingather.settings import Settings

CLOSED = "Standard output is closed, so what was to stand there is lost."
PAUSED = 3
INTERRUPTED = 130


def run(
    command: Callable[[], Awaitable[int]], made: "Callable[[], Runner] | None" = None
) -> NoReturn:
    """Run a command to its exit code. Every error of ours becomes one sentence on stderr. made:
    what runs the event loop, where it is not the one of a process that collects."""
    from ingather import errors

    try:
        _check_words()
        with (made or runner)() as loop:
            code = loop.run(_awaited(command))
    except errors.IngatherError as failure:
        say(f"Error: {failure}")
        code = failure.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough of it, as `head` does.
        nowhere()
        code = 0
    raise typer.Exit(code)


def _check_words() -> None:
    """Raise where the folder that this runs in is gone, or what was typed is no text, as names of
    files may be: it could neither be kept nor shown."""
    from ingather import errors

    try:
        Path.cwd()
    except FileNotFoundError:
        raise errors.BadInput(
            "The folder that this was started in is gone.", hint="Change to another one."
        ) from None
    for word in sys.argv[1:]:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise errors.BadInput(f"{word!a} is no text in UTF-8.", hint="Give it another name.")


async def _awaited(command: Callable[[], Awaitable[int]]) -> int:
    return await command()


def runner() -> "Runner":
    """What runs the event loop of a process that collects. Its loop is uvloop's where that is
    installed, which is everywhere but on Windows: a turn of it costs half of asyncio's own."""
    import asyncio
    import gc

    # A page makes hundreds of objects and no cycles: looking for them costs a twentieth of it.
    gc.set_threshold(50_000, 20, 20)
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def nowhere() -> None:
    """Send what is left of standard output nowhere: it cannot be written, and the interpreter
    would complain of that at its end."""
    import os

    hole = os.open(os.devnull, os.O_WRONLY)
    os.dup2(hole, sys.stdout.fileno())
    os.close(hole)


def say(text: str) -> None:
    """A line for people; standard output is for results."""
    print(text, file=sys.stderr, flush=True)


def say_result(text: str) -> None:
    """Words about a result that lies elsewhere: they need no standard output."""
    print(text, file=sys.stdout if writable() else sys.stderr, flush=True)


def writable() -> bool:
    """Whether there is a standard output that can be written to."""
    import errno
    import os

    try:
        os.write(sys.stdout.fileno(), b"")
    except OSError as failure:
        return failure.errno != errno.EBADF
    return True


def confirmed(question: str) -> bool:
    """Whether somebody at the terminal says yes; Ctrl-C and the end of the input say no. The loop
    stands still meanwhile, and with it what it does about Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        say("")  # the question's line has no end yet
        return False
    finally:
        signal.signal(signal.SIGINT, before)


def program() -> str:
    """What to type to call this program again: its name where the shell finds it, else its path
    from here (as in a virtual environment that is not activated)."""
    import os
    import shutil

    called = Path(sys.argv[0])
    if called.stem != "ingather" or shutil.which("ingather") == str(called.absolute()):
        return "ingather"
    here = str(called)
    if not called.is_absolute():
        return here
    relative = os.path.relpath(called)
    return here if relative.startswith("..") else relative


@asynccontextmanager
async def world(
    *, sandbox: bool = False, settings: "Settings | None" = None
) -> AsyncIterator["World"]:
    """The world by the settings, or with the sandbox in Instagram's place."""
    from ingather.assembly import World
    from ingather.settings import load

    settings = settings or load()
    if not sandbox:
        async with World(settings) as found:
            yield found
        return
    from ingather.cli.sandbox import started

    async with (
        started(settings) as (played, names, codes),
        World(played, names=names, codes=codes) as found,
    ):
        say(f"Sandbox: Instagram is played by {played.graph_url}; nothing leaves this machine.")
        yield found


@asynccontextmanager
async def stoppable(budget: float | None = None) -> AsyncIterator["Stop"]:
    """A Stop that Ctrl-C, SIGTERM and the budget request. A second Ctrl-C ends at once."""
    import asyncio

    from ingather.engine.stop import Stop

    stop = Stop()
    if budget is not None:
        stop.after(budget, "budget")
    loop = asyncio.get_running_loop()

    def asked(number: int) -> None:
        if stop.reason is not None:
            raise KeyboardInterrupt
        stop.signal = number
        stop.request("asked")

    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, asked, number)
            handled.append(number)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    try:
        yield stop
    finally:
        stop.close()
        for number in handled:
            loop.remove_signal_handler(number)
