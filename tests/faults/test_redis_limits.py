"""The shared limit on Redis: many processes, a server that forgets, keys that do not stay."""

import asyncio
from uuid import uuid4

import pytest

from ingather import errors
from ingather.ports import Take
from ingather.stores.redis_limits import CAUTIOUS, RedisLimiter
from ingather.stores.redis_link import RedisLink

ASKER = """
import asyncio, json, sys
from ingather.ports import Take
from ingather.stores.redis_limits import RedisLimiter
from ingather.stores.redis_link import RedisLink

async def main(url, key, tries):
    link = RedisLink(url)
    limiter = RedisLimiter(link)
    waits = [await limiter.reserve(Take(key, 200, 3600.0)) for _ in range(tries)]
    print(waits.count(0.0))
    await link.close()

asyncio.run(main(*json.load(sys.stdin)))
"""


@pytest.fixture
async def link(start_valkey):
    link = RedisLink(start_valkey().url)
    yield link
    await link.close()


async def given(limiter, key: str, tries: int, **words) -> int:
    take = Take(key, **({"limit": 200, "window": 3600.0} | words))
    waits = [await limiter.reserve(take) for _ in range(tries)]
    return waits.count(0.0)


def test_eight_processes_share_one_limit(valkey, told_by, full) -> None:
    """Eight processes that ask as fast as they can get exactly the limit between them."""
    key = f"test:{uuid4()}"
    assert sum(told_by(ASKER, [[valkey, key, 500 if full else 100]] * 8)) == 200


async def test_lost_log_makes_cautious(link) -> None:
    """A process that finds its log gone gets few calls until a window has passed, and so do those
    that never saw it."""
    knowing, other = RedisLimiter(link), RedisLimiter(link)
    assert await given(knowing, "key", 150) == 150
    await link.call("FLUSHALL")
    assert await given(knowing, "key", 50) == CAUTIOUS
    assert await given(other, "key", 50) == 0
    assert await knowing.reserve(Take("key", 200, 3600.0, CAUTIOUS + 1)) > 3_590
    assert await given(knowing, "another", 200) == 200


async def test_caution_ends_with_the_window(link) -> None:
    """After a window the whole limit is given again."""
    limiter = RedisLimiter(link)
    assert await given(limiter, "key", 30, limit=30, window=0.4) == 30
    await link.call("FLUSHALL")
    assert await given(limiter, "key", 30, limit=30, window=0.4) == CAUTIOUS
    await asyncio.sleep(0.45)
    assert await given(limiter, "key", 30, limit=30, window=0.4) == 30


async def test_forgotten_scripts_do_not_matter(link) -> None:
    """After SCRIPT FLUSH the limit goes on where it was."""
    limiter = RedisLimiter(link)
    assert await given(limiter, "key", 120) == 120
    await link.call("SCRIPT", "FLUSH")
    assert await given(limiter, "key", 120) == 80


async def test_killed_server_remembers(start_valkey) -> None:
    """With an append-only file a killed server does not give a new allowance, and while it is
    down nothing is given."""
    server = start_valkey(appendfsync="always")
    link = RedisLink(server.url)
    assert await given(RedisLimiter(link), "key", 150) == 150
    server.kill()
    with pytest.raises(errors.StoreUnavailable):
        await given(RedisLimiter(link), "key", 1)
    server.start()
    assert await given(RedisLimiter(link), "key", 150) == 50
    await link.close()


async def test_every_key_expires(link) -> None:
    """No key of a limit stays for ever."""
    limiter = RedisLimiter(link)
    await given(limiter, "key", 3)
    await limiter.park("key", 30)
    names = await link.call("KEYS", "*")
    assert len(names) == 3
    assert all([await link.call("PTTL", name) > 0 for name in names])
