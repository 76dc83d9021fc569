"""The gate before every call: limits that are set, and which of them hold for which source."""

import pytest

from ingather import errors
from ingather.domain.page import Usage
from ingather.engine.quota import Gate, Limit, fixed
from ingather.features.rates import SAFE, Rates
from ingather.stores.memory import MemoryLimiter


class Voice:
    """As much of a source as rates look at."""

    def __init__(self, name, route="media"):
        self.name, self.route = name, route


async def test_a_call_is_reserved_in_every_limit(clock) -> None:
    """The tightest of several limits holds, and its wait is told; waiting for it takes nothing of
    the others."""
    limiter = MemoryLimiter(clock)
    limits = [Limit("token", 3, 60.0), Limit("app", 2, 10.0)]
    gate = Gate(limiter, clock, limits=fixed(*limits))
    assert [await gate.enter(["token"]) for _ in range(2)] == [("token", 0.0)] * 2
    assert [await gate.enter(["token"]) for _ in range(3)] == [("token", 10.0)] * 3
    clock.time += 10.0
    assert [(await gate.enter(["token"]))[1] for _ in range(2)] == [0.0, 50.0]


async def test_gates_of_two_processes_share_a_limit(clock) -> None:
    """Who shares a key shares its calls."""
    limiter = MemoryLimiter(clock)
    gates = [Gate(limiter, clock, limits=fixed(Limit(None, 4, 60.0))) for _ in range(3)]
    waits = [(await gate.enter(["key"]))[1] for _ in range(2) for gate in gates]
    assert waits.count(0.0) == 4


async def test_a_park_holds_before_the_limit(clock) -> None:
    """A call that may not be made is not reserved."""
    limiter = MemoryLimiter(clock)
    gate = Gate(limiter, clock, limits=fixed(Limit("calls", 1, 60.0)))
    await gate.park("key", 30.0)
    assert await gate.enter(["key"]) == ("key", 30.0)
    clock.time += 30.0
    assert await gate.enter(["key"]) == ("key", 0.0)


async def test_a_key_that_is_nearly_used_up_rests_as_long_as_its_own_call_took(clock) -> None:
    """Calls of other keys meanwhile do not shorten it; a gate that saw no call begin rests it for a
    moment, not for ever."""
    limiter = MemoryLimiter(clock)
    gate = Gate(limiter, clock)
    await gate.enter(["slow"])
    clock.time += 8.0
    await gate.enter(["other"])
    await gate.learn("slow", Usage(percent=85))
    assert await limiter.parked("slow") == 8.0
    await Gate(limiter, clock).learn("unseen", Usage(percent=85))
    assert 0.0 < await limiter.parked("unseen") < 1.0


async def test_where_calls_cannot_be_counted_none_is_let_through(clock) -> None:
    """A limiter that is away is an error and never a call."""

    class Away(MemoryLimiter):
        async def reserve(self, *takes):
            raise errors.StoreUnavailable

    gate = Gate(Away(clock), clock, limits=fixed(Limit(None, 1, 1.0)))
    with pytest.raises(errors.StoreUnavailable):
        await gate.enter(["key"])


async def test_a_call_goes_to_the_token_with_room(clock) -> None:
    """Every token has its own limit and is parked alone; where none has room, the shortest wait is
    told."""
    gate = Gate(MemoryLimiter(clock), clock, limits=fixed(Limit(None, 2, 60.0)))
    found = [await gate.enter(["a", "b"]) for _ in range(5)]
    assert found == [("a", 0.0), ("a", 0.0), ("b", 0.0), ("b", 0.0), ("a", 60.0)]
    clock.time += 60.0
    await gate.park("a", 30.0)
    assert await gate.enter(["a", "b"]) == ("b", 0.0)
    await gate.learn("b", Usage(96, 20.0))
    assert (await gate.enter(["a", "b"]))[1] == 20.0


async def test_what_the_tokens_share_is_not_gone_around(clock) -> None:
    """Where the app's limit is reached, no token has room, and none loses any by asking."""
    limits = [Limit(None, 9, 60.0), Limit("app", 1, 60.0)]
    limiter = MemoryLimiter(clock)
    gate = Gate(limiter, clock, limits=fixed(*limits))
    assert await gate.enter(["a", "b"]) == ("a", 0.0)
    for _ in range(20):
        assert (await gate.enter(["a", "b"]))[1] == 60.0
    assert [await limiter.used(key, window=60.0) for key in "ab"] == [1, 0]


def test_own_comments_follow_the_headers() -> None:
    """Nothing limits an export of one's own comments but what the setting asks for."""
    own, others = Voice("graph", "media/comments"), Voice("graph", "media")
    assert Rates().of(own) == ()
    assert Rates().of(others) == [Limit(None, SAFE, 3_600.0)]
    assert Rates(50, app_id="9", tokens=2).of(own) == [
        Limit(None, 50, 3_600.0),
        Limit("app:9", 100, 3_600.0),
    ]


def test_hikers_rate_is_kept_once_it_is_known() -> None:
    """Calls a second, as the account's balance tells; an archive has no limit."""
    rates = Rates()
    assert rates.of(Voice("hiker")) == ()
    rates.hiker = 15.0
    assert rates.of(Voice("hiker")) == (Limit(None, 15, 1.1),)
    assert rates.of(Voice("archive")) == ()
