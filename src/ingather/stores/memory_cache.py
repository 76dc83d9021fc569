"""The reference of what is remembered for a while: within this process alone."""

from math import inf

from ingather.ports import Clock


class MemoryCache:
    """Cache, within this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}

    async def get(self, key: str) -> bytes | None:
        until, value = self._kept.get(key, (-inf, b""))
        return value if until > self._clock.now() else None

    async def put(self, key: str, value: bytes, *, ttl: float) -> None:
        self._kept[key] = (self._clock.now() + ttl, value)

    async def drop(self, key: str) -> None:
        self._kept.pop(key, None)

    async def renew(self, key: str, value: bytes) -> bool:
        until, _ = self._kept.get(key, (-inf, b""))
        if until <= self._clock.now():
            return False
        self._kept[key] = (until, value)
        return True
