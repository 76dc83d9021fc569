"""Pure: what HikerAPI sends, as records of the domain.

Bytes in; `Comment`, `User` or `Media` out. A body that is no JSON is `Transient`; JSON in another
shape is `SchemaDrift(endpoint, field)`. Nothing else leaves this module. What the service fills in
where it knows nothing (0 plays, 0 views, an empty name) is None here.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.records import Comment, Media, Profile, User
from ingather.providers import hiker_wire as wire
from ingather.providers.graph_map import known, known_ids, repaired, utc
from ingather.providers.graph_wire import decode

R = TypeVar("R", Comment, User, Media)
M = TypeVar("M", Comment, User, Media, Profile)
Shape = Literal["pair", "triple", "page", "list", "object"]


class Listing(Struct, Generic[R], frozen=True):
    """A page of records.

    after: cursor of the next page; None where this is the last.
    cut: threads whose replies have to be asked for, as (comment id, cursor or None).
    repaired: texts in which NUL or half a surrogate pair became U+FFFD.
    """

    records: list[R]
    after: str | None = None
    cut: tuple[tuple[str, str | None], ...] = ()
    repaired: int = 0


AnyListing = Listing[Comment] | Listing[User] | Listing[Media]


class Account(Struct, frozen=True, kw_only=True):
    """An account as its own page tells of it; counts are None where they are not told."""

    user: User
    followers: int | None = None
    following: int | None = None
    posts: int | None = None


_DAMAGE = re.compile("[\x00\ud800-\udfff]")
_NUL = b"\\u0000"
_LATEST = 253_402_300_799  # the end of the year 9999, in seconds


def users(body: bytes, endpoint: str, shape: Shape, sent: str | None) -> Listing[User]:
    """A page of followers, followed accounts or likers."""
    rows: list[wire.User]
    mark: wire.Mark = None
    if shape == "page":
        page, damaged = decode(wire.USER_PAGE, body, endpoint)
        rows, mark = page.response.users, page.next_page_id
    elif shape == "pair":
        (rows, mark), damaged = decode(wire.USER_PAIR, body, endpoint)
    elif shape == "object":
        alone, damaged = decode(wire.USERS, body, endpoint)
        rows = alone.users
    else:
        rows, damaged = decode(wire.USER_LIST, body, endpoint)
    pks = known_ids([row.id if row.pk is None else row.pk for row in rows], endpoint, "pk")
    records = [_user(row, pk) for row, pk in zip(rows, pks, strict=True)]
    return listing(records, mark, sent, endpoint, body, damaged)


def _user(row: wire.User, pk: str) -> User:
    return User(
        user_id=pk,
        username=row.username or None,
        full_name=row.full_name or None,
        is_private=row.is_private,
        is_verified=row.is_verified,
        profile_pic_url=row.profile_pic_url or None,
    )


def account(body: bytes, endpoint: str) -> Account:
    """One account, found by its name."""
    row, _ = decode(wire.ACCOUNT, body, endpoint)
    user = _user(row, known(row.id if row.pk is None else row.pk, endpoint, "pk"))
    if user.username is None:
        raise errors.SchemaDrift(endpoint, "username")
    return Account(
        user=mended(user)[0],
        followers=count(row.follower_count),
        following=count(row.following_count),
        posts=count(row.media_count),
    )


def profile(body: bytes, endpoint: str) -> Profile:
    """One account, found by its name, with all that is told of it."""
    row, damaged = decode(wire.ACCOUNT, body, endpoint)
    user = _user(row, known(row.id if row.pk is None else row.pk, endpoint, "pk"))
    if user.username is None:
        raise errors.SchemaDrift(endpoint, "username")
    found = Profile(
        user_id=user.user_id,
        username=user.username,
        full_name=user.full_name,
        biography=row.biography or None,
        website=row.external_url or None,
        profile_pic_url=row.profile_pic_url_hd or user.profile_pic_url,
        followers_count=count(row.follower_count),
        follows_count=count(row.following_count),
        media_count=count(row.media_count),
        is_private=user.is_private,
        is_verified=user.is_verified,
        is_professional=_professional(row),
        category=row.category or row.category_name or row.business_category_name or None,
    )
    return mended(found)[0] if damaged or _NUL in body else found


def _professional(row: wire.Account) -> bool | None:
    if row.account_type in (1, 2, 3):
        return row.account_type != 1
    return row.is_business


def comments(
    body: bytes, endpoint: str, shape: Shape, sent: str | None, *, replies: bool
) -> Listing[Comment]:
    """A page of a post's comments.

    Some replies come inside their thread, and again when its replies are asked for: they are taken
    from here only where they are all there is; other threads are named in `cut`.
    """
    rows: list[wire.Comment]
    mark: wire.Mark
    if shape == "page":
        page, damaged = decode(wire.COMMENT_PAGE, body, endpoint)
        rows, mark = page.response.comments, page.next_page_id
    elif shape == "triple":
        (rows, mark, _), damaged = decode(wire.COMMENT_TRIPLE, body, endpoint)
    else:
        (rows, mark), damaged = decode(wire.COMMENT_PAIR, body, endpoint)
    records: list[Comment] = []
    cut: list[tuple[str, str | None]] = []
    for row in rows:
        first = _comment(row, endpoint)
        if replies or first.parent_comment_id is None:
            records.append(first)
        inside = row.preview_child_comments or []
        told = row.child_comment_count
        if not replies or not (inside or told) or first.comment_id is None:
            continue
        if told is not None and len(inside) >= told:
            records += [_comment(one, endpoint, parent=first.comment_id) for one in inside]
        else:
            cut.append((first.comment_id, None))
    return listing(records, mark, sent, endpoint, body, damaged, cut)


def replies(body: bytes, endpoint: str, *, parent: str, sent: str | None) -> Listing[Comment]:
    """A page of a thread's replies.

    That more follow, with no cursor to be had and not all of them here, is SchemaDrift.
    """
    thread, damaged = decode(wire.THREAD, body, endpoint)
    records = [_comment(row, endpoint, parent=parent) for row in thread.child_comments]
    mark = thread.next_min_child_cursor or thread.next_min_id
    if thread.has_more_head_child_comments is False:
        mark = None
    missing = sent is not None or len(records) < (thread.child_comment_count or 0)
    if thread.has_more_head_child_comments and not mark and missing:
        raise errors.SchemaDrift(endpoint, "next_min_child_cursor")
    return listing(records, mark, sent, endpoint, body, damaged)


def _comment(row: wire.Reply, endpoint: str, *, parent: str | None = None) -> Comment:
    writer = row.user or wire.NOBODY
    writer_id = next((one for one in (writer.pk, writer.id, row.user_id) if one is not None), None)
    above = parent or row.parent_comment_id or None
    likes = row.like_count if row.comment_like_count is None else row.comment_like_count
    made = row.created_at if row.created_at_utc is None else row.created_at_utc
    return Comment(
        comment_id=known(row.pk, endpoint, "pk"),
        user_id=None if writer_id is None else known(writer_id, endpoint, "user.pk"),
        username=writer.username or None,
        timestamp=moment(made, endpoint, "created_at_utc"),
        like_count=count(likes),
        parent_comment_id=None if above is None else known(above, endpoint, "parent_comment_id"),
        text=row.text,
    )


def balance(body: bytes, endpoint: str) -> wire.Balance:
    """What is left on the account, and its rate."""
    found, _ = decode(wire.BALANCE, body, endpoint)
    return found


def count(found: int | None) -> int | None:
    """A count; below zero it is a sign for something else, not a number of things."""
    return None if found is None or found < 0 else found


def moment(found: str | int | None, endpoint: str, name: str) -> str | None:
    """Seconds since 1970 or ISO 8601, as ISO 8601 in UTC; 0 and "" are unknown."""
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) < 16:
        found = int(found)
    if not found:
        return None
    if isinstance(found, int):
        if not 0 < found <= _LATEST:
            raise errors.SchemaDrift(endpoint, name)
        return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return utc(found, endpoint)


def _after(mark: wire.Mark, sent: str | None, endpoint: str) -> str | None:
    """The cursor of the next page: null, "", false and the one that was sent are the end."""
    if mark is None or mark is False or mark == "":
        return None
    if mark is True or (isinstance(mark, str) and _DAMAGE.search(mark)):
        raise errors.SchemaDrift(endpoint, "cursor")
    found = str(mark)
    return None if found == sent else found


def listing(
    records: list[R],
    mark: wire.Mark,
    sent: str | None,
    endpoint: str,
    body: bytes,
    damaged: bool,
    cut: Sequence[tuple[str, str | None]] = (),
) -> Listing[R]:
    """A page as a whole. NUL can only come as its escape, which is looked for in the bytes."""
    repairs = 0
    if damaged or _NUL in body:
        for index, one in enumerate(records):
            records[index], found = mended(one)
            repairs += found
    return Listing(records, _after(mark, sent, endpoint), tuple(cut), repairs)


def mended(record: M) -> tuple[M, int]:
    """The record with NUL and lone surrogates replaced, and in how many texts they were."""
    changes: dict[str, object] = {}
    count = 0
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, str) and _DAMAGE.search(value):
            changes[name] = repaired(value)
            count += 1
        elif isinstance(value, tuple) and any(_DAMAGE.search(one) for one in value):
            changes[name] = tuple(repaired(one) for one in value)
    return (msgspec.structs.replace(record, **changes), count) if changes else (record, 0)
