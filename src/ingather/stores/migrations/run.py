"""Runs the revisions that a database lacks, all of them in one transaction, one process at a time.

Imported only where a database is found to be old: Alembic and SQLAlchemy take half a second.
"""

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool


def sqlite(connection: sqlite3.Connection, *, to: str = "head") -> None:
    """Migrate a SQLite database. Who comes second waits, and then finds nothing left to do.
    Raises sqlite3.Error."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with _plain_errors(), engine.connect() as begun:
        begun.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(_config(begun), to)
        (revision,) = begun.exec_driver_sql("SELECT version_num FROM alembic_version").one()
        begun.exec_driver_sql(f"PRAGMA user_version = {int(revision)}")
        begun.commit()


async def postgresql(connect: Callable[[], Awaitable[Any]], *, lock: int, to: str = "head") -> None:
    """Migrate a PostgreSQL database, alone with it by an advisory lock. Raises
    asyncpg's errors."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        with _plain_errors():
            async with engine.begin() as begun:
                await begun.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")
                await begun.run_sync(lambda real: command.upgrade(_config(real), to))
    finally:
        await engine.dispose()


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """The database's own error, without SQLAlchemy's words about it: whoever opens the database
    tells a busy or full one by it."""
    try:
        yield
    except DBAPIError as failure:
        orig = failure.orig
        raise (orig and orig.__cause__) or orig or failure from None


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
