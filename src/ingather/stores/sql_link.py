"""One SQLite file.

The standard library, called in line: a page's transaction takes half a millisecond, less than
handing it to a thread and fighting that thread for the interpreter costs (docs/decisions). Only
where another process holds the file is the waiting done in a thread, so that the event loop never
waits for a lock; nor for the disk, when the log is folded into the file. WAL lets other processes
read meanwhile; `synchronous = NORMAL` can lose the last pages with the power, and then loses rows
and cursor together: the job reads those pages again.
"""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ingather import errors
from ingather.stores import revisions

T = TypeVar("T")

NOW = "(julianday('now') - 2440587.5) * 86400.0"
"""The database's clock, epoch seconds."""

_PATIENCE = 15_000
"""Milliseconds for which another process's lock is waited out."""

_LONG = 1024
"""Transactions after which the log is folded into the file, some 32 MB of rows: pages that are
written again and again, as a job's own is, reach it less often so."""
_FOLD = "PRAGMA wal_checkpoint(PASSIVE)"

_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class _Busy(Exception):
    """Another process holds the file right now."""


class SqliteLink:
    """The connection. `run` gives a function the connection; `write` does so inside one
    transaction. Functions must be short, and may be called a second time after a busy answer."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._connection: sqlite3.Connection | None = None
        self._wait = _PATIENCE
        self._turn = asyncio.Lock()
        self._written = 0
        self._folding: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._patiently(work, transaction=False)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run in one IMMEDIATE transaction: all of it is written, or none."""
        answer = await self._patiently(work, transaction=True)
        self._written += 1
        if self._written % _LONG == 0 and (self._folding is None or self._folding.done()):
            self._folding = asyncio.create_task(self._fold())
        return answer

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[sqlite3.Connection]:
        """One IMMEDIATE transaction over several awaits; who else wants the file waits for it."""
        async with self._turn:
            task = asyncio.create_task(
                asyncio.to_thread(self._guarded, _begin, False, wait=_PATIENCE)
            )
            try:
                connection = await _whole(task)
                yield connection
                with self.translating():
                    connection.execute("COMMIT")
            finally:
                if self._connection is not None and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """SQLite's errors become ours."""
        try:
            yield
        except sqlite3.Error as failure:
            raise self._translated(failure) from failure

    async def revision(self) -> str | None:
        """Which revision the tables are of, None where there is no file; nothing is changed."""
        if not os.path.exists(self._path):  # noqa: ASYNC240, PTH110 - one look, no waiting
            return None
        with self.translating(), contextlib.closing(sqlite3.connect(self._path)) as connection:
            version = _version(connection)
            return None if version == "0000" else version

    async def close(self) -> None:
        if self._folding is not None:
            await _whole(self._folding)
        if self._connection is not None:
            self._connection.close()
            self._connection, self._wait = None, _PATIENCE

    async def _fold(self) -> None:
        """Fold the log into the file. That takes some thirty milliseconds, mostly of waiting for
        the disk, for which no event loop should stand still: a thread does it beside those who
        write. What they have written meanwhile is little, and done at once: only a log that is
        folded whole begins anew. What cannot be done now is done the next time."""
        await asyncio.to_thread(self._fold_most)
        if not self._turn.locked():
            with contextlib.suppress(_Busy, errors.IngatherError):
                self._guarded(lambda found: found.execute(_FOLD).fetchone(), False, wait=0)

    def _fold_most(self) -> None:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(self._path)) as connection,
        ):
            for _ in ("what there is", "what came meanwhile"):
                connection.execute(_FOLD).fetchone()

    async def _patiently(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool) -> T:
        if not self._turn.locked():
            try:
                return self._guarded(work, transaction, wait=0)
            except _Busy:
                pass
        async with self._turn:
            task = asyncio.create_task(
                asyncio.to_thread(self._guarded, work, transaction, wait=_PATIENCE)
            )
            return await _whole(task)

    def _guarded(
        self, work: Callable[[sqlite3.Connection], T], transaction: bool, *, wait: int
    ) -> T:
        try:
            connection = self._connection or self._opened(wait)
            if wait != self._wait:
                connection.execute(f"PRAGMA busy_timeout = {wait}")
                self._wait = wait
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
            if wait == 0 and getattr(failure, "sqlite_errorcode", 0) & 0xFF in _LOCKED:
                raise _Busy from None
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
        if code == sqlite3.SQLITE_ERROR:
            return errors.StoreError(
                f"The database {self._path} refused a statement: {failure}.",
                hint="If a trial version of ingather wrote it, move it away, or set"
                " INGATHER_DATA_DIR to another folder.",
            )
        return errors.StoreUnavailable(f"The database {self._path} does not answer: {failure}.")

    def _opened(self, wait: int) -> sqlite3.Connection:
        """Open the file, again while another process is making it: the change to WAL is refused
        at once, whatever the busy timeout."""
        until = time.monotonic() + wait / 1000
        while True:
            try:
                return self._open()
            except sqlite3.OperationalError as failure:
                busy = getattr(failure, "sqlite_errorcode", 0) & 0xFF in _LOCKED
                if not busy or time.monotonic() >= until:
                    raise
                time.sleep(0.01)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE / 1000
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten: a person may have asked for it.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -3000")
        # Where the log becomes twice as long as it may: `_fold` never came to its end.
        connection.execute("PRAGMA wal_autocheckpoint = 16000")
        if _version(connection) == "0000":
            _make(connection)
        if not revisions.current(_version(connection), self._path):
            from ingather.stores.migrations import run

            run.sqlite(connection)


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process was faster."""
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) == "0000":
        for statement in revisions.statements(revisions.schema("sqlite") + revisions.stamp()):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {int(revisions.head())}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> str:
    """The revision in the file's head."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return f"{version:04d}"


async def _whole(task: asyncio.Task[T]) -> T:
    """What a thread's work gives. It cannot be stopped, and nobody else may use the connection
    till it is done, however often we are cancelled."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        task.exception()
        raise


def _begin(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("BEGIN IMMEDIATE")
    return connection


def now(connection: sqlite3.Connection) -> float:
    """The database's clock, epoch seconds."""
    (seconds,) = connection.execute(f"SELECT {NOW}").fetchone()
    return float(seconds)
