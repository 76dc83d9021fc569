"""What goes over the wire about giveaways beside the seeds' GiveawayRecord."""

from typing import Annotated

from msgspec import Meta, Struct

from ingather.domain.draw_receipt import Posted, Stamp
from ingather.domain.entries import Opening
from ingather.domain.giveaway import GiveawayListItem
from ingather.domain.giveaway_rules import Bonus, Rules, bonus_of, keyword_of, tag_of
from ingather.domain.instants import iso, read
from ingather.domain.records import Comment

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[0-9A-Za-z_-]+$")]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[str, Meta(min_length=1, max_length=40)]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9._]{1,30}$")]
Words = Annotated[tuple[Word, ...], Meta(max_length=50)]
Number = Annotated[int, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Round = Annotated[int, Meta(ge=1, le=10**12)]


class Ruled(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The rules that both protocols know. since, until: ISO 8601 with Z or an offset. exclude:
    usernames. excludeWinners: giveaways of yours, or `all`."""

    winner_count: Count
    unique_users: bool = True
    unique_winners: bool = True
    replies: bool = True
    since: Moment | None = None
    until: Moment | None = None
    mentions: Number = 0
    distinct_mentions: bool = False
    keywords: Words = ()
    without_keywords: Words = ()
    hashtags: Words = ()
    without_hashtags: Words = ()
    exclude: Annotated[tuple[Name, ...], Meta(max_length=10_000)] = ()
    exclude_winners: Annotated[tuple[Id, ...], Meta(max_length=1_000)] = ()
    accept_incomplete: bool = False


class Draw1(Ruled, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A draw at once, by protocol 1. exportId: a finished export of yours. at: the draw time, ISO
    8601 with Z or an offset; now without it. since, until: likewise. exclude: usernames.
    excludeWinners: giveaways of yours, or `all`."""

    export_id: Id
    at: Moment | None = None


class NewGiveaway(Ruled, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A commitment to a draw by protocol 2.

    exportIds: finished exports of yours. since, until: ISO 8601 with Z or an offset. exclude:
    usernames. excludeWinners: giveaways of yours, or `all`. bonus: entries and a filter, as
    2:mentions>=5. delaySeconds: from now to the round; round: instead of it, a round by its number.
    """

    export_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=100)]
    alternates: Number = 0
    bonus: Words = ()
    delay_seconds: Annotated[int, Meta(ge=0, le=366 * 86_400)] = 600
    round: Round | None = None


class Ran(Struct, frozen=True, kw_only=True, rename="camel"):
    """A draw by protocol 1: the comments that won, in the order of their places, and what a draw
    of this kind cannot promise."""

    giveaway_id: str
    winners: tuple[Comment, ...]
    cannot_promise: tuple[str, ...]


class Committed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A commitment. publish: the text to publish before roundTime. counts: how many comments had
    each fate. words: what the exports lack, and what else has to be said of them."""

    giveaway_id: str
    commit: str
    chain: str
    round: int
    round_time: str
    publish: str
    counts: dict[str, int]
    words: tuple[str, ...]


class Revealed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A draw: the comments that won, in the order of their places."""

    giveaway_id: str
    winners: tuple[Comment, ...]


class NewAnchor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Evidence for when a commitment was public. tsa: ask the time-stamp authority. commentId: of
    the comment that holds the hash; exportId: an export made since, in which it is looked up; or
    username and timestamp by hand."""

    tsa: bool = False
    comment_id: Id | None = None
    export_id: Id | None = None
    username: Name | None = None
    timestamp: Moment | None = None


class Anchors(Struct, frozen=True, rename="camel"):
    """Every anchor of a giveaway."""

    giveaway_id: str
    anchors: tuple[Stamp | Posted, ...]


class NewDisqualification(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    """who: the username that holds a place, or its rank. reason: public for ever."""

    who: Annotated[str, Meta(min_length=1, max_length=40)]
    reason: Annotated[str, Meta(min_length=1, max_length=1_000)]


class Openings(Struct, frozen=True):
    """The entries of somebody, each with its salt."""

    openings: tuple[Opening, ...]


class GiveawayList(Struct, frozen=True):
    """Newest first. next: the offset of the page after; null at the end."""

    giveaways: tuple[GiveawayListItem, ...]
    next: int | None


def rules(body: Ruled) -> Rules:
    """The rules of a body. Raises BadInput."""
    alternates, bonus = 0, tuple[Bonus, ...]()
    if isinstance(body, NewGiveaway):
        alternates, bonus = body.alternates, tuple(map(bonus_of, body.bonus))
    return Rules(
        winners=body.winner_count,
        alternates=alternates,
        unique_users=body.unique_users,
        unique_winners=body.unique_winners,
        replies=body.replies,
        since=iso(read(body.since)) if body.since else None,
        until=iso(read(body.until)) if body.until else None,
        mentions=body.mentions,
        distinct_mentions=body.distinct_mentions,
        keywords=tuple(map(keyword_of, body.keywords)),
        without_keywords=tuple(map(keyword_of, body.without_keywords)),
        hashtags=tuple(map(tag_of, body.hashtags)),
        without_hashtags=tuple(map(tag_of, body.without_hashtags)),
        excluded=tuple(sorted({name.lower() for name in body.exclude})),
        bonus=bonus,
    )
