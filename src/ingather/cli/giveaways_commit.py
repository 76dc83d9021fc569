"""`ingather giveaways commit` and `anchor`: what is done before the round."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import giveaway_options as given
from ingather.cli import options
from ingather.cli.run import run, say, world

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.draw_receipt import Posted


def commit(
    jobs: given.JobIds,
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
    delay: given.Delay = 600.0,
    beacon: given.Beacon = None,
    number: given.Round = None,
    anchor: given.Anchor = None,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Freeze the list and commit to it, with the rules and the round; draw nothing yet."""

    async def command() -> int:
        from ingather.cli import giveaway_show, giveaway_steps

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
        play = await giveaway_steps.sandboxed(jobs, beacon, sandbox=sandbox)
        async with world(sandbox=play) as here:
            wanted = await given.wanted(
                here,
                jobs,
                chosen,
                exclude=exclude,
                exclude_winners=exclude_winners,
                accept_incomplete=accept_incomplete,
            )
            plan = await here.drawing.plan(wanted)
            giveaway_show.tell_plan(plan)
            record = await giveaway_steps.make_commitment(
                here, plan, delay=delay, beacon=beacon, number=number, anchor=anchor
            )
        print(giveaway_show.as_json(record) if as_json else record.commit)
        return 0

    run(command)


def anchor(
    giveaway_id: given.GiveawayId,
    tsa: Annotated[
        bool, typer.Option("--tsa", help="Ask the authority at TSA_URL for a time stamp.")
    ] = False,
    comment: Annotated[
        str | None,
        typer.Option("--comment", metavar="ID", help="The comment in which the hash was posted."),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            "--job", metavar="JOB", help="An export made since, in which it is looked up."
        ),
    ] = None,
    username: Annotated[
        str | None, typer.Option("--username", metavar="NAME", help="Or by hand: who posted it,")
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option("--timestamp", metavar="TIME", help="and when.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Record evidence that the commitment was public before its round."""

    async def command() -> int:
        from ingather import errors
        from ingather.cli import giveaway_show, giveaway_steps

        async with world() as here:
            record = await given.find(here, giveaway_id)
            draw = await here.drawn.committed(record.giveaway_id)
            if tsa == (comment is not None):
                raise errors.BadInput(
                    "An anchor is a time stamp or a comment.", hint="Give --tsa or --comment ID."
                )
            if tsa:
                await giveaway_steps.stamp(here, draw)
            else:
                posted = await _posted(here, draw.commit, comment or "", job, username, timestamp)
                await here.drawn.anchor(draw, posted)
                say(f"Recorded: comment {posted.id} of @{posted.username}, {posted.timestamp}.")
        if as_json:
            print(giveaway_show.as_json(record))
        return 0

    run(command)


async def _posted(
    here: "World",
    commit: str,
    comment: str,
    job: str | None,
    username: str | None,
    timestamp: str | None,
) -> "Posted":
    """The comment with the hash, out of an export or as it was typed."""
    from ingather import errors
    from ingather.cli.finding import find
    from ingather.domain.draw_receipt import Posted
    from ingather.domain.instants import iso, read

    if job is not None:
        row = await here.exports.posted((await find(here, job)).id, comment, commit)
        return Posted(id=comment, username=row.username or "", timestamp=row.timestamp or "")
    if username is None or timestamp is None:
        raise errors.BadInput(
            "Who posted the comment, and when?",
            hint="Give --job JOB, an export made after it was posted; or --username and"
            " --timestamp.",
        )
    moment = iso(read(timestamp)).replace(".000Z", "Z")
    return Posted(id=comment, username=username.strip().lstrip("@"), timestamp=moment)
