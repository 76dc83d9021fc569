"""Pure: what the Graph API sends, as records of the domain.

Bytes in; `Comment`, `Target` or `Post` out. A body that is no JSON is `Transient` (HTML
with status 200, an answer cut short); JSON in another shape is `SchemaDrift(endpoint, field)`.
Nothing else leaves this module.
"""

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import Target
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


_ID = re.compile(r"[A-Za-z0-9_:-]{1,100}")
_DAMAGE = re.compile("[\x00\ud800-\udfff]")
_NUL = b"\\u0000"
"""NUL can only come as its escape, which is looked for in the bytes."""
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_USUAL_TIME = b"0000-00-00T00:00:00+0000\n"


def comments(body: bytes, endpoint: str, *, parent: str | None = None) -> Listing:
    """A page of /{media}/comments, replies right after their thread's first comment; or, with
    parent, of /{comment}/replies."""
    page, damaged = wire.decode(wire.COMMENTS, body, endpoint)
    rows, parents, cut = _unfolded(page.data, parent, endpoint)
    records = _records(rows, parents, endpoint)
    repairs = _repair_all(records) if damaged or _NUL in body else 0
    return Listing(records, after(page.paging, endpoint), cut, repairs)


def _unfolded(
    found: Sequence[wire.Comment], parent: str | None, endpoint: str
) -> tuple[Sequence[wire.Reply], list[str | None], list[tuple[str, str | None]]]:
    """Rows with their replies after them, the thread that each belongs to, and what was cut."""
    if not [one for one in found if one.replies]:
        return found, [parent] * len(found), []
    rows: list[wire.Reply] = []
    parents: list[str | None] = []
    cut: list[tuple[str, str | None]] = []
    for one in found:
        rows.append(one)
        parents.append(parent)
        if one.replies is not None:
            thread = known(one.id, endpoint, "id")
            rows += one.replies.data
            parents += [thread] * len(one.replies.data)
            if one.replies.paging is not None and one.replies.paging.next:
                cut.append((thread, _after_in(one.replies.paging)))
    return rows, parents, cut


def _records(rows: Sequence[wire.Reply], parents: list[str | None], endpoint: str) -> list[Comment]:
    """Rows as records. Ids and times are looked at by the page: a row at a time costs as much as
    all the rest. The app's own user is told in `user`, everybody else in `from`."""
    writers = [row.writer or row.user or wire.NOBODY for row in rows]
    ids = known_ids([row.id for row in rows], endpoint)
    user_ids = _user_ids([writer.id for writer in writers], endpoint)
    times = _times([row.timestamp for row in rows], endpoint)
    together = zip(rows, parents, writers, ids, user_ids, times, strict=True)
    return [
        Comment(
            comment_id=comment_id,
            user_id=user_id,
            username=writer.username or row.username,
            timestamp=time,
            like_count=row.like_count,
            parent_comment_id=parent,
            text=row.text,
        )
        for row, parent, writer, comment_id, user_id, time in together
    ]


def known_ids(found: list[wire.Id], endpoint: str, name: str = "id") -> list[str]:
    """A page's ids as text, each as `known` has it; looked at together."""
    if _usual(found):
        return cast("list[str]", found)
    return [known(one, endpoint, name) for one in found]


def _user_ids(found: list[wire.Id], endpoint: str) -> list[str | None]:
    if _usual(found):
        return cast("list[str | None]", found)
    return [None if one is None else known(one, endpoint, "from.id") for one in found]


def _usual(found: list[wire.Id]) -> bool:
    """Whether all are ids in decimal text, none of them missing."""
    try:
        joined = "".join(cast("list[str]", found))
    except TypeError:
        return False
    short = len(joined) <= 20 * len(found)
    return short and all(found) and joined.isascii() and joined.encode().isdigit()


def _times(found: list[str | None], endpoint: str) -> list[str | None]:
    """Times in UTC; a page of them in the usual form needs no more than a cut."""
    try:
        usual = cast("list[str]", found)
        joined = "\n".join(usual)
        shape = (_USUAL_TIME * len(usual))[:-1]
        if joined.isascii() and joined.encode().translate(_TO_ZEROS) == shape:
            cut = joined.replace("+0000", "Z")
            if len(cut) == len(joined) - 4 * len(usual):  # none has another offset
                deque(map(datetime.fromisoformat, usual), maxlen=0)  # each of them is a moment
                return cast("list[str | None]", cut.split("\n"))[: len(usual)]
    except (TypeError, ValueError):
        pass
    return [None if one is None else utc(one, endpoint) for one in found]


def post(body: bytes, endpoint: str) -> Post:
    """One post, read by its id."""
    found, _ = wire.decode(wire.MEDIA, body, endpoint)
    return _post(found, endpoint)


def posts(body: bytes, endpoint: str) -> tuple[list[Post], str | None]:
    """A page of /{account}/media and the cursor of the next."""
    page, _ = wire.decode(wire.MEDIA_PAGE, body, endpoint)
    return [_post(one, endpoint) for one in page.data], after(page.paging, endpoint)


def _post(one: wire.Media, endpoint: str) -> Post:
    def fix(text: str | None) -> str | None:
        return None if text is None else repaired(text)

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
    """2020-06-01T10:56:52+0000 as 2020-06-01T10:56:52Z; any offset, but never none."""
    try:
        moment = datetime.fromisoformat(when)
        if len(when) == 24 and when[4] == when[7] == "-" and when.endswith("+0000"):
            return f"{when[:10]}T{when[11:19]}Z"  # as the platform writes them all
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None).isoformat("T", "seconds") + "Z"
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


def foretold(body: bytes) -> str | None:
    """The cursor of the next page as a list's last words tell it, without its rows being read.

    None where only the whole answer can tell: it is the last page, a list within it goes on too, or
    its end is not `"paging": {...}}`. Quotes within a text are escaped, so that none passes for it.
    """
    if body.count(b'"next":') != 1:
        return None
    try:
        found = wire.ENDING.decode(b"{" + body[body.rindex(b'"paging":') :])
    except (msgspec.MsgspecError, ValueError):
        return None
    return _after_in(found.paging) if found.paging.next else None


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
    if text.isascii() and "\0" not in text:
        return text
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
