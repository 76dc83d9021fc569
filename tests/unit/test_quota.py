"""The gate before every call: limits that are set, and which of them hold for which source."""

import pytest

from ingather import errors
from ingather.engine.quota import Gate, Limit
from ingather.features.rates import SAFE, Rates
from ingather.stores.memory import MemoryLimiter


class Voice:
    """As much of a source as rates look at."""

    def __init__(self, name, route="media", key="key"):
        self.name, self.route, self.limit_key = name, route, key


async def test_a_call_is_reserved_in_every_limit(clock) -> None:
    """The tightest of several limits holds, and its wait is told."""
    limiter = MemoryLimiter(clock)
    limits = [Limit("token", 3, 60.0), Limit("app", 2, 10.0)]
    gate = Gate(limiter, "token", clock, limits=limits)
    assert [await gate.enter() for _ in range(2)] == [0.0, 0.0]
    assert await gate.enter() == 10.0
    clock.time += 10.0
    assert await gate.enter() > 0.0  # the refused call was reserved for the token all the same


async def test_gates_of_two_processes_share_a_limit(clock) -> None:
    """Who shares a key shares its calls."""
    limiter = MemoryLimiter(clock)
    gates = [Gate(limiter, "key", clock, limits=[Limit("key", 4, 60.0)]) for _ in range(3)]
    waits = [await gate.enter() for _ in range(2) for gate in gates]
    assert waits.count(0.0) == 4


async def test_a_park_holds_before_the_limit(clock) -> None:
    """A call that may not be made is not reserved."""
    limiter = MemoryLimiter(clock)
    gate = Gate(limiter, "key", clock, limits=[Limit("calls", 1, 60.0)])
    await gate.park(30.0)
    assert await gate.enter() == 30.0
    clock.time += 30.0
    assert await gate.enter() == 0.0


async def test_where_calls_cannot_be_counted_none_is_let_through(clock) -> None:
    """A limiter that is away is an error and never a call."""

    class Away(MemoryLimiter):
        async def reserve(self, key, *, calls, limit, window):
            raise errors.StoreUnavailable

    gate = Gate(Away(clock), "key", clock, limits=[Limit("key", 1, 1.0)])
    with pytest.raises(errors.StoreUnavailable):
        await gate.enter()


def test_own_comments_follow_the_headers() -> None:
    """Nothing limits an export of one's own comments but what the setting asks for."""
    own, others = Voice("graph", "media/comments"), Voice("graph", "media")
    assert Rates().of(own) == ()
    assert Rates().of(others) == [Limit("key", SAFE, 3_600.0)]
    assert Rates(50, app_id="9", tokens=2).of(own) == [
        Limit("key", 100, 3_600.0),
        Limit("app:9", 100, 3_600.0),
    ]


def test_hikers_rate_is_kept_once_it_is_known() -> None:
    """Calls a second, as the account's balance tells; an archive has no limit."""
    rates = Rates()
    assert rates.of(Voice("hiker")) == ()
    rates.hiker = 15.0
    assert rates.of(Voice("hiker")) == (Limit("key", 15, 1.0),)
    assert rates.of(Voice("archive")) == ()
