"""stores.sql.Sql over PostgreSQL, so that a room's statements run on either database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache

from ingather.stores.pg_link import NOW, Connection, PgLink
from ingather.stores.sql import Row, Sql, Value

_TOGETHER = 0x696E67000001
"""The advisory lock that makes `together` mean on PostgreSQL what it means on SQLite: whoever
writes beside it waits, so that what it has read stays true until it is done."""


class PostgresSql:
    """Sql over one PostgreSQL database. Await nothing but statements within `together`: everybody
    else who wants to write through Sql waits for it."""

    def __init__(self, link: PgLink) -> None:
        self._link = link
        self._turn = asyncio.Lock()

    async def all(self, statement: str, *values: Value) -> list[Row]:
        if _reads(statement):
            return _rows(await self._link.read(numbered(statement), *values))
        async with self._writing() as connection:
            return _rows(await connection.fetch(numbered(statement), *values))

    async def one(self, statement: str, *values: Value) -> Row | None:
        found = await self.all(statement, *values)
        return found[0] if found else None

    async def run(self, statement: str, *values: Value) -> int:
        async with self._writing() as connection:
            return _touched(await connection.execute(numbered(statement), *values))

    async def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        async with self._writing() as connection:
            await connection.executemany(numbered(statement), rows)

    async def now(self) -> float:
        ((now,),) = await self._link.read(f"SELECT {NOW}")
        return float(now)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Sql]:
        # One at a time within this process, lest all connections wait for the lock that the one
        # who has it cannot give back without another connection.
        async with self._turn, self._link.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _TOGETHER)
            yield _Inside(connection, self._link)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        async with self._link.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _TOGETHER)
            yield connection


class _Inside:
    """Sql within a transaction that is under way. Each write has a savepoint: as on SQLite, one
    that fails undoes itself and not the others."""

    def __init__(self, connection: Connection, link: PgLink) -> None:
        self._connection = connection
        self._link = link

    async def all(self, statement: str, *values: Value) -> list[Row]:
        with self._link.translating():
            if _reads(statement):
                return _rows(await self._connection.fetch(numbered(statement), *values))
            async with self._connection.transaction():
                return _rows(await self._connection.fetch(numbered(statement), *values))

    async def one(self, statement: str, *values: Value) -> Row | None:
        found = await self.all(statement, *values)
        return found[0] if found else None

    async def run(self, statement: str, *values: Value) -> int:
        with self._link.translating():
            async with self._connection.transaction():
                return _touched(await self._connection.execute(numbered(statement), *values))

    async def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        with self._link.translating():
            async with self._connection.transaction():
                await self._connection.executemany(numbered(statement), rows)

    async def now(self) -> float:
        with self._link.translating():
            return float(await self._connection.fetchval(f"SELECT {NOW}"))

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Sql]:
        yield self


def _reads(statement: str) -> bool:
    return statement.lstrip()[:6].upper() == "SELECT"


def _rows(found: list[Row]) -> list[Row]:
    return [tuple(row) for row in found]


def _touched(said: str) -> int:
    """Rows touched, of what the server says, such as INSERT 0 2."""
    last = said.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


@lru_cache(maxsize=1_024)
def numbered(statement: str) -> str:
    """A statement with $1, $2, ... in the place of its ?; those within quotes stay."""
    quoted = statement.split("'")
    count = 0
    for place in range(0, len(quoted), 2):
        first, *rest = quoted[place].split("?")
        for each in rest:
            count += 1
            first += f"${count}{each}"
        quoted[place] = first
    return "'".join(quoted)
