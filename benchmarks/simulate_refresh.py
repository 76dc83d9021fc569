"""What so many tokens can keep fresh: the limiter at work on a clock that is told, and the sums of
the schedule.

`python -m benchmarks.simulate_refresh` prints the table of docs/explanation/scale.md.
"""

import asyncio
import contextlib
import heapq
import random
from collections import Counter, deque
from typing import Any

from msgspec import Struct

from ingather.domain.page import Usage
from ingather.domain.records import Profile
from ingather.features.refresh_sources import Route, Sources, Wait
from ingather.stores.memory import MemoryLimiter

LIMIT, HOUR, WEEK = 200, 3_600.0, 168
PLATFORMS = 260
"""Calls an hour that the platform itself allows a token here, of which its headers tell the part
that is used: with 200 calls it says 76 %, and nobody has to slow down."""


class Sleepers:
    """A clock of many sleepers, which goes on to the next of them when all sleep."""

    def __init__(self) -> None:
        self._now, self._sleepers, self._count = 1_790_000_000.0, list[Any](), 0

    def now(self) -> float:
        return self._now

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, woken))
        await woken

    async def run(self, until: float) -> None:
        while self._now < until:
            for _ in range(20):  # what can be done without waiting is done
                await asyncio.sleep(0)
            self._now, _, woken = heapq.heappop(self._sleepers)
            woken.set_result(None)


class Token:
    """A voice that counts its calls as the platform does, and tells it in its headers."""

    name = "graph"

    def __init__(self, name: str, clock: Sleepers, chance: random.Random) -> None:
        self.limit_key = name
        self.calls, self.most = 0, 0
        self.usage: Usage | None = None
        self._clock, self._chance = clock, chance
        self._hour: deque[float] = deque()

    async def profile(self, username: str) -> Profile:
        now = self._clock.now()
        while self._hour and self._hour[0] <= now - HOUR:
            self._hour.popleft()
        self._hour.append(now)
        self.calls, self.most = self.calls + 1, max(self.most, len(self._hour))
        self.usage = Usage(100 * len(self._hour) // PLATFORMS)
        await self._clock.sleep(0.2 + 0.4 * self._chance.random())
        return Profile(user_id=None, username=username, followers_count=1)


class Silent:
    """Nobody is told."""

    def called(self, source: str, outcome: str) -> None: ...

    def done(self, outcome: str, seconds: float) -> None: ...

    def parked(self, why: str, **_: Any) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Used(Struct, frozen=True):
    """part: of all calls that the tokens allow. most: calls of a token in its fullest hour."""

    part: float
    most: int
    by_token: dict[str, int]


async def saturated(
    *, tokens: int = 3, consumers: int = 2, at_once: int = 64, hours: int = 24, seed: int = 1
) -> Used:
    """Consumers that share so many tokens, each with so many messages under way that all begin in
    the same moment, and always another one after it."""
    clock, chance = Sleepers(), random.Random(seed)
    pool = [Token(f"token {number}", clock, chance) for number in range(tokens)]
    limiter, end = MemoryLimiter(clock), clock.now() + hours * HOUR

    def consumer() -> Sources:
        route = Route(name="graph", voices=pool, limit=LIMIT)
        return Sources([route], limiter=limiter, clock=clock, watcher=Silent())

    async def messages(sources: Sources) -> None:
        while True:
            try:
                await sources.tell("lena", lambda profile, _: profile)
            except Wait as wait:
                await clock.sleep(wait.seconds)

    work = [
        asyncio.create_task(messages(sources))
        for sources in [consumer() for _ in range(consumers)]
        for _ in range(at_once)
    ]
    await clock.run(end)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    calls = Counter({each.limit_key: each.calls for each in pool})
    part = calls.total() / (hours * LIMIT * tokens)
    return Used(part, max(each.most for each in pool), dict(calls))


def weeks(tokens: int, accounts: int, *, shells: float = 0.0) -> tuple[float, float]:
    """So many accounts over so many tokens, the stalest first: the part that is refreshed within a
    week, and the days after which the stalest one comes again. shells: calls that tell nothing."""
    useful = tokens * LIMIT * (1 - shells)
    rounds = accounts / useful / 24
    return min(1.0, 7 / rounds), max(rounds, 0.0)


def main() -> None:
    used = asyncio.run(saturated())
    print(
        f"three saturated tokens of two consumers use {used.part:.1%} of their limit,"
        f" {used.most} calls each in its fullest hour\n"
    )
    print("| tokens | calls a week | 10,000 accounts | 1,000,000 | 100,000,000 |")
    print("|---|---|---|---|---|")
    for tokens in (1, 100, 10_000):
        cells = []
        for accounts in (10_000, 1_000_000, 100_000_000):
            part, days = weeks(tokens, accounts)
            cells.append(
                "weekly" if part == 1 else f"{part:.1%} weekly, each every {days:,.0f} days"
            )
        print(f"| {tokens:,} | {tokens * LIMIT * WEEK:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
