"""Answers kept for a while in Redis, which ages them itself."""

from ingather.stores.redis_link import RedisLink


class RedisCache:
    """Cache over one Redis; its keys are the caller's, as the seeds name them."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def get(self, key: str) -> bytes | None:
        found: bytes | None = await self._link.call("GET", key)
        return found

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        await self._link.call("SET", key, value, "PX", max(1, round(ttl * 1000)))

    async def drop(self, key: str) -> None:
        await self._link.call("DEL", key)

    async def renew(self, key: str, value: bytes) -> bool:
        return await self._link.call("SET", key, value, "XX", "KEEPTTL") is not None
