"""Messages of the refresh while a source is out of order: it costs them time, and nothing else."""

import asyncio

import pytest

from ingather import errors
from ingather.domain.records import Profile
from ingather.domain.refresh import Origin
from ingather.features.refresh import Done
from ingather.features.refresh_sources import Route, Sources
from ingather.features.refresh_work import Work
from ingather.stores.memory import MemoryLimiter

HOUR = 3_600.0


class Voice:
    """A page that tells every account, but none while it is out of order, and never a bad one."""

    name = limit_key = "page"
    usage = None
    failure: errors.SourceError = errors.Transient()

    def __init__(self, clock, *, out: tuple[float, float] = (0.0, 0.0), bad: str = "") -> None:
        self._clock, self._bad = clock, bad
        self._out = [clock.now() + each for each in out]

    async def profile(self, username: str) -> Profile:
        await self._clock.sleep(0.3)
        if username == self._bad or self._out[0] <= self._clock.now() < self._out[1]:
            raise self.failure
        return Profile(user_id=None, username=username, followers_count=1)


class Discovery(Voice):
    """Tells professional accounts alone."""

    name = limit_key = "graph"

    async def profile(self, username: str) -> Profile:
        if username.startswith("personal"):
            raise errors.NotReachable
        return await super().profile(username)


class Refresher:
    """Asks the ways, and writes nothing."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def handle(self, event, origin, *, attempt) -> Done:
        await self._sources.tell(event.account_id, lambda profile, _: profile)
        return Done(outcome="refreshed")

    async def give_up(self, event, origin, failure, *, attempt) -> None: ...


class Buried:
    """Where dead letters go."""

    async def bury(self, origin, value, failure, attempts) -> None: ...


class Room:
    """64 messages at once over one source, on a clock that goes on when all sleep."""

    def __init__(self, simulation) -> None:
        self.clock, self.watcher = simulation.Sleepers(), simulation.Silent()
        self._begun, self._turns = self.clock.now(), asyncio.Semaphore(64)
        self.ended: dict[str, tuple[str, float]] = {}

    async def run(self, *voices: Voice, arrivals: dict[str, float], hours: float) -> None:
        """Let each account's message arrive after so many seconds; `ended` has how it ended, and
        after how many hours since it came."""
        sources = Sources(
            [Route(name=each.name, voices=[each], limit=10**6) for each in voices],
            limiter=MemoryLimiter(self.clock),
            clock=self.clock,
            watcher=self.watcher,
            jitter=lambda: 0.5,
        )
        work = Work(Refresher(sources), Buried(), self.clock, self.watcher, jitter=lambda: 0.5)

        async def message(account: str, after: float) -> None:
            await self.clock.sleep(after)
            async with self._turns:
                outcome = await work.do(
                    b'{"accountId":"%s","platform":"instagram",'
                    b'"scheduledAt":"2026-11-21T10:00:00Z"}' % account.encode(),
                    Origin("t", 0, 0),
                )
            self.ended[account] = outcome, (self.clock.now() - self._begun - after) / HOUR

        async def tick() -> None:
            while True:
                await self.clock.sleep(60.0)

        tasks = [asyncio.create_task(message(*each)) for each in arrivals.items()]
        ticking = asyncio.create_task(tick())
        await self.clock.run(self._begun + hours * HOUR)
        for task in (ticking, *tasks):
            task.cancel()
        await asyncio.gather(ticking, *tasks, return_exceptions=True)


@pytest.fixture
def room(simulation) -> Room:
    return Room(simulation)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 300])
async def test_an_outage_of_an_hour_makes_no_dead_letter(room, count) -> None:
    """However many messages there are, all are done when the source has come back: neither what
    failed before the breaker opened nor its probes used up anybody's attempts."""
    arrivals = {f"a{number}": number * 7_200.0 / count for number in range(count)}
    await room.run(Voice(room.clock, out=(0.0, HOUR)), arrivals=arrivals, hours=5)
    assert {outcome for outcome, _ in room.ended.values()} == {"refreshed"}
    assert len(room.ended) == count


async def test_a_message_that_no_source_can_tell_is_buried_soon(room) -> None:
    """Where others are told, what fails again and again is the message's own fault."""
    arrivals = {"bad": 100.0} | {f"a{number}": number * 10.0 for number in range(200)}
    await room.run(Voice(room.clock, bad="bad"), arrivals=arrivals, hours=1)
    assert room.ended.pop("bad") == ("dead", pytest.approx(0.05, abs=0.03))
    assert {outcome for outcome, _ in room.ended.values()} == {"refreshed"}


async def test_a_message_that_nobody_can_be_compared_with_is_buried_in_the_end(room) -> None:
    """It may hold up a partition: after three attempts that lie an hour apart it does not."""
    await room.run(Voice(room.clock, bad="bad"), arrivals={"bad": 0.0}, hours=5)
    assert room.ended["bad"][0] == "dead" and 2 < room.ended["bad"][1] < 4


@pytest.mark.parametrize("hours", [1, 48])
async def test_what_one_source_cannot_tell_does_not_wait_for_ever_for_another(room, hours) -> None:
    """Personal accounts, told by the page alone, which blocks us: for an hour they wait; for longer
    they are dead letters, and the consumer goes on with the others."""
    page = Voice(room.clock, out=(0.0, hours * HOUR))
    page.failure = errors.NothingShown()
    kinds = ("personal", "shop", "shop", "shop")
    arrivals = {f"{kinds[number % 4]}{number}": number * 1.0 for number in range(400)}
    await room.run(Discovery(room.clock), page, arrivals=arrivals, hours=9)
    told = {name: outcome for name, (outcome, _) in room.ended.items()}
    assert set(told) == set(arrivals)
    assert {told[name] for name in told if name.startswith("shop")} == {"refreshed"}
    personal = {told[name] for name in told if name.startswith("personal")}
    assert personal == ({"refreshed"} if hours == 1 else {"dead"})
