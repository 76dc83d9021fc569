"""`ingather doctor`: what is set, what answers, and what each unlocks."""

from pathlib import Path
from typing import TYPE_CHECKING

from ingather.cli import options
from ingather.cli.run import run, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingather.assembly import World
    from ingather.storage import Store


def doctor(sandbox: options.Sandbox = False) -> None:
    """Say which settings are set, which servers answer, and what each unlocks."""

    async def command() -> int:
        from ingather.cli import tables
        from ingather.settings import SETTINGS, given
        from ingather.settings_words import plain

        console, values = tables.console(), given()
        async with world(sandbox=sandbox) as here:
            rows = []
            for each in SETTINGS:
                value = values[each.name]
                shown = "set" if value and each.secret else plain(value) or "default"
                rows.append((each.name, shown, each.unlocks))
            tables.table({"setting": "", "value": "fold", "unlocks": ""}, rows)
            console.print()
            failed = 0
            for name, answer, good in await _checks(here):
                failed += not good
                console.print(
                    f"[{'green' if good else 'red'}]{'ok ' if good else 'no '}[/] {name}: {answer}",
                    highlight=False,
                )
        return 1 if failed else 0

    run(command)


async def _resting(name: str, place: str, store: "Callable[[], Store]") -> tuple[str, str, bool]:
    """Whether a store answers, and how many jobs rest there."""
    from ingather import errors

    try:
        count = sum((await store().tally()).values())
    except errors.IngatherError as failure:
        return name, str(failure), False
    return name, f"rest in {place}, {count:,} so far", True


async def _checks(here: "World") -> list[tuple[str, str, bool]]:
    """What answers: a name, a sentence, and whether it is as it should be."""
    from ingather import errors, settings_file

    found = []
    try:
        settings_file.text(Path.cwd())
    except errors.BadSetting as failure:
        found.append(("settings", f"{failure} Nothing in it counts.", False))
    apart = here.resting_place != here.database
    if apart:
        found.append(await _resting("comment exports", here.resting_place, lambda: here.store))
    name = "all other jobs" if apart else "jobs"
    found.append(await _resting(name, here.database, lambda: here.sql_store))
    try:
        owner = await here.graph.owner()
        found.append(("Graph API", f"reads @{owner.username} ({owner.instagram_id})", True))
    except errors.IngatherError as failure:
        found.append(("Graph API", str(failure), False))
    if here.settings.hiker_key is not None:
        try:
            held = await here.hiker("followers").balance()
            found.append(("HikerAPI", f"has {held.requests:,} requests left", held.requests > 0))
        except errors.IngatherError as failure:
            found.append(("HikerAPI", str(failure), False))
    if here.settings.mongodb_url is not None:
        from ingather.cli.account_words import parts

        try:
            totals = await parts(here).accounts.totals()
            found.append(("MongoDB", f"holds {totals.accounts} accounts to keep fresh", True))
        except errors.IngatherError as failure:
            found.append(("MongoDB", str(failure), False))
    if here.settings.kafka is not None:
        try:
            await here.settings.kafka.ask()
            found.append(("Kafka", f"answers at {here.settings.kafka.servers}", True))
        except errors.IngatherError as failure:
            found.append(("Kafka", str(failure), False))
    return found
