"""The targets of a job: a page moves its own alone, and lists tell how many rather than each."""

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import AT_ONCE, Failure, Target, TargetState, fingerprint
from ingather.domain.overview import Overview


def named(count: int) -> tuple[TargetState, ...]:
    return tuple(TargetState(target=Target(id=""), words=f'name {n} "é"') for n in range(count))


def moved(job, place: int, **changes) -> dict:
    """What a batch says of the target at a place whose page ended at `cursor`."""
    state = structs.replace(job.targets[place], **({"cursor": "c", "depth": 1} | changes))
    cursor = state.cursor and fingerprint(state.cursor, target=place, passes=state.passes)
    return {"target": place, "state": state, "cursor": cursor}


async def test_a_page_moves_its_own_target(backing, make, writer) -> None:
    """Each page leaves every other target as it was, whichever comes after which."""
    work = await writer(targets=named(5))
    states = list(work.job.targets)
    for page, place in enumerate([3, 0, 3, 4]):
        change = moved(work.job, place, cursor=f"c{page}", depth=page)
        states[place] = change["state"]
        await work.page(make.comments(2, start=2 * page), **change)
        assert (await backing.jobs.show(work.job.id)).targets == tuple(states)


async def test_a_page_that_is_not_all_new_moves_its_target(backing, make, writer) -> None:
    """Nor does it matter whether rows of the page were there already, or whether it is committed
    once more because its answer was lost."""
    work = await writer(targets=named(3))
    await work.page(make.comments(4), **moved(work.job, 0, cursor=None, ended="end_of_list"))
    change = moved(work.job, 1, cursor="second")
    for _ in range(2):
        work.sequence = 1
        await work.page(make.comments(4, start=2), **change)
    job = await backing.jobs.show(work.job.id)
    assert [state.cursor for state in job.targets] == [None, "second", None]
    assert job.overview == Overview(count=3, ended={"end_of_list": 1})


@pytest.mark.parametrize("by_queue", [False, True])
async def test_a_claim_after_a_kill_sees_every_target(backing, make, by_queue) -> None:
    """Whoever takes a job over finds each target where its last page left it."""
    job = await backing.jobs.create(make.job(targets=named(4), due=AT_ONCE))
    first = await backing.leases.claim(job.id, make.holder, lease=0.03)
    gone = moved(
        job, 0, cursor=None, ended="unreachable", error=Failure("no such account", "not_found")
    )
    found = moved(job, 1, target=Target(id="17", username="lena"))
    for sequence, change in enumerate((gone, found), 1):
        batch = make.batch(job, make.comments(1, start=sequence), **change)
        await backing.leases.commit(job.id, first.fence, sequence, batch)
    await backing.leases.beat(job.id, first.fence, lease=0.03)
    await backing.elapse(0.06)
    if by_queue:
        claim = await backing.queue.next(make.other, sources=[job.source])
    else:
        claim = await backing.leases.claim(job.id, make.other)
    assert claim is not None
    assert claim.job.targets == (gone["state"], found["state"], *job.targets[2:])
    assert (claim.job.summed, claim.seen) == (None, {found["cursor"]})


async def test_lists_tell_how_many(backing, make, writer) -> None:
    """A list has the first target of each job and how all of them stand; `show` has as many as it
    is asked for."""
    work = await writer(targets=named(6), due=AT_ONCE)
    ended = {0: "end_of_list", 1: "unreachable", 2: "end_of_list"}
    for place, ending in ended.items():
        change = moved(work.job, place, cursor=None, ended=ending, passes=1 + place)
        await work.page(make.comments(1, start=place), **change)
    overview = Overview(count=6, ended={"end_of_list": 2, "unreachable": 1}, passes=3)
    whole = await backing.jobs.show(work.job.id)
    assert (len(whole.targets), whole.summed, whole.overview) == (6, None, overview)
    brief = structs.replace(whole, targets=whole.targets[:1], summed=overview)
    assert brief in await backing.jobs.list()
    assert brief in await backing.queue.held()
    assert (brief.count, brief.overview, brief.overview.over) == (6, overview, 3)
    some = structs.replace(whole, targets=whole.targets[:4], summed=overview)
    assert await backing.jobs.show(work.job.id, targets=4) == some
    assert some in await backing.jobs.list(targets=4)


async def test_a_lone_target_is_all_there_is(backing, make) -> None:
    """A job of one target is whole in a list, too."""
    job = await backing.jobs.create(make.job())
    assert job in await backing.jobs.list()
    assert job.overview == Overview(count=1)


async def test_deleted_targets_are_gone(backing, make, writer) -> None:
    """A job that is deleted leaves none of its targets to the next one."""
    work = await writer(targets=named(3))
    await work.page(make.comments(1), **moved(work.job, 2))
    await work.settle("paused", reason="budget")
    await backing.jobs.delete(work.job.id)
    with pytest.raises(errors.JobNotFound):
        await backing.jobs.show(work.job.id)
    again = await backing.jobs.create(make.job(targets=named(2)))
    assert (await backing.jobs.show(again.id)).targets == named(2)


async def test_ten_thousand_targets(backing, make, writer) -> None:
    """They are kept in their order, and the same command finds their job again."""
    if backing.name == "redis":
        pytest.skip("what rests in Redis are comment exports, of one target each")
    job = make.job(targets=named(10_000))
    work = await writer(job)
    assert work.claim.job.targets == job.targets
    change = moved(job, 9_999)
    await work.page(make.comments(1), **change)
    await work.settle("paused", reason="budget")
    assert (await backing.jobs.show(job.id)).targets == (*job.targets[:-1], change["state"])
    again = await backing.jobs.create(make.job(owner=job.owner, targets=job.targets))
    assert (again.id, again.targets[-1]) == (job.id, change["state"])
