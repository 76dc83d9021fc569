"""One SQLite file, spoken to from one thread.

The standard library in a thread of its own: a commit never blocks the event loop, and costs less
than half of what aiosqlite or SQLAlchemy's async Core do (performance.md). WAL lets other
processes read while this one writes; `synchronous = NORMAL` can lose the last pages with the
power, and then loses rows and cursor together, so the job reads those pages again.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from ingather import errors

T = TypeVar("T")

SCHEMA_VERSION = 1
NOW = "(julianday('now') - 2440587.5) * 86400.0"
"""The database's clock, epoch seconds."""

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class SqliteLink:
    """The connection. `run` gives a function the connection, in the thread; `write` does so
    inside one transaction."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._guarded, work, False)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run in one IMMEDIATE transaction: all of it is written, or none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._guarded, work, True)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _guarded(self, work: Callable[[sqlite3.Connection], T], transaction: bool) -> T:
        try:
            connection = self._connection or self._open()
            if not transaction:
                return work(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                answer = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return answer
        except sqlite3.Error as failure:
            raise self._translated(failure) from failure

    def _translated(self, failure: sqlite3.Error) -> errors.IngatherError:
        code = getattr(failure, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            return errors.StorageFull(
                f"There is no room left on the disk that holds {self._path}.",
                hint="Free some, then run the same command: everything so far is kept.",
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return errors.DamagedRecord(
                f"{self._path} is damaged or not a database of ingather: {failure}.",
                hint="Move it away, or set INGATHER_DATA_DIR to another folder.",
            )
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return errors.UnwritablePath(
                f"The database {self._path} cannot be written: {failure}.",
                hint="Check the folder's permissions, or set INGATHER_DATA_DIR to another.",
            )
        return errors.StoreUnavailable(f"The database {self._path} does not answer: {failure}.")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30.0
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -8000")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            connection.close()
            raise errors.BadSetting(
                f"The database {self._path} was written by a newer ingather.",
                hint="Update this one, or set INGATHER_DATA_DIR to another folder.",
            )
        if version < SCHEMA_VERSION:
            schema = resources.files(__package__).joinpath("sqlite_schema.sql").read_text("utf-8")
            connection.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        self._connection = connection
        return connection


def now(connection: sqlite3.Connection) -> float:
    """The database's clock, epoch seconds."""
    (seconds,) = connection.execute(f"SELECT {NOW}").fetchone()
    return float(seconds)


Row = tuple[Any, ...]
