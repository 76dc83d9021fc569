"""Records of each type in their own SQL table, in arrival order."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, structs

from ingather.domain.records import Comment, Media, Record, User, natural_id

_PLACES = 1 << 32
_AT_ONCE = 100
"""Rows in one statement; SQLite takes 32,766 parameters, and few sizes keep few statements."""

_UNKNOWN = ("@", "~")
"""How a natural id begins where the record has no id of its own (`records.natural_id`)."""

Row = tuple[Any, ...]
Rows = Iterable[Row]


class Table(Struct, frozen=True):
    """Where a type of record rests: its table, its columns with the natural id first, how a record
    becomes a row, and how rows come back: many at once, for a call a row costs as much as the
    record itself."""

    name: str
    columns: tuple[str, ...]
    pack: Callable[[Any], Row]
    unpack: Callable[[Rows], Sequence[Record]]


def _pack(record: Record) -> Row:
    row = structs.astuple(record)
    return row if row[0] is not None else (natural_id(record), *row[1:])


def _pack_media(media: Media) -> Row:
    row = _pack(media)
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
        if named.get("coauthors") is not None:
            named["coauthors"] = tuple(named["coauthors"])
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


def add(connection: sqlite3.Connection, number: int, base: int, rows: Sequence[Record]) -> int:
    """Insert rows of one type from place `base` on; how many were not there yet."""
    if not rows:
        return 0
    added, place = 0, number * _PLACES + base
    table = TABLES[type(rows[0])]
    for start in range(0, len(rows), _AT_ONCE):
        values: list[object] = []
        some = rows[start : start + _AT_ONCE]
        for row in some:
            values += (place, number, *table.pack(row))
            place += 1
        added += connection.execute(_insert(table.name, table.columns, len(some)), values).rowcount
    return added


@lru_cache
def _insert(name: str, columns: tuple[str, ...], count: int) -> str:
    """One statement for a page's rows: a third cheaper than one step of `executemany` a row."""
    row = f"({', '.join('?' * (2 + len(columns)))})"
    return (
        f"INSERT OR IGNORE INTO {name} (place, extraction, {', '.join(columns)})"
        f" VALUES {', '.join([row] * count)}"
    )


def some(
    connection: sqlite3.Connection, kind: type[Record], number: int, *, limit: int, offset: int
) -> list[Record]:
    """A slice in arrival order; places have no holes, so the offset is found at once."""
    table, first = TABLES[kind], number * _PLACES
    found = connection.execute(
        f"SELECT {', '.join(table.columns)} FROM {table.name}"
        " WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (first + offset, first + _PLACES, limit),
    )
    return list(table.unpack(found))


def known(
    connection: sqlite3.Connection, kind: type[Record], number: int, ids: Sequence[str]
) -> set[str]:
    """Which of these natural ids the job has kept or left out already."""
    table = TABLES[kind]
    found = connection.execute(
        f"SELECT value FROM json_each(:ids) WHERE EXISTS (SELECT 1 FROM {table.name}"
        f" WHERE extraction = :number AND {table.columns[0]} = value) OR EXISTS"
        " (SELECT 1 FROM left_out WHERE extraction = :number AND natural_id = value)",
        {"ids": msgspec.json.encode(ids).decode(), "number": number},
    )
    return {value for (value,) in found}


def users(connection: sqlite3.Connection, kind: type[Record], number: int) -> set[int]:
    """Hashes of the distinct user ids behind the comments kept; none of posts, which do not tell
    them, nor of accounts, each of which is its own."""
    if kind is not Comment:
        return set()
    found = connection.execute(
        "SELECT DISTINCT user_id FROM comments WHERE extraction = ? AND user_id IS NOT NULL",
        (number,),
    )
    return {hash(user) for (user,) in found}


def forget(connection: sqlite3.Connection, number: int) -> None:
    """Delete every record of a job, of whichever type."""
    first = number * _PLACES
    for table in TABLES.values():
        connection.execute(
            f"DELETE FROM {table.name} WHERE place >= ? AND place < ?", (first, first + _PLACES)
        )
