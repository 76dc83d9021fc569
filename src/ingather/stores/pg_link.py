"""One PostgreSQL database.

A few connections of our own, opened when they are wanted and opened again after the server went
away. Each makes its statements in read committed transactions; whoever is frozen in the middle of
one is thrown out by the server, so that nobody waits for the locks of a process that stands still.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg
from asyncpg import exceptions as pg

from ingather import errors
from ingather.stores import pg_errors, revisions

Connection: TypeAlias = Any
"""An asyncpg.Connection; asyncpg tells no types."""

NOW = "date_part('epoch', clock_timestamp())"
"""The database's clock, epoch seconds. Not `extract`: it gives a decimal number, which is slow."""

SCHEMA_LOCK = 0x696E67617468
"""The advisory lock around making or changing the tables."""

_PATIENCE = 10.0
"""Seconds for which a server that is starting, or that has answered before, is waited for."""
_IDLE = 240.0
"""Seconds after which an unused connection is not trusted any more."""

_SESSION = {
    "application_name": "ingather",
    "timezone": "UTC",
    # Compiling a statement costs more than ours take.
    "jit": "off",
    # So does planning one anew each time.
    "plan_cache_mode": "force_generic_plan",
    # They read a few rows: what is set up to read many only costs time.
    "enable_bitmapscan": "off",
    "enable_memoize": "off",
    "idle_in_transaction_session_timeout": "8s",
}


class PgLink:
    """The connections to one database, `size` at the most.

    timeout: seconds without an answer after which a statement is given up; whether it was done is
    then not known.
    """

    def __init__(self, url: str, *, size: int = 8, timeout: float = 60.0) -> None:
        self._url = url
        self._timeout = timeout
        self._slots = asyncio.Semaphore(size)
        self._idle: list[tuple[float, Connection]] = []
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._away = False
        self.place = place(url)

    async def all(self, statement: str, *values: object) -> list[Any]:
        """Every row of one statement, which is a transaction of its own."""
        async with self.connection() as connection:
            found: list[Any] = await connection.fetch(statement, *values)
            return found

    async def one(self, statement: str, *values: object) -> Any:
        """The first row of one statement, None where there is none."""
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *values)

    async def read(self, statement: str, *values: object) -> list[Any]:
        """`all` for a statement that may be done twice: once more where the answer was lost."""
        try:
            return await self.all(statement, *values)
        except errors.StoreUnavailable:
            if self._away:  # it was waited for, in vain
                raise
            return await self.all(statement, *values)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: all that is run in it is written, or none of it."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def connection(self) -> "_Lent":
        """A connection for oneself. Raises StoreUnavailable, StorageFull, BadSetting,
        DamagedRecord, StoreError."""
        return _Lent(self)

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """PostgreSQL's errors become ours."""
        try:
            yield
        except pg_errors.OURS as failure:
            raise pg_errors.translated(failure, self.place) from failure

    async def lend(self) -> Connection:
        """One of the connections; it has to be given back."""
        await self._slots.acquire()
        try:
            return await self._opened()
        except BaseException:
            self._slots.release()
            raise

    def give_back(self, connection: Connection, failure: BaseException | None) -> None:
        """failure: what ended its use; PostgreSQL's errors are raised as ours."""
        ours = failure
        if isinstance(failure, pg_errors.OURS):
            ours = pg_errors.translated(failure, self.place)
        if isinstance(ours, asyncio.CancelledError | errors.StoreUnavailable):
            # What the server still says to this connection is nobody's answer any more.
            connection.terminate()
        if not connection.is_closed():
            self._idle.append((time.monotonic(), connection))
        self._slots.release()
        if ours is not None and ours is not failure:
            raise ours from failure

    async def revision(self) -> str | None:
        """Which revision the tables are of, None where there are none; nothing is changed."""
        try:
            connection = await self._connect()
        except pg_errors.OURS as failure:
            raise pg_errors.translated(failure, self.place, connecting=True) from failure
        try:
            with self.translating():
                return await version(connection)
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Say goodbye on every connection."""
        while self._idle:
            _, connection = self._idle.pop()
            try:
                await connection.close(timeout=2.0)
            except pg_errors.OURS:
                connection.terminate()

    async def _opened(self) -> Connection:
        while self._idle:
            since, connection = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < _IDLE:
                return connection
            connection.terminate()
        connection = await self._patiently()
        try:
            if not self._prepared:
                await self._prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _patiently(self) -> Connection:
        """Connect. A server that is only just starting, or that was there a moment ago, is waited
        for: nothing has been asked of it yet, so that trying again can do no harm."""
        until, wait = time.monotonic() + _PATIENCE, 0.05
        while True:
            try:
                connection = await self._connect()
            except pg_errors.OURS as failure:
                returns = isinstance(failure, pg.CannotConnectNowError | pg.CrashShutdownError) or (
                    self._prepared and isinstance(failure, pg_errors.AWAY)
                )
                if not returns or time.monotonic() + wait > until:
                    self._away = True
                    raise pg_errors.translated(failure, self.place, connecting=True) from failure
            else:
                self._away = False
                return connection
            await asyncio.sleep(wait)
            wait = min(1.0, wait * 2)

    async def _connect(self, *, patient: bool = False) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=min(10.0, self._timeout),
            command_timeout=None if patient else self._timeout,
            server_settings=_SESSION,
        )

    async def _prepare(self, connection: Connection) -> None:
        """Make the tables where there are none, or bring old ones up to date; once a link."""
        async with self._preparing:
            if self._prepared:
                return
            with self.translating():
                await self._make(connection)
            self._prepared = True

    async def _make(self, connection: Connection) -> None:
        if revisions.current(await version(connection), self.place):
            return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
            found = await version(connection)
            if found is None:
                await connection.execute(revisions.schema("postgresql"))
                await connection.execute(revisions.stamp())
        if not revisions.current(found or revisions.head(), self.place):
            from ingather.stores.migrations import run

            # A large table takes as long as it takes.
            await run.postgresql(lambda: self._connect(patient=True), lock=SCHEMA_LOCK)


class _Lent:
    """A connection of a link, from the beginning of a block to its end. A class, for a generator as
    a context costs a statement a tenth of its client's time."""

    def __init__(self, link: PgLink) -> None:
        self._link = link

    async def __aenter__(self) -> Connection:
        self._connection = await self._link.lend()
        return self._connection

    async def __aexit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        self._link.give_back(self._connection, failure)


async def version(connection: Connection) -> str | None:
    """The revision of the tables, None where there are none."""
    # Not to_regclass: within a transaction it goes on saying what it said before the lock.
    there = (
        "SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'alembic_version'"
        " AND schemaname = ANY (current_schemas(false)))"
    )
    if not await connection.fetchval(there):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def place(url: str) -> str:
    """Where a database is, in words that hold neither user nor password."""
    parts = urlsplit(url)
    asked: dict[str, Sequence[str]] = dict(parse_qs(parts.query))
    host = parts.hostname or next(iter(asked.get("host", ["this machine"])))
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port}{parts.path}"


async def lock(connection: Connection, name: str) -> None:
    """Be alone with whatever has this name until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
