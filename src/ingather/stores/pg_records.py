"""Records of each type in their own PostgreSQL table: a page arrives as an array a column."""

from collections.abc import Sequence
from functools import cache

import msgspec
from msgspec import Struct

from ingather.domain.records import Comment, Media, Record
from ingather.stores.pg_link import Connection, PgLink
from ingather.stores.sql_columns import PLACES, TABLES

_TYPES = {
    "like_count": "bigint",
    "comment_count": "bigint",
    "play_count": "bigint",
    "duration": "float8",
    "is_private": "boolean",
    "is_verified": "boolean",
}
"""Columns that are not text. Lists rest as JSON text."""

_encode = msgspec.json.Encoder().encode


class Words(Struct, frozen=True):
    """The statements of one type of record.

    page: moves the job's row and its target's past a page and inserts its rows, in one statement:
    $1 to $9 as in `sql_rows.advanced`, $10 a cursor's fingerprint or null, $11 rows kept before,
    $12 whether to answer only once all is on the disk, $13 and $14 which target it was of and that
    one's state, $15 how many rows, from $16 on these, a column each
    as the text of an array. It gives the wish there may be; no row where the job is not ours or not
    at the page before, and then it writes nothing; a row that is there already is an error, which
    undoes all.
    """

    page: str
    known: str
    some: str
    users: str | None
    forget: str


@cache
def words(kind: type[Record]) -> Words:
    """The statements of a type of record."""
    table = TABLES[kind]
    name, own = table.name, table.columns[0]
    columns = ", ".join(table.columns)
    picked = ", ".join(f"r.{each}" for each in table.columns)
    # Not as JSON, which the server reads twice, nor from a function in FROM, which keeps its rows.
    arrays = ", ".join(
        f"unnest(${place}::text::{_TYPES.get(each, 'text')}[]) AS {each}"
        for place, each in enumerate(table.columns, 16)
    )
    return Words(
        page=f"""
WITH job AS (
    UPDATE extractions
    SET overview = $1, progress = $2, status = $3, reason = $4, sequence = $5, attempts = 0,
        error = NULL, outcome = $6
    WHERE number = $7 AND fence = $8 AND lease_until IS NOT NULL AND sequence = $9
    RETURNING number, wish
), target AS (
    UPDATE targets SET state = $14 FROM job WHERE extraction = job.number AND n = $13::bigint
), rows AS (
    INSERT INTO {name} (place, extraction, {columns})
    SELECT job.number * {PLACES} + $11::bigint + r.n - 1, job.number, {picked}
    FROM job, (SELECT generate_series(1, $15::int) AS n, {arrays}) AS r
), cursors AS (
    INSERT INTO cursors_seen (extraction, fingerprint)
    SELECT job.number, $10::text FROM job WHERE $10::text IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT wish, set_config('synchronous_commit',
    CASE WHEN $12::boolean THEN current_setting('synchronous_commit') ELSE 'off' END, true)
FROM job""",
        known=f"""
SELECT {own} FROM {name} WHERE extraction = $1 AND {own} = ANY ($2::text[])
UNION SELECT natural_id FROM left_out WHERE extraction = $1 AND natural_id = ANY ($2::text[])""",
        some=f"SELECT {columns} FROM {name} WHERE place >= $1 AND place < $2"
        " ORDER BY place LIMIT $3",
        users=None
        if kind is Media
        else f"SELECT DISTINCT user_id FROM {name} WHERE extraction = $1 AND user_id IS NOT NULL",
        forget=f"DELETE FROM {name} WHERE place >= $1 AND place < $2",
    )


def page_words(rows: Sequence[Record], kind: type[Record]) -> Sequence[object]:
    """A page's rows as the statement wants them."""
    table = TABLES[kind]
    columns = zip(*table.pack(rows), strict=True) if rows else [()] * len(table.columns)
    return len(rows), *map(_array, columns)


def _array(values: Sequence[object]) -> str:
    """The text of an array; it is read there faster than the driver writes arrays here. JSON but
    for the brackets, as long as no escape is in it of which only JSON knows."""
    text = _encode(values).decode()
    if "\\" in text:
        text = f"[{','.join(map(_quoted, values))}]"
    return f"{{{text[1:-1]}}}"


def _quoted(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


async def known(
    connection: Connection, kind: type[Record], number: int, ids: Sequence[str]
) -> set[str]:
    """Which of these natural ids the job has kept or left out already."""
    if not ids:
        return set()
    return {row[0] for row in await connection.fetch(words(kind).known, number, ids)}


async def some(
    link: PgLink, kind: type[Record], number: int, *, limit: int, offset: int
) -> list[Record]:
    """A slice in arrival order; places have no holes, so the offset is found at once."""
    first = number * PLACES
    found = await link.read(words(kind).some, first + offset, first + PLACES, limit)
    return list(TABLES[kind].unpack(found))


async def users(connection: Connection, kind: type[Record], number: int) -> set[int]:
    """Hashes of the distinct user ids kept; none for lists of accounts, in which each is its own
    (`counted`)."""
    statement = words(kind).users
    if kind is not Comment or statement is None:
        return set()
    return {hash(row[0]) for row in await connection.fetch(statement, number)}


async def forget(connection: Connection, number: int) -> None:
    """Delete every record of a job, of whichever type."""
    for kind in TABLES:
        await connection.execute(words(kind).forget, number * PLACES, (number + 1) * PLACES)
