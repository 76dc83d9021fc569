"""A store that fails now and then, before or after it has done what was asked.

R3 of the reliability plan, and its goal G2: a caller that is told of a failure cannot know whether
the page is in.
"""

import random

import pytest

from ingather import errors
from ingather.engine import lease


class Flaky:
    """A store whose every call may fail: not done at all, or done and its answer lost."""

    def __init__(self, store, odds, seed):
        self._store = store
        self._odds = odds
        self._chance = random.Random(seed)
        self.failures = {"before": 0, "after": 0}

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if name == "stream":
            return self._stream

        async def call(*words, **named):
            self._maybe("before")
            answer = await found(*words, **named)
            self._maybe("after")
            return answer

        return call

    def _maybe(self, when):
        if self._chance.random() < self._odds / 2:
            self.failures[when] += 1
            raise errors.StoreUnavailable(f"The store did not answer ({when}).")

    async def _stream(self, job_id, **words):
        async for batch in self._store.stream(job_id, **words):
            self._maybe("before")
            yield batch


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
async def kept_in(request, bench, tmp_path, monkeypatch):
    """The store beneath, and a way to let its leases run out."""
    if request.param == "memory":
        yield bench.store
        return
    monkeypatch.setattr(lease, "LEASE", 0.0)  # run out as soon as they are won; the fence decides
    if request.param == "sqlite":
        from ingather.stores.sql_jobs import SqlStore
        from ingather.stores.sql_link import SqliteLink

        link = SqliteLink(tmp_path / "ingather.db")
        bench.store = SqlStore(link)
    elif request.param == "redis":
        from ingather.stores.redis_jobs import RedisStore
        from ingather.stores.redis_link import RedisLink

        link = RedisLink(request.getfixturevalue("valkey"))
        bench.store = RedisStore(link)
    else:
        from ingather.stores.pg_jobs import PgStore
        from ingather.stores.pg_link import PgLink

        link = PgLink(request.getfixturevalue("postgres"))
        bench.store = PgStore(link)
    yield bench.store
    await link.close()


async def persist(bench, flaky, post):
    """The same command again and again, as somebody does whom it tells to: its last outcome."""
    from ingather.engine.stop import Stop
    from ingather.engine.watch import Unwatched
    from ingather.features.comments import Wanted

    feature = bench.comments(store=flaky)
    for runs in range(1, 200):
        try:
            fetcher = feature.fetcher()
            wanted = Wanted(post=post, cap=5_000, path="-")
            job = await feature.start(wanted, fetcher)
            return await feature.run(job, fetcher, stop=Stop(), watch=Unwatched()), runs
        except (errors.StoreUnavailable, errors.JobBusy, errors.SourceError):
            bench.clock.time += 31  # a lease whose claim's answer was lost runs out
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("odds", [0.01, 0.2])
async def test_a_store_that_fails_or_loses_its_answers_costs_no_row(
    bench, oracle, kept_in, odds, full
):
    """With one store call in a hundred, or in five, failing before or after it was done, the rows
    are the oracle's, none is counted twice, and the counters are those of a run without faults."""
    first = int.from_bytes(random.randbytes(4))
    print("first seed", first)
    failures, rows = {"before": 0, "after": 0}, 700
    enough = odds < 0.1
    for seed in range(first, first + 100):
        if enough and seed - first >= 8 and not full:
            break
        rows += 1  # a post of its own: a finished export would not be gone on with
        post = oracle.mixed(rows)
        flaky = Flaky(kept_in, odds, seed)
        job, _ = await persist(bench, flaky, post)
        assert (job.status, job.reason) == ("done", "end_of_list"), seed
        assert await bench.kept(job) == oracle.rows(post), seed
        assert (job.counters.fetched, job.counters.skipped_dupes) == (rows, 0), seed
        for when, count in flaky.failures.items():
            failures[when] += count
        enough = enough or min(failures.values()) > 8
    print(failures)
    assert enough


async def test_a_commit_whose_answer_is_lost_is_tried_again_at_once(bench, oracle, kept_in):
    """The run itself goes on over lost answers of its commits: nobody has to start it again."""
    for when in ("before", "after"):
        post = oracle.flat(420 + len(when))
        job = await bench.begin(post)
        store = LosesEveryCommit(kept_in, when)
        job = await bench.go_on(job, feature=bench.comments(store=store))
        assert (job.status, job.fence) == ("done", 1)
        assert await bench.kept(job) == oracle.rows(post)
        assert job.counters.skipped_dupes == 0
        assert store.lost == job.counters.pages


class LosesEveryCommit:
    """Each commit fails once, before or after it is done."""

    def __init__(self, store, when):
        self._store = store
        self._when = when
        self._failed = set()
        self.lost = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, job_id, fence, sequence, batch):
        fails = sequence not in self._failed
        if fails and self._when == "before":
            self._lose(sequence)
        answer = await self._store.commit(job_id, fence, sequence, batch)
        if fails:
            self._lose(sequence)
        return answer

    def _lose(self, sequence):
        self._failed.add(sequence)
        self.lost += 1
        raise errors.StoreUnavailable
