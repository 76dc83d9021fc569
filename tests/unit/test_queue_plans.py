"""What the claim of the next job costs does not grow with the jobs that are not its own to take."""

import json

import pytest

from ingather.domain.job import AT_ONCE, Holder
from ingather.stores import pg_queue, redis_keys
from ingather.stores.pg_jobs import PgStore
from ingather.stores.pg_link import PgLink
from ingather.stores.pg_queue import PgQueue
from ingather.stores.redis_jobs import RedisStore
from ingather.stores.redis_link import RedisLink
from ingather.stores.redis_queue import RedisQueue
from ingather.stores.sql_jobs import SqlStore
from ingather.stores.sql_link import SqliteLink
from ingather.stores.sql_queue import SqlQueue

CROWD = 3_000
ME = Holder("host", 1, 0.0)

CROWD_OF = """
INSERT INTO extractions (id, extraction_type, owner, source, route, overview, options, progress,
    status, requested_at, tenant, due, lease_until)
SELECT $1 || $4 || n, 'followers', '{}', $1, '', '{"count":1}', '{"sandbox":false}', '{}',
    'pending', '2020-01-01T00:00:00.000Z', $1, $2, $3 FROM """
PG_CROWD = CROWD_OF.replace("$2, $3", "$2::float8, $3::float8") + "generate_series(1, $5) AS n"
NUMBERS = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $5) SELECT n"
SQLITE_CROWD = f"{CROWD_OF}({NUMBERS} FROM s)"

FAR = 32_503_680_000.0
CROWDS = [
    pytest.param(("others", AT_ONCE, None, "other"), id="of another source"),
    pytest.param(("mine", AT_ONCE, FAR, "held"), id="held"),
    pytest.param(("mine", FAR, None, "later"), id="not yet due"),
]


@pytest.mark.parametrize("crowd", CROWDS)
async def test_sqlite_takes_few_steps(tmp_path, make, crowd) -> None:
    """The claim takes about as many steps beside thousands of others as alone."""
    link = SqliteLink(tmp_path / "ingather.db")
    store, queue = SqlStore(link), SqlQueue(link)
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    async def steps() -> int:
        nonlocal count
        count = 0
        await link.run(lambda connection: connection.set_progress_handler(step, 10))
        assert await queue.next(ME, sources=["mine"])
        await link.run(lambda connection: connection.set_progress_handler(None, 0))
        return count

    for _ in range(3):
        await store.create(make.job(source="mine", due=AT_ONCE))
    await queue.next(ME, sources=["mine"])
    alone = await steps()
    await link.write(lambda connection: connection.execute(SQLITE_CROWD, (*crowd, CROWD)) and None)
    assert await steps() < 2 * alone
    await link.close()


async def pages(link: PgLink, statement: str, *values: object, rows: int = 1) -> int:
    """How many pages of the database a statement reads, which gives so many rows."""
    told = await link.one(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values)
    (said,) = json.loads(told[0])
    assert said["Plan"]["Actual Rows"] == rows
    return int(said["Plan"]["Shared Hit Blocks"] + said["Plan"]["Shared Read Blocks"])


async def pages_of_a_claim(link: PgLink) -> int:
    """How many pages of the database one more claim reads."""
    return await pages(link, pg_queue._FIRST, ["mine"], 0, "{}", 30.0)


async def test_postgres_reads_few_pages(make_database, make) -> None:
    """The claim reads a few dozen pages, be there thousands of others."""
    link = PgLink(make_database())
    await PgStore(link).create(make.job(source="mine", due=AT_ONCE))
    for crowd in CROWDS:
        await link.all(PG_CROWD, *crowd.values[0], CROWD)
    await link.all("ANALYZE extractions")
    assert await pages_of_a_claim(link) < 100
    await link.close()


@pytest.mark.parametrize("waiting", [True, False], ids=["waiting", "idle"])
async def test_postgres_passes_few_tenants_by(make_database, make, waiting) -> None:
    """The claim reads a few dozen pages, be there thousands of tenants."""
    link = PgLink(make_database())
    store, queue = PgStore(link), PgQueue(link)
    await store.create(make.job(source="mine", due=AT_ONCE, tenant="last"))
    await link.all(PG_CROWD, "mine", AT_ONCE, None, "other", CROWD)
    await link.all("UPDATE extractions SET tenant = 'crowd-' || number WHERE tenant = 'mine'")
    await link.all(
        "INSERT INTO turns SELECT tenant, number - (1::bigint << 61) FROM extractions"
        " ON CONFLICT DO NOTHING"
    )
    if not waiting:
        await link.all("UPDATE extractions SET due = NULL WHERE tenant LIKE 'crowd-%'")
    await link.all("ANALYZE extractions")
    assert await queue.next(ME, sources=["nobody"]) is None
    assert await pages_of_a_claim(link) < 100
    await link.close()


async def test_postgres_sees_at_once_that_nothing_is_there(make_database) -> None:
    """A worker for whom nothing waits reads few pages each time it looks, be there thousands of
    tenants of whom other sources' jobs wait."""
    link = PgLink(make_database())
    queue = PgQueue(link)
    await link.all(PG_CROWD, "others", AT_ONCE, None, "other", CROWD)
    await link.all("UPDATE extractions SET tenant = 'crowd-' || number")
    assert await queue.next(ME, sources=["nobody"]) is None
    await link.all("ANALYZE")
    claim = (["mine"], 0, "{}", 30.0)
    assert await pages(link, pg_queue._FIRST, *claim, rows=0) < 6 * pg_queue._WALK
    assert await pages(link, pg_queue._ANY, *claim, rows=0) < 20
    assert await pages(link, pg_queue._LEFT, *claim[:2]) < 20
    lined_up = queue._lined_up
    assert await queue.next(ME, sources=["nobody"]) is None
    assert queue._lined_up == lined_up
    await link.close()


async def test_redis_asks_few_tenants(start_valkey, make) -> None:
    """The claim looks at a few queues, be there thousands of tenants of whom jobs wait."""
    link = RedisLink(start_valkey().url)
    store = RedisStore(link)
    queue = RedisQueue(link, store)
    for number in range(2):
        await store.create(make.job(source="mine", due=AT_ONCE, tenant=f"served-{number}"))
        assert await queue.next(ME, sources=["mine"])
    for number in range(120):
        tenant = f"tenant-{number}"
        await store.create(make.job(source="mine", due=AT_ONCE, tenant=tenant))
        await link.call("ZADD", redis_keys.TENANTS, number + 1, tenant)
    await link.call("CONFIG", "RESETSTAT")
    assert (await queue.next(ME, sources=["mine"])).job.tenant == "tenant-0"
    said = (await link.call("INFO", "commandstats")).decode()
    calls = next(line for line in said.splitlines() if line.startswith("cmdstat_zrange:"))
    assert int(calls.partition("calls=")[2].partition(",")[0]) < 10
    await link.close()
