"""A token that dies mid-run is not used again; the job waits for a login and goes on from there.

R17 of the reliability plan.
"""

import pytest

from ingather import errors

ROWS = 420
PAGES = 9


@pytest.mark.parametrize("death", ["expired", "password"])
@pytest.mark.parametrize("call", [1, 2, 5, PAGES])
async def test_a_dead_token_pauses_the_job_and_is_left_alone(bench, oracle, death, call):
    """190 on page k: no call more, paused with needs_login, what came before is kept; after a
    login the job goes on from page k, and no page is read twice."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    looked = job.counters.calls
    bench.played.control(in_calls=[{"call": call, "fault": death}])
    job = await bench.fails(job, errors.NeedsLogin)
    assert (job.status, job.reason) == ("paused", "needs_login")
    assert job.holder is None
    assert list(await bench.kept(job)) == list(oracle.rows(post))[: (call - 1) * 50]
    assert bench.calls == call
    bench.played.control(heal=True)
    job = await bench.go_on(job)
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert list(await bench.kept(job)) == list(oracle.rows(post))
    assert bench.calls == PAGES + 1
    assert job.counters.calls == looked + PAGES + 1


async def test_a_job_may_wait_for_its_login_as_often_as_it_takes(bench, oracle):
    """Tries with a token that is still dead do not wear the job out: it stays paused."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 3, "fault": "expired"}])
    for _ in range(6):
        job = await bench.fails(job, errors.NeedsLogin)
        assert (job.status, job.reason) == ("paused", "needs_login")
    bench.played.control(heal=True)
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)


async def test_a_job_may_be_paused_as_often_as_its_owner_likes(bench, oracle):
    """A run that is stopped before its first page is no failed attempt."""
    from ingather.engine.stop import Stop

    job = await bench.begin(oracle.flat(ROWS))
    for _ in range(6):
        stop = Stop()
        stop.request("budget")
        job = await bench.go_on(job, stop=stop)
        assert (job.status, job.reason) == ("paused", "budget")
    job = await bench.go_on(job)
    assert (job.status, job.counters.appended) == ("done", ROWS)


async def test_answers_in_another_shape_pause_the_job(bench, oracle):
    """Rows without ids are no rows: after a few tries, and as many for the page after them that is
    asked for meanwhile, the job pauses with schema_drift. It goes on when the answers are
    themselves again."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": call, "fault": "nullids"} for call in range(4, 20)])
    job = await bench.fails(job, errors.SchemaDrift)
    assert (job.status, job.reason, job.counters.appended) == ("paused", "schema_drift", 150)
    assert 3 + 3 <= bench.calls <= 3 + 3 + 3
    bench.played.control(schedule=[])
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
