"""`ingather consumer` and `ingather dlq`: events of the refresh, and those that failed."""

import json
from typing import Annotated

import typer

from ingather.cli import account_words, numbers, options
from ingather.cli.run import INTERRUPTED, run, say, world

dlq = typer.Typer(
    name="dlq", help="Messages of the refresh that could not be processed.", no_args_is_help=True
)


def consumer(
    health_port: Annotated[
        int,
        typer.Option(
            "--health-port",
            parser=numbers.whole(0, 65535),
            metavar="PORT",
            help="Of /health; 0: a free one.",
        ),
    ] = 3053,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            parser=numbers.whole(),
            metavar="N",
            help="Calls an hour for each token. [200]",
        ),
    ] = None,
    at_once: Annotated[
        int,
        typer.Option(
            "--at-once", parser=numbers.whole(), metavar="N", help="Messages under way at a time."
        ),
    ] = 64,
    sandbox: options.Sandbox = False,
) -> None:
    """Refresh accounts as events come from Kafka, or from the queue in the store without one."""

    async def command() -> int:
        from ingather.consumer.serve import log_as_json, serve

        log_as_json()
        settings = account_words.apart() if sandbox else None
        async with world(sandbox=sandbox, settings=settings) as here:
            in_peace = await serve(here, health_port=health_port, at_once=at_once, limit=limit)
        return 0 if in_peace else INTERRUPTED

    run(command)


@dlq.command("list")
def dlq_list(
    limit: options.AtMost = 50,
    as_json: options.Json = False,
) -> None:
    """List dead letters, oldest first, with why each is one."""

    async def command() -> int:
        from msgspec import to_builtins

        from ingather.assembly_refresh import Refreshing
        from ingather.cli import tables
        from ingather.consumer.metrics import Metrics

        async with world() as here:
            found = await Refreshing(here, Metrics()).events.dead(limit=limit)
        if as_json:
            print(json.dumps([to_builtins(each) for each in found], ensure_ascii=False))
        elif not found:
            say("There are no dead letters.")
        else:
            tables.table(
                {
                    "at": "",
                    "where": "",
                    "tries": "right",
                    "code": "",
                    "error": "fold",
                    "value": "cut",
                },
                [
                    (
                        each.at[:19],
                        f"{each.topic}/{each.partition}/{each.offset}",
                        str(each.attempts),
                        each.code,
                        each.error,
                        each.value,
                    )
                    for each in found
                ],
            )
        return 0

    run(command)


@dlq.command("replay")
def dlq_replay(
    limit: Annotated[
        int,
        typer.Option(
            "--max", parser=numbers.whole(), metavar="N", help="At most so many, the oldest."
        ),
    ] = 1_000,
) -> None:
    """Publish dead letters again, once each, after what was wrong has been mended."""

    async def command() -> int:
        from ingather.assembly_refresh import Refreshing
        from ingather.consumer.metrics import Metrics

        async with world() as here:
            count = await Refreshing(here, Metrics()).events.replay(limit=limit)
        say(f"{count} {'message was' if count == 1 else 'messages were'} published again.")
        return 0

    run(command)
