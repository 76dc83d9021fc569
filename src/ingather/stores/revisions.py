"""Which shape the tables have: the declared schema, and the revisions that lead to it.

A new database is made from schema/*.sql at once. An older one is led to the same tables by
migrations/versions, whose files begin with their number; the last number is what is current.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Literal

from ingather import errors

Dialect = Literal["sqlite", "postgresql"]


def schema(dialect: Dialect) -> str:
    """Every table there is: schema/ROOM.sql where both databases understand it, and
    schema/ROOM.DIALECT.sql where they differ."""
    files = resources.files(__package__).joinpath("schema").iterdir()
    rooms = {name: file for file in files if (name := file.name).endswith(".sql")}
    return "\n".join(
        rooms[name].read_text("utf-8")
        for name in sorted(rooms)
        if name.count(".") == 1 or name.split(".")[1] == dialect
    )


def statements(text: str) -> Iterator[str]:
    """The statements of a text one by one, for SQLite, whose scripts would end a transaction."""
    begun = ""
    for line in text.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


@cache
def head() -> str:
    """The last revision, such as 0007."""
    files = resources.files(__package__).joinpath("migrations", "versions").iterdir()
    return max(file.name[:4] for file in files if file.name[:4].isdigit())


def current(revision: str | None, place: str) -> bool:
    """Whether tables of this revision are those we know. Raises BadSetting where they are newer."""
    if revision is not None and revision > head():
        raise errors.BadSetting(
            f"The database {place} was written by a newer ingather.",
            hint="Update this one, or set DATABASE_URL to another database.",
        )
    return revision == head()


_STAMP = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('HEAD');
"""


def stamp() -> str:
    """SQL that notes, in a database just made, which revision it is of."""
    return _STAMP.replace("HEAD", head())
