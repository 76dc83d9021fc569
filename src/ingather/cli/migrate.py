"""`ingather migrate`: bring the database up to date, or say whether it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli.run import run, say, world

if TYPE_CHECKING:
    from ingather.assembly import World


def migrate(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[redis-to-sql]",
            help="redis-to-sql carries exports and giveaways out of Redis into the database.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Change nothing; exit 1 where something is to be done."),
    ] = False,
) -> None:
    """Bring the database up to date. Every command does so by itself; this one says what it did."""

    async def command() -> int:
        from ingather import errors

        if what not in (None, "redis-to-sql"):
            raise errors.BadInput(f"There is no migration {what!r}.", hint="There is redis-to-sql.")
        if what is not None and check:
            raise errors.BadInput("--check is about the database's own tables.")
        async with world() as here:
            if what is not None:
                return await _redis_to_sql(here)
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


async def _redis_to_sql(here: "World") -> int:
    """Carry over, and say what became of everything; 1 where something differs."""
    exports, giveaways = await here.moved_from_redis()
    say(f"From Redis into {here.database}, each read back and compared by count and hash:")
    for noun, found in (("exports", exports), ("giveaways", giveaways)):
        more = f" with {found.rows:,} comments" if found.rows else ""
        say(f"  {noun}: {len(found.moved):,} carried over{more}, {len(found.there):,} there before")
        for why, ids in (
            ("still unfinished; they can be carried over once they have ended", found.unfinished),
            ("expired in part, or unreadable", found.lost),
            ("NOT THE SAME in the database", found.differing),
        ):
            if ids:
                say(f"    {len(ids):,} {why}: {', '.join(ids[:20])}{' …' * (len(ids) > 20)}")
    return 1 if exports.differing or giveaways.differing else 0
