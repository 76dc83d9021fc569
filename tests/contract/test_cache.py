"""Cache: keeps an answer for a while."""

from uuid import uuid4

import pytest


@pytest.fixture
def key() -> str:
    return f"instagram:profile:{uuid4()}"


async def test_what_was_put_is_there(backing, key) -> None:
    """The bytes come back as they were put, empty ones too."""
    for value in (b"{}", b"", bytes(range(256)), b"x" * 1_000_000):
        await backing.cache.put(key, value, ttl=60)
        assert await backing.cache.get(key) == value


async def test_unknown_key_is_none(backing, key) -> None:
    """What was never put is not there."""
    assert await backing.cache.get(key) is None


async def test_answers_age(backing, key) -> None:
    """After its time an answer is gone, and a new one starts its own time."""
    await backing.cache.put(key, b"old", ttl=0.02)
    await backing.elapse(0.04)
    assert await backing.cache.get(key) is None
    await backing.cache.put(key, b"short", ttl=0.02)
    await backing.cache.put(key, b"long", ttl=60)
    await backing.elapse(0.04)
    assert await backing.cache.get(key) == b"long"


async def test_dropped_is_gone(backing, key) -> None:
    """What was dropped is gone; dropping nothing is no error."""
    await backing.cache.put(key, b"value", ttl=60)
    await backing.cache.drop(key)
    await backing.cache.drop(key)
    assert await backing.cache.get(key) is None


async def test_keys_do_not_mix(backing, key) -> None:
    """Two keys are two answers."""
    await backing.cache.put(key, b"one", ttl=60)
    await backing.cache.put(f"{key}:2", b"two", ttl=60)
    await backing.cache.drop(f"{key}:2")
    assert await backing.cache.get(key) == b"one"


async def test_renewing_keeps_the_end_and_makes_nothing(backing, key) -> None:
    """A value is replaced where there is one, and ends when the old one would have."""
    assert await backing.cache.renew(key, b"new") is False
    assert await backing.cache.get(key) is None
    await backing.cache.put(key, b"old", ttl=0.3)
    assert await backing.cache.renew(key, b"new") is True
    assert await backing.cache.get(key) == b"new"
    await backing.elapse(0.35)
    assert await backing.cache.get(key) is None
    assert await backing.cache.renew(key, b"late") is False
