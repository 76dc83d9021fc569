"""A budget is hard: no call is made beyond it, whatever goes wrong and whatever a page takes."""

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.kinds import WITH_INSIGHTS
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.features.extraction import Extractions, Wanted
from ingather.providers.graph_discovery import GraphMediaSource


async def test_calls_asked_again_count_too(bench, oracle):
    """With half of all calls failing, no run makes more calls than it may, the look-up of its
    target included, each pauses, and the job still comes to its end."""
    post = oracle.flat(700)
    bench.played.control(faults={"unavailable": 0.5})
    feature = bench.comments()
    job = await bench.begin(post)
    job = structs.replace(job, options=structs.replace(job.options, max_calls=9))
    bench.store._kept[job.id].job = job
    before, runs = 0, 0
    while job.status != "done":
        job = await bench.go_on(job, feature=feature)
        made = bench.played.control()["calls"]["total"]
        assert made - before <= 9
        assert job.counters.calls == made
        assert job.status == "done" or (job.status, job.reason) == ("paused", "budget")
        before, runs = made, runs + 1
        assert runs < 200, "it makes no way"
    assert runs > 2
    assert await bench.kept(job) == oracle.rows(post)


async def test_calls_whose_connection_ended_count_too(bench, oracle):
    """A call that goes out again because the connection was gone is one more call: as many are
    counted as arrived, and no run makes more than it may."""
    post = oracle.flat(1_000)
    bench.played.control(faults={"reset": 0.4})
    job = await bench.begin(post)
    job = structs.replace(job, options=structs.replace(job.options, max_calls=20))
    bench.store._kept[job.id].job = job
    before, runs = 0, 0
    while job.status != "done":
        job = await bench.go_on(job)
        made = bench.played.control()["calls"]["total"]
        assert job.counters.calls == made
        assert made - before <= 20
        before, runs = made, runs + 1
        assert runs < 20, "it makes no way"
    assert await bench.kept(job) == oracle.rows(post)


class Helped(GraphMediaSource):
    """A source of which each page takes three calls of another one."""

    async def fetch(self, *words, **more):
        return structs.replace(await super().fetch(*words, **more), more_calls=3)


async def test_calls_of_a_second_source_count_too(bench):
    """Once a page and what filled it have taken what there is, no other page is asked for."""
    feature = extractions(bench, Helped)
    fetcher = feature.fetcher()
    wanted = Wanted(kind="posts", words=("sandbox.bakery",), max_calls=7, path="-")
    job = await bench.go_on(await feature.start(wanted, fetcher), feature=feature)
    assert (job.status, job.reason) == ("paused", "budget")
    assert 7 <= job.counters.calls < 7 + 4


def extractions(bench, source=GraphMediaSource, **more):
    made = source(
        bench.http, kind="posts", token="sandbox-token", url=bench.played.graph_url, **more
    )
    parts = dict.fromkeys(("jobs", "leases", "rows"), bench.store)
    return Extractions(**parts, limiter=bench.limiter, clock=bench.clock, source=lambda: made)


async def test_insights_count_each(bench):
    """The calls for the insights of a page's posts are counted one by one before they are made."""
    feature = extractions(bench, path=WITH_INSIGHTS)
    fetcher = feature.fetcher()
    wanted = Wanted(kind="posts", words=("sandbox.bakery",), max_calls=30, path="-")
    job = await feature.start(wanted, fetcher)
    looked = bench.played.control()["calls"]["total"]
    assert job.counters.calls == looked > 0
    job = await bench.go_on(job, feature=feature)
    assert (job.status, job.reason) == ("paused", "budget")
    assert bench.played.control()["calls"]["total"] == job.counters.calls == 30


@pytest.mark.parametrize("again", [False, True])
async def test_a_look_up_is_counted_once(bench, again):
    """A run that looks its target up makes as many calls in all as it may, and no fewer; where
    another had begun the job, the calls of both are counted."""
    feature = extractions(bench, path=WITH_INSIGHTS)
    wanted = Wanted(kind="posts", words=("sandbox.bakery",), max_calls=30, path="-")
    if again:
        await feature.start(wanted, feature.fetcher())
    fetcher = feature.fetcher()
    job = await feature.start(wanted, fetcher)
    job = await feature.run(job, fetcher, stop=Stop(), watch=Unwatched())
    assert (job.status, job.reason) == ("paused", "budget")
    assert bench.played.control()["calls"]["total"] == job.counters.calls == 30


async def test_a_look_up_keeps_to_the_budget(bench):
    """Where the look-up alone takes more than is allowed, that is said, and nothing is begun."""
    feature = extractions(bench)
    wanted = Wanted(kind="posts", words=("sandbox.bakery",), max_calls=2, path="-")
    with pytest.raises(errors.BadInput, match="too few calls"):
        await feature.start(wanted, feature.fetcher())
    assert bench.played.control()["calls"]["total"] == 2
    assert not await bench.store.list()


async def test_what_a_look_up_found_is_kept_though_it_took_all_there_was(bench):
    """A list of targets read in runs of three calls takes no more calls than one read at once."""
    words, took = ("sandbox.bakery", "reels120"), []
    for most in (None, 3):
        feature = extractions(bench)
        wanted = Wanted(kind="posts", words=words, max_calls=most, path="-", fresh=True)
        job = await feature.start(wanted, feature.fetcher())
        while job.unfinished:
            job = await bench.go_on(job, feature=feature)
            assert job.counters.calls < 100, "it makes no way"
        assert (job.status, job.counters.appended) == ("done", 376)
        took.append(job.counters.calls)
    assert took[0] == took[1]
