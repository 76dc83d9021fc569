"""Exports and giveaways go from Redis into each database, once, whole and compared."""

import contextlib

import msgspec
import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import export_record, giveaway
from ingather.features import moving
from ingather.stores.redis_giveaways import RedisGiveaways
from ingather.stores.redis_jobs import RedisStore
from ingather.stores.redis_link import RedisLink
from ingather.stores.sql_adopt import SqlAdopted
from ingather.stores.sql_giveaways import SqlGiveaways

RECORD = """{"giveawayId": "%s", "createdAt": "2026-01-08T12:00:00.000Z", "exportId": "e",
"profileId": "p", "post": {"mediaId": "m", "postDateIso": "2025-01-01T00:00:00+0000"},
"commentCount": 4, "participantsHash": "d1", "filteredParticipantCount": 3,
"options": {"uniqueUsers": true, "uniqueWinners": true, "winnerCount": 1}, "winners": [
{"winnerNumber": 1, "attempt": 1, "status": "active", "seedInput": "a|b", "seedHash": "00",
"winnerIndex": 3, "participant": {"commentId": "1", "userId": "2", "username": "ann"}}]}"""


@contextlib.asynccontextmanager
async def sqlite(request):
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_jobs import SqlStore
    from ingather.stores.sql_link import SqliteLink

    link = SqliteLink(request.getfixturevalue("tmp_path") / "ingather.db")
    yield SqliteSql(link), SqlStore(link)
    await link.close()


@contextlib.asynccontextmanager
async def postgres(request):
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_sql import PostgresSql

    link = PgLink(request.getfixturevalue("make_database")())
    yield PostgresSql(link), PgStore(link)
    await link.close()


@pytest.fixture(params=[postgres, sqlite], ids=["postgres", "sqlite"])
async def target(request):
    async with request.param(request) as found:
        yield found


@pytest.fixture
async def source(start_valkey):
    """A Redis of our own: whatever is in it is carried over."""
    link = RedisLink(start_valkey().url)
    yield RedisStore(link)
    await link.close()


async def finished(store, make, rows, **changes):
    job = await store.create(make.job(**changes))
    claim = await store.claim(job.id, make.holder)
    batch = make.batch(job, rows, cursor_text=None, end="end_of_list", repaired=2)
    await store.commit(job.id, claim.fence, 1, batch)
    return await store.settle(job.id, claim.fence, "done", reason="end_of_list")


async def test_an_export_is_carried_over_as_it_is(source, target, make) -> None:
    """Every row in its order, and all that the job knows of itself; done again it is there."""
    sql, store = target
    rows = [
        *make.comments(250),
        make.comment(900, user_id=None, like_count=None, text='🪔 "\n'),
        make.comment(901, comment_id=None, parent_comment_id="18000000000000001"),
    ]
    job = await finished(source, make, rows)
    open_one = await source.create(make.job())
    moved = await moving.exports(source, store, SqlAdopted(sql))
    assert moved == moving.Moved(rows=252, moved=(job.id,), unfinished=(open_one.id,))
    found = await store.show(job.id)
    assert found == structs.replace(
        job, expires_at=None, counters=structs.replace(job.counters), holder=None
    )
    assert list(await store.slice(job.id, 0, 1_000)) == rows
    with pytest.raises(errors.JobNotFound):
        await store.show(open_one.id)
    again = await moving.exports(source, store, SqlAdopted(sql))
    assert again == moving.Moved(there=(job.id,), unfinished=(open_one.id,))
    assert len(await store.list()) == 1


async def test_what_another_program_wrote_is_carried_over(source, target, make) -> None:
    """A record in the seeds' layout alone, without anything of ours beside it."""
    sql, store = target
    job = make.job(status="done", finished_at="2026-01-01T00:00:00.000Z")
    rows = make.comments(3)
    job = structs.replace(job, counters=structs.replace(job.counters, fetched=3, appended=3))
    call = source._link.call
    base = f"igexp:{job.id}"
    await call("SET", base, export_record.text(job))
    await call("RPUSH", f"{base}:comments", *(msgspec.json.encode(row) for row in rows))
    await call("SADD", f"igexp:index:user:{job.owner.instagram_id}", job.id)
    moved = await moving.exports(source, store, SqlAdopted(sql))
    assert moved == moving.Moved(rows=3, moved=(job.id,))
    assert list(await store.slice(job.id, 0, 10)) == rows


async def test_what_is_gone_or_different_is_told(source, target, make) -> None:
    """Rows that have expired are lost, and said to be; a job of the database with other rows is
    never written over."""
    sql, store = target
    gone = await finished(source, make, make.comments(3))
    await source._link.call("DEL", f"igexp:{gone.id}:comments")
    other = await finished(source, make, make.comments(3))
    await SqlAdopted(sql).adopt(other, make.comments(2))
    with pytest.raises(errors.StoreError):
        await SqlAdopted(sql).adopt(other, make.comments(3))
    moved = await moving.exports(source, store, SqlAdopted(sql))
    assert moved == moving.Moved(lost=(gone.id,), differing=(other.id,))
    assert len(await store.slice(other.id, 0, 10)) == 2


async def test_giveaways_are_carried_over(source, target, make) -> None:
    """Every record, to the letter; those of the database are left alone; what is no record is
    told."""
    sql, _ = target
    copies, kept = RedisGiveaways(source._link), SqlGiveaways(sql)
    one, two = giveaway.read(RECORD % "one"), giveaway.read(RECORD % "two")
    await copies.keep(one)
    await copies.keep(two)
    await kept.keep(structs.replace(two, winners=()))
    await source._link.call("SET", "giveaway:broken", "{}")
    moved = await moving.giveaways(copies, kept)
    assert moved == moving.Moved(
        moved=(one.giveaway_id,), differing=(two.giveaway_id,), lost=("broken",)
    )
    assert await kept.show(one.giveaway_id) == one
    assert (await kept.show(two.giveaway_id)).winners == ()
    again = await moving.giveaways(copies, kept)
    assert again.there == (one.giveaway_id,)
