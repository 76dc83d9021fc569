"""Cache and Limiter in the same SQLite file, on the database's clock."""

import sqlite3

from ingather import errors
from ingather.stores.sql_link import SqliteLink, now


class SqlCache:
    """Cache; what has expired is dropped when something is put."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link

    async def get(self, key: str) -> bytes | None:
        def work(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(
                "SELECT value FROM cache WHERE key = ? AND expires > ?", (key, now(connection))
            ).fetchone()
            return None if row is None else bytes(row[0])

        return await self._link.run(work)

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        def work(connection: sqlite3.Connection) -> None:
            time = now(connection)
            connection.execute("DELETE FROM cache WHERE expires <= ?", (time,))
            connection.execute(
                "INSERT OR REPLACE INTO cache (key, value, expires) VALUES (?, ?, ?)",
                (key, value, time + ttl),
            )

        await self._link.write(work)

    async def drop(self, key: str) -> None:
        await self._link.write(
            lambda connection: connection.execute("DELETE FROM cache WHERE key = ?", (key,))
        )

    async def renew(self, key: str, value: bytes) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "UPDATE cache SET value = ? WHERE key = ? AND expires > ?",
                (value, key, now(connection)),
            )
            return done.rowcount > 0

        return await self._link.write(work)


class SqlLimiter:
    """Limiter: a log of calls per key; one transaction decides and writes."""

    def __init__(self, link: SqliteLink) -> None:
        self._link = link

    async def reserve(self, key: str, *, calls: int, limit: int, window: float) -> float:
        if calls > limit:
            raise errors.BadInput(f"{calls} calls never fit in a limit of {limit}.")

        def work(connection: sqlite3.Connection) -> float:
            time = now(connection)
            if (parked := _parked(connection, key, time)) > 0:
                return parked
            connection.execute(
                "DELETE FROM limiter_calls WHERE key = ? AND at <= ?", (key, time - window)
            )
            log = connection.execute(
                "SELECT at FROM limiter_calls WHERE key = ? ORDER BY at", (key,)
            ).fetchall()
            if len(log) + calls > limit:
                return float(log[len(log) + calls - limit - 1][0]) + window - time
            connection.executemany(
                "INSERT INTO limiter_calls (key, at) VALUES (?, ?)", [(key, time)] * calls
            )
            return 0.0

        return await self._link.write(work)

    async def used(self, key: str, *, window: float) -> int:
        def work(connection: sqlite3.Connection) -> int:
            since = now(connection) - window
            which = "WHERE key = ? AND at > ?"
            row = connection.execute(f"SELECT count(*) FROM limiter_calls {which}", (key, since))
            return int(row.fetchone()[0])

        return await self._link.run(work)

    async def park(self, key: str, seconds: float) -> None:
        await self._link.write(
            lambda connection: connection.execute(
                "INSERT INTO limiter_parks (key, until) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET until = max(until, excluded.until)",
                (key, now(connection) + seconds),
            )
        )

    async def parked(self, key: str) -> float:
        return await self._link.run(lambda connection: _parked(connection, key, now(connection)))


def _parked(connection: sqlite3.Connection, key: str, time: float) -> float:
    row = connection.execute("SELECT until FROM limiter_parks WHERE key = ?", (key,)).fetchone()
    return 0.0 if row is None else max(0.0, float(row[0]) - time)
