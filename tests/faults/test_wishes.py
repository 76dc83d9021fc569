"""What a person asked of a job whose worker dies in the same moment."""

import pytest

from ingather.domain.job import Holder
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched

DEAD = Holder("another-machine", 4711, 0.0)


@pytest.mark.parametrize(("wish", "status"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_whoever_takes_a_job_over_grants_its_wish(bench, oracle, wish, status) -> None:
    """A job that was to end after the page it was at is not read on because its worker died before
    that: the next one stops before it asks for anything."""
    job = await bench.begin(oracle.mixed(70))
    first = await bench.store.claim(job.id, DEAD)
    assert (await bench.store.ask(job.id, wish)).wish == wish
    claim = await bench.store.claim(job.id, DEAD, dead=first.fence, heed=True)
    calls, feature = bench.calls, bench.comments()
    left = await feature.run(job, feature.fetcher(), stop=Stop(), watch=Unwatched(), claim=claim)
    assert (left.status, left.wish, left.counters.appended) == (status, None, 0)
    assert bench.calls == calls


class Undecided:
    """A store whose person asks for a pause as the page is under way, and to go on after that was
    heard, before it is granted."""

    def __init__(self, store) -> None:
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, job_id, *page):
        await self._store.ask(job_id, "pause")
        return await self._store.commit(job_id, *page)

    async def settle(self, job_id, *words, **more):
        await self._store.enqueue(job_id)
        return await self._store.settle(job_id, *words, **more)


async def test_the_last_word_wins(bench, oracle) -> None:
    """Who resumes a job in the moment in which its worker gives it back for a pause finds it
    queued, and read to its end by the next one."""
    job = await bench.begin(oracle.mixed(120))
    given = await bench.go_on(job, bench.comments(store=Undecided(bench.store)))
    assert (given.status, given.reason) == ("pending", None) and given.due is not None
    assert 0 < given.counters.appended < 120
    done = await bench.go_on(job)
    assert (done.status, done.counters.appended) == ("done", 120)
