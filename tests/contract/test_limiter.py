"""Limiter: never more than the limit in any window, whoever asks and however fast."""

import asyncio
import time
from collections import deque
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ingather import errors
from ingather.ports import Take


@pytest.fixture
def key() -> str:
    return f"token:{uuid4()}"


@pytest.fixture
def reserve(limiting, key):
    async def ask(calls: int = 1, limit: int = 10, window: float = 60.0) -> float:
        return await limiting.limiter.reserve(Take(key, limit, window, calls))

    return ask


async def test_limit_is_given_and_no_more(reserve) -> None:
    """Exactly `limit` calls are given in a window."""
    given = [await reserve() for _ in range(15)]
    assert given[:10] == [0.0] * 10
    assert all(0 < wait <= 60 for wait in given[10:])


async def test_concurrent_reservers_share_one_limit(reserve) -> None:
    """Fifty who ask at the same moment get ten calls between them."""
    waits = await asyncio.gather(*(reserve() for _ in range(50)))
    assert waits.count(0.0) == 10


async def test_several_calls_are_given_whole_or_not_at_all(reserve) -> None:
    """A reservation that does not fit takes nothing."""
    assert await reserve(calls=8) == 0.0
    assert await reserve(calls=3) > 0
    assert await reserve(calls=2) == 0.0
    assert await reserve() > 0


async def test_more_than_ever_fits_is_an_error(reserve) -> None:
    """More calls at once than the limit never fit, and waiting would not help."""
    with pytest.raises(errors.BadInput):
        await reserve(calls=11)
    assert await reserve(calls=10) == 0.0


async def test_wait_is_when_it_fits(limiting, reserve) -> None:
    """After the wait that was told the call is given, and not much before."""
    assert await reserve(calls=6, window=0.3) == 0.0
    await limiting.elapse(0.1)
    assert await reserve(calls=4, window=0.3) == 0.0
    wait = await reserve(calls=3, window=0.3)
    assert 0.1 < wait <= 0.2001
    assert await reserve(calls=7, window=0.3) > wait
    await limiting.elapse(wait + 0.001)
    assert await reserve(calls=3, window=0.3) == 0.0


async def test_what_is_used_is_told(limiting, reserve, key) -> None:
    """The calls of the last window, those that were refused not counted, and taking none."""
    used = limiting.limiter.used
    assert await used(key, window=60) == 0
    assert await reserve(calls=6) == 0.0
    assert await reserve(calls=6) > 0
    await limiting.elapse(0.1)
    assert [await used(key, window=each) for each in (60, 0.05)] == [6, 0]
    assert await reserve(calls=2) == 0.0
    assert await used(key, window=60) == 8


async def test_edge_of_a_window(limiting, key) -> None:
    """However calls are bunched, no window of the told length ever holds more than the limit."""
    limit, window = 5, 0.12
    given: list[tuple[float, float]] = []
    clock = 0.0
    for _ in range(24):
        for _ in range(4):
            start = clock if limiting.told else time.monotonic()
            if await limiting.limiter.reserve(Take(key, limit, window)) == 0.0:
                given.append((start, clock if limiting.told else time.monotonic()))
        await limiting.elapse(window / 6)
        clock += window / 6
    assert len(given) >= 3 * limit
    for first, last in zip(given, given[limit:], strict=False):
        assert last[1] - first[0] >= window - 1e-6


async def test_keys_have_limits_of_their_own(limiting, key) -> None:
    """What one key spent another still has."""
    assert await limiting.limiter.reserve(Take(key, 10, 60.0, 10)) == 0.0
    assert await limiting.limiter.reserve(Take(f"{key}2", 10, 60.0, 10)) == 0.0


async def test_several_limits_are_taken_together_or_not_at_all(limiting, key) -> None:
    """While one of them is full nothing is taken of the others, and the longest wait is told."""
    limiter = limiting.limiter
    app, token, other = (Take(f"{key}:{name}", 3, 60.0) for name in ("app", "token", "other"))
    assert await limiter.reserve(app, token) == 0.0
    await limiting.elapse(0.2)
    assert await limiter.reserve(other, structs.replace(app, calls=2)) == 0.0
    for takes in ((app, token), (other, app), (token, other, app)):
        assert 59 < await limiter.reserve(*takes) <= 59.8001
    used = [await limiter.used(each.key, window=60.0) for each in (app, token, other)]
    assert used == [3, 1, 1]
    await limiter.park(token.key, 80.0)
    assert 79 < await limiter.reserve(app, token) <= 80.0
    assert 79 < await limiter.reserve(other, token) <= 80.0
    assert await limiter.used(other.key, window=60.0) == 1


async def test_several_limits_asked_for_at_once_hold_and_lose_nothing(limiting, key) -> None:
    """Whoever asks, and in whatever order they are named: the shared one is given out to its last
    call, and each token has lost as many as were given under it."""
    app = Take(f"{key}:app", 12, 60.0)
    tokens = [Take(f"{key}:{number}", 7, 60.0) for number in range(3)]
    asks = [(app, each) if turn % 2 else (each, app) for turn in range(6) for each in tokens]
    waits = await asyncio.gather(*(limiting.limiter.reserve(*each) for each in asks))
    assert waits.count(0.0) == 12
    spent = [await limiting.limiter.used(each.key, window=60.0) for each in tokens]
    assert sum(spent) == 12


async def test_parked_key_gives_nothing(limiting, key, reserve) -> None:
    """While a key is parked nothing is given, and the wait is the park's."""
    assert await limiting.limiter.parked(key) == 0.0
    await limiting.limiter.park(key, 40)
    assert 39 < await limiting.limiter.parked(key) <= 40
    assert 39 < await reserve() <= 40
    assert await limiting.limiter.parked(f"{key}2") == 0.0


async def test_park_is_extended_and_never_cut(limiting, key) -> None:
    """The longest park counts."""
    await limiting.limiter.park(key, 40)
    await limiting.limiter.park(key, 1)
    assert await limiting.limiter.parked(key) > 39
    await limiting.limiter.park(key, 80)
    assert await limiting.limiter.parked(key) > 79


async def test_park_ends(limiting, key) -> None:
    """After a park calls are given again, and waiting in it took none of the limit."""
    for seconds in (0.03, 0.3, 3.0):  # a slow machine sees a short park only when it is over
        asked = Take(f"{key}{seconds}", 10, 60.0, 10)
        await limiting.limiter.park(asked.key, seconds)
        if await limiting.limiter.reserve(asked) > 0:
            break
    else:
        pytest.fail("a park is not kept")
    await limiting.elapse(seconds + 0.02)
    assert await limiting.limiter.parked(asked.key) == 0.0
    assert await limiting.limiter.reserve(asked) == 0.0


async def test_parks_at_once(limiting, key) -> None:
    """Of many parks at the same moment the longest stays."""
    await asyncio.gather(*(limiting.limiter.park(key, seconds) for seconds in (5, 90, 30, 60, 1)))
    assert await limiting.limiter.parked(key) > 89


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 7), st.sampled_from(["a", "b"])), max_size=40
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_any_steps_against_a_plain_model(limiting, steps) -> None:
    """Whatever is asked when, the answers are those of a queue of times."""
    if not limiting.told:
        pytest.skip("its time cannot be told")
    prefix = str(uuid4())
    limit, window, now = 7, 64.0, 0.0
    logs: dict[str, deque[float]] = {"a": deque(), "b": deque()}
    for gap, calls, name in steps:
        await limiting.elapse(gap)
        now += gap
        log = logs[name]
        while log and log[0] <= now - window:
            log.popleft()
        room = limit - len(log)
        expected = 0.0 if calls <= room else log[calls - room - 1] + window - now
        if expected == 0.0:
            log.extend([now] * calls)
        wait = await limiting.limiter.reserve(Take(prefix + name, limit, window, calls))
        assert wait == pytest.approx(expected, abs=1e-5)
