"""Cache and Limiter in PostgreSQL, on the database's clock, for workers that share no Redis."""

from ingather.ports import Take
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
), take AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[])
        AS take (key, calls, most, span)
), room AS MATERIALIZED (
    SELECT key, span, calls - most + (
        SELECT count(*) FROM limiter_calls AS log
        WHERE log.key = take.key AND at > (SELECT now FROM clock) - span
    ) AS lacking FROM take
), wait AS MATERIALIZED (
    SELECT greatest(0, max(until) - (SELECT now FROM clock)) AS wait FROM (
        SELECT until FROM limiter_parks WHERE key = ANY ($1::text[])
        UNION ALL SELECT (
            SELECT at + span FROM limiter_calls AS log
            WHERE log.key = room.key AND at > (SELECT now FROM clock) - span
            ORDER BY at OFFSET lacking - 1 LIMIT 1
        ) FROM room WHERE lacking > 0
    ) AS one
), given AS (
    INSERT INTO limiter_calls (key, at)
    SELECT key, now FROM take, clock, wait, generate_series(1, calls) WHERE wait = 0
), gone AS (
    DELETE FROM limiter_calls WHERE key = ANY ($1::text[])
        AND at <= (SELECT now FROM clock) - (SELECT max(span) FROM take)
)
SELECT wait FROM wait"""
"""Seconds to wait, 0 where the calls were given: $1 keys, $2 calls of each, $3 limits, $4 windows.
Only the locks that are taken before it make it true."""


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
    """Limiter: a log of calls per key; whoever reserves is alone with the keys."""

    def __init__(self, link: PgLink) -> None:
        self._link = link

    async def reserve(self, *takes: Take) -> float:
        rows = [(take.key, take.calls, take.limit, take.window) for take in takes]
        columns = zip(*rows, strict=True)
        async with self._link.transaction() as connection:
            for key in sorted(take.key for take in takes):  # in one order: nobody waits crosswise
                await pg_link.lock(connection, f"limiter:{key}")
            wait: float = await connection.fetchval(_RESERVE, *columns)
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
