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
