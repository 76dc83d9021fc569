"""Records in SQLite, in arrival order: a page of them is one JSON document.

One document a page costs half of what a row for each record does, to write and to read
(docs/decisions/a-page-is-a-document.md). Posts alone have a row each, for analyses read some of
their columns. What keeps a record from being there twice is a table of the ids that a job knows.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ingather import errors
from ingather.domain.records import (
    Comment,
    Media,
    Record,
    User,
    natural_id,
    natural_ids,
    writers,
)
from ingather.ports import Batch
from ingather.stores import sql_columns
from ingather.stores.sql_columns import PLACES, TABLES

_AT_ONCE = 100
"""Records in one document, and ids in one statement: few sizes keep few statements."""

_PAGE = "INSERT OR IGNORE INTO pages (place, records) VALUES (?, CAST(? AS TEXT))"
"""Bytes are bound as they are; a str would be made of them and taken to pieces again."""

_encode = msgspec.json.Encoder().encode
_DIGITS = 18
"""What fits in 64 bits in any case."""
_Number = Annotated[int, Meta(gt=0, lt=10**_DIGITS)]
_read_numbers = msgspec.json.Decoder(list[_Number]).decode
_decoders: dict[type[Record], "msgspec.json.Decoder[list[Any]]"] = {
    Comment: msgspec.json.Decoder(list[Comment]),
    User: msgspec.json.Decoder(list[User]),
}


def add(connection: sqlite3.Connection, number: int, base: int, rows: Sequence[Record]) -> bool:
    """Write rows from place `base` on, and their ids. False where an id is known already or the
    place taken: then nothing of it may stay."""
    if mark(connection, number, natural_ids(rows)) != len(rows):
        return False
    written = _writing(number, base, rows)
    return all(connection.execute(*one).rowcount > 0 for one in written)


def inserting(
    number: int, base: int, rows: Sequence[Record]
) -> Iterator[tuple[str, Sequence[Any]]]:
    """The statements that `add` comes to, with their values."""
    yield from _writing(number, base, rows)
    ids = natural_ids(rows)
    for start in range(0, len(ids), _AT_ONCE):
        keys = _keys(ids[start : start + _AT_ONCE])
        yield _marking(len(keys)), (number, *keys)


def _writing(number: int, base: int, rows: Sequence[Record]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Statements for a page of records, a hundred at a time; posts have a row each."""
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        if type(some[0]) is Media:
            yield from sql_columns.inserting(number, base + start, some)
        else:
            yield _PAGE, (number * PLACES + base + start, _encode(some))


def mark(connection: sqlite3.Connection, number: int, ids: Sequence[str]) -> int:
    """Let natural ids be known to a job, kept or left out; how many were not yet."""
    marked = 0
    for start in range(0, len(ids), _AT_ONCE):
        keys = _keys(ids[start : start + _AT_ONCE])
        marked += connection.execute(_marking(len(keys)), (number, *keys)).rowcount
    return marked


@lru_cache
def _marking(count: int) -> str:
    """One statement for a page's ids: a third cheaper than one step of `executemany` each."""
    return f"INSERT OR IGNORE INTO known_ids VALUES {', '.join(['(?1, ?)'] * count)}"


def _keys(ids: Sequence[str]) -> Sequence[int | str]:
    """Ids as `known_ids` holds them: plain numbers take half the room, and half the time.

    A page's numbers are read as one JSON array, which refuses what begins with 0, at a third of
    what one by one costs.
    """
    joined = "".join(ids)
    if joined.isascii() and joined.encode().isdigit():
        with suppress(msgspec.DecodeError):
            return _read_numbers(f"[{','.join(ids)}]")
    return list(map(_key, ids))


def _key(one: str) -> int | str:
    plain = 0 < len(one) <= _DIGITS and one.isascii() and one.isdigit() and one[0] != "0"
    return int(one) if plain else one


def some(
    connection: sqlite3.Connection, kind: type[Record], number: int, *, limit: int, offset: int
) -> Sequence[Record]:
    """A slice in arrival order. Raises DamagedRecord."""
    first = number * PLACES
    at, end = first + offset, min(first + offset + limit, first + PLACES)
    if kind is Media:
        return _posts(connection, at, end)
    found = connection.execute(
        "SELECT place, CAST(records AS BLOB) FROM pages WHERE place < ?3 AND place >="
        " (SELECT max(place) FROM pages WHERE place BETWEEN ?1 AND ?2) ORDER BY place",
        (first, at, end),
    ).fetchall()
    if not found or at >= end:
        return []
    records = _records(kind, number, (text for _, text in found))
    skip = at - found[0][0]
    return records[skip : skip + limit]


def _posts(connection: sqlite3.Connection, at: int, end: int) -> Sequence[Record]:
    table = TABLES[Media]
    found = connection.execute(
        f"SELECT {', '.join(table.columns)} FROM {table.name}"
        " WHERE place >= ? AND place < ? ORDER BY place",
        (at, end),
    )
    return table.unpack(found)


def _records(kind: type[Record], number: int, texts: Iterable[bytes]) -> list[Record]:
    decode = _decoders[kind].decode
    records: list[Record] = []
    try:
        for text in texts:
            records += decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise errors.DamagedRecord(
            f"The stored rows of extraction {number} cannot be read: {failure}."
        ) from failure
    return records


def known(connection: sqlite3.Connection, number: int, ids: Sequence[str]) -> set[str]:
    """Which of these natural ids the job has kept or left out already."""
    asked = dict(zip(_keys(ids), ids, strict=True))
    found = connection.execute(
        "SELECT id FROM known_ids WHERE extraction = ? AND id IN (SELECT value FROM json_each(?))",
        (number, _encode(list(asked)).decode()),
    )
    return {asked[key] for (key,) in found}


def choose(
    connection: sqlite3.Connection, number: int, kept: int, batch: Batch
) -> tuple[Sequence[Record], int, int]:
    """The rows of a page to insert, how many ids are new, and how many new rows the cap keeps out.
    kept: rows there are."""
    ids = natural_ids(batch.rows)
    old = known(connection, number, ids + list(batch.seen))
    fresh = [row for row in batch.rows if natural_id(row) not in old] if old else batch.rows
    taken = fresh[: max(0, batch.most - kept)]
    new = len(fresh) + sum(each not in old for each in batch.seen)
    return taken, new, len(fresh) - len(taken)


def users(connection: sqlite3.Connection, kind: type[Record], number: int) -> set[int]:
    """Hashes of the distinct user ids behind the comments kept; none of posts, which do not tell
    them, nor of accounts, each of which is its own."""
    told: set[int] = set()
    if kind is not Comment:
        return told
    first = number * PLACES
    texts = connection.execute(
        "SELECT CAST(records AS BLOB) FROM pages WHERE place >= ? AND place < ?",
        (first, first + PLACES),
    )
    for row in texts:
        told.update(map(hash, filter(None, writers(_records(kind, number, row)))))
    return told


def forget(connection: sqlite3.Connection, number: int) -> None:
    """Delete every record of a job, and the ids it knew."""
    first = number * PLACES
    for table in ("pages", "media"):
        connection.execute(
            f"DELETE FROM {table} WHERE place >= ? AND place < ?", (first, first + PLACES)
        )
    connection.execute("DELETE FROM known_ids WHERE extraction = ?", (number,))
