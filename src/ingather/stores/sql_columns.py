"""Records as rows of a table of their own, and back: all on PostgreSQL, posts on SQLite too."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct, structs

from ingather.domain.records import Comment, Media, Record, User, natural_id

PLACES = 1 << 32
"""place = extraction * PLACES + n, where n counts a job's rows from 0 without holes."""

_UNKNOWN = ("@", "~")
"""How a natural id begins where the record has no id of its own (`records.natural_id`)."""

Row = tuple[Any, ...]
Rows = Iterable[Row]
_FIRST = itemgetter(0)


class Table(Struct, frozen=True):
    """Where a type of record rests: its table, its columns with the natural id first, and how
    records become rows and come back: many at once, for a call a row costs as much as the record
    itself."""

    name: str
    columns: tuple[str, ...]
    pack: Callable[[Sequence[Any]], Sequence[Row]]
    unpack: Callable[[Rows], Sequence[Record]]


def _pack(records: Sequence[Record]) -> Sequence[Row]:
    rows = list(map(structs.astuple, records))
    if all(map(_FIRST, rows)):
        return rows
    return [(natural_id(one), *row[1:]) for one, row in zip(records, rows, strict=True)]


def _pack_media(media: Sequence[Media]) -> Sequence[Row]:
    return [_media_row(one, row) for one, row in zip(media, _pack(media), strict=True)]


def _media_row(media: Media, row: Row) -> Row:
    told = {name: value for name, value in zip(_MORE, row[_OWN:], strict=True) if value is not None}
    more = msgspec.json.encode(told).decode() if told else None
    return (*row[: _OWN - 2], _listed(media.hashtags), _listed(media.mentions), more)


def _listed(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else msgspec.json.encode(words).decode()


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else msgspec.json.decode(text, type=tuple[str, ...])


def _id(key: str) -> str | None:
    return None if key[:1] in _UNKNOWN else key


def _comments(rows: Rows) -> list[Comment]:
    return [
        Comment(
            comment_id=None if key[:1] in _UNKNOWN else key,
            user_id=user_id,
            username=username,
            timestamp=timestamp,
            like_count=like_count,
            parent_comment_id=parent,
            text=text,
        )
        for key, user_id, username, timestamp, like_count, parent, text in rows
    ]


def _users(rows: Rows) -> list[User]:
    return [
        User(
            user_id=None if key[:1] in _UNKNOWN else key,
            username=username,
            full_name=full_name,
            is_private=_TRUTHS[private],
            is_verified=_TRUTHS[verified],
            profile_pic_url=picture,
        )
        for key, username, full_name, private, verified, picture in rows
    ]


def _medias(rows: Rows) -> list[Media]:
    return [_media(row) for row in rows]


def _media(row: Row) -> Media:
    key, *others, hashtags, mentions, more = row
    named: dict[str, Any] = dict(zip(_MEDIA[1 : _OWN - 2], others, strict=True))
    if more is not None:
        named |= msgspec.json.decode(more)
        for name in ("coauthors", "filled_from"):
            if named.get(name) is not None:
                named[name] = tuple(named[name])
    return Media(media_id=_id(key), hashtags=_words(hashtags), mentions=_words(mentions), **named)


_TRUTHS = {None: None, 0: False, 1: True}
_MEDIA = Media.__struct_fields__
_OWN = _MEDIA.index("mentions") + 1
"""Fields that have a column of their own; all that follow rest together in `more`."""
_MORE = _MEDIA[_OWN:]

TABLES: dict[type[Record], Table] = {
    Comment: Table("comments", Comment.__struct_fields__, _pack, _comments),
    User: Table("users", User.__struct_fields__, _pack, _users),
    Media: Table("media", (*_MEDIA[:_OWN], "more"), _pack_media, _medias),
}


def inserting(
    number: int, base: int, rows: Sequence[Record]
) -> Iterable[tuple[str, Sequence[Any]]]:
    """The statement, in words with `?`, that adds rows of one type from place `base` on."""
    table, first = TABLES[type(rows[0])], number * PLACES + base
    columns = ", ".join(("place", "extraction", *table.columns))
    cells = f"({', '.join('?' * (2 + len(table.columns)))})"
    packed = ((first + n, number, *row) for n, row in enumerate(table.pack(rows)))
    yield (
        f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([cells] * len(rows))}"
        " ON CONFLICT (place) DO NOTHING",
        tuple(chain.from_iterable(packed)),
    )
