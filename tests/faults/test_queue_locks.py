"""Who lines up PostgreSQL's queue, who takes up its jobs and who puts new ones in meet at the same
rows, and none of them ends in a deadlock."""

import asyncio

import asyncpg
import pytest

from ingather import errors
from ingather.stores import pg_queue
from ingather.stores.pg_jobs import PgStore
from ingather.stores.pg_link import PgLink
from ingather.stores.pg_queue import PgQueue


@pytest.fixture
async def link(make_database):
    """A database, and `link.other()`: a connection of somebody else's to it."""
    url = make_database()
    link, others = PgLink(url), []
    link.url = url

    async def other():
        others.append(await asyncpg.connect(url))
        return others[-1]

    link.other = other
    yield link
    for each in (link, *others):
        await each.close()


async def blocked(link):
    """Until somebody waits for a lock."""
    while not await link.all("SELECT 1 FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0.005)


async def test_lining_up_does_not_wait_for_a_turn_that_is_being_given(link, make) -> None:
    """A tenant who is just being served is left as he is: whoever waited for his row could stand in
    the way of another who waits for it."""
    store, queue, other = PgStore(link), PgQueue(link), await link.other()
    job = await store.create(make.job(due=0.0, tenant="waits"))
    await link.all("INSERT INTO turns SELECT 'idle-' || n, n - (1::bigint << 61) FROM"
                   " generate_series(1, 3) AS n")  # fmt: skip
    async with other.transaction():
        await other.execute("UPDATE turns SET turn = turn WHERE tenant = 'idle-2'")
        claim = await asyncio.wait_for(queue.next(make.holder, sources=["graph"]), 10)
    assert claim.job.id == job.id
    left = await link.all("SELECT tenant FROM turns ORDER BY tenant")
    assert [tenant for (tenant,) in left] == ["idle-2", "waits"]


async def test_a_tenant_who_is_being_served_is_passed_by(link, make) -> None:
    """Whoever asks while a tenant is being served takes another's job; where every tenant is, one
    more of the first's, without waiting for any of them."""
    store, queue, other = PgStore(link), PgQueue(link), await link.other()
    jobs = [await store.create(make.job(due=0.0, tenant=tenant)) for tenant in ("a", "a", "b")]
    assert await queue.next(make.holder, sources=["nobody"]) is None  # lined up
    async with other.transaction():
        await other.execute("UPDATE turns SET turn = turn WHERE tenant = 'a'")
        for job in (jobs[2], jobs[0], jobs[1]):
            claim = await asyncio.wait_for(queue.next(make.holder, sources=["graph"]), 10)
            assert claim.job.id == job.id


async def test_a_claim_locks_few_turns(link, make) -> None:
    """Whoever passes by many tenants of whom he wants nothing locks few of their turns, which would
    be to write them all, and takes what he wants behind them; his tenant's turn moves on."""
    store, queue = PgStore(link), PgQueue(link)
    count = 2 * pg_queue._WALK
    for number in range(count):
        await store.create(make.job(due=0.0, tenant=f"other-{number}", source="other"))
    jobs = [await store.create(make.job(due=0.0, tenant=tenant)) for tenant in ("a", "b", "a")]
    for job in (jobs[0], jobs[1], jobs[2]):
        assert (await queue.next(make.holder, sources=["graph"])).job.id == job.id
    ((locked,),) = await link.all("SELECT count(*) FROM turns WHERE xmax <> 0")
    assert 0 < locked <= pg_queue._WALK + 2


class Late(PgLink):
    """What happens before a claim asks for more of its job, or says that it is spoilt."""

    def then(self, statement, *values):
        self._then = (statement, values)

    async def all(self, statement, *values):
        if statement in (pg_queue._BESIDE, pg_queue._SPOILT):
            then, given = self._then
            await super().all(then, *given)
        return await super().all(statement, *values)


@pytest.mark.parametrize("then", ["DELETE FROM extractions WHERE id = $1",
                                  "UPDATE extractions SET fence = 9 WHERE id = $1"])  # fmt: skip
async def test_a_job_that_is_gone_right_after_its_claim_is_passed_by(link, make, then) -> None:
    """A worker that was frozen past its lease right after a claim finds the job deleted, or
    another's: it takes the next one."""
    late, store = Late(link.url), PgStore(link)
    read, fresh = [await store.create(make.job(due=0.0)) for _ in range(2)]
    claim = await PgQueue(link).next(make.other, sources=["graph"])
    await store.commit(read.id, claim.fence, 1, make.batch(read, make.comments(1)))
    await link.all("UPDATE extractions SET lease_until = 1 WHERE id = $1", read.id)
    late.then(then, read.id)
    assert (await PgQueue(late).next(make.holder, sources=["graph"])).job.id == fresh.id
    await late.close()


async def test_a_spoilt_job_that_is_anothers_by_now_is_left_to_him(link, make) -> None:
    """A worker that was frozen past its lease right after it claimed what cannot be read takes it
    from nobody who holds it since."""
    late, store = Late(link.url), PgStore(link)
    job = await store.create(make.job(due=0.0))
    await link.all("UPDATE extractions SET owner = '?' WHERE id = $1", job.id)
    late.then("UPDATE extractions SET fence = 9, lease_until = 9e9 WHERE id = $1", job.id)
    with pytest.raises(errors.DamagedRecord):
        await PgQueue(late).next(make.holder, sources=["graph"])
    ((due, until),) = await link.all("SELECT due, lease_until FROM extractions")
    assert (due, until) == (0.0, 9e9)
    await late.close()


async def test_what_has_become_ripe_is_looked_for_however_much_waits(link, make) -> None:
    """A worker that claims one job after the other still sees in time that another's lease has run
    out, and then takes it up in its turn."""
    store, queue = PgStore(link), PgQueue(link)
    left = await store.create(make.job(due=0.0, tenant="left"))
    crowd = [await store.create(make.job(due=0.0, tenant="crowd")) for _ in range(3)]
    await queue.next(make.holder, sources=["graph"])
    await link.all("UPDATE extractions SET lease_until = 1 WHERE id = $1", left.id)
    await link.all("UPDATE turns SET turn = 0 WHERE tenant = 'left'")
    assert (await queue.next(make.holder, sources=["graph"])).job.id == crowd[0].id
    queue._looked -= pg_queue._LOOK
    for job in (left, *crowd[1:]):
        assert (await queue.next(make.holder, sources=["graph"])).job.id == job.id


async def test_two_who_line_up_meet_at_the_first_tenant(link, make) -> None:
    """Tenants who come to wait again are added in one order, so that of two who add the same ones
    the second holds none yet that the first still needs."""
    store, queue, other = PgStore(link), PgQueue(link), await link.other()
    names = [f"tenant-{number}" for number in range(12)]
    for name in names:
        await store.create(make.job(due=0.0, tenant=name))
    await link.all("DELETE FROM turns")
    async with other.transaction():
        await other.execute("INSERT INTO turns VALUES ($1, 0)", names[0])
        task = asyncio.create_task(queue.next(make.holder, sources=["graph"]))
        await blocked(link)
        for name in names[1:]:
            await other.execute("INSERT INTO turns VALUES ($1, 0)", name)
    assert await task is not None


async def test_a_job_is_queued_while_the_same_command_begins_another(link, make) -> None:
    """A failed job that is queued again the moment the same command begins anew waits for it, and
    then is no longer the one that the command goes on with."""
    from ingather.stores import pg_rows

    store, queue = PgStore(link), PgQueue(link)
    job = await store.create(make.job(tenant="both"))
    claim = await store.claim(job.id, make.holder)
    await store.settle(job.id, claim.fence, "failed")
    anew = make.job(owner=job.owner, targets=job.targets, tenant="both", due=0.0)
    assert anew.key == job.key
    async with link.transaction() as other:
        await other.execute(
            "INSERT INTO extractions (id, open_key, extraction_type, owner, source, route,"
            " overview, options, progress, status, requested_at)"
            " SELECT 'anew', $1, extraction_type, owner, source, route, overview, options,"
            " progress, 'pending', requested_at FROM extractions",
            job.key,
        )
        task = asyncio.create_task(queue.enqueue(job.id))
        await blocked(link)
        await other.execute(f"{pg_rows.TURNS} VALUES ('both', 0) ON CONFLICT DO NOTHING")
    assert (await task).status == "pending"
    keys = await link.all("SELECT id FROM extractions WHERE open_key = $1", job.key)
    assert [each for (each,) in keys] == ["anew"]
    assert (await queue.next(make.holder, sources=["graph"])).job.id == job.id
