"""Cache and Limiter in the same SQLite file, on the database's clock."""

import sqlite3

from ingather.ports import Take
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

    async def reserve(self, *takes: Take) -> float:
        def work(connection: sqlite3.Connection) -> float:
            time = now(connection)
            wait = max(_wait(connection, take, time) for take in takes)
            if wait <= 0:
                rows = [(take.key, time) for take in takes for _ in range(take.calls)]
                connection.executemany("INSERT INTO limiter_calls (key, at) VALUES (?, ?)", rows)
            return wait

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


def _wait(connection: sqlite3.Connection, take: Take, time: float) -> float:
    """Seconds until there is room; what has left the window is dropped."""
    connection.execute(
        "DELETE FROM limiter_calls WHERE key = ? AND at <= ?", (take.key, time - take.window)
    )
    log = connection.execute(
        "SELECT at FROM limiter_calls WHERE key = ? ORDER BY at", (take.key,)
    ).fetchall()
    lacking = len(log) + take.calls - take.limit
    full = float(log[lacking - 1][0]) + take.window - time if lacking > 0 else 0.0
    return max(full, _parked(connection, take.key, time))


def _parked(connection: sqlite3.Connection, key: str, time: float) -> float:
    row = connection.execute("SELECT until FROM limiter_parks WHERE key = ?", (key,)).fetchone()
    return 0.0 if row is None else max(0.0, float(row[0]) - time)
