"""The ways to a profile: limits are waited for, what is out of order is gone around."""

import asyncio
import contextlib

import pytest

from ingather import errors
from ingather.domain.page import Usage
from ingather.domain.records import Profile
from ingather.features.breaker import Breaker
from ingather.features.refresh_sources import NotTold, Route, Sources, Wait
from ingather.features.together import Together
from ingather.stores.memory import MemoryLimiter


class Voice:
    """Says what it is told to, in turn; the last of it for ever."""

    def __init__(self, name: str, *says: object) -> None:
        self.name = self.limit_key = name
        self.usage: Usage | None = None
        self._says = list(says)
        self.asked = 0

    async def profile(self, username: str) -> Profile:
        self.asked += 1
        said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
        if isinstance(said, Exception):
            raise said
        return Profile(user_id=None, username=username, followers_count=said)


class Watcher:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def called(self, source: str, outcome: str) -> None:
        self.calls.append((source, outcome))

    def done(self, outcome: str, seconds: float) -> None: ...

    def parked(self, why: str, **_: object):
        return contextlib.nullcontext()


@pytest.fixture
def sources(clock):
    def make(*routes: Route) -> Sources:
        made = Sources(
            routes, limiter=MemoryLimiter(clock), clock=clock, watcher=Watcher(), jitter=lambda: 0.5
        )
        made.limiter = made._limiter
        return made

    return make


def route(*voices: Voice, **options) -> Route:
    return Route(name=voices[0].name, voices=voices, **options)


def accept(profile: Profile, source: str) -> int | None:
    return profile.followers_count


async def test_the_first_way_that_tells_is_taken(sources) -> None:
    """Business Discovery first; the others are not asked."""
    graph, page = Voice("graph", 7), Voice("page", 8)
    assert await sources(route(graph), route(page)).tell("lena", accept) == (7, "graph")
    assert page.asked == 0


@pytest.mark.parametrize(
    "failure",
    [errors.NotReachable(), errors.Refused(), errors.NeedsLogin(), errors.NoBalance(),
     errors.SchemaDrift("a", "b"), errors.Transient()],
    ids=lambda failure: failure.code,
)  # fmt: skip
async def test_a_way_that_cannot_tell_is_gone_around(sources, failure) -> None:
    """A personal account, a dead token, a service that is down: the next one is asked."""
    graph, page = Voice("graph", failure), Voice("page", 8)
    assert await sources(route(graph), route(page)).tell("lena", accept) == (8, "page")
    assert graph.asked == (3 if isinstance(failure, errors.Transient) else 1)


async def test_a_reached_limit_is_waited_for(sources, clock) -> None:
    """It is not gone around, and what is over it is never asked."""
    graph, page = Voice("graph", 7), Voice("page", 8)
    made = sources(route(graph, limit=3), route(page))
    for _ in range(3):
        await made.tell("lena", accept)
    with pytest.raises(Wait) as found:
        await made.tell("lena", accept)
    assert found.value.why == "limit" and found.value.seconds == 3600.0
    assert (graph.asked, page.asked) == (3, 0)
    await clock.sleep(3600.0)
    await made.tell("lena", accept)


async def test_tokens_are_pooled(sources) -> None:
    """Each has a limit of its own, and a dead one leaves its share to the others."""
    one, two, dead = Voice("t1", 7), Voice("t2", 7), Voice("t3", errors.NeedsLogin())
    made = sources(Route(name="graph", voices=[dead, one, two], limit=5))
    for _ in range(10):
        await made.tell("lena", accept)
    assert (one.asked, two.asked, dead.asked) == (5, 5, 1)
    with pytest.raises(Wait):
        await made.tell("lena", accept)


async def test_calls_to_learn_whose_a_token_is_are_counted(sources) -> None:
    """A voice's first call takes its opening out of the limit as well."""
    graph = Voice("graph", 7)
    made = sources(route(graph, limit=4, opening=2))
    await made.tell("lena", accept)
    await made.tell("lena", accept)
    with pytest.raises(Wait):
        await made.tell("lena", accept)


async def test_a_throttle_parks_everybody_for_ever_longer(sources, clock) -> None:
    """What the platform says is obeyed; where it says nothing the waits double, with jitter."""
    graph = Voice("graph", errors.Throttled(wait=77.0), errors.Throttled(), errors.Throttled(), 7)
    made = sources(route(graph))
    waits = []
    for _ in range(3):
        with pytest.raises(Wait) as found:
            await made.tell("lena", accept)
        waits.append(found.value.seconds)
        await clock.sleep(found.value.seconds)
    assert waits == [77.0, 30 * 4 * 0.75, 30 * 8 * 0.75]
    assert await made.tell("lena", accept) == (7, "graph")


async def test_usage_headers_are_obeyed(sources) -> None:
    """At 96 % of the platform's own count nobody calls until it has decayed."""
    graph = Voice("graph", 7)
    graph.usage = Usage(96, 600.0)
    made = sources(route(graph))
    await made.tell("lena", accept)
    with pytest.raises(Wait) as found:
        await made.tell("lena", accept)
    assert found.value.seconds == 600.0


async def test_a_run_of_shells_opens_the_breaker(sources, clock) -> None:
    """After five the pages are left alone, and a message that only they could tell waits; after
    the rest one call is let through, and a shell again rests twice as long."""
    page = Voice("page", errors.NothingShown())
    made = sources(route(page))
    for _ in range(5):
        with pytest.raises(NotTold):
            await made.tell("lena", accept)
    with pytest.raises(Wait) as found:
        await made.tell("lena", accept)
    assert (found.value.why, found.value.seconds, page.asked) == ("blocked", 300.0, 5)
    await clock.sleep(300.0)
    with pytest.raises(NotTold) as untold:
        await made.tell("lena", accept)
    assert page.asked == 6 and isinstance(untold.value.failure, errors.NothingShown)
    with pytest.raises(Wait) as found:
        await made.tell("lena", accept)
    assert found.value.seconds == 600.0


async def test_who_is_left_alone_might_have_told(sources) -> None:
    """What one source says it cannot tell is no verdict while another rests: after how long that
    one may be asked is said, and that the account is not to blame."""
    graph, page = Voice("graph", errors.NotReachable()), Voice("page", errors.NothingShown())
    made = sources(route(graph), route(page))
    found = []
    for _ in range(6):
        with pytest.raises(NotTold) as untold:
            await made.tell("lena", accept)
        found.append((untold.value.why, untold.value.wait, untold.value.out_of_order))
    assert found[0] == ("nothing_shown", 0.0, False)
    assert found[1:5] == [("nothing_shown", 0.0, True)] * 4
    assert found[5] == ("blocked", 300.0, True) and page.asked == 5


async def test_only_a_verdict_of_all_is_final(sources) -> None:
    """Gone for both is gone; a shell beside it is unknown, never deleted."""
    gone = errors.NotReachable("Gone.")
    with pytest.raises(errors.NotReachable):
        await sources(route(Voice("graph", gone)), route(Voice("page", gone))).tell("x", accept)
    shell = route(Voice("page", errors.NothingShown()))
    with pytest.raises(NotTold):
        await sources(route(Voice("graph", gone)), shell).tell("x", accept)
    refused = route(Voice("graph", errors.Refused()))
    with pytest.raises(NotTold) as found:
        await sources(refused, route(Voice("page", gone))).tell("x", accept)
    assert isinstance(found.value.failure, errors.Refused), "why it is unknown, not that it is gone"


async def test_an_implausible_answer_is_asked_for_elsewhere(sources) -> None:
    """What one source says wrongly another may say rightly."""

    def picky(profile: Profile, source: str) -> int | None:
        if profile.followers_count == 0:
            raise errors.Implausible
        return profile.followers_count

    graph, page = Voice("graph", 0), Voice("page", 8)
    assert await sources(route(graph), route(page)).tell("lena", picky) == (8, "page")


async def test_one_call_is_let_through_after_a_rest(clock) -> None:
    """Of many who ask when the rest is over one is let through, and closes it for all."""
    breaker = Breaker(clock)
    for _ in range(5):
        assert breaker.enter() == 0.0
        breaker.failed()
    assert breaker.enter() == 300.0
    await clock.sleep(300.0)
    assert [breaker.enter() == 0.0 for _ in range(3)] == [True, False, False]
    breaker.well()
    assert [breaker.enter() for _ in range(3)] == [0.0] * 3


async def test_what_is_asked_together_is_answered_apart() -> None:
    """One call for many; an error is everybody's; a caller that leaves disturbs nobody."""
    turns: list[int] = []

    async def work(asked):
        turns.append(len(asked))
        await asyncio.sleep(0)
        if "bad" in asked:
            raise errors.StoreUnavailable
        return [each.upper() for each in asked]

    together = Together(work, most=3)
    assert await asyncio.gather(*map(together, "abcde")) == list("ABCDE")
    assert turns == [3, 2]
    found = await asyncio.gather(together("x"), together("bad"), return_exceptions=True)
    assert all(isinstance(each, errors.StoreUnavailable) for each in found)
    leaving = asyncio.create_task(together("y"))
    staying = asyncio.create_task(together("z"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "Z"


async def test_a_saturated_limit_is_used_and_never_passed(sources, clock) -> None:
    """Asked without a pause for a day: all of it is used, and no hour has more than its share."""
    graph = Voice("graph", 7)
    made, calls = sources(route(graph, limit=200)), []
    begun = clock.now()
    while clock.now() < begun + 24 * 3600:
        try:
            await made.tell("lena", accept)
        except Wait as wait:
            await clock.sleep(wait.seconds)
        else:
            calls.append(clock.now())
            await clock.sleep(1.7)
    assert len(calls) >= 0.95 * 24 * 200
    assert all(later - first >= 3600 for first, later in zip(calls, calls[200:], strict=False))
