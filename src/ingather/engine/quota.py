"""The gate before every call: the platform's limit, shared by all who use the same token.

Its headers are obeyed (reliability plan, section 2): from 80 % of the budget the rate is halved,
from 95 % nobody calls until it has had time to decay.
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from ingather.domain.page import Usage
from ingather.ports import Clock, Limiter, Take

HALVE = 80
REST = 95
REST_SECONDS = 300.0
POLL = 1.0
"""Seconds after which another worker's park is noticed."""


class Limit(Struct, frozen=True):
    """So many calls per sliding window of so many seconds, by all who share the key; None: a limit
    that every token has of its own."""

    key: str | None
    calls: int
    seconds: float


Limits = Callable[[], Awaitable[Sequence[Limit]]]
"""What the next call has to fit in. It is asked before each: what holds may be learned, or change,
while a job runs."""


def fixed(*limits: Limit) -> Limits:
    """Limits that stay what they are."""

    async def told() -> Sequence[Limit]:
        return limits

    return told


class Gate:
    """A gate for the keys of the limiter, such as the fingerprints of tokens that are pooled.

    limits: what each call must fit in besides. A call is reserved before it is made, in all of
    them at once, and never given back: the platform may have counted it.
    """

    def __init__(self, limiter: Limiter, clock: Clock, *, limits: Limits = fixed()) -> None:
        self._limiter = limiter
        self._clock = clock
        self._limits = limits
        self._polled: dict[str, float] = {}
        self._entered: dict[str, float] = {}

    async def enter(self, keys: Sequence[str]) -> tuple[str, float]:
        """The first of these keys under which a call may be made now, and 0.0; or one of them, and
        the seconds to wait before asking again."""
        waits = []
        for key in keys:
            wait = await self._wait(key)
            if wait <= 0:
                return key, 0.0
            waits.append(wait)
        return keys[0], min(waits)

    def begin(self, key: str) -> None:
        """A call under this key begins now, reserved by whoever asks."""
        self._entered[key] = self._clock.monotonic()

    async def park(self, key: str, seconds: float) -> None:
        """Nobody calls under this key for so long."""
        await self._limiter.park(key, seconds)
        self._polled.pop(key, None)

    async def learn(self, key: str, usage: Usage | None) -> None:
        """Obey what an answer said of the key's limit."""
        if usage is None or usage.percent < HALVE:
            return
        if usage.percent >= REST:
            await self.park(key, usage.regain or REST_SECONDS)
        else:
            now = self._clock.monotonic()
            took = now - self._entered.get(key, now)
            await self.park(key, max(took, 0.1))

    async def _wait(self, key: str) -> float:
        """0.0 where a call under this key may be made now, and is reserved."""
        now = self._clock.monotonic()
        if now - self._polled.get(key, float("-inf")) >= POLL:
            wait = await self._limiter.parked(key)
            if wait > 0:
                return wait
            self._polled[key] = now
        limits = await self._limits()
        takes = [Take(limit.key or key, limit.calls, limit.seconds) for limit in limits]
        wait = await self._limiter.reserve(*takes) if takes else 0.0
        if wait <= 0:
            self.begin(key)
        return wait
