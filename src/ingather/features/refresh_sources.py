"""The ways to a profile, one after the other, each within its limit and behind its breaker.

Business Discovery, the public page, HikerAPI (issue of the refresh, 2). A reached limit is waited
for and not gone around; a way that is out of order is gone around.
"""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from ingather import errors, points
from ingather.domain.records import Profile
from ingather.engine.quota import Gate
from ingather.features.breaker import Breaker
from ingather.ports import Clock, Limiter, Take
from ingather.ports.refresh import Voice, Watcher

T = TypeVar("T")

LIMIT, WINDOW = 200, 3_600.0
"""Calls in any hour for each token (seed refresh-consumer.md)."""

_TRIES = 3
_SHUT = 3_600.0
"""Seconds for which a voice is not asked whose token is dead, or whose account is empty."""


class Wait(Exception):
    """Nothing may be asked before so many seconds have passed; nothing has failed. source: whose
    limit it is."""

    def __init__(self, seconds: float, why: str, source: str | None = None) -> None:
        super().__init__(f"{why}: {seconds:g} s")
        self.seconds, self.why, self.source = seconds, why, source


class NotTold(Exception):
    """Nobody said what there is of an account; it may be otherwise after a while. wait: seconds for
    which one that could have said it is left alone, 0.0 where all were asked. out_of_order: one of
    them tells nobody anything, so the account is not to blame."""

    def __init__(
        self, failure: errors.IngatherError, wait: float, *, out_of_order: bool = False
    ) -> None:
        super().__init__(str(failure))
        self.failure, self.wait, self.out_of_order = failure, wait, out_of_order
        self.why = "blocked" if wait else failure.code


class Route(Struct, frozen=True, kw_only=True):
    """One way, through one voice or a pool of them. limit: calls per window for each voice.
    opening: calls that a voice makes beside the first one, to learn whose its token is."""

    name: str
    voices: Sequence[Voice]
    limit: int = LIMIT
    window: float = WINDOW
    opening: int = 0


class Use(Struct, frozen=True):
    """Calls of a way that were taken within its window, of those that there are, by all who share
    them."""

    name: str
    used: int
    limit: int


class Sources:
    """All ways. jitter: a number in [0, 1)."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        limiter: Limiter,
        clock: Clock,
        watcher: Watcher,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._routes = routes
        self._limiter = limiter
        self._clock = clock
        self._watcher = watcher
        self._jitter = jitter
        self._breakers = {route.name: Breaker(clock) for route in routes}
        self._shut: dict[str, float] = {}
        self._opened: set[str] = set()
        self._throttles: dict[str, int] = {}
        self._gate = Gate(limiter, clock)

    async def tell(self, handle: str, accept: Callable[[Profile, str], T]) -> tuple[T, str]:
        """What `accept` makes of the first profile that it takes, and the way it came.

        Raises NotReachable, Implausible or UnreadableName where every way says so, NotTold where
        one cannot say or is not asked just now, and Wait where none may be asked yet.
        """
        said: list[errors.IngatherError] = []
        closed: list[float] = []
        ill = False
        for route in self._routes:
            if (wait := self._breakers[route.name].enter()) > 0:
                closed.append(wait)
                continue
            try:
                return accept(await self._ask(route, handle), route.name), route.name
            except (errors.SourceError, errors.UnreadableName) as failure:
                self._watcher.called(route.name, failure.code)
                said.append(failure)
                ill = ill or self._breakers[route.name].out_of_order
        unknown = [each for each in said if not _says_something(each)]
        if unknown or (said and closed):
            wait = min(closed, default=0.0)
            raise NotTold((unknown or said)[-1], wait, out_of_order=ill or bool(closed))
        if closed:
            raise Wait(min(closed), "blocked")
        if not said:
            raise errors.NoToken("There is no source to refresh accounts from.")
        raise said[-1]

    async def use(self) -> list[Use]:
        """How far the limit of each way is used. Raises StoreUnavailable."""
        told = []
        for route in self._routes:
            keys = [voice.limit_key for voice in route.voices]
            used = [await self._limiter.used(key, window=route.window) for key in keys]
            told.append(Use(route.name, sum(used), route.limit * len(keys)))
        return told

    async def _ask(self, route: Route, handle: str) -> Profile:
        breaker, tries = self._breakers[route.name], 0
        while True:
            voice = await self._enter(route)
            self._gate.begin(voice.limit_key)
            try:
                found = await voice.profile(handle)
            except errors.Throttled as throttled:
                await self._throttled(voice, throttled)
                continue
            except (errors.NotReachable, errors.WrongPage, errors.UnreadableName):
                breaker.well()
                raise
            except (errors.NeedsLogin, errors.NoToken, errors.NoBalance):
                self._shut[voice.limit_key] = self._clock.monotonic() + _SHUT
                if not self._open(route):
                    breaker.shut(_SHUT)
                    raise
                continue
            except errors.Transient:
                tries += 1
                if tries == _TRIES:
                    breaker.failed()
                    raise
                await self._clock.sleep(self._jitter() * min(20.0, 0.5 * 2**tries))
                continue
            except errors.SourceError:
                breaker.failed()
                raise
            breaker.well()
            self._throttles.pop(voice.limit_key, None)
            self._watcher.called(route.name, "ok")
            points.reach("called")
            await self._gate.learn(voice.limit_key, voice.usage)
            return found

    async def _enter(self, route: Route) -> Voice:
        """A voice whose limit has room for a call, which is taken; raises Wait where none has."""
        waits = []
        for voice in self._open(route):
            key = voice.limit_key
            calls = 1 if key in self._opened else 1 + route.opening
            wait = await self._limiter.reserve(
                Take(key, max(route.limit, calls), route.window, calls)
            )
            if wait <= 0:
                self._opened.add(key)
                return voice
            waits.append(wait)
        if not waits:
            raise errors.NeedsLogin(f"No token of {route.name} is alive.")
        self._watcher.called(route.name, "limit")
        raise Wait(min(waits), "limit", route.name)

    def _open(self, route: Route) -> list[Voice]:
        now = self._clock.monotonic()
        return [each for each in route.voices if self._shut.get(each.limit_key, 0.0) <= now]

    async def _throttled(self, voice: Voice, throttled: errors.Throttled) -> None:
        """Nobody asks with this token for as long as is said, or for ever longer, with jitter."""
        key = voice.limit_key
        times = self._throttles[key] = self._throttles.get(key, 0) + 1
        wait = min(WINDOW, 30.0 * 2**times) * (0.5 + self._jitter() / 2)
        await self._limiter.park(key, throttled.wait or wait)
        self._watcher.called(voice.name, throttled.code)


def _says_something(failure: errors.IngatherError) -> bool:
    """Whether it is a verdict on the account, and not on the source."""
    return isinstance(failure, errors.NotReachable | errors.Implausible | errors.UnreadableName)
