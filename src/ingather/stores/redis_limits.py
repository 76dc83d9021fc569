"""A limit shared by all processes, kept as a log of calls on the clock of one Redis.

A log rather than a counter: counters let nearly twice the limit through at a window's edge, and
clients' clocks let through as many again (reliability plan, section 2). Where this process finds
that the log it wrote to a moment ago is gone, at most `CAUTIOUS` calls are given until a window
has passed, because nobody knows how many were made.
"""

import time

from ingather import errors
from ingather.stores.redis_link import RedisLink, script

CAUTIOUS = 20

_RESERVE = script("redis_reserve.lua")
_PARK = script("redis_park.lua")
_USED = script("redis_used.lua")


class RedisLimiter:
    """Limiter over one Redis. Keys are `limit:{key}:calls|park|epoch`; all of them expire."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._epochs: dict[str, tuple[bytes, float]] = {}

    async def reserve(self, key: str, *, calls: int, limit: int, window: float) -> float:
        if calls > limit:
            raise errors.BadInput(f"{calls} calls never fit in a limit of {limit}.")
        epoch, then = self._epochs.get(key, (b"", 0.0))
        if time.monotonic() - then > window:  # what was counted then does not count any more
            epoch = b""
        keys = (f"limit:{key}:calls", f"limit:{key}:park", f"limit:{key}:epoch")
        wait, found = await self._link.run(
            _RESERVE, keys, calls, limit, round(window * 1e6), CAUTIOUS, epoch
        )
        if found:
            self._epochs[key] = (found, time.monotonic())
        return float(wait) / 1e6

    async def used(self, key: str, *, window: float) -> int:
        return int(await self._link.run(_USED, (f"limit:{key}:calls",), round(window * 1e6)))

    async def park(self, key: str, seconds: float) -> None:
        await self._link.run(_PARK, (f"limit:{key}:park",), max(0, round(seconds * 1e6)))

    async def parked(self, key: str) -> float:
        left = await self._link.run(_PARK, (f"limit:{key}:park",), 0)
        return float(left) / 1e6
