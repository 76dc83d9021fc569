"""`ingather sandbox` and `ingather demo`: Instagram played on this machine."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import numbers
from ingather.cli.run import program, run, say, stoppable, world

if TYPE_CHECKING:
    from ingather.ports import Rows
    from ingather.sandbox.options import Options
    from ingather.sandbox.server import Sandbox
    from ingather.settings import Settings


def sandbox(
    port: Annotated[
        int,
        typer.Option(
            "--port", parser=numbers.whole(0, 65_535), metavar="PORT", help="0 picks a free one."
        ),
    ] = 8765,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            parser=numbers.whole(-numbers.MOST),
            metavar="N",
            help="The same seed gives the same world.",
        ),
    ] = 1,
    latency: Annotated[
        str, typer.Option("--latency", metavar="TIME", help="Of every answer, as 50ms.")
    ] = "0ms",
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="NAME:ODDS", help="As throttle:0.02; may be repeated."),
    ] = None,
) -> None:
    """Play Instagram's API on this machine until Ctrl-C, with faults on request."""
    from ingather.sandbox import exact

    async def command() -> int:
        import asyncio

        from ingather.sandbox.options import HIKER_KEY, TOKEN

        async with await _serving(_options(seed, latency, fault or []), port) as played:
            say(f"The sandbox plays Instagram at {played.url} (its posts are listed there).")
            say("To use it from another shell:")
            say(f"  export INSTAGRAM_GRAPH_URL={played.graph_url}")
            say(f"  export INSTAGRAM_ACCESS_TOKEN={TOKEN}")
            say(f"  export INSTAGRAM_WEB_URL={played.web_url}")
            say(f"  export HIKERAPI_URL={played.hiker_url}")
            say(f"  export HIKERAPI_KEY={HIKER_KEY}")
            say("Ctrl-C ends it.")
            ended = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, ended.set)
            await ended.wait()
        return 0

    run(command, exact.runner)


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Where its files and its data go.")
    ] = Path("demo"),
) -> None:
    """See the whole thing in under a minute: 5,000 comments of a sandbox post, no account."""

    async def command() -> int:
        from msgspec import structs

        from ingather.cli import export
        from ingather.features.comments import Wanted
        from ingather.settings import load

        _make(folder)
        data = (folder / "data").absolute()
        settings = structs.replace(load({}), data_dir=data, database=data / "ingather.db")
        path = str((folder / "comments.csv").absolute())
        async with world(sandbox=True, settings=settings) as here:
            cap = here.settings.comments_cap
            wanted = Wanted(post=here.names["demo"], path=path, cap=cap, sandbox=True)
            fetcher = here.comments.fetcher()
            job = await here.comments.start(wanted, fetcher)
            async with stoppable() as stop:
                code = await export.run_job(
                    here, job, fetcher, stop=stop, strict=False, as_json=False
                )
            if code == 0:
                await _closing_words(here.store, job.id)
        return code

    run(command)


async def _serving(options: "Options", port: int) -> "Sandbox":
    from ingather import errors
    from ingather.sandbox.server import serve

    try:
        return await serve(options, port=port)
    except OSError as failure:
        raise errors.BadInput(
            f"Nothing can listen at port {port}: {failure.strerror}.",
            hint="End what uses the port, or choose another with --port.",
        ) from None


def _make(folder: Path) -> None:
    from ingather import errors

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise errors.UnwritablePath(
            f"The folder {folder} cannot be made: {failure.strerror}.",
            hint="Name another with --folder.",
        ) from None


async def _closing_words(rows: "Rows", job_id: str) -> None:
    """The first rows, and what to type next."""
    from rich.console import Console
    from rich.table import Table

    from ingather.domain.records import Comment

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("timestamp", "username", "likes", "text"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in await rows.slice(job_id, 0, 5):
        assert isinstance(row, Comment)
        likes = "" if row.like_count is None else str(row.like_count)
        text = " ".join((row.text or "").split())
        table.add_row(row.timestamp, row.username, likes, text)
    console = Console()
    console.print("\nThe first rows:", table)
    name = program()
    console.print(
        "\nWhat to type next:\n"
        f"  {name} export comments demo --sandbox -o comments.xlsx\n"
        "      the same post, for Excel\n"
        f"  {name} posts --sandbox\n"
        "      other posts to try without an account\n"
        f"  {name} login\n"
        "      your own account; then export by a post's address:\n"
        f"  {name} export comments https://www.instagram.com/p/…/ -o comments.xlsx",
        highlight=False,
        soft_wrap=True,
    )


@asynccontextmanager
async def started(
    settings: "Settings | None",
) -> AsyncIterator[tuple["Settings", dict[str, str], dict[str, str]]]:
    """A sandbox on a free port, the settings that point at it, and the ids and the shortcodes of
    its posts by their names."""
    from msgspec import structs

    from ingather.sandbox.options import APP_ID, APP_SECRET, HIKER_KEY, TOKEN, Options
    from ingather.sandbox.server import serve
    from ingather.settings import load

    async with await serve(Options()) as played:
        pointed = structs.replace(
            settings or load(),
            graph_url=played.graph_url,
            login_url=played.login_url,
            access_tokens=(TOKEN,),
            account_ids=(),
            app_id=APP_ID,
            app_secret=APP_SECRET,
            hiker_key=HIKER_KEY,
            hiker_url=played.hiker_url,
            tsa_url=played.tsa_url,
            drand_url=played.beacon_url,
            web_url=played.web_url,
            sandbox=True,
        )
        yield pointed, played.names, played.codes


def _options(seed: int, latency: str, faults: list[str]) -> "Options":
    from ingather import errors
    from ingather.sandbox.options import Options
    from ingather.sandbox.spoken import fault, milliseconds

    try:
        return Options(seed=seed, latency_ms=milliseconds(latency), faults=dict(map(fault, faults)))
    except ValueError as failure:
        raise errors.BadInput(f"{str(failure)[0].upper()}{str(failure)[1:]}.") from None
