"""Cache and Limiter in PostgreSQL, on the database's clock, for workers that share no Redis."""

from ingather import errors
from ingather.stores import pg_link
from ingather.stores.pg_link import NOW, PgLink

_PUT = f"""
WITH gone AS (
    DELETE FROM cache WHERE key IN (
        SELECT key FROM cache WHERE expires <= {NOW} AND key <> $1
        LIMIT 100 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO cache (key, value, expires) VALUES ($1, $2, {NOW} + $3::float8)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"""

_RESERVE = f"""
WITH clock AS MATERIALIZED (
    SELECT {NOW} AS now
), park AS MATERIALIZED (
    SELECT until - now AS wait FROM limiter_parks, clock WHERE key = $1 AND until > now
), log AS MATERIALIZED (
    SELECT at FROM limiter_calls, clock WHERE key = $1 AND at > now - $4::float8
), room AS MATERIALIZED (
    SELECT (SELECT count(*) FROM log) + $2::bigint - $3::bigint AS lacking
), given AS (
    INSERT INTO limiter_calls (key, at)
    SELECT $1, now FROM clock, room, generate_series(1, $2::bigint)
    WHERE lacking <= 0 AND NOT EXISTS (SELECT 1 FROM park)
), gone AS (
    DELETE FROM limiter_calls USING clock WHERE key = $1 AND at <= now - $4::float8
)
SELECT COALESCE(
    (SELECT wait FROM park),
    (SELECT at + $4::float8 - now FROM log, room, clock WHERE lacking > 0
     ORDER BY at OFFSET greatest(0, (SELECT lacking FROM room) - 1) LIMIT 1),
    0
)"""
"""Seconds to wait, 0 where the calls were given: $1 key, $2 calls, $3 limit, $4 window. Only the
lock that is taken before it makes it true."""


class PgCache:
    """Cache; what has expired is dropped when something is put."""

    def __init__(self, link: PgLink) -> None:
        self._link = link

    async def get(self, key: str) -> bytes | None:
        found = await self._link.read(
            f"SELECT value FROM cache WHERE key = $1 AND expires > {NOW}", key
        )
        return bytes(found[0][0]) if found else None

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        await self._link.all(_PUT, key, value, ttl)

    async def drop(self, key: str) -> None:
        await self._link.all("DELETE FROM cache WHERE key = $1", key)

    async def renew(self, key: str, value: bytes) -> bool:
        found = await self._link.all(
            f"UPDATE cache SET value = $2 WHERE key = $1 AND expires > {NOW} RETURNING 1",
            key,
            value,
        )
        return bool(found)


class PgLimiter:
    """Limiter: a log of calls per key; whoever reserves is alone with the key."""

    def __init__(self, link: PgLink) -> None:
        self._link = link

    async def reserve(self, key: str, *, calls: int, limit: int, window: float) -> float:
        if calls > limit:
            raise errors.BadInput(f"{calls} calls never fit in a limit of {limit}.")
        async with self._link.transaction() as connection:
            await pg_link.lock(connection, f"limiter:{key}")
            wait: float = await connection.fetchval(_RESERVE, key, calls, limit, window)
            return wait

    async def used(self, key: str, *, window: float) -> int:
        found = await self._link.read(
            f"SELECT count(*) FROM limiter_calls WHERE key = $1 AND at > {NOW} - $2::float8",
            key,
            window,
        )
        return int(found[0][0])

    async def park(self, key: str, seconds: float) -> None:
        await self._link.all(
            f"INSERT INTO limiter_parks (key, until) VALUES ($1, {NOW} + $2::float8)"
            " ON CONFLICT (key) DO UPDATE"
            " SET until = greatest(limiter_parks.until, excluded.until)",
            key,
            seconds,
        )

    async def parked(self, key: str) -> float:
        found = await self._link.read(
            f"SELECT greatest(0, until - {NOW}) FROM limiter_parks WHERE key = $1", key
        )
        return float(found[0][0]) if found else 0.0
