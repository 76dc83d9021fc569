"""A platform that is out of order in every way it knows: rows = oracle, and few calls more.

R18 of the reliability plan.
"""

import asyncio
import tracemalloc

import pytest

from ingather import errors
from ingather.domain import receipt
from ingather.engine.backoff import Policy
from ingather.providers.http import MAX_BODY, Http

PASSING = (
    "throttle", "buc", "rate429", "unavailable", "unknown", "reduce", "html502", "html200",
    "error200", "truncated", "reset", "nullids", "badgateway", "localised", "errordata_string",
)  # fmt: skip
ROWS = 3_000


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["flat", "mixed"])
async def test_thirty_faults_in_a_hundred_calls_cost_no_row(clock, bench, oracle, kind, seed):
    """With every passing fault, three calls in ten, the rows are the oracle's and the calls at
    most 1.7 times those of a day without faults."""
    from ingather.sandbox.options import Options
    from ingather.sandbox.server import serve

    print("seed", seed)
    post = getattr(oracle, kind)(ROWS)
    fine = await bench.export(post)
    odds = 1 - 0.7 ** (1 / len(PASSING))  # each in turn, so that three calls in ten meet one
    async with await serve(Options(seed=1)) as other:
        job = await bench.begin(post)
        looked = job.counters.calls  # at the other sandbox
        other.control(faults=dict.fromkeys(PASSING, odds))
        other._app.state.plan._random.seed(seed)
        feature = bench.comments(source=bench.source(url=other.graph_url))
        job = await bench.go_on(job, feature=feature)
        report = other.control()["calls"]
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.status, job.reason) == ("done", "end_of_list")
    struck = sum(report["by_fault"].values()) / report["total"]
    assert 0.15 < struck < 0.45
    assert report["total"] <= 1.7 * fine.counters.pages
    resets = report["by_fault"].get("reset", 0)  # the client may ask again by itself, uncounted
    assert report["total"] - resets <= job.counters.calls - looked <= report["total"]


@pytest.mark.parametrize("fault", PASSING)
async def test_each_fault_alone_is_got_over(bench, oracle, fault):
    """One stroke of any passing fault, on the first and on a later page, costs no row."""
    post = oracle.mixed(ROWS // 10)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 1, "fault": fault}, {"call": 4, "fault": fault}])
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
    assert job.reason == "end_of_list"


async def test_a_page_asked_for_in_half_does_not_stay_small_for_ever(bench, oracle):
    """After "reduce the amount of data" once, pages grow again when they come well."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 2, "fault": "reduce"}, {"call": 3, "fault": "reduce"}])
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
    assert bench.calls <= ROWS // 50 + 16


async def test_what_stays_too_large_is_tried_ever_more_rarely(bench, oracle):
    """Where no page but a small one ever comes, a larger one is asked for after four pages, after
    eight, and so on: a hundred pages take a dozen calls in vain."""
    post = oracle.flat(600)
    job = await bench.begin(post)
    bench.played.control(faults={"reduce": 1.0})
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
    assert job.counters.pages >= 60
    assert 4 <= job.counters.retries <= 12


@pytest.mark.parametrize("fault", ["slow", "hang"])
async def test_an_answer_that_never_comes_whole_ends_by_one_deadline(bench, oracle, fault):
    """A byte every half second and no byte at all are given up after the deadline of the whole
    call, and asked for again."""
    http = Http(deadline=0.3)
    post = oracle.flat(100)
    try:
        job = await bench.begin(post)
        bench.played.control(in_calls=[{"call": 1, "fault": fault}, {"call": 3, "fault": fault}])
        bench.http = http
        job = await bench.go_on(job)
    finally:
        await http.close()
    assert await bench.kept(job) == oracle.rows(post)
    assert job.counters.retries == 2


@pytest.mark.parametrize("fault", ["unavailable", "html502", "html200", "truncated", "reset"])
async def test_a_platform_that_stays_down_ends_the_attempt_and_keeps_the_rows(
    bench, oracle, clock, fault
):
    """Trying has one deadline; then the job waits to be tried again, and fails at the third time
    without progress. Coming back up, it is resumed to the oracle."""
    post = oracle.flat(420)
    policy = Policy()
    job = await bench.begin(post)
    schedule = [{"call": call, "fault": fault} for call in range(4, 400)]
    bench.played.control(in_calls=schedule)
    since = clock.monotonic()
    job = await bench.fails(job, errors.Transient)
    assert clock.monotonic() - since <= policy.deadline + policy.ceiling
    assert (job.status, job.error.code) == ("pending", "source_unavailable")
    for status in ("pending", "pending", "failed"):
        job = await bench.fails(job, errors.Transient)
        assert job.status == status
    assert receipt.full(job)["why"] == job.error.message
    assert list(await bench.kept(job)) == list(oracle.rows(post))[:150]
    bench.played.control(schedule=[])
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)


async def test_a_limit_is_waited_out_without_calls(bench, oracle, clock):
    """Told to wait for five minutes, the job makes no call in them, and then goes on."""
    post = oracle.flat(420)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 3, "fault": "buc"}], regain_minutes=5)
    since = clock.monotonic()
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
    assert 300 <= clock.monotonic() - since < 310
    assert bench.calls == 9 + 1
    assert (job.counters.parks, job.counters.waited) == (1, 300)


async def test_a_wait_that_is_cut_short_counts_as_long_as_it_was(bench, oracle, clock, monkeypatch):
    """A budget that ends in the middle of a wait: the receipt tells what was really waited."""
    from ingather.engine.stop import Stop

    stop = Stop()

    async def sleep(seconds):
        clock.time += 7
        stop.request("budget")
        await asyncio.sleep(0)

    job = await bench.begin(oracle.flat(420))
    bench.played.control(in_calls=[{"call": 3, "fault": "buc"}], regain_minutes=5)
    monkeypatch.setattr(clock, "sleep", sleep)
    job = await bench.go_on(job, stop=stop)
    assert (job.reason, job.counters.parks, job.counters.waited) == ("budget", 1, 7)


async def test_short_waits_add_up(bench, oracle, clock):
    """Waits of less than a second each are told as the seconds that they make together."""
    job = await bench.begin(oracle.flat(1_000))
    broken = [{"call": call, "fault": "unavailable"} for call in range(3, 40, 2)]
    bench.played.control(in_calls=broken)
    since = clock.monotonic()
    job = await bench.go_on(job)
    took = clock.monotonic() - since
    assert job.counters.retries >= 18 and took > 3
    assert took - 1 < job.counters.waited <= took


async def test_a_limit_that_lasts_longer_than_an_hour_pauses_the_job(bench, oracle, clock):
    """Nobody sits and waits for a day: paused with rate_limit, every row kept, resumed later."""
    post = oracle.flat(420)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 3, "fault": "buc"}], regain_minutes=600)
    job = await bench.go_on(job)
    assert (job.status, job.reason) == ("paused", "rate_limit")
    assert job.counters.appended == 100
    assert bench.calls == 3
    clock.time += 36_000
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)


@pytest.mark.parametrize("code", ["no permission", "refused"])
async def test_a_refusal_is_not_asked_again(bench, oracle, code):
    """What no waiting can mend is asked once."""
    post = oracle.flat(420)
    job = await bench.begin(post)
    if code == "no permission":
        bench.played.control(without=["instagram_manage_comments", "instagram_basic"])
        bench.played.control(require_proof=True)
    else:
        bench.played.control(require_proof=True)
    before = bench.calls
    job = await bench.fails(job, errors.Refused)
    assert job.status == "failed"
    assert bench.calls == before + 1


@pytest.mark.parametrize("fault", ["gzipbomb", "huge"])
async def test_a_bomb_costs_no_more_memory_than_the_largest_answer(bench, outside, oracle, fault):
    """200 MB in a small gzip, or ten of filler, are dropped or read within a bound, and the page
    is asked for again."""
    post = oracle.flat(100)
    outside.control(in_calls=[{"call": 2, "fault": fault}])
    source = bench.source(url=outside.graph_url)
    await source.resolve(post)
    job = await bench.begin(post)
    tracemalloc.start()
    try:
        job = await bench.go_on(job, feature=bench.comments(source=source))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert await bench.kept(job) == oracle.rows(post)
    assert peak < 3 * MAX_BODY
