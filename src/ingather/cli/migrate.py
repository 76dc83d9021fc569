"""`ingather migrate`: bring the database up to date, or say whether it is."""

from typing import Annotated

import typer

from ingather.cli.run import run, say, world


def migrate(
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; exit 1 where something is to be done."),
    ] = False,
) -> None:
    """Bring the database up to date. Every command does so by itself; this one says what it did."""

    async def command() -> int:
        async with world() as here:
            found, current = await here.revisions()
            if found == current:
                say(f"{here.database} is up to date (revision {current}).")
                return 0
            was = "has no tables yet" if found is None else f"is of revision {found}"
            if check:
                say(f"{here.database} {was}; {current} is current. To go there: ingather migrate")
                return 1
            await here.migrate()
            say(f"{here.database} {was}; it is up to date now (revision {current}).")
        return 0

    run(command)
