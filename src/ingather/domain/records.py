"""The things that are collected: frozen, typed, unknown is None.

JSON keys are camelCase; a Comment's are the seeds' (`NormalizedComment` of data-models.md). Ids are
decimal strings, times ISO 8601 in UTC with a trailing Z, to the second.
"""

import hashlib
from collections.abc import Sequence
from typing import cast

from msgspec import Struct


class Comment(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A comment or a reply, as `NormalizedComment` in the seeds.

    comment_id: 17 or 18 digits; None only where the source has no ids (an archive).
    user_id: Instagram-scoped id of the writer. parent_comment_id: the thread's first comment;
    None on a top-level comment.
    """

    comment_id: str | None
    user_id: str | None
    username: str | None
    timestamp: str | None
    like_count: int | None
    parent_comment_id: str | None = None
    text: str | None


class User(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """An account in somebody's list. user_id: None where the source has no ids (an archive)."""

    user_id: str | None
    username: str | None
    full_name: str | None = None
    is_private: bool | None = None
    is_verified: bool | None = None
    profile_pic_url: str | None = None


class Media(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A post or reel.

    media_type: IMAGE, VIDEO, CAROUSEL_ALBUM or REELS. play_count: views of a video, in the
    platform's own counting; plays_from: which of its numbers that is, for they count differently.
    duration: seconds. hashtags, mentions: of the caption, without # and @. likes_hidden: the owner
    shows nobody how many there are. coauthors: usernames of the accounts that share the post; ()
    where there are none. reach, saved, shares, total_interactions, and watch times in milliseconds
    (avg_watch_ms: of one view): insights, told to the owner alone. filled_from: fields that another
    source than the job's own told, as `duration=hiker` (`domain.merging`).
    """

    media_id: str | None
    shortcode: str | None = None
    permalink: str | None = None
    media_type: str | None = None
    timestamp: str | None = None
    username: str | None = None
    like_count: int | None = None
    comment_count: int | None = None
    play_count: int | None = None
    duration: float | None = None
    caption: str | None = None
    hashtags: tuple[str, ...] | None = None
    mentions: tuple[str, ...] | None = None
    thumbnail_url: str | None = None
    likes_hidden: bool | None = None
    is_pinned: bool | None = None
    is_paid_partnership: bool | None = None
    coauthors: tuple[str, ...] | None = None
    plays_from: str | None = None
    reach: int | None = None
    saved: int | None = None
    shares: int | None = None
    total_interactions: int | None = None
    avg_watch_ms: int | None = None
    total_watch_ms: int | None = None
    filled_from: tuple[str, ...] | None = None


class Profile(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one source tells of an account at one moment.

    user_id: the source's own id of it (ids of the Graph API and of HikerAPI differ). website:
    the link in the profile. is_professional: a business or creator account. category: as the
    account has chosen it, in its language. approximate: names of the counts that the source has
    rounded ("46.3m"), such as `followers_count`. posts: its latest ones, newest first, where they
    came with it; None where they were not asked for or not told.
    """

    user_id: str | None
    username: str
    full_name: str | None = None
    biography: str | None = None
    website: str | None = None
    profile_pic_url: str | None = None
    followers_count: int | None = None
    follows_count: int | None = None
    media_count: int | None = None
    is_private: bool | None = None
    is_verified: bool | None = None
    is_professional: bool | None = None
    category: str | None = None
    approximate: tuple[str, ...] = ()
    posts: tuple[Media, ...] | None = None


Record = Comment | User | Media


def is_reply(record: Record) -> bool:
    """Whether it answers a comment."""
    return isinstance(record, Comment) and record.parent_comment_id is not None


def writer(record: Record) -> str | None:
    """The user id behind a record, None where it is not known or not told."""
    return None if isinstance(record, Media) else record.user_id


def moment(record: Record) -> str | None:
    """When it was made, None where the source does not tell."""
    return None if isinstance(record, User) else record.timestamp


def natural_id(record: Record) -> str:
    """The id by which a record is itself within a job.

    Where the source gives no id: a user's name after an @; else ~ and a digest of what it has.
    """
    if isinstance(record, Comment):
        return record.comment_id or _digest(record.timestamp, record.username, record.text)
    if isinstance(record, User):
        return record.user_id or f"@{(record.username or '').lower()}"
    return record.media_id or _digest(record.timestamp, record.permalink, record.caption)


def natural_ids(records: Sequence[Record]) -> list[str]:
    """`natural_id` of each; comments or accounts that all have ids are read off at once."""
    ids: list[str | None] = []
    if records and type(records[0]) is Comment:
        ids = [one.comment_id for one in cast("Sequence[Comment]", records)]
    elif records and type(records[0]) is User:
        ids = [one.user_id for one in cast("Sequence[User]", records)]
    if ids and all(ids):
        return cast("list[str]", ids)
    return [natural_id(one) for one in records]


def writers(records: Sequence[Record]) -> list[str | None]:
    """`writer` of each; records of one page are all of one type."""
    if not records or isinstance(records[0], Media):
        return [None] * len(records)
    return [one.user_id for one in cast("Sequence[Comment | User]", records)]


def parents(records: Sequence[Record]) -> list[str | None]:
    """The thread that each is a reply in, None where it is none."""
    if not records or not isinstance(records[0], Comment):
        return [None] * len(records)
    return [one.parent_comment_id for one in cast("Sequence[Comment]", records)]


def _digest(*parts: str | None) -> str:
    told = "\x1f".join("" if part is None else part for part in parts)
    return "~" + hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]
