"""Workers that take queued jobs by themselves: killed, cut off, with clocks that go wrong.

R2, R4, R8, R9 and R16 of the reliability plan for workers, and its section 2: one limit that many
processes share.
"""

import asyncio
import os
import sqlite3
import time

import pytest

from ingather.assembly import SystemClock, World
from ingather.domain.kinds import FILLED
from ingather.engine import worker
from ingather.features import extraction, rates
from ingather.features.comments import Wanted
from ingather.settings import load
from ingather.stores.memory import MemoryLimiter
from ingather.workshop import Workshop


@pytest.mark.slow
def test_queued_jobs_outlive_crews_that_are_killed_at_random(workers, outside, oracle, ram, full):
    """Workers with several jobs at once and a SIGKILL at random moments: soon after the killing
    ends every job is done, its rows are the oracle's, none missing and none twice, and a kill costs
    no more than the pages its jobs were at."""
    seed = int.from_bytes(os.urandom(4))
    print("seed", seed)
    crews, count, rows, seconds, room = (8, 200, 2_000, 60.0, 2) if full else (2, 5, 1_500, 2.0, 2)
    shortest = 0.05 if full else 0.03
    posts = [oracle.mixed(rows + number) for number in range(count)]
    outside.control(latency_ms=120 if full else 25)  # so that there is work for all the killing
    crew = workers(play="storm", posts=posts, folder=str(ram), seconds=seconds, seed=seed,
                   workers=crews, shortest=shortest, room=room)  # fmt: skip
    assert len(crew.line()["began"]) == count
    end = crew.line()
    assert end["codes"] == [0] * crews
    assert end["took"] <= 120
    pages = 0
    for post, job in zip(posts, end["jobs"], strict=True):
        assert (job["status"], job["reason"]) == ("done", "end_of_list")
        assert len(job["ids"]) == job["appended"]
        assert set(job["ids"]) == set(oracle.rows(post))
        assert len(job["ids"]) == len(set(job["ids"]))
        assert job["hash"] == job["sha256"]
        pages += job["pages"]
    kinds = outside.control()["calls"]["by_kind"]
    made = kinds["comments"] + kinds["replies"]
    print(f"{end['kills']} kills, {made} calls of {pages}, done {end['took']:.1f} s after the last")
    assert end["kills"] > 3
    assert made <= pages + 2 * room * end["kills"]
    if full:
        assert made <= 1.25 * pages + end["kills"]


@pytest.mark.slow
def test_eight_processes_take_each_queued_job_once(workers, oracle, ram, full):
    """Eight processes that take what is queued at the same time: each job has exactly one winner,
    and none is left."""
    posts = [oracle.flat(number) for number in range(1, 1_001 if full else 41)]
    crew = workers(play="takers", posts=posts, folder=str(ram), workers=8)
    end = crew.line()
    assert end["codes"] == [0] * 8
    print("median of a claim, ms:", [round(1000 * median, 2) for _, median in end["taken"]])
    assert sorted(each for taken, _ in end["taken"] for each in taken) == sorted(end["ids"])


@pytest.mark.slow
def test_eight_processes_with_wrong_clocks_keep_one_limit(
    workers, outside, durable, oracle, full, request
):
    """Counted where the calls arrive, by its own clock: never more than the limit in any window,
    whatever the callers' clocks say, and though Redis is killed and comes back in the middle; and
    nearly all of the limit is used."""
    calls, window, seconds = (195, 4.0, 16.0) if full else (40, 1.5, 3.4)
    skews = [0.0, 5.0, -5.0, 3_600.0, -3_600.0, -172_800.0, 34_560_000.0, 0.0]
    outside.control(latency_ms=60)  # nobody can use up a window before the others have woken
    crew = workers(play="callers", post=oracle.flat(50), calls=calls, window=window,
                   seconds=seconds, skews=skews if full else skews[::2])  # fmt: skip
    crew.line()
    if "REDIS_URL" in durable:
        server = request.getfixturevalue("jobs_valkey")
        time.sleep(seconds / 2)
        server.kill()
        server.start()
    end = crew.line()
    assert set(end["codes"]) == {0}
    times = arrivals(outside, "limit=1")
    assert len(times) == sum(end["made"])
    most = most_within(times, window - UNDER_WAY)
    print(f"{len(times)} calls, at most {most} of {calls} in a window, by process {end['made']}")
    assert most <= calls
    assert len(times) >= 0.95 * calls * int(seconds / window)
    assert min(end["made"]) >= 0.4 * len(times) / len(end["made"])


UNDER_WAY = 0.3
"""Seconds that a call may take from its reservation to its arrival, which no limiter can know."""


def arrivals(outside, words):
    """When each call whose address has these words reached the outside world."""
    return sorted(one["at"] for one in outside.calls() if words in one["path"])


def most_within(times, window):
    """The most of them in any sliding window."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


class Told:
    """A report that keeps what it was told."""

    def __init__(self):
        self.said = []

    def began(self, job):
        self.said.append(("began", job.id))

    def ended(self, job):
        self.said.append(("ended", job.status))

    def failed(self, job, error):
        self.said.append(("failed", type(error).__name__))

    def held_back(self, count, error):
        self.said.append(("held back", count))

    def trouble(self, error):
        self.said.append(("trouble", type(error).__name__))

    def well_again(self):
        self.said.append(("well again", None))


class Bench:
    """A crew in this process over a world of its own, and jobs queued for it."""

    def __init__(self, environ, clock=None):
        self.world = World(load(environ), clock=clock)
        self.told = Told()
        self.crew = Workshop(self.world).crew(room=2, report=self.told)

    async def queue(self, post):
        comments = self.world.comments
        wanted = Wanted(post=post, cap=5_000, queued=True)
        return await comments.start(wanted, comments.fetcher())

    async def show(self, job):
        return await self.world.store_of(job).show(job.id)

    async def ids(self, job):
        store = self.world.store_of(job)
        return [row.comment_id async for rows in store.stream(job.id) for row in rows]

    async def until(self, job, *statuses, within=30.0):
        async with asyncio.timeout(within):
            while (found := await self.show(job)).status not in statuses:
                await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def bench(outside, tmp_path):
    """Begin crews that are drained at the end."""
    begun = []

    def begin(clock=None, **environ):
        environ = {
            "INGATHER_DATA_DIR": str(tmp_path / "data"),
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
            "INSTAGRAM_ACCESS_TOKEN": "sandbox-token",
        } | environ
        begun.append(Bench(environ, clock))
        return begun[-1]

    yield begin
    for one in begun:
        await one.world.__aexit__()


@pytest.fixture
async def at_work():
    """Let crews work in the background until the test ends."""
    tasks = []

    def start(one):
        tasks.append((one.crew, asyncio.create_task(one.crew.work())))
        return tasks[-1][1]

    yield start
    for crew, _ in tasks:
        crew.drain()
    await asyncio.gather(*(task for _, task in tasks))


async def test_a_store_that_goes_away_is_waited_for(bench, at_work, outside, oracle, start_valkey):
    """R9, R11: the Redis that holds the jobs is killed in the middle and comes back two seconds
    later. The worker never ends, and the job is done without a row missing or twice."""
    server = start_valkey(appendfsync="always")
    one, post = bench(REDIS_URL=server.url), oracle.mixed(900)
    job = await one.queue(post)
    outside.control(latency_ms=40)
    working = at_work(one)
    while (await one.show(job)).counters.pages < 4:
        await asyncio.sleep(0.02)
    server.kill()
    await asyncio.sleep(2.0)
    assert not working.done()
    server.start()
    found = await one.until(job, "done")
    ids = await one.ids(job)
    assert sorted(ids) == sorted(oracle.rows(post))
    assert found.counters.skipped_dupes == 0


async def test_a_database_held_by_another_process_is_waited_for(bench, at_work, oracle, tmp_path):
    """R8 for SQLite: another process holds the file for two seconds in the middle; the worker waits
    and goes on."""
    one, post = bench(), oracle.mixed(900)
    job = await one.queue(post)
    at_work(one)
    while (await one.show(job)).counters.pages < 2:
        await asyncio.sleep(0.01)
    with sqlite3.connect(tmp_path / "data" / "ingather.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        before = other.execute("SELECT progress FROM extractions").fetchone()
        await asyncio.sleep(2.0)
        assert other.execute("SELECT progress FROM extractions").fetchone() == before
        other.execute("COMMIT")
    other.close()
    await one.until(job, "done")
    assert sorted(await one.ids(job)) == sorted(oracle.rows(post))


async def test_no_call_is_made_while_calls_cannot_be_counted(
    bench, at_work, outside, oracle, start_valkey, monkeypatch
):
    """Section 2: with the Redis of the limits down the job is paused and nobody calls; once it is
    back a worker goes on by itself."""
    monkeypatch.setattr(worker, "STORE_AGAIN", 0.3)
    server = start_valkey(appendfsync="always")
    one = bench(REDIS_URL=server.url, COMMENTS_STORE="sql", INGATHER_CALLS_PER_HOUR="150")
    post = oracle.mixed(900)
    job = await one.queue(post)
    outside.control(latency_ms=40)
    working = at_work(one)
    while (await one.show(job)).counters.pages < 4:
        await asyncio.sleep(0.02)
    server.kill()
    paused = await one.until(job, "paused")
    assert (paused.reason, paused.error.code) == ("storage", "store_unavailable")
    assert paused.due is not None
    called = outside.control()["calls"]["total"]
    await asyncio.sleep(1.0)
    assert outside.control()["calls"]["total"] == called
    assert not working.done()
    server.start()
    await one.until(job, "done")
    assert sorted(await one.ids(job)) == sorted(oracle.rows(post))


class Skewed(SystemClock):
    """A clock that is wrong by so many seconds."""

    def __init__(self, skew):
        self.skew = skew

    def now(self):
        return time.time() + self.skew


async def test_wrong_clocks_steal_no_lease(bench, at_work, oracle, outside, start_valkey):
    """R16: workers an hour ahead, two days behind and 400 days ahead of the others share the jobs:
    each is claimed once, for leases are kept on the store's clock."""
    outside.control(latency_ms=20)
    valkey = start_valkey().url
    benches = [bench(Skewed(skew), REDIS_URL=valkey) for skew in (3_600, -172_800, 34_560_000)]
    posts = [oracle.mixed(300 + number) for number in range(6)]
    jobs = [await benches[0].queue(post) for post in posts]
    for one in benches:
        at_work(one)
    for job, post in zip(jobs, posts, strict=True):
        found = await benches[0].until(job, "done")
        assert found.fence == 1
        assert sorted(await benches[0].ids(job)) == sorted(oracle.rows(post))


async def test_a_job_that_falls_over_does_not_end_the_others(
    bench, at_work, oracle, outside, monkeypatch
):
    """A fault of ours in one job: the job is tried again and then failed with what it fell over,
    the others are done, the worker lives."""
    from ingather.engine import crew

    monkeypatch.setattr(crew, "LATER", 0.0)
    one = bench()
    bad, good = await one.queue(oracle.mixed(40)), await one.queue(oracle.mixed(41))
    run = one.crew._run

    async def falls(claim, stop):
        if claim.job.id == bad.id:
            raise ZeroDivisionError("nobody foresaw this")
        return await run(claim, stop)

    one.crew._run = falls
    working = at_work(one)
    assert (await one.until(good, "done")).reason == "end_of_list"
    failed = await one.until(bad, "failed")
    assert "ZeroDivisionError" in failed.error.message
    assert one.told.said.count(("failed", "ZeroDivisionError")) == 3
    assert not working.done()


async def test_an_empty_account_stops_the_waiting_jobs(bench, at_work, outside):
    """402 for one job: it and every waiting job of the source are paused as no_balance; after
    topping up they go on."""
    one = bench(HIKERAPI_KEY="sandbox-key", HIKERAPI_URL=outside.hiker_url)
    jobs = []
    for size in (101, 102, 103, 104):
        feature = one.world.extractions("followers", "hiker", ())
        wanted = extraction.Wanted(kind="followers", words=(f"flat{size}",), queued=True)
        jobs.append(await feature.start(wanted, feature.fetcher()))
    outside.control(hiker_requests=0)
    at_work(one)
    for job in jobs:
        found = await one.until(job, "paused")
        assert (found.reason, found.due) == ("no_balance", None)
    assert ("held back", 2) in one.told.said
    outside.control(hiker_requests=1_000)
    for job in jobs:
        await one.world.queue_of(job).enqueue(job.id)
    for job in jobs:
        assert (await one.until(job, "done")).counters.appended > 100


async def test_jobs_that_begin_at_once_are_all_kept_to_the_rate(bench, outside):
    """The first job of a source asks what its account allows; those that begin meanwhile wait for
    the answer, and none is read without a limit."""
    one = bench(HIKERAPI_KEY="sandbox-key", HIKERAPI_URL=outside.hiker_url)
    outside.control(latency_ms=20)

    source = one.world.hiker("followers")
    found = await asyncio.gather(*(one.world.limits(source) for _ in range(3)))
    assert [[limit.calls for limit in limits] for limits in found] == [[15]] * 3


async def test_a_rate_that_was_not_told_is_soon_asked_for_again(bench, outside, clock):
    """A service that does not answer when it is asked leaves no job without a limit for long: one
    that runs already keeps to what is told later."""
    one = bench(HIKERAPI_KEY="sandbox-key", HIKERAPI_URL=outside.hiker_url)
    one.world.clock, one.world.limiter = clock, MemoryLimiter(clock)
    outside.control(faults={"unavailable": 1.0})
    fetcher = one.world.extractions("followers", "hiker", ()).fetcher()
    await fetcher.take(["key"])
    outside.control(faults={})
    for _ in range(20):
        await fetcher.take(["key"])
    assert (one.world.rates.hiker, fetcher.take_tally().parks) == (None, 0)
    clock.time += rates.AGAIN
    for _ in range(16):
        await fetcher.take(["key"])
    assert (one.world.rates.hiker, fetcher.take_tally().parks) == (15.0, 1)


async def test_gaps_are_filled_at_the_rate_of_the_account(bench, outside):
    """A job of the Graph API whose gaps HikerAPI fills keeps to the rate of that account; one that
    has none filled does not ask for it."""
    one = bench(HIKERAPI_KEY="sandbox-key", HIKERAPI_URL=outside.hiker_url)
    reels = one.world.analyses("graph", route=f"media{FILLED}")
    await reels.fetcher().take(["token"])
    assert one.world.rates.hiker is None
    await reels.filler().take(["key"])
    assert one.world.rates.hiker == 15.0
