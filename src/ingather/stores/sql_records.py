"""Records of each type in their own SQL table, in arrival order."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct, structs

from ingather.domain import table as columns
from ingather.domain.records import Comment, Media, Record, User, natural_id, natural_ids
from ingather.ports import Batch

PLACES = 1 << 32
"""A record rests at the job's number times this, and its own place among the job's."""
_AT_ONCE = 100
"""Rows in one statement; SQLite takes 32,766 parameters, and few sizes keep few statements."""

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


def add(connection: sqlite3.Connection, number: int, base: int, rows: Sequence[Record]) -> int:
    """Insert rows of one type from place `base` on; how many were not there yet."""
    if not rows:
        return 0
    added, first = 0, number * PLACES + base
    table = TABLES[type(rows[0])]
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        statement = _insert(table.name, table.columns, len(some))
        values = (first + start, number, *chain.from_iterable(table.pack(some)))
        added += connection.execute(statement, values).rowcount
    return added


@lru_cache
def _insert(name: str, columns: tuple[str, ...], count: int) -> str:
    """One statement for a page's rows: a third cheaper than one step of `executemany` a row.
    ?1 is the place of the first of them, ?2 the job's number."""
    cells = ", ".join("?" * len(columns))
    rows = [f"(?1 + {place}, ?2, {cells})" for place in range(count)]
    return (
        f"INSERT OR IGNORE INTO {name} (place, extraction, {', '.join(columns)})"
        f" VALUES {', '.join(rows)}"
    )


def some(
    connection: sqlite3.Connection, kind: type[Record], number: int, *, limit: int, offset: int
) -> Sequence[Record]:
    """A slice in arrival order."""
    return TABLES[kind].unpack(_rows(connection, kind, number, limit=limit, offset=offset))


def some_columns(
    connection: sqlite3.Connection, kind: type[Record], number: int, *, limit: int, offset: int
) -> Sequence[Record]:
    """The same, as columns where they say what the records say: comments that all have ids."""
    rows = _rows(connection, kind, number, limit=limit, offset=offset)
    table = TABLES[kind]
    if kind is Comment and "".join(map(_FIRST, rows)).isalnum():
        return columns.Table(table.columns, rows, table.unpack)
    return table.unpack(rows)


def _rows(
    connection: sqlite3.Connection, kind: type[Record], number: int, *, limit: int, offset: int
) -> list[Row]:
    """Places have no holes, so the offset is found at once."""
    table, first = TABLES[kind], number * PLACES
    return connection.execute(
        f"SELECT {', '.join(table.columns)} FROM {table.name}"
        " WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (first + offset, first + PLACES, limit),
    ).fetchall()


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


def choose(
    connection: sqlite3.Connection, kind: type[Record], number: int, kept: int, batch: Batch
) -> tuple[Sequence[Record], int, int]:
    """The rows of a page to insert, how many ids are new, and how many new rows the cap keeps out.
    kept: rows there are."""
    ids = natural_ids(batch.rows)
    old = known(connection, kind, number, ids + list(batch.seen))
    fresh = [row for row in batch.rows if natural_id(row) not in old] if old else batch.rows
    taken = fresh[: max(0, batch.most - kept)]
    new = len(fresh) + sum(each not in old for each in batch.seen)
    return taken, new, len(fresh) - len(taken)


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
    first = number * PLACES
    for table in TABLES.values():
        connection.execute(
            f"DELETE FROM {table.name} WHERE place >= ? AND place < ?", (first, first + PLACES)
        )
