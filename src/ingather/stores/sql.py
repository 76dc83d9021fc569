"""A database as the rooms beside the jobs speak to it: text statements with `?`, in the words that
SQLite and PostgreSQL share, so that each room is written once.

They share INSERT ... ON CONFLICT, RETURNING, CTEs, LIMIT and OFFSET. What they do not share, the
rooms keep out: JSON rests as TEXT, times as ISO 8601 TEXT or epoch seconds, booleans as 0 and 1.
Jobs and their records have statements of their own for each database, for speed.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from ingather.stores import sql_link
from ingather.stores.sql_link import SqliteLink

Value = str | int | float | bytes | None
Row = tuple[Any, ...]

T = TypeVar("T")


class Sql(Protocol):
    """Raises StoreUnavailable, StorageFull, DamagedRecord. Say ON CONFLICT where a row may be
    there already: what a constraint refuses is an error."""

    async def all(self, statement: str, *values: Value) -> list[Row]:
        """Every row that a statement gives, RETURNING included."""
        ...

    async def one(self, statement: str, *values: Value) -> Row | None:
        """The first row, None where there is none."""
        ...

    async def run(self, statement: str, *values: Value) -> int:
        """Run a statement; how many rows it touched."""
        ...

    async def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run a statement for each of the rows, in their order, without an answer for each: all
        are run, or none is."""
        ...

    async def now(self) -> float:
        """The database's clock, epoch seconds."""
        ...

    def together(self) -> AbstractAsyncContextManager["Sql"]:
        """One transaction: all that is run through what it gives is written, or none of it."""
        ...


class SqliteSql:
    """Sql over the SQLite file. Await nothing but statements within `together`: everybody else
    who wants the file waits for it."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link

    async def all(self, statement: str, *values: Value) -> list[Row]:
        return await self._do(statement, lambda connection: _all(connection, statement, values))

    async def one(self, statement: str, *values: Value) -> Row | None:
        found = await self.all(statement, *values)
        return found[0] if found else None

    async def run(self, statement: str, *values: Value) -> int:
        return await self._do(
            statement, lambda connection: connection.execute(statement, values).rowcount
        )

    async def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        await self._link.write(lambda connection: connection.executemany(statement, rows))

    async def now(self) -> float:
        return await self._link.run(sql_link.now)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Sql]:
        async with self._link.transaction() as connection:
            yield _Inside(connection, self._link)

    async def _do(self, statement: str, work: Callable[[sqlite3.Connection], T]) -> T:
        if statement.lstrip()[:6].upper() == "SELECT":
            return await self._link.run(work)
        return await self._link.write(work)


class _Inside:
    """Sql within a transaction that is under way."""

    def __init__(self, connection: sqlite3.Connection, link: SqliteLink) -> None:
        self._connection = connection
        self._link = link

    async def all(self, statement: str, *values: Value) -> list[Row]:
        with self._link.translating():
            return _all(self._connection, statement, values)

    async def one(self, statement: str, *values: Value) -> Row | None:
        found = await self.all(statement, *values)
        return found[0] if found else None

    async def run(self, statement: str, *values: Value) -> int:
        with self._link.translating():
            return self._connection.execute(statement, values).rowcount

    async def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        with self._link.translating():
            self._connection.execute("SAVEPOINT many")
            try:
                self._connection.executemany(statement, rows)
            except BaseException:
                self._connection.execute("ROLLBACK TO many")
                raise
            finally:
                self._connection.execute("RELEASE many")

    async def now(self) -> float:
        return sql_link.now(self._connection)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Sql]:
        yield self


def _all(connection: sqlite3.Connection, statement: str, values: Sequence[Value]) -> list[Row]:
    return connection.execute(statement, values).fetchall()
