"""The gate before every call: the platform's limit, shared by all who use the same token.

Its headers are obeyed (reliability plan, section 2): from 80 % of the budget the rate is halved,
from 95 % nobody calls until it has had time to decay.
"""

from collections.abc import Sequence

from msgspec import Struct

from ingather.domain.page import Usage
from ingather.ports import Clock, Limiter

HALVE = 80
REST = 95
REST_SECONDS = 300.0
POLL = 1.0
"""Seconds after which another worker's park is noticed."""


class Limit(Struct, frozen=True):
    """So many calls per sliding window of so many seconds, by all who share the key."""

    key: str
    calls: int
    seconds: float


class Gate:
    """A gate for one key of the limiter, such as a token's fingerprint.

    limits: what each call must fit in besides. A call is reserved before it is made, in each of
    them, and never given back: the platform may have counted it.
    """

    def __init__(
        self, limiter: Limiter, key: str, clock: Clock, *, limits: Sequence[Limit] = ()
    ) -> None:
        self._limiter = limiter
        self._key = key
        self._clock = clock
        self._limits = limits
        self._polled = float("-inf")
        self._entered = float("-inf")

    async def enter(self) -> float:
        """0.0 where a call may be made now, else seconds to wait before asking again."""
        now = self._clock.monotonic()
        if now - self._polled >= POLL:
            wait = await self._limiter.parked(self._key)
            if wait > 0:
                return wait
            self._polled = now
        for limit in self._limits:
            wait = await self._limiter.reserve(
                limit.key, calls=1, limit=limit.calls, window=limit.seconds
            )
            if wait > 0:
                return wait
        self._entered = now
        return 0.0

    async def park(self, seconds: float) -> None:
        """Nobody calls for so long."""
        await self._limiter.park(self._key, seconds)
        self._polled = float("-inf")

    async def learn(self, usage: Usage | None) -> None:
        """Obey what an answer said of the limit."""
        if usage is None or usage.percent < HALVE:
            return
        if usage.percent >= REST:
            await self.park(usage.regain or REST_SECONDS)
        else:
            took = self._clock.monotonic() - self._entered
            await self.park(max(took, 0.1))
