"""Jobs: what is created can be found, continued, asked and deleted."""

import asyncio

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import Counters, Failure, File, Options

ENDED = ("done", "failed", "cancelled")


async def test_created_job_is_shown_as_it_was_given(backing, make) -> None:
    """What is shown is what was created, to the last field."""
    options = Options(limit=70, since_job="earlier", since_ids=("18000000000000001",))
    job = make.job(options=options)
    assert await backing.jobs.create(job) == job
    assert await backing.jobs.show(job.id) == job


async def test_unknown_job_is_not_found(backing) -> None:
    """Every question about a job that is not there says that it is not there."""
    for question in (
        backing.jobs.show("no-such-job"),
        backing.jobs.ask("no-such-job", "pause"),
        backing.jobs.delete("no-such-job"),
        backing.rows.slice("no-such-job", 0, 1),
        backing.rows.count("no-such-job"),
        anext(aiter(backing.rows.stream("no-such-job"))),
    ):
        with pytest.raises(errors.JobNotFound):
            await question


async def test_claim_of_an_unknown_job_is_not_found(backing, make) -> None:
    """Nothing is created by claiming it."""
    with pytest.raises(errors.JobNotFound):
        await backing.leases.claim("no-such-job", make.holder)


async def test_same_key_gives_the_unfinished_job(backing, make) -> None:
    """The same command finds the job that it began, under its new limits."""
    first = make.job(options=Options(limit=10))
    await backing.jobs.create(first)
    again = make.job(owner=first.owner, targets=first.targets, options=Options(limit=20, cap=9_000))
    found = await backing.jobs.create(again)
    assert found == structs.replace(first, options=again.options)
    assert await backing.jobs.show(first.id) == found
    with pytest.raises(errors.JobNotFound):
        await backing.jobs.show(again.id)


@pytest.mark.parametrize("fewer", [{"limit": 4}, {"cap": 4}])
async def test_less_than_it_has_kept_changes_nothing(backing, make, writer, fewer) -> None:
    """Limits below what the unfinished job has kept would end it for good: they are refused, and
    it stays as it was. As many as it has, or more, are taken."""
    first = make.job(options=Options(limit=50))
    one = await writer(first)
    await one.page(make.comments(5))
    await one.settle("paused", reason="asked")
    before = await backing.jobs.show(first.id)
    alike = {"owner": first.owner, "targets": first.targets}
    with pytest.raises(errors.BadInput, match="has kept 5 rows already, more than the 4"):
        await backing.jobs.create(make.job(options=Options(**fewer), **alike))
    assert await backing.jobs.show(first.id) == before
    assert (await backing.jobs.create(make.job(options=Options(limit=5), **alike))).id == first.id


async def test_an_amended_job_goes_on_under_its_new_limits(backing, make, writer) -> None:
    """A paused job takes other limits and another file by its id, and nothing else of it changes;
    so does one that another has the key of by now."""
    work = await writer(make.job(options=Options(limit=50, max_calls=3)))
    await work.page(make.comments(5))
    await work.settle("paused", reason="budget")
    job = await backing.jobs.show(work.job.id)
    await backing.jobs.create(make.job(owner=job.owner, targets=job.targets), fresh=True)
    wanted = Options(limit=70, cap=90, max_calls=7, max_units=8, output="/tmp/f", format="csv")
    other = structs.replace(wanted, raw_csv=True, replies=False, look_back=5)
    amended = await backing.jobs.amend(job.id, other)
    expected = structs.replace(other, replies=True, look_back=None)
    assert amended == structs.replace(job, options=expected)
    assert await backing.jobs.show(job.id) == amended
    assert (await backing.leases.claim(job.id, make.holder)).job.options == expected


async def test_what_cannot_be_amended_stays_as_it_was(backing, make, writer) -> None:
    """Limits below what a job has kept, a job that is over and one that is not there are errors; a
    job whose rows are all in keeps its limits, and takes another file."""
    work = await writer()
    await work.page(make.comments(5), end="limit")
    with pytest.raises(errors.JobNotFound):
        await backing.jobs.amend("no-such-job", Options())
    complete = await backing.jobs.amend(work.job.id, Options(limit=9, output="/tmp/f"))
    assert (complete.options.limit, complete.options.output) == (None, "/tmp/f")
    assert complete.status == "csv_pending"
    await work.settle("done")
    with pytest.raises(errors.BadInput, match="cannot be run again"):
        await backing.jobs.amend(work.job.id, Options())
    other = await writer()
    await other.page(make.comments(5))
    with pytest.raises(errors.BadInput, match="has kept 5 rows already"):
        await backing.jobs.amend(other.job.id, Options(limit=4))
    assert (await backing.jobs.show(other.job.id)).options.limit is None


async def test_same_key_at_once_makes_one_job(backing, make) -> None:
    """Ten equal commands at the same moment make one job."""
    first = make.job()
    twins = [make.job(owner=first.owner, targets=first.targets) for _ in range(10)]
    found = await asyncio.gather(*(backing.jobs.create(twin) for twin in twins))
    assert len({job.id for job in found}) == 1


async def test_paused_job_is_found_by_its_key(backing, make, writer) -> None:
    """A paused job is continued with what it has."""
    work = await writer()
    await work.page(make.comments(3))
    await work.settle("paused", reason="budget")
    again = make.job(owner=work.job.owner, targets=work.job.targets)
    found = await backing.jobs.create(again)
    assert (found.id, found.status, found.counters.appended) == (work.job.id, "paused", 3)


@pytest.mark.parametrize("status", ENDED)
async def test_ended_job_is_not_used_again(backing, make, writer, status) -> None:
    """A new run after an end is a new job."""
    work = await writer()
    await work.settle(status, reason="end_of_list")
    again = make.job(owner=work.job.owner, targets=work.job.targets)
    assert (await backing.jobs.create(again)).id == again.id


async def test_failed_job_that_runs_again_is_found_again(backing, make, writer) -> None:
    """A failed job that was taken up again is what the same command continues."""
    work = await writer()
    await work.settle("failed", error=Failure("The post is gone.", "not_reachable"))
    await backing.leases.claim(work.job.id, make.holder)
    again = make.job(owner=work.job.owner, targets=work.job.targets)
    assert (await backing.jobs.create(again)).id == work.job.id


async def test_fresh_makes_a_new_job(backing, make) -> None:
    """A fresh job stands beside the unfinished one, which keeps its id and can be resumed."""
    first = await backing.jobs.create(make.job())
    fresh = make.job(owner=first.owner, targets=first.targets)
    assert (await backing.jobs.create(fresh, fresh=True)).id == fresh.id
    assert (await backing.jobs.show(first.id)).status == "pending"
    assert (await backing.leases.claim(first.id, make.holder)).job.status == "running"


async def test_other_options_make_another_job(backing, make) -> None:
    """Without replies it is another job than with them."""
    first = await backing.jobs.create(make.job())
    other = make.job(owner=first.owner, targets=first.targets, options=Options(replies=False))
    assert (await backing.jobs.create(other)).id == other.id


async def test_list_is_newest_first_and_limited(backing, make) -> None:
    """The list begins with the newest job. A server may hold the jobs of other tests besides."""
    ids = [(await backing.jobs.create(make.job())).id for _ in range(4)]
    listed = [job.id for job in await backing.jobs.list(limit=1_000)]
    assert [each for each in listed if each in ids] == ids[::-1]
    assert [job.id for job in await backing.jobs.list(limit=3)] == listed[:3]


async def test_pause_and_cancel_at_once_where_nobody_holds_it(backing, make) -> None:
    """A wish for an idle job is granted on the spot."""
    job = await backing.jobs.create(make.job())
    paused = await backing.jobs.ask(job.id, "pause")
    assert (paused.status, paused.reason, paused.wish) == ("paused", "asked", None)
    cancelled = await backing.jobs.ask(job.id, "cancel")
    assert (cancelled.status, cancelled.reason) == ("cancelled", "cancelled")
    assert cancelled.error is not None
    assert cancelled.error.code == "cancelled"
    assert cancelled.finished_at is not None
    shown = await backing.jobs.show(job.id)
    assert structs.replace(shown, expires_at=None) == structs.replace(cancelled, expires_at=None)
    with pytest.raises(errors.BadInput):
        await backing.jobs.ask(job.id, "pause")
    with pytest.raises(errors.BadInput):
        await backing.leases.claim(job.id, make.holder)


async def test_wish_for_a_held_job_waits_for_its_holder(backing, make, writer) -> None:
    """A held job's wish is told at the next beat and the next commit, and ends with the lease."""
    work = await writer()
    assert await backing.leases.beat(work.job.id, work.fence) is None
    asked = await backing.jobs.ask(work.job.id, "pause")
    assert (asked.status, asked.wish) == ("running", "pause")
    assert await backing.leases.beat(work.job.id, work.fence) == "pause"
    assert (await work.page(make.comments(2))).wish == "pause"
    assert await work.rows() == make.comments(2)
    settled = await work.settle("paused", reason="asked")
    assert (settled.status, settled.wish) == ("paused", None)
    again = await backing.leases.claim(work.job.id, make.holder)
    assert (again.job.status, again.job.reason, again.job.wish) == ("running", None, None)


async def test_wish_between_pages_is_told_with_each_that_follows(backing, make, writer) -> None:
    """Pages that follow one another quickly tell what was wished after the first of them."""
    work = await writer()
    assert (await work.page(make.comments(2))).wish is None
    await backing.jobs.ask(work.job.id, "pause")
    assert (await work.page(make.comments(2, start=2))).wish == "pause"
    await backing.jobs.ask(work.job.id, "cancel")
    assert (await work.page(make.comments(2, start=4))).wish == "cancel"
    assert await work.rows() == make.comments(6)


async def test_wish_after_a_page_shows_in_its_repetition(backing, make, writer) -> None:
    """A page committed again tells what was asked in between."""
    work = await writer()
    batch = make.batch(work.job, make.comments(2))
    await work.commit(1, batch)
    await backing.jobs.ask(work.job.id, "cancel")
    assert (await work.commit(1, batch)).wish == "cancel"


async def test_wish_between_two_pages_loses_neither(backing, make, writer) -> None:
    """A wish and a page at the same moment both come through."""
    work = await writer()
    for page in range(5):
        rows = make.comments(2, start=2 * page)
        await asyncio.gather(backing.jobs.ask(work.job.id, "pause"), work.page(rows))
        job = await backing.jobs.show(work.job.id)
        assert (job.sequence, job.counters.appended) == (page + 1, 2 * page + 2)
        assert job.targets[0].cursor == f"after-{rows[-1].comment_id}"
        assert job.wish == "pause"


@pytest.mark.parametrize("pages", [0, 2])
async def test_wish_granted_takes_the_pen_from_a_late_holder(backing, make, pages) -> None:
    """Who lets a lease run out and comes back after a cancel writes nothing, though pages of its
    were committed before."""
    job = await backing.jobs.create(make.job())
    claim = await backing.leases.claim(job.id, make.holder)
    for page in range(pages):
        rows = make.comments(1, start=page)
        await backing.leases.commit(job.id, claim.fence, page + 1, make.batch(job, rows))
    await backing.leases.beat(job.id, claim.fence, lease=0.02)
    await backing.elapse(0.04)
    assert (await backing.jobs.ask(job.id, "cancel")).status == "cancelled"
    with pytest.raises(errors.LeaseLost):
        await backing.leases.beat(job.id, claim.fence)
    with pytest.raises(errors.LeaseLost):
        batch = make.batch(job, make.comments(1, start=pages))
        await backing.leases.commit(job.id, claim.fence, pages + 1, batch)
    with pytest.raises(errors.LeaseLost):
        await backing.leases.settle(job.id, claim.fence, "paused", reason="budget")
    assert (await backing.jobs.show(job.id)).status == "cancelled"
    assert await backing.rows.count(job.id) == pages


async def test_delete_takes_all_of_it(backing, make, writer) -> None:
    """Of a deleted job nothing is left: its key is free, and what it knew is new to the next."""
    work = await writer()
    await work.page(make.comments(5))
    await work.settle("paused", reason="budget")
    await backing.jobs.delete(work.job.id)
    for question in (backing.jobs.show(work.job.id), backing.rows.count(work.job.id)):
        with pytest.raises(errors.JobNotFound):
            await question
    assert work.job.id not in [job.id for job in await backing.jobs.list()]
    again = make.job(owner=work.job.owner, targets=work.job.targets)
    assert (await backing.jobs.create(again)).id == again.id
    work = await writer(again)
    assert (await work.page(make.comments(5))).appended == 5
    assert await work.rows() == make.comments(5)


async def test_delete_is_refused_while_held(backing, make, writer) -> None:
    """A job is not deleted under its worker, and the error names that worker."""
    work = await writer()
    with pytest.raises(errors.JobBusy, match="4711 on host-a"):
        await backing.jobs.delete(work.job.id)
    assert (await work.page(make.comments(1))).appended == 1


async def test_end_keeps_file_error_and_reason(backing, make, writer) -> None:
    """What a job ended with can be read again, and counts of the last calls are added."""
    work = await writer()
    await work.page(make.comments(2), end="end_of_list")
    file = File(path="/data/c.csv", format="csv", size_bytes=2**40, rows=2, sha256="ab" * 32)
    await work.settle("done", file=file, spent=Counters(calls=2, retries=3, parks=4, waited=5))
    job = await backing.jobs.show(work.job.id)
    assert (job.status, job.reason, job.file) == ("done", "end_of_list", file)
    assert (job.holder, job.wish, job.error) == (None, None, None)
    assert job.finished_at is not None
    spent = (job.counters.calls, job.counters.retries, job.counters.parks, job.counters.waited)
    assert spent == (3, 3, 4, 5)


async def test_every_row_in_is_not_paused(backing, make, writer) -> None:
    """A job that only lacks its file keeps its ending and its limits, whatever is asked of it."""
    work = await writer()
    await work.page(make.comments(3), end="end_of_list")
    await work.settle("csv_pending")
    paused = await backing.jobs.ask(work.job.id, "pause")
    assert (paused.status, paused.reason) == ("csv_pending", "end_of_list")
    wanted = make.job(
        owner=work.job.owner, targets=work.job.targets, options=Options(cap=7, limit=2)
    )
    again = await backing.jobs.create(wanted)
    assert again.id == work.job.id
    assert (again.options.cap, again.options.limit) == (
        work.job.options.cap,
        work.job.options.limit,
    )
