"""A limit shared by all processes, kept as a log of calls on the clock of one Redis.

A log rather than a counter: counters let nearly twice the limit through at a window's edge, and
clients' clocks let through as many again (reliability plan, section 2). Where this process finds
that the log it wrote to a moment ago is gone, at most `CAUTIOUS` calls are given until a window
has passed, because nobody knows how many were made.
"""

import time

from ingather.ports import Take
from ingather.stores.redis_link import RedisLink, script
from ingather.stores.redis_wire import Word

CAUTIOUS = 20

_RESERVE = script("redis_reserve.lua")
_PARK = script("redis_park.lua")
_USED = script("redis_used.lua")


class RedisLimiter:
    """Limiter over one Redis. Keys are `limit:{key}:calls|park|epoch`; all of them expire."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._epochs: dict[str, tuple[bytes, float]] = {}

    async def reserve(self, *takes: Take) -> float:
        keys: list[str] = []
        words: list[Word] = [CAUTIOUS]
        for take in takes:
            keys += [f"limit:{take.key}:{part}" for part in ("calls", "park", "epoch")]
            words += [take.calls, take.limit, round(take.window * 1e6), self._epoch(take)]
        wait, *epochs = await self._link.run(_RESERVE, keys, *words)
        for take, epoch in zip(takes, epochs, strict=True):
            self._epochs[take.key] = (epoch, time.monotonic())
        return float(wait) / 1e6

    def _epoch(self, take: Take) -> bytes:
        epoch, then = self._epochs.get(take.key, (b"", 0.0))
        if time.monotonic() - then > take.window:  # what was counted then counts no more
            return b""
        return epoch

    async def used(self, key: str, *, window: float) -> int:
        return int(await self._link.run(_USED, (f"limit:{key}:calls",), round(window * 1e6)))

    async def park(self, key: str, seconds: float) -> None:
        await self._link.run(_PARK, (f"limit:{key}:park",), max(0, round(seconds * 1e6)))

    async def parked(self, key: str) -> float:
        left = await self._link.run(_PARK, (f"limit:{key}:park",), 0)
        return float(left) / 1e6
