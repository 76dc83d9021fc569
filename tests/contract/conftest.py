"""The backings that the contract suite runs against.

To add one: write an async context manager that yields a `Backing`, and name it in `BACKINGS`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from ingather.domain.job import Job
from ingather.ports import Batch, Cache, Claim, Jobs, Leases, Limiter, Outcome, Queue, Rows


@dataclass
class Backing:
    """One backing of the six ports.

    elapse: lets so many seconds pass for it. It may really wait: tests ask for fractions of one.
    told: whether time stands still between two `elapse`, so that figures can be exact.
    uniq_tolerance: by what part the number of unique users may be wrong.
    """

    name: str
    jobs: Jobs
    leases: Leases
    rows: Rows
    queue: Queue
    cache: Cache
    limiter: Limiter
    elapse: Callable[[float], Awaitable[None]]
    told: bool = False
    uniq_tolerance: float = 0.0


@contextlib.asynccontextmanager
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    from ingather.stores.memory import MemoryLimiter, MemoryStore
    from ingather.stores.memory_cache import MemoryCache

    clock = request.getfixturevalue("clock")
    store = MemoryStore(clock)
    yield Backing(
        name="memory",
        jobs=store,
        leases=store,
        rows=store,
        queue=store,
        cache=MemoryCache(clock),
        limiter=MemoryLimiter(clock),
        elapse=clock.sleep,
        told=True,
    )


@contextlib.asynccontextmanager
async def sqlite(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    from ingather.stores.sql_cache import SqlCache, SqlLimiter
    from ingather.stores.sql_jobs import SqlStore
    from ingather.stores.sql_link import SqliteLink
    from ingather.stores.sql_queue import SqlQueue

    link = SqliteLink(request.getfixturevalue("tmp_path") / "ingather.db")
    store = SqlStore(link)
    try:
        yield Backing(
            name="sqlite",
            jobs=store,
            leases=store,
            rows=store,
            queue=SqlQueue(link),
            cache=SqlCache(link),
            limiter=SqlLimiter(link),
            elapse=asyncio.sleep,
        )
    finally:
        await link.close()


@contextlib.asynccontextmanager
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    from ingather.stores.redis_cache import RedisCache
    from ingather.stores.redis_jobs import RedisStore
    from ingather.stores.redis_limits import RedisLimiter
    from ingather.stores.redis_link import RedisLink
    from ingather.stores.redis_queue import RedisQueue

    link = RedisLink(request.getfixturevalue("valkey"))
    store = RedisStore(link)
    try:
        yield Backing(
            name="redis",
            jobs=store,
            leases=store,
            rows=store,
            queue=RedisQueue(link, store),
            cache=RedisCache(link),
            limiter=RedisLimiter(link),
            elapse=asyncio.sleep,
            uniq_tolerance=0.025,
        )
    finally:
        await link.close()


@contextlib.asynccontextmanager
async def postgres(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    from ingather.stores.pg_cache import PgCache, PgLimiter
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_queue import PgQueue

    link = PgLink(request.getfixturevalue("postgres"))
    store = PgStore(link)
    try:
        yield Backing(
            name="postgres",
            jobs=store,
            leases=store,
            rows=store,
            queue=PgQueue(link, look=0.0),
            cache=PgCache(link),
            limiter=PgLimiter(link),
            elapse=asyncio.sleep,
        )
    finally:
        await link.close()


BACKINGS = {"memory": memory, "postgres": postgres, "redis": redis, "sqlite": sqlite}


@pytest.fixture(params=sorted(BACKINGS))
async def backing(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    async with BACKINGS[request.param](request) as backing:
        yield backing


@contextlib.asynccontextmanager
async def told_redis(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    """Redis whose limiter reads a clock of ours where it would ask for TIME."""
    from ingather.stores import redis_limits
    from ingather.stores.redis_link import Script

    patch = request.getfixturevalue("monkeypatch")
    clock = request.getfixturevalue("clock")
    keys = f"test:{uuid4()}:s", f"test:{uuid4()}:us"
    ours = f"redis.call('MGET', '{keys[0]}', '{keys[1]}')".encode()
    for name in ("_RESERVE", "_PARK", "_USED"):
        text = getattr(redis_limits, name).text
        assert b"redis.call('TIME')" in text
        patch.setattr(redis_limits, name, Script(text.replace(b"redis.call('TIME')", ours)))
    async with redis(request) as backing:
        link = backing.limiter._link

        async def elapse(seconds: float) -> None:
            await clock.sleep(seconds)
            whole, part = divmod(round(clock.now() * 1e6), 1_000_000)
            await link.call("MSET", keys[0], whole, keys[1], part)

        await elapse(0)
        yield replace(backing, name="told redis", elapse=elapse, told=True)
        await link.call("DEL", *keys)


@pytest.fixture(params=[*sorted(BACKINGS), "told redis"])
async def limiting(request: pytest.FixtureRequest) -> AsyncIterator[Backing]:
    """A backing, for the suite of the limiter."""
    async with BACKINGS.get(request.param, told_redis)(request) as backing:
        yield backing


class Writer:
    """A worker that holds a job and commits one page after the other."""

    def __init__(self, backing: Backing, make, job: Job, claim: Claim) -> None:
        self._backing = backing
        self._make = make
        self.job = job
        self.claim = claim
        self.fence = claim.fence
        self.sequence = claim.job.sequence

    async def page(self, rows, **changes) -> Outcome:
        self.sequence += 1
        return await self.commit(self.sequence, self._make.batch(self.job, rows, **changes))

    async def commit(self, sequence: int, batch: Batch) -> Outcome:
        return await self._backing.leases.commit(self.job.id, self.fence, sequence, batch)

    async def settle(self, status, **words) -> Job:
        return await self._backing.leases.settle(self.job.id, self.fence, status, **words)

    async def rows(self):
        return list(await self._backing.rows.slice(self.job.id, 0, 100_000))


@pytest.fixture
def writer(backing: Backing, make):
    """Make a job (or take the one given), claim it, and give back its `Writer`."""

    async def begin(job: Job | None = None, **changes) -> Writer:
        job = await backing.jobs.create(job or make.job(**changes))
        return Writer(backing, make, job, await backing.leases.claim(job.id, make.holder))

    return begin
