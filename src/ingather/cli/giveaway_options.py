"""What `draw` and `giveaways commit` both take, said once; and how it becomes a wish."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import filter_lists, numbers

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.giveaway import GiveawayRecord
    from ingather.domain.giveaway_rules import Rules
    from ingather.features.giveaway_plan import Wanted

JobIds = Annotated[
    list[str],
    typer.Argument(metavar="JOB…", help="Finished exports of comments, or as much of their ids."),
]
Winners = Annotated[
    int, typer.Option("--winners", parser=numbers.whole(), metavar="K", help="How many win.")
]
Alternates = Annotated[
    int,
    typer.Option(
        "--alternates", parser=numbers.whole(0), metavar="M", help="How many stand by after them."
    ),
]
UniqueUsers = Annotated[
    bool,
    typer.Option(
        "--unique-users/--no-unique-users", help="One comment of each user takes part, or all."
    ),
]
UniqueWinners = Annotated[
    bool,
    typer.Option("--unique-winners/--no-unique-winners", help="A user wins once at the most."),
]
Replies = Annotated[bool, typer.Option("--replies/--no-replies", help="Whether replies take part.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only what was written then or later."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only what was written before.")
]
Mentions = Annotated[
    int,
    typer.Option(
        "--mentions",
        parser=numbers.whole(0),
        metavar="N",
        help="Accounts that a comment has to mention.",
    ),
]
DistinctMentions = Annotated[
    bool,
    typer.Option("--distinct-mentions", help="Repeated and copied mentions do not count."),
]
Keywords = Annotated[
    list[str] | None,
    typer.Option("--keyword", metavar="WORD", help="Has to be in the text; may be repeated."),
]
WithoutKeywords = Annotated[
    list[str] | None,
    typer.Option("--without-keyword", metavar="WORD", help="Must not be; may be repeated."),
]
Hashtags = Annotated[
    list[str] | None,
    typer.Option("--hashtag", metavar="TAG", help="Has to be there; may be repeated."),
]
WithoutHashtags = Annotated[
    list[str] | None,
    typer.Option("--without-hashtag", metavar="TAG", help="Must not be; may be repeated."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="NAMES",
        help="Accounts that do not take part: ann,bob, @names.txt or job:ID; may be repeated.",
    ),
]
ExcludeWinners = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude-winners",
        metavar="GIVEAWAY",
        help="Nor who won that one, or all of the account's; may be repeated.",
    ),
]
BonusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--bonus",
        metavar="N:FILTER",
        help="N entries more for comments that pass it, as 2:mentions>=5; may be repeated.",
    ),
]
AcceptIncomplete = Annotated[
    bool,
    typer.Option(
        "--accept-incomplete", help="Draw from an export that lacks comments; the receipt says so."
    ),
]
Delay = Annotated[
    float,
    typer.Option(
        "--delay",
        parser=numbers.span,
        show_default=False,
        metavar="TIME",
        help="From the commitment to its round, 60s or more. [10m]",
    ),
]
Beacon = Annotated[
    str | None,
    typer.Option("--beacon", metavar="NAME", help="drand, file:ROUNDS.json or sandbox."),
]
Round = Annotated[
    int | None,
    typer.Option(
        "--round",
        parser=numbers.whole(),
        metavar="N",
        help="A round by its number; a past one to rehearse only.",
    ),
]
Anchor = Annotated[
    str | None,
    typer.Option("--anchor", metavar="HOW", help="tsa (where TSA_URL is set) or none."),
]
GiveawayId = Annotated[
    str, typer.Argument(metavar="ID", help="A giveaway's id, or as much of it as is unique.")
]


def rules(
    *,
    winners: int,
    alternates: int,
    unique_users: bool,
    unique_winners: bool,
    replies: bool,
    since: str | None,
    until: str | None,
    mentions: int,
    distinct_mentions: bool,
    keywords: Sequence[str] | None,
    without_keywords: Sequence[str] | None,
    hashtags: Sequence[str] | None,
    without_hashtags: Sequence[str] | None,
    bonus: Sequence[str] | None,
) -> "Rules":
    """The rules that were typed. Raises BadInput."""
    from ingather.domain.giveaway_rules import Rules, bonus_of, keyword_of, tag_of
    from ingather.domain.instants import iso, read

    return Rules(
        winners=winners,
        alternates=alternates,
        unique_users=unique_users,
        unique_winners=unique_winners,
        replies=replies,
        since=None if since is None else iso(read(since)),
        until=None if until is None else iso(read(until)),
        mentions=mentions,
        distinct_mentions=distinct_mentions,
        keywords=tuple(keyword_of(each) for each in keywords or ()),
        without_keywords=tuple(keyword_of(each) for each in without_keywords or ()),
        hashtags=tuple(tag_of(each) for each in hashtags or ()),
        without_hashtags=tuple(tag_of(each) for each in without_hashtags or ()),
        bonus=tuple(bonus_of(each) for each in bonus or ()),
    )


async def wanted(
    here: "World",
    jobs: Sequence[str],
    chosen: "Rules",
    *,
    exclude: Sequence[str] | None,
    exclude_winners: Sequence[str] | None,
    accept_incomplete: bool,
    protocol: int = 2,
) -> "Wanted":
    """The wish, with every id whole and every list read."""
    from msgspec import structs

    from ingather.features.giveaway_plan import ALL, Wanted

    names: set[str] = set()
    for each in exclude or ():
        names.update(await _names(here, each))
    lists = await filter_lists.behind(here, [bonus.when for bonus in chosen.bonus])
    past = [
        each if each == ALL else (await find(here, each)).giveaway_id
        for each in exclude_winners or ()
    ]
    return Wanted(
        jobs=tuple([await _job(here, each) for each in jobs]),
        rules=structs.replace(chosen, excluded=tuple(sorted(names))),
        past=tuple(past),
        lists=lists,
        accept_incomplete=accept_incomplete,
        protocol=1 if protocol == 1 else 2,
    )


async def find(here: "World", words: str) -> "GiveawayRecord":
    """The giveaway whose id begins so. Raises GiveawayNotFound."""
    from ingather import errors

    try:
        return await here.giveaways.show(words)
    except errors.GiveawayNotFound:
        every = await here.giveaways.list(limit=100_000)
        matches = [record for record in every if words and record.giveaway_id.startswith(words)]
    if len(matches) == 1:
        return matches[0]
    many = f"{len(matches)} giveaways begin with {words}"
    raise errors.GiveawayNotFound(
        f"{many if matches else f'There is no giveaway {words}'}.",
        hint="`ingather giveaways list` shows them.",
    )


async def _job(here: "World", words: str) -> str:
    from ingather import errors
    from ingather.cli.finding import find as find_job

    try:
        return (await find_job(here, words)).id
    except errors.JobNotFound as missing:
        raise errors.ExportNotFound(hint=f"({missing})") from None


async def _names(here: "World", words: str) -> "Sequence[str]":
    from ingather import errors
    from ingather.domain.filter_kinds import Users
    from ingather.domain.filter_words import names_in

    if words.startswith(("@", "job:")) and "," not in words:
        listed = await filter_lists.behind(here, [Users(reference=words)])
        return [name.lower() for name in listed[words]]
    found = names_in(words)
    if not found:
        raise errors.BadInput(
            f"There is no username in “{words}”.", hint="Write ann,bob, @names.txt or job:ID."
        )
    return found
