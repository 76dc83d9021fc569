"""`ingather doctor`: what is set, what answers, and what each unlocks."""

from typing import TYPE_CHECKING

from ingather.cli import options
from ingather.cli.run import run, world

if TYPE_CHECKING:
    from ingather.assembly import World


def doctor(sandbox: options.Sandbox = False) -> None:
    """Say which settings are set, which servers answer, and what each unlocks."""

    async def command() -> int:
        from ingather.cli import show
        from ingather.settings import SETTINGS, given
        from ingather.settings_words import plain

        console, values = show.console(), given()
        async with world(sandbox=sandbox) as here:
            rows = []
            for each in SETTINGS:
                value = values[each.name]
                shown = "set" if value and each.secret else plain(value) or "default"
                rows.append((each.name, shown, each.unlocks))
            show.table({"setting": "", "value": "fold", "unlocks": ""}, rows)
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


async def _checks(here: "World") -> list[tuple[str, str, bool]]:
    """What answers: a name, a sentence, and whether it is as it should be."""
    from ingather import errors

    found = []
    try:
        count = sum((await here.store.tally()).values())
        found.append(("jobs", f"rest in {here.resting_place}, {count} so far", True))
    except errors.IngatherError as failure:
        found.append(("jobs", str(failure), False))
    try:
        owner = await here.graph.owner()
        found.append(("Graph API", f"reads @{owner.username} ({owner.instagram_id})", True))
    except errors.IngatherError as failure:
        found.append(("Graph API", str(failure), False))
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
