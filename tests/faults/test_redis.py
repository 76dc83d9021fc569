"""A Redis that is full, killed, flushed, damaged or unsafe: nothing is half written, and nothing
that was lost is called complete (reliability plan, R3, R4, R10, R11)."""

import random

import pytest

from ingather import errors
from ingather.domain.job import Failure, Options
from ingather.stores import redis_keys
from ingather.stores.redis_jobs import RedisStore
from ingather.stores.redis_link import RedisLink

MOST = Options(cap=1_000_000)


@pytest.fixture
async def open_store():
    """Open a store on the Redis at a URL."""
    links = []

    def begin(url: str) -> tuple[RedisLink, RedisStore]:
        links.append(RedisLink(url))
        return links[-1], RedisStore(links[-1])

    yield begin
    for link in links:
        await link.close()


@pytest.fixture
async def kept(open_store, valkey):
    return open_store(valkey)


async def begun(store, make, pages: int = 0, **changes):
    """A claimed job with some pages of fifty."""
    job = await store.create(make.job(options=MOST, **changes))
    claim = await store.claim(job.id, make.holder)
    for page in range(pages):
        await commit(store, make, job, claim, page)
    return job, claim


async def commit(store, make, job, claim, page: int):
    batch = make.batch(job, make.comments(50, start=50 * page))
    return await store.commit(job.id, claim.fence, page + 1, batch)


async def rows(store, job_id: str):
    return [row async for batch in store.stream(job_id) for row in batch]


async def test_unsafe_servers_are_refused(open_store, start_valkey, make) -> None:
    """A server that evicts or forgets is refused for jobs with the setting to change, and may
    still hold the cache; one with save points alone is taken."""
    server = start_valkey()
    admin = RedisLink(server.url, keeps_jobs=False)

    async def refused(word: str) -> None:
        _, store = open_store(server.url)
        with pytest.raises(errors.UnsafeRedis, match=word):
            await store.create(make.job())

    for policy in ("allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl"):
        await admin.call("CONFIG", "SET", "maxmemory-policy", policy)
        await refused("noeviction")
    await admin.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await admin.call("CONFIG", "SET", "appendonly", "no")
    await refused("appendonly yes")
    await admin.call("CONFIG", "SET", "save", "3600 1")
    _, store = open_store(server.url)
    await store.create(make.job())
    assert await admin.call("DBSIZE") > 0
    await admin.close()


async def test_cluster_is_refused(start_valkey) -> None:
    """A cluster, over which one page could not be written whole, is refused."""
    server = start_valkey(cluster_enabled="yes", cluster_port="0")
    link = RedisLink(server.url, keeps_jobs=False)
    with pytest.raises(errors.UnsafeRedis, match="cluster-enabled no"):
        await link.check()
    await link.close()


async def test_full_server_pauses_and_goes_on(open_store, start_valkey, make) -> None:
    """A full server refuses a page whole, lets its job pause, and takes the same page later."""
    link, store = open_store(start_valkey().url)
    job, claim = await begun(store, make, pages=3)
    used = (await link.call("INFO", "memory")).split(b"used_memory:")[1].split(b"\r\n")[0]
    await link.call("CONFIG", "SET", "maxmemory", int(used) + 300_000)
    page = 3
    with pytest.raises(errors.StorageFull):
        while page < 1_000:
            await commit(store, make, job, claim, page)
            page += 1
    assert await link.call("SCARD", redis_keys.of(job.id)[2]) == 50 * page
    assert await rows(store, job.id) == make.comments(50 * page)
    before = await store.show(job.id)
    assert (before.sequence, before.counters.appended) == (page, 50 * page)
    await store.beat(job.id, claim.fence)
    paused = await store.settle(job.id, claim.fence, "paused", reason="storage")
    assert (await store.show(job.id)) == paused
    await link.call("CONFIG", "SET", "maxmemory", 0)
    claim = await store.claim(job.id, make.holder)
    for later in range(page, page + 3):
        await commit(store, make, job, claim, later)
    assert await rows(store, job.id) == make.comments(50 * (page + 3))


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_killed_server_loses_nothing(open_store, start_valkey, make, fsync) -> None:
    """After kill -9 of a server with an append-only file the job goes on, rows and cursor being of
    the same page; with `always` not even the last page is fetched again."""
    server = start_valkey(appendfsync=fsync)
    _, store = open_store(server.url)
    job, claim = await begun(store, make, pages=20)
    server.kill()
    with pytest.raises(errors.StoreUnavailable):
        await commit(store, make, job, claim, 20)
    server.start()
    there = (await store.show(job.id)).sequence
    assert there == 20 or fsync == "everysec"
    assert await rows(store, job.id) == make.comments(50 * there)
    for page in range(there, 40):
        await commit(store, make, job, claim, page)
    assert await rows(store, job.id) == make.comments(2_000)
    assert (await store.settle(job.id, claim.fence, "done")).counters.appended == 2_000


@pytest.mark.parametrize("seed", range(3))
async def test_commit_whose_answer_is_lost(kept, make, monkeypatch, seed) -> None:
    """Commits that were executed and reported as failed are tried again: no row twice."""
    link, store = kept
    chance = random.Random(seed)
    run = link.run

    async def unlucky(*words):
        answer = await run(*words)
        if chance.random() < 0.3:
            raise errors.StoreUnavailable
        return answer

    job, claim = await begun(store, make)
    monkeypatch.setattr(link, "run", unlucky)
    for page in range(20):
        while True:
            try:
                outcome = await commit(store, make, job, claim, page)
                break
            except errors.StoreUnavailable:
                pass
        assert (outcome.new, outcome.counters.appended) == (50, 50 * (page + 1))
    monkeypatch.undo()
    assert await rows(store, job.id) == make.comments(1_000)


async def test_flushed_server_is_not_an_empty_export(open_store, start_valkey, make) -> None:
    """After FLUSHALL a running job is lost, and never a short success."""
    link, store = open_store(start_valkey().url)
    job, claim = await begun(store, make, pages=2)
    await link.call("FLUSHALL")
    with pytest.raises(errors.StateLost):
        await commit(store, make, job, claim, 2)
    with pytest.raises(errors.LeaseLost):
        await store.settle(job.id, claim.fence, "done")
    with pytest.raises(errors.JobNotFound):
        await store.show(job.id)
    assert await link.call("DBSIZE") == 0


NAMES = ["record", "rows", "ids", "users", "job", "cursors"]


@pytest.mark.parametrize("name", NAMES)
async def test_one_key_gone_is_state_lost(kept, make, name) -> None:
    """Whichever of its keys is gone, a job says so when it is shown, claimed and (but for the
    cursors, which only a claim reads) written to, and its rows are not called empty."""
    link, store = kept
    job, claim = await begun(store, make, pages=2)
    await link.call("DEL", redis_keys.of(job.id)[NAMES.index(name)])
    if name != "cursors":
        with pytest.raises(errors.StateLost):
            await commit(store, make, job, claim, 2)
    with pytest.raises(errors.StateLost, match=job.id):
        await store.show(job.id)
    with pytest.raises(errors.StateLost):
        await store.claim(job.id, make.other, dead=claim.fence)
    if name in ("record", "rows"):
        with pytest.raises(errors.StateLost):
            await store.slice(job.id, 0, 10)
        with pytest.raises(errors.StateLost):
            await store.count(job.id)
    else:
        assert await store.count(job.id) == 100
    assert job.id not in [found.id for found in await store.list()]
    if name != "job":
        lost = Failure("Keys are gone.", "state_lost")
        assert (await store.settle(job.id, claim.fence, "failed", error=lost)).error == lost
        with pytest.raises(errors.BadInput):
            await store.claim(job.id, make.holder)
    await store.delete(job.id)
    with pytest.raises(errors.JobNotFound):
        await store.show(job.id)


async def test_rows_cut_short_are_state_lost(kept, make) -> None:
    """A list from which somebody took a row is not taken for the whole."""
    link, store = kept
    job, claim = await begun(store, make, pages=2)
    await link.call("RPOP", redis_keys.of(job.id)[1])
    with pytest.raises(errors.StateLost, match="comments"):
        await store.slice(job.id, 0, 10)
    with pytest.raises(errors.StateLost):
        await commit(store, make, job, claim, 2)


@pytest.mark.parametrize("place", range(6))
async def test_key_of_another_type_stops_before_the_first_write(kept, make, place) -> None:
    """Where a key holds something else, a commit writes nothing at all."""
    link, store = kept
    job, claim = await begun(store, make, pages=1)
    names = redis_keys.of(job.id)
    await link.call("DEL", names[place])
    await link.call("SADD" if place in (0, 3) else "SET", names[place], "other")
    before = {name: await link.call("DUMP", name) for name in names}
    with pytest.raises(errors.DamagedRecord):
        await commit(store, make, job, claim, 1)
    assert {name: await link.call("DUMP", name) for name in names} == before


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"exportId":1}', "\xff"])
async def test_damaged_record_is_named(kept, make, text) -> None:
    """A record that cannot be read is an error that names its key, and is left out of the list."""
    link, store = kept
    job, _ = await begun(store, make, pages=1)
    key = redis_keys.of(job.id)[0]
    await link.call("SET", key, text.encode("latin-1"))
    with pytest.raises((errors.DamagedRecord, errors.StateLost), match=key):
        await store.show(job.id)
    assert job.id not in [found.id for found in await store.list()]


async def test_damaged_row_is_named(kept, make) -> None:
    """A row that cannot be read is an error that names its key and place."""
    link, store = kept
    job, _ = await begun(store, make, pages=1)
    key = redis_keys.of(job.id)[1]
    await link.call("LSET", key, 7, b'{"commentId":')
    assert len(await store.slice(job.id, 0, 7)) == 7
    with pytest.raises(errors.DamagedRecord, match=rf"{key}\[7\]"):
        await store.slice(job.id, 5, 10)


CLAIMANT = """
import asyncio, json, sys
from ingather import errors
from ingather.domain.job import Holder
from ingather.stores.redis_jobs import RedisStore
from ingather.stores.redis_link import RedisLink

async def main(url, number, of, *jobs):
    link = RedisLink(url)
    store = RedisStore(link)
    won = []
    for job in jobs:
        await link.call("INCR", "test:ready:" + job)
        while int(await link.call("GET", "test:ready:" + job)) < int(of):
            pass
        try:
            await store.claim(job, Holder("host", int(number), 1.0))
            won.append(job)
        except errors.JobBusy:
            pass
    print(json.dumps(won))
    await link.close()

asyncio.run(main(*json.load(sys.stdin)))
"""


async def test_of_eight_processes_one_wins(open_store, start_valkey, told_by, make, full) -> None:
    """Eight processes that claim one job at the same moment: exactly one has it, every time."""
    server = start_valkey()
    _, store = open_store(server.url)
    jobs = [(await store.create(make.job())).id for _ in range(1_000 if full else 25)]
    won = told_by(CLAIMANT, [[server.url, str(number), "8", *jobs] for number in range(8)])
    assert sorted(job for wins in won for job in wins) == sorted(jobs)
    assert {(await store.show(job)).fence for job in jobs} == {1}
