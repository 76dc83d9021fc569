"""`ingather draw`: a giveaway from a finished export to its receipt, in one go."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import giveaway_options as given
from ingather.cli import numbers, options
from ingather.cli.giveaway_steps import check, finish, make_commitment, sandboxed, write_drawn
from ingather.cli.run import program, run, say, world

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.features.giveaway_plan import Plan


def draw(
    jobs: given.JobIds,
    protocol: Annotated[
        int,
        typer.Option(
            "--protocol",
            parser=numbers.whole(1, 2),
            metavar="2|1",
            help="2: nobody can steer it. 1: drawn at once, and only reproducible.",
        ),
    ] = 2,
    winners: given.Winners = 1,
    alternates: given.Alternates = 0,
    unique_users: given.UniqueUsers = True,
    unique_winners: given.UniqueWinners = True,
    replies: given.Replies = True,
    since: given.Since = None,
    until: given.Until = None,
    mentions: given.Mentions = 0,
    distinct_mentions: given.DistinctMentions = False,
    keyword: given.Keywords = None,
    without_keyword: given.WithoutKeywords = None,
    hashtag: given.Hashtags = None,
    without_hashtag: given.WithoutHashtags = None,
    exclude: given.Exclude = None,
    exclude_winners: given.ExcludeWinners = None,
    bonus: given.BonusOption = None,
    accept_incomplete: given.AcceptIncomplete = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="USERNAME", help="Draw nothing; say why they are in or out."
        ),
    ] = None,
    delay: given.Delay = 600.0,
    beacon: given.Beacon = None,
    number: given.Round = None,
    anchor: given.Anchor = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Protocol 1: the draw time; now without it."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="RECEIPT",
            callback=options.file,
            help="Where the receipt goes; - is standard output.",
        ),
    ] = None,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Draw the winners of a giveaway from finished exports of comments.

    It freezes the list, prints a commitment for you to publish, waits for a public beacon that
    nobody can foresee, draws, and writes a receipt from which anybody can verify the draw.
    Ctrl-C during the wait loses nothing: `ingather giveaways reveal ID` goes on.

    \b
    Examples:
      ingather draw 5fe2 --winners 3 --alternates 2 --mentions 2 --exclude ann,bob
      ingather draw 5fe2 --explain @somebody
      ingather draw 5fe2 --protocol 1 --at 2026-01-31T18:00Z --json
    """

    async def command() -> int:
        from ingather.domain.instants import read

        chosen = given.rules(
            winners=winners,
            alternates=alternates,
            unique_users=unique_users,
            unique_winners=unique_winners,
            replies=replies,
            since=since,
            until=until,
            mentions=mentions,
            distinct_mentions=distinct_mentions,
            keywords=keyword,
            without_keywords=without_keyword,
            hashtags=hashtag,
            without_hashtags=without_hashtag,
            bonus=bonus,
        )
        _check(protocol, at=at, number=number, beacon=beacon, anchor=anchor)
        if explain is None and (output is not None or protocol == 2):
            check(output)
        when = None if at is None else read(at)
        play = await sandboxed(jobs, beacon, sandbox=sandbox)
        async with world(sandbox=play) as here:
            from ingather.cli import giveaway_show

            wanted = await given.wanted(
                here,
                jobs,
                chosen,
                exclude=exclude,
                exclude_winners=exclude_winners,
                accept_incomplete=accept_incomplete,
                protocol=protocol,
            )
            plan = await here.drawing.plan(wanted)
            if explain is not None:
                return giveaway_show.tell_fates(plan, explain)
            giveaway_show.tell_plan(plan)
            if protocol == 1:
                return await _at_once(here, plan, at=when, output=output, as_json=as_json)
            voice = here.beacon(beacon)
            record = await here.drawing.pending(plan, voice.chain)
            if record is not None:
                giveaway_show.tell_going_on(record, delay=delay, number=number)
            else:
                record = await make_commitment(
                    here, plan, delay=delay, beacon=beacon, number=number, anchor=anchor
                )
            return await finish(here, record, beacon, output=output, as_json=as_json)

    run(command)


def _check(
    protocol: int, *, at: str | None, number: int | None, beacon: str | None, anchor: str | None
) -> None:
    """Raise for options that the protocol does not know."""
    from ingather import errors

    if protocol == 2 and at is not None:
        raise errors.BadInput(
            "With protocol 2 nobody chooses the moment of the draw: --at is for protocol 1.",
            hint="--delay says how long from now the round is.",
        )
    if protocol == 1 and (number is not None or beacon is not None or anchor is not None):
        raise errors.BadInput(
            "Protocol 1 has no beacon, no round and no anchor.", hint="Leave --protocol 1 out."
        )


async def _at_once(
    here: "World", plan: "Plan", *, at: float | None, output: str | None, as_json: bool
) -> int:
    """Draw by protocol 1."""
    from ingather.cli import giveaway_show
    from ingather.domain import giveaway

    record = await here.drawing.run(plan, at=at)
    if not as_json and output != "-":
        giveaway_show.tell_winners(record)
    if output is not None:
        write_drawn(record, output, giveaway.text(record) + b"\n")
    if as_json:
        print(giveaway_show.as_json(record))
    giveaway_show.tell_unproven()
    if output not in (None, "-"):
        ids = f"{program()} giveaways show {record.giveaway_id[:8]} --ids -o ids.txt"
        say(f"Record: {output}. To verify it: {ids}")
        say(f"  and then: {program()} verify {output} --ids ids.txt")
    return 0
