"""Pure: what the Graph API sends, as records of the domain.

Bytes in; `Comment`, `Target`, `Post` or `Owner` out. A body that is no JSON is `Transient` (HTML
with status 200, an answer cut short); JSON in another shape is `SchemaDrift(endpoint, field)`.
Nothing else leaves this module.
"""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import Owner, Target
from ingather.domain.posts import Post
from ingather.domain.records import Comment
from ingather.providers import graph_wire as wire


class Listing(Struct, frozen=True, gc=False):
    """A page of comments or replies.

    after: cursor of the next page; None where this is the last.
    cut: threads whose replies go on elsewhere, as (comment id, cursor or None for the beginning).
    repaired: texts in which NUL or half a surrogate pair became U+FFFD.
    """

    records: list[Comment]
    after: str | None
    cut: list[tuple[str, str | None]]
    repaired: int


class Linked(Struct, frozen=True, kw_only=True):
    """An Instagram account, and the Facebook Page that leads to it.

    tasks: what the person may do with the Page (MANAGE, MODERATE, ...).
    """

    instagram_id: str
    username: str | None
    page_id: str
    page: str | None
    tasks: tuple[str, ...] = ()


_ID = re.compile(r"[A-Za-z0-9_:-]{1,100}")
_DAMAGE = re.compile("[\x00\ud800-\udfff]")


def comments(body: bytes, endpoint: str, *, parent: str | None = None) -> Listing:
    """A page of /{media}/comments, replies right after their thread's first comment; or, with
    parent, of /{comment}/replies."""
    page, damaged = wire.decode(wire.COMMENTS, body, endpoint)
    records: list[Comment] = []
    cut: list[tuple[str, str | None]] = []
    add = records.append
    for one in page.data:
        comment = _comment(one, parent, endpoint)
        add(comment)
        if one.replies is not None:
            thread = comment.comment_id
            for reply in one.replies.data:
                add(_comment(reply, thread, endpoint))
            if one.replies.paging is not None and one.replies.paging.next:
                cut.append((thread, _after_in(one.replies.paging)))
    repaired = _repair_all(records) if damaged else 0
    return Listing(records, after(page.paging, endpoint), cut, repaired)


def _comment(one: wire.Reply, parent: str | None, endpoint: str) -> Comment:
    writer, when = one.writer, one.timestamp
    username = one.username
    if writer is not None:
        user_id = writer.id
        username = writer.username or username
    else:
        user_id = one.user.id if one.user is not None else None
    return Comment(
        comment_id=known(one.id, endpoint, "id"),
        user_id=None if user_id is None else known(user_id, endpoint, "from.id"),
        username=username,
        timestamp=None if when is None else utc(when, endpoint),
        like_count=one.like_count,
        parent_comment_id=parent,
        text=one.text,
    )


def post(body: bytes, endpoint: str) -> Post:
    """One post, read by its id."""
    found, damaged = wire.decode(wire.MEDIA, body, endpoint)
    return _post(found, endpoint, damaged)


def posts(body: bytes, endpoint: str) -> tuple[list[Post], str | None]:
    """A page of /{account}/media and the cursor of the next."""
    page, damaged = wire.decode(wire.MEDIA_PAGE, body, endpoint)
    return [_post(one, endpoint, damaged) for one in page.data], after(page.paging, endpoint)


def _post(one: wire.Media, endpoint: str, damaged: bool) -> Post:
    def fix(text: str | None) -> str | None:
        return repaired(text) if damaged and text is not None else text

    return Post(
        id=known(one.id, endpoint, "id"),
        shortcode=fix(one.shortcode),
        permalink=fix(one.permalink),
        timestamp=fix(one.timestamp),
        caption=fix(one.caption),
        comments_count=one.comments_count,
        comments_enabled=one.is_comment_enabled,
        media_type=fix(one.media_type),
        media_product_type=fix(one.media_product_type),
        username=fix(one.username),
    )


def target(found: Post) -> Target:
    """A post as what a job collects."""
    return Target(
        id=found.id,
        shortcode=found.shortcode,
        permalink=found.permalink,
        caption=found.caption,
        timestamp=found.timestamp,
        username=found.username,
        declared=found.comments_count,
        comments_enabled=found.comments_enabled,
    )


def owner(body: bytes, endpoint: str) -> Owner:
    """An account, read by its id."""
    found, _ = wire.decode(wire.USER, body, endpoint)
    if not found.username:
        raise errors.SchemaDrift(endpoint, "username")
    return Owner(instagram_id=known(found.id, endpoint, "id"), username=repaired(found.username))


def linked(body: bytes, endpoint: str) -> tuple[list[Linked], str | None]:
    """The Instagram accounts in a page of /me/accounts, and the cursor of the next."""
    page, _ = wire.decode(wire.ACCOUNTS, body, endpoint)
    found = [
        Linked(
            instagram_id=known(one.id, endpoint, "instagram_business_account.id"),
            username=one.username and repaired(one.username),
            page_id=known(node.id, endpoint, "id"),
            page=node.name and repaired(node.name),
            tasks=tuple(node.tasks or ()),
        )
        for node in page.data
        if (one := node.instagram_business_account) is not None
    ]
    return found, after(page.paging, endpoint)


def known(found: wire.Id, endpoint: str, name: str) -> str:
    """An id as text; ids come as strings, and as numbers from older versions."""
    if type(found) is str and found.isdecimal() and found.isascii() and len(found) <= 100:
        return found
    if type(found) is int and 0 <= found < 10**100:
        return str(found)
    if type(found) is str and _ID.fullmatch(found):
        return found
    raise errors.SchemaDrift(endpoint, name)


def utc(when: str, endpoint: str) -> str:
    """2020-06-01T10:56:52+0000 as 2020-06-01T10:56:52Z."""
    try:
        moment = datetime.fromisoformat(when)
        if when[10::3] == "T::+0" and when[7] == "-" and when[19:] == "+0000":
            return f"{when[:19]}Z"
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        pass
    raise errors.SchemaDrift(endpoint, "timestamp")


def after(paging: wire.Paging | None, endpoint: str) -> str | None:
    """The cursor of the next page, None on the last: only a missing `next` says that it is.

    `next` with no cursor to be had is SchemaDrift: neither an end nor a way on.
    """
    if paging is None or not paging.next:
        return None
    cursor = _after_in(paging)
    if cursor is None:
        raise errors.SchemaDrift(endpoint, "paging.cursors.after")
    return cursor


def _after_in(paging: wire.Paging) -> str | None:
    """`cursors.after`, else the `after` of the address `next`; nothing else of it is used."""
    cursor = paging.cursors.after if paging.cursors else None
    if not cursor and paging.next:
        try:
            cursor = parse_qs(urlsplit(paging.next).query).get("after", [""])[0]
        except ValueError:
            return None
    return cursor if cursor and cursor.isascii() and cursor.isprintable() else None


def repaired(text: str) -> str:
    """The text with NUL and lone surrogates as U+FFFD."""
    return _DAMAGE.sub("\ufffd", text)


def _repair_all(records: list[Comment]) -> int:
    """Repair texts and usernames in place; how many needed it."""
    count = 0
    for index, one in enumerate(records):
        changes: dict[str, str] = {}
        for name, value in (("text", one.text), ("username", one.username)):
            if value is not None and _DAMAGE.search(value):
                changes[name] = repaired(value)
        if changes:
            records[index] = msgspec.structs.replace(one, **changes)
            count += len(changes)
    return count
