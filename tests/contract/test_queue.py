"""Queue: which job a worker takes up next, and that no two take the same."""

import asyncio
from collections import Counter
from datetime import datetime
from uuid import uuid4

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import AT_ONCE, Options
from ingather.stores import states


@pytest.fixture
def voice():
    """A source that no other test's jobs have: backings may be shared."""
    return f"voice-{uuid4()}"


@pytest.fixture
def queue(backing, make, voice):
    """Queue a job, and take up the next of this test's."""

    class Line:
        async def put(self, **changes):
            job = make.job(**{"source": voice, "due": AT_ONCE} | changes)
            return await backing.jobs.create(job)

        async def take(self, **changes):
            asked = {"lease": 30.0, "sources": [voice]} | changes
            return await backing.queue.next(make.holder, **asked)

        async def taken(self):
            claim = await self.take()
            return None if claim is None else claim.job.id

        async def held(self):
            return [job.id for job in await backing.queue.held() if job.source == voice]

    return Line()


async def test_next_is_a_claim_like_any_other(backing, make, queue) -> None:
    """The job comes with its lease, its fence raised, its attempt counted."""
    job = await queue.put()
    claim = await queue.take()
    assert (claim.job.id, claim.job.claims) == (job.id, 1)
    assert claim.fence == claim.job.fence > job.fence
    assert (claim.job.status, claim.job.attempts) == ("running", 1)
    assert claim.job.holder == make.holder
    assert await backing.jobs.show(job.id) == claim.job
    with pytest.raises(errors.JobBusy):
        await backing.leases.claim(job.id, make.other)
    assert await queue.take() is None


async def test_next_makes_of_a_job_what_a_claim_makes_of_it(backing, make, queue) -> None:
    """A job taken up from the queue is, to the letter, the one that a claim by name would give;
    only its fence may have been raised by more."""
    job = await queue.put()
    taken = (await queue.take()).job
    assert job.created_at < "2100" and len(taken.started_at) == len(job.created_at)
    started = datetime.fromisoformat(taken.started_at).timestamp()
    expected = states.claimed(job, make.holder, now=started + 1e-4)
    assert taken == structs.replace(expected, fence=taken.fence)


async def test_jobs_that_were_not_queued_are_left_alone(backing, make, queue, voice) -> None:
    """Who began a job on a command line goes on with it there."""
    job = await queue.put(due=None)
    await backing.leases.claim(job.id, make.holder, lease=0.01)
    await backing.elapse(0.02)
    assert await queue.take() is None


async def test_oldest_is_taken_first(queue) -> None:
    """Jobs of one tenant are taken up in the order in which they were asked for."""
    ids = [(await queue.put()).id for _ in range(3)]
    assert [await queue.taken() for _ in range(4)] == [*ids, None]


async def test_higher_priority_goes_first(queue) -> None:
    """Whatever its age, of a tenant's jobs one of a higher priority is taken up first."""
    low = await queue.put(priority=-1)
    usual = await queue.put()
    high = await queue.put(priority=5)
    assert [await queue.taken() for _ in range(3)] == [high.id, usual.id, low.id]


async def test_priority_does_not_cross_tenants(queue) -> None:
    """However high the priority of somebody's jobs, they come in that tenant's turns only."""
    pusher, guest = f"t-{uuid4()}", f"u-{uuid4()}"
    low = await queue.put(tenant=guest)
    pushed = [(await queue.put(tenant=pusher, priority=100)).id for _ in range(3)]
    last = await queue.put(tenant=guest, priority=-5)
    order = [await queue.taken() for _ in range(5)]
    assert order == [low.id, pushed[0], last.id, pushed[1], pushed[2]]


async def test_tenants_take_turns(queue) -> None:
    """Somebody's hundred jobs do not make the others wait: turns go around."""
    crowd, guest = f"t-{uuid4()}", f"u-{uuid4()}"
    many = [(await queue.put(tenant=crowd)).id for _ in range(4)]
    few = [(await queue.put(tenant=guest)).id for _ in range(2)]
    order = [await queue.taken() for _ in range(6)]
    assert order == [many[0], few[0], many[1], few[1], many[2], many[3]]


async def test_a_lease_that_ran_out_is_free(backing, queue) -> None:
    """The orphan is found without any word of its worker."""
    job = await queue.put()
    first = await queue.take(lease=0.02)
    await backing.elapse(0.04)
    claim = await queue.take()
    assert (claim.job.id, claim.job.claims, claim.job.attempts) == (job.id, 2, 2)
    assert claim.fence > first.fence


async def test_given_back_it_has_its_old_place(backing, make, queue) -> None:
    """A job given back, or whose lease ran out, goes before younger ones and after older."""
    ids = [(await queue.put()).id for _ in range(4)]
    oldest = await queue.take()
    second = await queue.take(lease=0.02)
    await backing.leases.settle(oldest.job.id, oldest.fence, "pending", again=0.0)
    await backing.elapse(0.04)
    assert second.job.id == ids[1]
    assert [await queue.taken() for _ in range(5)] == [*ids, None]


async def test_sources_do_not_part_a_tenants_jobs(queue, voice) -> None:
    """Of one tenant's jobs the first is taken, whichever of the worker's sources it is of."""
    other = f"{voice}-b"
    late = await queue.put(source=other)
    usual = await queue.put()
    high = await queue.put(source=other, priority=3)
    last = await queue.put()
    found = [(await queue.take(sources=[voice, other])).job.id for _ in range(4)]
    assert found == [high.id, late.id, usual.id, last.id]


async def test_given_back_with_time_it_waits_so_long(backing, make, queue) -> None:
    """A job given back for later is not taken up before."""
    job = await queue.put()
    claim = await queue.take()
    await backing.leases.settle(job.id, claim.fence, "paused", reason="rate_limit", again=0.05)
    assert await queue.take() is None
    await backing.elapse(0.1)
    assert await queue.taken() == job.id


@pytest.mark.parametrize("status", ["pending", "csv_pending"])
async def test_given_back_at_once_it_waits_again(backing, queue, status) -> None:
    """A job given back by a worker that ends is taken up by the next one."""
    job = await queue.put()
    claim = await queue.take()
    await backing.leases.settle(job.id, claim.fence, status, again=0.0)
    assert await queue.taken() == job.id


@pytest.mark.parametrize(
    ("status", "reason"),
    [("paused", "needs_login"), ("paused", "asked"), ("failed", None), ("done", "end_of_list")],
)
async def test_left_to_people_it_waits_for_them(backing, queue, status, reason) -> None:
    """A job that somebody must see to is not taken up again by itself."""
    job = await queue.put()
    claim = await queue.take()
    settled = await backing.leases.settle(job.id, claim.fence, status, reason=reason)
    assert settled.due is None
    assert await queue.take() is None


async def test_a_wish_takes_it_from_the_queue(backing, queue) -> None:
    """A job that was paused or cancelled while it waited is not taken up."""
    for wish in ("pause", "cancel"):
        job = await queue.put()
        assert (await backing.jobs.ask(job.id, wish)).due is None
    assert await queue.take() is None


@pytest.mark.parametrize("orphan", [False, True], ids=["lease ran out", "known to be dead"])
async def test_a_wish_outlives_the_holder_that_did_not_grant_it(
    backing, make, queue, orphan
) -> None:
    """What was asked of a job whose worker died in the same moment is told to the next worker; who
    claims the job by its id asks for it anew."""
    job = await queue.put()
    first = await queue.take(lease=30.0 if orphan else 0.4)
    await backing.jobs.ask(job.id, "pause")
    if orphan:
        claim = await backing.leases.claim(job.id, make.other, dead=first.fence, heed=True)
    else:
        await backing.elapse(0.45)
        claim = await queue.take()
    assert (claim.job.id, claim.job.wish) == (job.id, "pause")
    assert await backing.leases.beat(job.id, claim.fence) == "pause"
    again = await backing.leases.claim(job.id, make.holder, dead=claim.fence)
    assert again.job.wish is None


@pytest.mark.parametrize(("wish", "status"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_a_job_is_not_given_back_over_a_wish(backing, queue, wish, status) -> None:
    """What was asked while a worker ended, or failed, is granted as it gives the job back."""
    job = await queue.put()
    claim = await queue.take()
    await backing.jobs.ask(job.id, wish)
    given = await backing.leases.settle(job.id, claim.fence, "pending", again=0.0)
    assert (given.status, given.due, given.wish) == (status, None, None)
    assert (await backing.jobs.show(job.id)).status == status
    assert await queue.take() is None


@pytest.mark.parametrize(("wish", "status"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_a_wish_is_granted_whoever_began_the_job(backing, make, queue, wish, status) -> None:
    """A job that no worker takes up is given back as it was wished, too; and a failed attempt that
    went before counts no more."""
    job = await queue.put(due=None)
    claim = await backing.leases.claim(job.id, make.holder)
    await backing.jobs.ask(job.id, wish)
    given = await backing.leases.settle(job.id, claim.fence, "pending", again=0.0)
    assert (given.status, given.due, given.wish) == (status, None, None)
    assert await backing.jobs.show(job.id) == given


async def test_why_people_must_see_to_a_job_is_told_before_a_pause(backing, queue) -> None:
    """Who asked for a pause learns that he has to log in; a job that was to end, ends."""
    for wish, stands in (("pause", ("paused", "needs_login")), ("cancel", ("cancelled",) * 2)):
        job = await queue.put()
        claim = await queue.take()
        await backing.jobs.ask(job.id, wish)
        given = await backing.leases.settle(job.id, claim.fence, "paused", reason="needs_login")
        assert (given.status, given.reason) == stands


async def test_queued_again_an_older_wish_is_forgotten(backing, queue) -> None:
    """Who queues a job wants it run, whatever was asked before."""
    job = await queue.put()
    claim = await queue.take(lease=0.02)
    await backing.jobs.ask(job.id, "pause")
    await backing.elapse(0.04)
    assert (await backing.queue.enqueue(job.id)).wish is None
    claim = await queue.take()
    assert (claim.job.id, claim.job.wish) == (job.id, None)


async def test_deleted_it_is_not_taken_up(backing, queue) -> None:
    """A deleted job leaves the queue with all it has."""
    job = await queue.put()
    await backing.jobs.delete(job.id)
    assert await queue.take() is None


@pytest.mark.parametrize("status", ["paused", "failed"])
async def test_enqueued_it_is_taken_up_again(backing, make, queue, status) -> None:
    """Whoever has seen to it queues it, and a worker goes on where it stopped."""
    job = await queue.put(due=None)
    claim = await backing.leases.claim(job.id, make.other)
    await backing.leases.settle(job.id, claim.fence, status, reason="needs_login")
    queued = await backing.queue.enqueue(job.id)
    assert (queued.status, queued.reason, queued.attempts) == ("pending", None, 0)
    claim = await queue.take()
    assert (claim.job.id, claim.job.attempts) == (job.id, 1)


async def test_enqueue_of_what_is_over_is_refused(backing, queue) -> None:
    """A job that is done has nothing left to do; one that is not there is not found."""
    job = await queue.put()
    claim = await queue.take()
    await backing.leases.settle(job.id, claim.fence, "done", reason="end_of_list")
    with pytest.raises(errors.BadInput):
        await backing.queue.enqueue(job.id)
    with pytest.raises(errors.JobNotFound):
        await backing.queue.enqueue("no-such-job")


async def test_the_same_command_queues_what_it_began(backing, make, queue) -> None:
    """Asked for again without waiting, a paused job goes back into the queue."""
    job = await queue.put(due=None)
    await backing.jobs.ask(job.id, "pause")
    again = make.job(owner=job.owner, targets=job.targets, source=job.source, due=AT_ONCE)
    found = await backing.jobs.create(again)
    assert (found.id, found.status) == (job.id, "pending")
    assert await queue.taken() == job.id


async def test_jobs_of_other_sources_are_left(queue) -> None:
    """A worker takes up what it can reach: its sources, and the sandbox only where it plays one."""
    job = await queue.put()
    played = await queue.put(options=Options(sandbox=True))
    assert await queue.take(sources=[]) is None
    assert await queue.take(sources=["nobody"]) is None
    assert (await queue.take(sandbox=True)).job.id == played.id
    assert (await queue.take()).job.id == job.id


async def test_held_names_what_is_held(backing, queue) -> None:
    """The queued jobs that are being run, and no others."""
    job, _ = await queue.put(), await queue.put()
    assert await queue.held() == []
    claim = await queue.take()
    assert await queue.held() == [job.id]
    await backing.leases.settle(job.id, claim.fence, "pending", again=0.0)
    assert await queue.held() == []


async def test_hold_back_pauses_what_waits(backing, queue, voice) -> None:
    """An empty account stops every waiting job of its source, and none that is held."""
    ids = [(await queue.put()).id for _ in range(3)]
    held = await queue.take()
    assert await backing.queue.hold_back(voice, "no_balance") == 2
    assert await queue.take() is None
    shown = [await backing.jobs.show(each) for each in ids]
    assert [(job.status, job.reason) for job in shown[1:]] == [("paused", "no_balance")] * 2
    assert (shown[0].status, shown[0].fence) == ("running", held.fence)
    await backing.queue.enqueue(ids[1])
    assert await queue.taken() == ids[1]


async def test_hold_back_of_one_owner_leaves_the_others(backing, queue, voice) -> None:
    """A dead token stops the jobs of its account alone."""
    mine, other = await queue.put(), await queue.put()
    count = await backing.queue.hold_back(voice, "needs_login", owner=mine.owner.instagram_id)
    assert count == 1
    assert await queue.taken() == other.id


async def test_many_workers_take_each_job_once(queue) -> None:
    """Thirty takers at the same moment and twenty jobs: each job is taken exactly once."""
    ids = {(await queue.put()).id for _ in range(20)}
    found = await asyncio.gather(*(queue.taken() for _ in range(30)))
    assert {each for each in found if each} == ids
    assert sum(each is None for each in found) == 10


async def test_list_of_one_tenant(backing, make) -> None:
    """A tenant's list names its own jobs alone, newest first, from where it is asked."""
    tenant = f"t-{uuid4()}"
    jobs = [await backing.jobs.create(make.job(tenant=tenant)) for _ in range(4)]
    await backing.jobs.create(make.job())
    ids = [job.id for job in reversed(jobs)]
    found = await backing.jobs.list(tenant=tenant)
    assert [job.id for job in found] == ids
    assert {job.tenant for job in found} == {tenant}
    older = await backing.jobs.list(tenant=tenant, before=jobs[2], limit=1)
    assert [job.id for job in older] == [jobs[1].id]
    assert await backing.jobs.list(tenant=tenant, before=jobs[0]) == []


async def test_list_goes_on_from_any_job(backing, make) -> None:
    """Pages of the list follow each other without a gap or a repetition, also among jobs of the
    same moment, and from a job that rests elsewhere."""
    tenant, moment = f"t-{uuid4()}", "2030-01-01T00:00:00.000Z"
    jobs = [make.job(tenant=tenant, created_at=moment) for _ in range(5)]
    for job in jobs:
        await backing.jobs.create(job)
    found: list[str] = []
    last = make.job(created_at="2031-01-01T00:00:00.000Z")
    while page := await backing.jobs.list(tenant=tenant, before=last, limit=2):
        found += [job.id for job in page]
        last = page[-1]
    assert found == sorted((job.id for job in jobs), reverse=True)


async def test_list_of_some_kinds_and_status(backing, make) -> None:
    """What is asked for is told as if there were nothing else, however much lies between; jobs of
    no kind, or of none that rest here, are none."""
    tenant = f"t-{uuid4()}"
    jobs = [await backing.jobs.create(make.job(tenant=tenant)) for _ in range(6)]
    for job in jobs[::2]:
        claim = await backing.leases.claim(job.id, make.holder)
        await backing.leases.settle(job.id, claim.fence, "done", reason="end_of_list")
    done = [jobs[4].id, jobs[2].id, jobs[0].id]

    async def ids(**asked):
        return [job.id for job in await backing.jobs.list(tenant=tenant, **asked)]

    assert await ids(status="done") == await ids(kinds=["comments"], status="done") == done
    assert await ids(status="done", limit=2) == done[:2]
    assert await ids(status="done", before=jobs[4]) == done[1:]
    assert await ids(kinds=("comments", "posts")) == [job.id for job in reversed(jobs)]
    assert await ids(kinds=["posts"]) == await ids(kinds=[]) == await ids(status="failed") == []


async def test_tally_counts_every_job_by_kind_and_status(backing, make) -> None:
    """Two more that wait and one more that is done are told as so many more than before; of two
    that run, the one whose lease runs out is told as abandoned."""

    async def tally() -> Counter[tuple[str, str]]:
        """Of a kind that no other test leaves running: leases of others run out meanwhile."""
        told = await backing.jobs.tally()
        return Counter({key: count for key, count in told.items() if key[0] == "hashtag-clips"})

    before = await tally()
    jobs = [await backing.jobs.create(make.job(kind="hashtag-clips")) for _ in range(5)]
    first, second, third = [
        await backing.leases.claim(job.id, make.holder, lease=60) for job in jobs[:3]
    ]
    await backing.leases.settle(jobs[0].id, first.fence, "done", reason="end_of_list")
    pending, done, running = (("hashtag-clips", each) for each in ("pending", "done", "running"))
    assert await tally() - before == {pending: 2, done: 1, running: 2}
    await backing.leases.beat(jobs[1].id, second.fence, lease=0.02)
    await backing.elapse(0.04)
    abandoned = ("hashtag-clips", "abandoned")
    assert await tally() - before == {pending: 2, done: 1, running: 1, abandoned: 1}
    await backing.leases.settle(jobs[2].id, third.fence, "paused", reason="asked")


async def test_tenants_do_not_share_a_job(backing, make) -> None:
    """The same wish of another tenant is another job."""
    mine = await backing.jobs.create(make.job(tenant="one"))
    theirs = structs.replace(mine, id=str(uuid4()), tenant="two")
    assert (await backing.jobs.create(theirs)).id == theirs.id
