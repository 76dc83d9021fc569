"""`ingather giveaways`: the draws of a giveaway in steps, over days."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ingather.cli import giveaway_options as given
from ingather.cli import giveaways_commit, numbers, options
from ingather.cli.run import run, say, world

app = typer.Typer(no_args_is_help=True, help="Giveaways in steps: commit, anchor, reveal, show.")

Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=options.file,
        help="Where to; - is standard output.",
    ),
]


@app.command("list")
def list_(
    post: Annotated[
        str | None, typer.Option("--post", metavar="ID", help="Those of a post, by its media id.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="ID", help="Those of an account, by its Instagram id."),
    ] = None,
    offset: Annotated[
        int,
        typer.Option(
            "--offset", parser=numbers.whole(0, options.MOST), metavar="N", help="Skip so many."
        ),
    ] = 0,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", parser=numbers.whole(1, options.MOST), metavar="N", help="At most so many."
        ),
    ] = 50,
    as_json: options.Json = False,
) -> None:
    """Giveaways, newest first."""

    async def command() -> int:
        from ingather.cli import giveaway_show
        from ingather.domain import giveaway

        async with world() as here:
            found = await here.giveaways.list(
                post=post, profile=profile, offset=offset, limit=limit
            )
        if as_json:
            items = [giveaway.item_object(record) for record in found]
            print(json.dumps(items, ensure_ascii=False))
        elif found:
            giveaway_show.items(found)
        else:
            say("There are no giveaways yet. Begin with: ingather draw JOB --winners 3")
        return 0

    run(command)


@app.command("show")
def show(
    giveaway_id: given.GiveawayId,
    ids: Annotated[
        bool,
        typer.Option(
            "--ids", help="Of draw/1: the ids of the comments that took part, to verify it from."
        ),
    ] = False,
    output: Output = None,
    as_json: options.Json = False,
) -> None:
    """One giveaway, all that was done to it, and (with -o) its receipt."""

    async def command() -> int:
        from ingather.cli import giveaway_show, giveaway_steps
        from ingather.domain import giveaway

        async with world() as here:
            record = await given.find(here, giveaway_id)
            number = record.giveaway_id
            if ids:
                listed = await here.drawing.taking_part(record)
                giveaway_steps.write(output or "-", "".join(f"{i}\n" for i in listed).encode())
                return 0
            draw = await here.drawn.committed(number) if record.protocol == 2 else None
            if output is not None:
                text = giveaway.text(record) + b"\n"
                giveaway_steps.write(output, await here.drawn.receipt(number) if draw else text)
            notes = await here.giveaways.told(number)
        if as_json:
            print(giveaway_show.as_json(record))
        elif output != "-":
            giveaway_show.tell_whole(record, draw, notes)
        return 0

    run(command)


app.command("commit")(giveaways_commit.commit)
app.command("anchor")(giveaways_commit.anchor)


@app.command("reveal")
def reveal(
    giveaway_id: given.GiveawayId,
    beacon: given.Beacon = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Exit 3 where the round is not there yet.")
    ] = False,
    output: Output = None,
    as_json: options.Json = False,
) -> None:
    """Draw: wait for the committed round, name the winners, write the receipt."""

    async def command() -> int:
        from ingather.cli import giveaway_show, giveaway_steps

        giveaway_steps.check(output)
        async with world() as here:
            record = await given.find(here, giveaway_id)
        async with world(sandbox=giveaway_show.rehearsed(record)) as here:
            if no_wait:
                await here.drawn.reveal(record.giveaway_id, here.beacon(beacon))
            return await giveaway_steps.finish(here, record, beacon, output=output, as_json=as_json)

    run(command)


@app.command("disqualify")
def disqualify(
    giveaway_id: given.GiveawayId,
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="The username that holds a place, or its rank.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORDS", help="Why; it is public for ever.")
    ],
    output: Output = None,
    as_json: options.Json = False,
) -> None:
    """Take a place away, in public; the next rank moves up, and the receipt is written anew."""

    async def command() -> int:
        from ingather.cli import giveaway_steps

        giveaway_steps.check(output)
        async with world() as here:
            record = await given.find(here, giveaway_id)
            await here.drawn.disqualify(record.giveaway_id, who, reason)
            return await giveaway_steps.hand_over(
                here, record.giveaway_id, output=output, as_json=as_json
            )

    run(command)


@app.command("opening")
def opening(
    giveaway_id: given.GiveawayId,
    who: Annotated[str, typer.Argument(metavar="WHO", help="A username, or the id of a comment.")],
    output: Output = None,
) -> None:
    """What you send to somebody who asks whether they were in: their entry and its salt."""

    async def command() -> int:
        import msgspec

        from ingather.cli import giveaway_steps

        async with world() as here:
            record = await given.find(here, giveaway_id)
            found = await here.drawn.opening(record.giveaway_id, who)
        lines = [msgspec.json.encode(each) + b"\n" for each in found]
        giveaway_steps.write(output or "-", b"".join(lines))
        return 0

    run(command)


@app.command("page")
def page(
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="The receipt of a draw.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="The folder that gets index.html."),
    ],
    masked: Annotated[
        bool, typer.Option("--masked/--in-full", help="Show no username in full.")
    ] = False,
) -> None:
    """Make the public page of a draw: one HTML file for any host, which verifies itself."""

    async def command() -> int:
        from ingather.cli import giveaway_steps
        from ingather.exports import draw_page

        html = draw_page.page(giveaway_steps.read(receipt), masked=masked)
        giveaway_steps.folder(output)
        giveaway_steps.write(str(output / draw_page.FILE), html.encode())
        say(f"The page is {output / draw_page.FILE}; put it on any host.")
        return 0

    run(command)
