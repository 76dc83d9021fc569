"""Who lines up PostgreSQL's queue, who takes up its jobs and who puts new ones in meet at the same
rows, and none of them ends in a deadlock."""

import asyncio

import asyncpg
import pytest

from ingather.stores import pg_queue
from ingather.stores.pg_jobs import PgStore
from ingather.stores.pg_link import PgLink
from ingather.stores.pg_queue import PgQueue


@pytest.fixture
async def link(make_database):
    """A database, and `link.other()`: a connection of somebody else's to it."""
    url = make_database()
    link, others = PgLink(url), []

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
