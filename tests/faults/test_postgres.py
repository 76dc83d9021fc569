"""PostgreSQL crashes, and the way to it is spoiled, in the middle of a job.

R8 and R9 of the reliability plan.
"""

import asyncio
import importlib.util
import random
import time
from pathlib import Path

import asyncpg
import pytest

from ingather import errors
from ingather.engine import lease


def sibling(name):
    """A module beside this one; the rooms of tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


proxy = sibling("proxy")


@pytest.fixture
def over(bench, monkeypatch):
    """Put the bench on a PostgreSQL, in real time; leases that a lost answer leaves behind are
    short."""
    from ingather.assembly import SystemClock
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    monkeypatch.setattr(lease, "LEASE", 1.0)
    monkeypatch.setattr(lease, "BEAT", 0.2)
    links = []

    def put(url, **words):
        links.append(PgLink(url, **words))
        bench.store, bench.clock = PgStore(links[-1]), SystemClock()
        return links[-1]

    yield put


async def persist(bench, post, errors_met):
    """What a worker does: run it, and when the store failed run it again, until it is done."""
    job = None
    while True:
        try:
            job = job or await bench.begin(post)
            return await bench.go_on(job)
        except (errors.StoreError, errors.SourceError) as failure:
            errors_met.append(failure)
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["all", "late"])
async def test_a_database_that_crashes_again_and_again_loses_no_row(
    bench, over, start_postgres, oracle, full, kept, monkeypatch
):
    """R8: the server is killed and restarted every 0.3 to 0.8 seconds while a job runs. The job
    comes to its end in the same process, with the oracle's rows, each counted once; also where
    pages come so fast that the crash takes some that were committed already."""
    from ingather.stores import pg_commit

    server = start_postgres(synchronous_commit="on")
    link = over(server.url())
    if kept == "late":
        monkeypatch.setattr(pg_commit, "_SLOW", 60.0)
    rows, most = (5_000, 13) if full else (1_800, 3)
    bench.played.control(latency_ms=80)
    post, met, chance = oracle.mixed(rows), [], random.Random()
    work = asyncio.create_task(persist(bench, post, met))
    crashes = 0
    while not work.done() and crashes < most:
        await asyncio.wait({work}, timeout=chance.uniform(0.3, 0.8))
        await asyncio.to_thread(server.restart)
        crashes += 1
    job = await asyncio.wait_for(work, 60)
    print(crashes, "crashes,", len(met), "errors met:", {type(each).__name__ for each in met})
    assert crashes == most
    assert not any(isinstance(each, errors.LeaseLost) for each in met), "lost pages were not mended"
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.counters.fetched, job.counters.skipped_dupes) == (rows, 0)
    await link.close()


@pytest.mark.slow
@pytest.mark.parametrize("toxic", proxy.TOXICS)
async def test_a_spoiled_way_to_the_database_costs_no_row(
    bench, over, make_database, oracle, full, toxic
):
    """R9: whatever is done to the connection, not one row is wrong, and soon after it is mended the
    job is done."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(make_database())
    folder = parse_qs(parts.query).get("host")
    if not folder:
        pytest.skip("the database is not on a socket of ours")
    between = proxy.Proxy(Path(folder[0]) / ".s.PGSQL.5432")
    await between.open()
    url = f"postgresql://ingather@127.0.0.1:{between.port}{parts.path}?sslmode=disable"
    link = over(url, timeout=5.0 if full else 0.5)
    bench.played.control(latency_ms=40)
    post, met = oracle.mixed(1_000), []
    work = asyncio.create_task(persist(bench, post, met))
    for _ in range(2):
        await asyncio.sleep(0.15)
        async with between.poisoned(toxic):
            await asyncio.sleep(10.0 if full else 0.8)
    mended = time.monotonic()
    job = await asyncio.wait_for(work, 30)
    print(f"done {time.monotonic() - mended:.1f} s after; errors met: {met}")
    assert time.monotonic() - mended < 10
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.counters.fetched, job.counters.skipped_dupes) == (1_000, 0)
    await link.close()
    await between.close()


async def test_a_claim_sees_the_page_that_it_waited_for(make_database, make):
    """Whoever takes a job over while a page of the holder before is just being written finds the
    target where that page left it, and not where it was when the claim was asked for."""
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    url = make_database()
    link = PgLink(url)
    store = PgStore(link)
    job = await store.create(make.job())
    claim = await store.claim(job.id, make.holder)
    late = await asyncpg.connect(url)
    page = late.transaction()
    await page.start()
    await late.execute("UPDATE extractions SET sequence = 1")
    await late.execute("""UPDATE targets SET state = '{"target":{"id":"1"},"cursor":"after"}'""")
    task = asyncio.create_task(store.claim(job.id, make.other, dead=claim.fence))
    while not await link.all("SELECT 1 FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0.01)
    await page.commit()
    taken = await task
    assert (taken.job.sequence, taken.job.targets[0].cursor) == (1, "after")
    await late.close()
    await link.close()


async def test_a_claim_that_a_crash_takes_back_is_never_given_again(start_postgres, make) -> None:
    """A server that crashes right after claims forgets some. Their jobs are claimed anew under
    other fences; the late holder, alive still, can neither write nor keep the lease."""
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_queue import PgQueue

    server = start_postgres(synchronous_commit="on", wal_writer_delay="10s")
    link = PgLink(server.url())
    store, queue = PgStore(link), PgQueue(link)
    for _ in range(6):
        await store.create(make.job(due=0.0))
    lost = [await queue.next(make.holder, sources=["graph"]) for _ in range(6)]
    await asyncio.to_thread(server.restart)
    again = {}
    while claim := await queue.next(make.other, sources=["graph"]):
        again[claim.job.id] = claim
    assert again, "the crash took no claim back: this proves nothing"
    for late in lost:
        if late.job.id not in again:
            continue
        new = again[late.job.id]
        assert new.fence != late.fence
        assert (new.job.claims, new.job.attempts) == (1, 1)
        page = make.batch(late.job, make.comments(3))
        with pytest.raises(errors.LeaseLost):
            await store.commit(late.job.id, late.fence, 1, page)
        with pytest.raises(errors.LeaseLost):
            await store.beat(late.job.id, late.fence)
        with pytest.raises(errors.LeaseLost):
            await store.settle(late.job.id, late.fence, "pending", again=0.0)
        assert (await store.commit(new.job.id, new.fence, 1, page)).appended == 3
    await link.close()


async def test_what_a_holder_writes_puts_its_claim_on_the_disk(start_postgres, make) -> None:
    """After its first page or beat was answered, no crash takes a claim back."""
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_queue import PgQueue

    server = start_postgres(synchronous_commit="on", wal_writer_delay="10s")
    link = PgLink(server.url())
    store, queue = PgStore(link), PgQueue(link)
    for write in ("page", "beat"):
        job = await store.create(make.job(due=0.0))
        claim = await queue.next(make.holder, sources=["graph"])
        page = make.batch(job, make.comments(3))
        if write == "page":
            await store.commit(job.id, claim.fence, 1, page)
        else:
            await store.beat(job.id, claim.fence)
        await asyncio.to_thread(server.restart)
        assert await queue.next(make.other, sources=["graph"]) is None, write
        assert (await store.commit(job.id, claim.fence, 1, page)).appended == 3
    await link.close()


async def test_a_server_that_is_away_is_waited_for_once(start_postgres, monkeypatch) -> None:
    """What is read is asked for again where its answer was lost, but not where the server was
    waited for in vain: whoever looks at a job then need not wait twice as long to hear so."""
    from ingather.stores import pg_link

    class Counting(pg_link.PgLink):
        waits = 0

        async def _patiently(self):
            self.waits += 1
            return await super()._patiently()

    server = start_postgres()
    link = Counting(server.url())
    await link.read("SELECT 1")
    server.kill()
    monkeypatch.setattr(pg_link, "_PATIENCE", 0.05)
    for waits in (2, 3):  # the first lost its answer, and then found nobody
        with pytest.raises(errors.StoreUnavailable):
            await link.read("SELECT 1")
        assert link.waits == waits
    server.start()
    assert await link.read("SELECT 1")
    await link.close()


def test_a_connection_that_died_unused_is_called_lost() -> None:
    """Its client then tells of states of its own, which say nothing to anybody."""
    from asyncpg.exceptions import InternalClientError

    from ingather.stores import pg_errors

    died = InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    said = pg_errors.translated(died, "host/database")
    assert isinstance(said, errors.StoreUnavailable)
    assert (
        said.message == "The PostgreSQL at host/database does not answer: the connection was lost."
    )


async def test_what_others_are_taking_is_passed_by(make_database, make) -> None:
    """Where each tenant's first job is being taken this moment, the next behind it is claimed."""
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_queue import PgQueue

    link = PgLink(make_database())
    store, queue = PgStore(link), PgQueue(link)
    jobs = [await store.create(make.job(due=0.0, tenant=tenant)) for tenant in ("a", "b", "b")]
    async with link.transaction() as other:
        await other.execute(
            "SELECT FROM extractions WHERE id = ANY ($1::text[]) FOR UPDATE",
            [job.id for job in jobs[:2]],
        )
        claim = await queue.next(make.holder, sources=["graph"])
        assert claim.job.id == jobs[2].id
        assert await queue.next(make.holder, sources=["graph"]) is None
    left = {(await queue.next(make.holder, sources=["graph"])).job.id for _ in range(2)}
    assert left == {job.id for job in jobs[:2]}
    await link.close()


async def test_a_tenant_whose_place_was_lost_is_found(make_database, make) -> None:
    """A job of a tenant who is not among the turns is taken up all the same: at once where nothing
    else waits, and within a minute where others do."""
    from ingather.stores import pg_queue
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    link = PgLink(make_database())
    store, queue = PgStore(link), pg_queue.PgQueue(link)
    lost = [await store.create(make.job(due=0.0, tenant="lost")) for _ in range(2)]
    assert (await queue.next(make.holder, sources=["graph"])).job.id == lost[0].id
    await link.all("DELETE FROM turns")
    assert (await queue.next(make.holder, sources=["graph"])).job.id == lost[1].id
    lost = await store.create(make.job(due=0.0, tenant="lost"))
    await link.all("DELETE FROM turns")
    crowd = [await store.create(make.job(due=0.0, tenant="crowd")) for _ in range(2)]
    assert (await queue.next(make.holder, sources=["graph"])).job.id == crowd[0].id
    queue._lined_up -= pg_queue._EVERY
    assert (await queue.next(make.holder, sources=["graph"])).job.id == lost.id
    await link.close()


async def test_a_tenant_who_waits_for_nothing_keeps_the_turn(make_database, make) -> None:
    """Whoever was served last and comes again goes behind those who waited meanwhile."""
    from ingather.stores import pg_queue
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    link = PgLink(make_database())
    store, queue = PgStore(link), pg_queue.PgQueue(link)
    crowd = [await store.create(make.job(due=0.0, tenant="crowd")) for _ in range(2)]
    guest = [await store.create(make.job(due=0.0, tenant="guest"))]
    for job in (crowd[0], guest[0]):
        assert (await queue.next(make.holder, sources=["graph"])).job.id == job.id
    queue._lined_up -= pg_queue._EVERY
    assert await queue.next(make.holder, sources=["nobody"]) is None
    guest.append(await store.create(make.job(due=0.0, tenant="guest")))
    for job in (crowd[1], guest[1]):
        assert (await queue.next(make.holder, sources=["graph"])).job.id == job.id
    await link.close()


async def test_after_an_outage_few_leases_are_taken_away(make_database, make) -> None:
    """Where the leases of many have run out, whoever asks takes one job and a few leases; all the
    others may go on, and none is left behind."""
    from ingather.stores import pg_queue
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    link = PgLink(make_database())
    store, queue = PgStore(link), pg_queue.PgQueue(link)
    count = pg_queue._MOST + 4
    for _ in range(count):
        await store.create(make.job(due=0.0))
    late = [await queue.next(make.holder, sources=["graph"]) for _ in range(count)]
    ids = {claim.job.id for claim in late}
    await link.all("UPDATE extractions SET lease_until = lease_until - 31")
    first = await queue.next(make.other, sources=["graph"])
    kept = []
    for claim in late:
        try:
            await store.beat(claim.job.id, claim.fence)
            kept.append(claim.job.id)
        except errors.LeaseLost:
            pass
    assert len(kept) == 4
    taken = [first.job.id]
    while claim := await queue.next(make.other, sources=["graph"]):
        taken.append(claim.job.id)
    assert sorted(taken + kept) == sorted(ids)
    await link.close()
