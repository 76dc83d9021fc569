"""On SQLite comments and accounts rest by the page, as JSON, and known ids beside them."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from alembic import op

from ingather.stores.migrations import text

revision = "0012"
down_revision = "0011"

MADE = """
CREATE TABLE pages (
    place   INTEGER PRIMARY KEY,
    records TEXT NOT NULL
);
CREATE TABLE known_ids (
    extraction INTEGER NOT NULL,
    id         NOT NULL,
    PRIMARY KEY (extraction, id DESC)
) WITHOUT ROWID;
CREATE VIEW records AS
SELECT extractions.id AS job, pages.place % 4294967296 + rows.key AS position, rows.value AS record
FROM extractions
JOIN pages ON pages.place >= extractions.number * 4294967296
    AND pages.place < (extractions.number + 1) * 4294967296
JOIN json_each(pages.records) AS rows
"""

GONE = """
DROP TABLE comments;
DROP TABLE users;
DROP TABLE left_out;
DROP INDEX media_natural_id
"""

TABLES = {
    "comments": "comment_id user_id username timestamp like_count parent_comment_id text",
    "users": "user_id username full_name is_private is_verified profile_pic_url",
}
"""Columns of each, the natural id first."""

TRUTHS = ("is_private", "is_verified")
AT_ONCE = 100


def upgrade() -> None:
    if text.dialect() != "sqlite":
        return
    text.run(sqlite=MADE)
    ask = op.get_bind().exec_driver_sql
    for table, columns in TABLES.items():
        for page in _pages(table, columns.split()):
            first = page[0]["place"]
            records = json.dumps([_record(dict(row)) for row in page], ensure_ascii=False)
            ask("INSERT INTO pages VALUES (?, ?)", (first, records))
            _know([(first >> 32, row[columns.split()[0]]) for row in page])
    for known in ("SELECT extraction, media_id FROM media", "SELECT * FROM left_out"):
        if found := ask(known).all():
            _know([(extraction, own) for extraction, own in found])
    text.run(sqlite=GONE)


def _pages(table: str, columns: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Rows in their order, a hundred at a time, each time of one job."""
    ask, names, after = op.get_bind().exec_driver_sql, ", ".join(columns), -1
    while found := ask(
        f"SELECT place, {names} FROM {table} WHERE place > ?"  # noqa: S608 - our own names
        f" ORDER BY place LIMIT {AT_ONCE}",
        (after,),
    ).all():
        rows = [dict(zip(("place", *columns), row, strict=True)) for row in found]
        for _, some in groupby(rows, key=lambda row: row["place"] >> 32):
            yield list(some)
        after = rows[-1]["place"]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says, under the names that records have."""
    del row["place"]
    own = next(iter(row))
    if row[own][:1] in ("@", "~"):  # a stand-in, where the source gave no id
        row[own] = None
    for name, value in row.items():
        if value is not None and name in TRUTHS:
            row[name] = bool(value)
    return {_camel(name): value for name, value in row.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def _know(found: list[tuple[int, str]]) -> None:
    op.get_bind().exec_driver_sql(
        "INSERT OR IGNORE INTO known_ids VALUES (?, ?)",
        [(extraction, int(own) if _plain(own) else own) for extraction, own in found],
    )


def _plain(own: str) -> bool:
    return 0 < len(own) <= 18 and own.isascii() and own.isdigit() and own[0] != "0"
