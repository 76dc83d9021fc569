"""Leases: one holder at a time, and nobody else writes."""

import asyncio
from uuid import uuid4

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import AT_ONCE, Counters, Failure


async def test_claim_starts_the_job(backing, make) -> None:
    """A claim raises the fence, counts the attempt, names the holder and starts the job."""
    job = await backing.jobs.create(make.job())
    claim = await backing.leases.claim(job.id, make.holder)
    assert claim.fence == claim.job.fence == job.fence + 1
    assert (claim.job.status, claim.job.attempts) == ("running", 1)
    assert claim.job.holder == make.holder
    assert claim.job.started_at is not None
    assert claim.seen == set()
    assert await backing.jobs.show(job.id) == claim.job


async def test_held_job_is_busy(backing, make, writer) -> None:
    """A second claim is refused, names the holder and changes nothing."""
    work = await writer()
    before = await backing.jobs.show(work.job.id)
    with pytest.raises(errors.JobBusy, match="4711 on host-a"):
        await backing.leases.claim(work.job.id, make.other)
    assert await backing.jobs.show(work.job.id) == before


async def test_of_many_claims_one_wins(backing, make) -> None:
    """Of thirty claims at the same moment exactly one wins, each time."""
    for _ in range(10):
        job = await backing.jobs.create(make.job())
        claims = (backing.leases.claim(job.id, make.holder) for _ in range(30))
        results = await asyncio.gather(*claims, return_exceptions=True)
        losers = [result for result in results if isinstance(result, errors.JobBusy)]
        assert len(losers) == 29
        assert (await backing.jobs.show(job.id)).fence == 1


async def test_dead_holder_is_followed_at_once(backing, make, writer) -> None:
    """A holder known to be dead is followed without waiting, under exactly its fence."""
    work = await writer()
    for wrong in (work.fence - 1, work.fence + 1):
        with pytest.raises(errors.JobBusy):
            await backing.leases.claim(work.job.id, make.other, dead=wrong)
    claim = await backing.leases.claim(work.job.id, make.other, dead=work.fence)
    assert claim.fence == work.fence + 1
    assert claim.job.holder == make.other
    with pytest.raises(errors.JobBusy):
        await backing.leases.claim(work.job.id, make.holder, dead=work.fence)


async def test_of_many_followers_one_wins(backing, make, writer) -> None:
    """Of ten who follow the same dead holder exactly one wins."""
    work = await writer()
    claims = (backing.leases.claim(work.job.id, make.other, dead=work.fence) for _ in range(10))
    results = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_lease_runs_out(backing, make) -> None:
    """A lease that nobody renews is free after its time, and not before."""
    job = await backing.jobs.create(make.job())
    await backing.leases.claim(job.id, make.holder, lease=0.5)
    with pytest.raises(errors.JobBusy):
        await backing.leases.claim(job.id, make.other)
    await backing.leases.settle(job.id, 1, "paused", reason="budget")
    await backing.leases.claim(job.id, make.holder, lease=0.02)
    await backing.elapse(0.04)
    assert (await backing.leases.claim(job.id, make.other)).fence == 3


async def test_beat_keeps_the_lease(backing, make) -> None:
    """A beat renews the lease from now on."""
    job = await backing.jobs.create(make.job())
    claim = await backing.leases.claim(job.id, make.holder, lease=0.05)
    await backing.leases.beat(job.id, claim.fence, lease=60)
    await backing.elapse(0.08)
    with pytest.raises(errors.JobBusy):
        await backing.leases.claim(job.id, make.other)


async def test_whether_a_lease_runs_is_told(backing, make) -> None:
    """A job that is read is told to be held while its lease runs, whoever asks: not before a claim,
    not after the lease ran out, and not once it was given back."""
    job = await backing.jobs.create(make.job(tenant=str(uuid4()), due=AT_ONCE))

    async def held() -> bool:
        shown = await backing.jobs.show(job.id, targets=0)
        (listed,) = await backing.jobs.list(tenant=job.tenant)
        queued = job.id in [each.id for each in await backing.queue.held() if each.held]
        assert shown.held == listed.held == queued
        return shown.held

    assert not job.held and not await held()
    claim = await backing.leases.claim(job.id, make.holder)
    assert claim.job.held and await held()
    assert (await backing.jobs.ask(job.id, "pause")).held
    assert (await backing.jobs.amend(job.id, job.options)).held
    await backing.leases.beat(job.id, claim.fence, lease=0.02)
    await backing.elapse(0.04)
    assert not await held()
    assert (await backing.jobs.show(job.id)).holder == make.holder
    await backing.leases.beat(job.id, claim.fence)
    assert await held()
    settled = await backing.leases.settle(job.id, claim.fence, "paused", reason="asked")
    assert not settled.held and not await held()


async def test_who_takes_a_job_from_the_queue_holds_it(backing, make) -> None:
    """The job of a claim is told to be held, and no more once that has run out."""
    voice = str(uuid4())
    job = await backing.jobs.create(make.job(source=voice, due=AT_ONCE))
    claim = await backing.queue.next(make.holder, sources=[voice], lease=0.02)
    assert claim is not None and (claim.job.id, claim.job.held) == (job.id, True)
    await backing.elapse(0.04)
    assert not (await backing.jobs.show(job.id)).held


async def test_stale_fence_writes_nothing(backing, make, writer) -> None:
    """Who was followed by another writes no row, no cursor, no status."""
    work = await writer()
    await work.page(make.comments(3))
    await backing.leases.claim(work.job.id, make.other, dead=work.fence)
    before = await backing.jobs.show(work.job.id)
    with pytest.raises(errors.LeaseLost):
        await work.page(make.comments(3, start=10))
    with pytest.raises(errors.LeaseLost):
        await backing.leases.beat(work.job.id, work.fence)
    with pytest.raises(errors.LeaseLost):
        await work.settle("done", reason="end_of_list")
    assert await backing.jobs.show(work.job.id) == before
    assert await work.rows() == make.comments(3)


async def test_fence_of_the_future_is_refused(backing, make, writer) -> None:
    """A fence that was never given writes nothing either."""
    work = await writer()
    work.fence += 1
    with pytest.raises(errors.LeaseLost):
        await work.page(make.comments(1))
    with pytest.raises(errors.LeaseLost):
        await work.settle("done")


async def test_lease_given_back_is_gone(backing, make, writer) -> None:
    """After settling, the same fence writes nothing more."""
    work = await writer()
    await work.settle("paused", reason="budget")
    with pytest.raises(errors.LeaseLost):
        await work.page(make.comments(1))
    with pytest.raises(errors.LeaseLost):
        await backing.leases.beat(work.job.id, work.fence)
    with pytest.raises(errors.LeaseLost):
        await work.settle("done")
    assert await work.rows() == []


async def test_deleted_job_is_lost_to_its_late_holder(backing, make) -> None:
    """A worker whose job was deleted after its lease ran out writes nothing."""
    job = await backing.jobs.create(make.job())
    claim = await backing.leases.claim(job.id, make.holder, lease=0.02)
    await backing.elapse(0.04)
    await backing.jobs.delete(job.id)
    with pytest.raises((errors.LeaseLost, errors.StateLost)):
        await backing.leases.commit(job.id, claim.fence, 1, make.batch(job, make.comments(1)))
    with pytest.raises(errors.JobNotFound):
        await backing.jobs.show(job.id)


async def test_pause_and_resume(backing, make, writer) -> None:
    """A paused job goes on where it was: cursor, counters, rows and cursors seen."""
    work = await writer()
    first = make.batch(work.job, make.comments(3))
    await work.commit(1, first)
    spent = Counters(calls=1, parks=1, waited=7)
    paused = await work.settle("paused", reason="budget", spent=spent)
    assert (paused.status, paused.reason, paused.holder) == ("paused", "budget", None)
    assert (paused.finished_at, paused.counters.waited) == (None, 7)
    claim = await backing.leases.claim(work.job.id, make.other)
    assert claim.job.targets[0] == first.state
    assert claim.seen == {first.cursor}
    assert (claim.job.sequence, claim.job.counters.appended) == (1, 3)
    assert claim.job.started_at == paused.started_at
    work.fence = claim.fence
    await work.commit(2, make.batch(work.job, make.comments(3, start=3)))
    assert await work.rows() == make.comments(6)


async def test_csv_pending_stays_so_at_a_claim(backing, make, writer) -> None:
    """When all rows are in, a new claim only writes the file: status and reason stay."""
    work = await writer()
    outcome = await work.page(make.comments(3), end="end_of_list")
    assert (outcome.status, outcome.reason) == ("csv_pending", "end_of_list")
    claim = await backing.leases.claim(work.job.id, make.other, dead=work.fence)
    assert (claim.job.status, claim.job.reason) == ("csv_pending", "end_of_list")


async def test_attempts_count_claims_without_progress(backing, make, writer) -> None:
    """Claims add up until a page is committed."""
    work = await writer()
    for attempts in (2, 3, 4):
        claim = await backing.leases.claim(work.job.id, make.holder, dead=work.fence)
        assert claim.job.attempts == attempts
        work.fence = claim.fence
    await work.page(make.comments(1))
    assert (await backing.jobs.show(work.job.id)).attempts == 0


async def test_failure_and_another_try(backing, make, writer) -> None:
    """A failed job keeps its rows and its error; taken up again it counts from one and goes on."""
    work = await writer()
    await work.page(make.comments(4))
    failure = Failure("The post is gone.", "not_reachable")
    failed = await work.settle("failed", reason="not_reachable", error=failure)
    assert (failed.status, failed.error, failed.finished_at is None) == ("failed", failure, False)
    shown = await backing.jobs.show(work.job.id)
    assert structs.replace(shown, expires_at=None) == structs.replace(failed, expires_at=None)
    claim = await backing.leases.claim(work.job.id, make.holder)
    assert (claim.job.status, claim.job.attempts, claim.job.finished_at) == ("running", 1, None)
    work.fence = claim.fence
    await work.page(make.comments(4, start=4), end="end_of_list")
    done = await work.settle("done")
    assert (done.status, done.reason, done.error) == ("done", "end_of_list", None)
    assert await work.rows() == make.comments(8)


async def test_state_lost_is_the_end(backing, make, writer) -> None:
    """A job whose state was lost cannot be taken up again."""
    work = await writer()
    await work.settle("failed", error=Failure("Keys are gone.", "state_lost"))
    with pytest.raises(errors.BadInput):
        await backing.leases.claim(work.job.id, make.holder)


async def test_error_of_a_retried_job_stays_until_progress(backing, make, writer) -> None:
    """A job put back for another try says what went wrong last, until a page is committed."""
    work = await writer()
    failure = Failure("The source is briefly out of order.", "source_unavailable")
    await work.settle("pending", error=failure)
    claim = await backing.leases.claim(work.job.id, make.holder)
    assert claim.job.error == failure
    work.fence = claim.fence
    await work.page(make.comments(1))
    assert (await backing.jobs.show(work.job.id)).error is None
