"""Asking a source for a page until it is there, or until asking again makes no sense.

What is briefly out of order is asked again with full jitter (AWS Architecture Blog, "Exponential
Backoff And Jitter") under one deadline; a limit is waited out without calls; a page too large is
asked for in half its size, and pages grow again once they come well.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from ingather import errors, points
from ingather.domain.job import Counters, Job, Target
from ingather.domain.page import Page, Usage
from ingather.engine.quota import HALVE, Gate
from ingather.engine.stop import Stopped
from ingather.engine.watch import Unwatched, Watch
from ingather.ports import Clock, Source

T = TypeVar("T")

Listener = Callable[[str | None, str], Awaitable[None]]
"""Hears that the page at a cursor has come, and where the list goes on after it."""

MOST = 50
"""Rows asked for where nothing is said: what the platform gives at the most."""
WELL = 4
"""Pages that must come well before they are asked for in twice the size again; twice as many each
time the larger one was too large at once."""


class Policy(Struct, frozen=True, kw_only=True):
    """How patient to be. Seconds, save drifts.

    base, ceiling: of the jittered wait, which doubles with each try. deadline: from the first
    failure of a page to giving up, parks left out. park: a wait for a limit that is not told by
    the platform. longest_park: a longer one pauses the job instead. drifts: tries for an answer of
    unknown shape, which may be one broken answer.
    """

    base: float = 0.5
    ceiling: float = 20.0
    deadline: float = 180.0
    park: float = 300.0
    longest_park: float = 3_700.0
    drifts: int = 3


class Tally(Struct):
    """What asking has cost since it was last taken."""

    calls: int = 0
    retries: int = 0
    parks: int = 0
    waited: float = 0.0
    repaired: int = 0
    units: int = 0


class Fetcher:
    """Pages of one source, patiently; it is what the source asks before each of its calls."""

    def __init__(
        self,
        source: Source,
        gate: Gate,
        clock: Clock,
        *,
        policy: Policy,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.source = source.under(self)
        self._gate = gate
        self._clock = clock
        self._policy = policy
        self.watch: Watch = Unwatched()
        self.listener: Listener | None = None
        self._jitter = jitter
        self._limit: int | None = None
        self._well, self._wanted, self._grown = 0, WELL, False
        self._tally = Tally()
        self._made = self._units = 0
        self._budget: tuple[int | None, int | None] = (None, None)
        self._key: str | None = None
        self._parked = 0.0

    def take_tally(self) -> Tally:
        """The cost so far, counted once. Part of a second waited is kept for the next time."""
        self._bill(0)
        taken = self._tally
        self._tally = Tally(waited=taken.waited % 1)
        return taken

    @property
    def owed(self) -> int:
        """Units spent since the tally was last taken."""
        self._bill(0)
        return self._tally.units

    def hand_over(self) -> Counters:
        """The cost so far, which a new job begins with; here it is forgotten."""
        tally, self._made, self._units = self.take_tally(), 0, 0
        return Counters(
            calls=tally.calls,
            retries=tally.retries,
            parks=tally.parks,
            waited=int(tally.waited),
            units=tally.units,
        )

    def take_back(self, spent: Counters) -> None:
        """What was handed over, where there was such a job already."""
        self._made, self._units = self._made + spent.calls, self._units + spent.units
        tally = self._tally
        tally.calls, tally.units = tally.calls + spent.calls, tally.units + spent.units
        tally.retries, tally.parks = tally.retries + spent.retries, tally.parks + spent.parks
        tally.waited += spent.waited

    def allow(self, calls: int | None, units: int | None) -> None:
        """Raise Stopped rather than make more calls than this in all, or one more once so many
        units are spent; what was asked before counts. None: as many as it takes."""
        self._budget = calls, units

    def run_of(self, job: Job) -> None:
        """Keep to the budget of a job in a run that begins. Its first run pays for the look-up
        that the job was begun with."""
        if job.claims == 1:
            self._made, self._units = (
                self._made + job.counters.calls,
                self._units + job.counters.units,
            )
        self.allow(job.options.max_calls, job.options.max_units)

    @property
    def spent(self) -> bool:
        """Whether no further call is allowed."""
        self._bill(0)
        calls, units = self._budget
        return (calls is not None and self._made >= calls) or (
            units is not None and self._units >= units
        )

    async def take(self, keys: Sequence[str]) -> str:
        """Turns: wait for the limit, and count the call that is then made. Raises Stopped where the
        budget is spent, or the wait is too long."""
        while True:
            if self.spent:
                raise Stopped("budget")
            self._key, wait = await self._gate.enter(keys)
            if wait <= 0:
                self._tally.calls += 1
                self._made += 1
                return self._key
            await self._park(wait)

    async def heard(self, cursor: str | None, then: str, usage: Usage | None) -> None:
        """Turns: pass it on, unless something in the rows may yet change how to go on."""
        steady = self._limit is None and (usage is None or usage.percent < HALVE)
        if steady and self.listener is not None:
            await self.listener(cursor, then)

    async def page(self, target: Target, cursor: str | None, *, replies: bool) -> Page:
        """The page at the cursor. Raises the errors that waiting cannot mend, and Stopped where
        the limit's wait is too long."""
        page = await self.ask(
            lambda: self.source.fetch(target, cursor, replies=replies, limit=self._limit)
        )
        self._grow()
        points.reach("called")
        if self._key is not None:
            await self._gate.learn(self._key, page.usage)
        self._tally.repaired += page.repaired
        self._tally.calls += page.more_calls
        self._made += page.more_calls
        self._bill(page.units)
        return page

    async def resolve(self, words: str) -> Target:
        """The target that a user's words name."""
        return await self.ask(lambda: self.source.resolve(words))

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a call of the source gives, as patiently as a page is asked for."""
        tries, drifts, since = 0, 0, None
        while True:
            try:
                return await call()
            except errors.Throttled as throttled:
                if self._key is None:
                    raise
                await self._gate.park(self._key, throttled.wait or self._policy.park)
                continue
            except errors.TooMuchData as failure:
                if self._limit == 1:
                    raise
                self._shrink()
                self._tally.retries += 1
                self.watch.retrying(failure, 0.0)
                continue
            except errors.SchemaDrift as drift:
                drifts += 1
                if drifts >= self._policy.drifts:
                    raise
                broken: errors.IngatherError = drift
            except errors.Transient as transient:
                broken = transient
            tries += 1
            # A limit waited out is not the source being out of order.
            now = self._clock.monotonic() - self._parked
            since = now if since is None else since
            wait = self._jitter() * min(self._policy.ceiling, self._policy.base * 2**tries)
            if now + wait - since > self._policy.deadline:
                raise broken
            self._tally.retries += 1
            self.watch.retrying(broken, wait)
            await self._wait(wait)

    def _shrink(self) -> None:
        if self._grown:
            self._wanted = min(64, self._wanted * 2)
        self._limit = (self._limit or MOST) // 2
        self._well, self._grown = 0, False

    def _grow(self) -> None:
        if self._limit is None:
            self._grown = False
            return
        self._well, self._grown = self._well + 1, False
        if self._well >= self._wanted:
            self._limit = None if self._limit * 2 >= MOST - 2 else self._limit * 2
            self._well, self._grown = 0, True

    async def _park(self, seconds: float) -> None:
        if seconds > self._policy.longest_park:
            raise Stopped("rate_limit", again=seconds)
        self._tally.parks += 1
        self.watch.parked(seconds)
        since = self._clock.monotonic()
        await self._wait(seconds)
        self._parked += self._clock.monotonic() - since

    def _bill(self, units: int) -> None:
        """Count units, and those that the source has not told of a page."""
        units += self.source.take_units()
        self._tally.units += units
        self._units += units

    async def _wait(self, seconds: float) -> None:
        began = self._clock.monotonic()
        try:
            await self._clock.sleep(seconds)
        except BaseException:  # whoever ends the job now has not waited for all of it
            self._tally.waited += self._clock.monotonic() - began
            raise
        self._tally.waited += seconds
