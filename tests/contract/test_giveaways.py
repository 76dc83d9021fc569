"""What every store of giveaways does: ports.Giveaways, and ports.Draws where it is the truth."""

import asyncio
import contextlib
from uuid import uuid4

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.draw_receipt import Disqualified, Posted
from ingather.domain.giveaway import (
    GiveawayOptions,
    GiveawayPost,
    GiveawayRecord,
    GiveawayWinner,
    Participant,
)
from ingather.domain.giveaway_draw import Draw, Head, Note, broken_at


@contextlib.asynccontextmanager
async def memory(request):
    from ingather.stores.memory_giveaways import MemoryGiveaways

    yield MemoryGiveaways()


@contextlib.asynccontextmanager
async def sqlite(request):
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_giveaways import SqlGiveaways
    from ingather.stores.sql_link import SqliteLink

    link = SqliteLink(request.getfixturevalue("tmp_path") / "ingather.db")
    yield SqlGiveaways(SqliteSql(link))
    await link.close()


@contextlib.asynccontextmanager
async def postgres(request):
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.sql_giveaways import SqlGiveaways

    link = PgLink(request.getfixturevalue("make_database")())
    yield SqlGiveaways(PostgresSql(link))
    await link.close()


@contextlib.asynccontextmanager
async def redis(request):
    from ingather.stores.redis_giveaways import RedisGiveaways
    from ingather.stores.redis_link import RedisLink

    link = RedisLink(request.getfixturevalue("valkey"))
    yield RedisGiveaways(link)
    await link.close()


@contextlib.asynccontextmanager
async def both(request):
    from ingather.stores.both_giveaways import BothGiveaways

    async with sqlite(request) as truth, redis(request) as copy:
        yield BothGiveaways(truth._sql, copy)


BACKINGS = {
    "memory": memory,
    "sqlite": sqlite,
    "postgres": postgres,
    "redis": redis,
    "both": both,
}


@pytest.fixture(params=sorted(BACKINGS))
async def giveaways(request):
    async with BACKINGS[request.param](request) as backing:
        yield backing


@pytest.fixture(params=sorted(set(BACKINGS) - {"redis"}))
async def draws(request):
    async with BACKINGS[request.param](request) as backing:
        yield backing


def record(**changes) -> GiveawayRecord:
    winner = GiveawayWinner(
        winner_number=1,
        attempt=1,
        status="active",
        seed_input="a|b",
        seed_hash="00",
        winner_index=3,
        participant=Participant("1", "2", "ann"),
    )
    made = GiveawayRecord(
        giveaway_id=str(uuid4()),
        created_at="2026-01-08T12:00:00.000Z",
        export_id=str(uuid4()),
        profile_id=uuid4().hex,
        post=GiveawayPost(
            media_id=uuid4().hex, post_date_iso="2025-01-01T00:00:00+0000", caption='🪔 "[]" \\'
        ),
        comment_count=4,
        participants_hash="d1",
        filtered_participant_count=3,
        options=GiveawayOptions(True, False, 1),
        winners=(winner,),
    )
    return structs.replace(made, **changes)


def draw(number: int, prev: str | None, **changes) -> tuple[Draw, GiveawayRecord, Note]:
    kept = record(protocol=2, status="committed", winners=())
    made = Draw(
        giveaway_id=kept.giveaway_id,
        seq=number,
        prev=prev,
        text='{"v":"ingather/draw/2"}',
        commit=uuid4().hex,
        due_at="2026-01-08T12:10:00.000Z",
        posts=(kept.post.media_id,),
        sealed=b"\x00sealed\xff",
    )
    note = Note(at="2026-01-08T12:00:00.000Z", who="local", action="commit", detail={"n": 1})
    return structs.replace(made, **changes), kept, note


async def test_a_record_comes_back_as_it_was(giveaways) -> None:
    """Every key, to the letter; storing it again replaces it."""
    kept = record()
    await giveaways.keep(kept)
    assert await giveaways.show(kept.giveaway_id) == kept
    changed = structs.replace(kept, winners=())
    await giveaways.keep(changed)
    assert await giveaways.show(kept.giveaway_id) == changed
    assert list(await giveaways.list(profile=kept.profile_id)) == [changed]


@pytest.mark.parametrize("wanted", ["nothing", "index:all", "index:post:1", ""])
async def test_what_is_not_there_is_not_found(giveaways, wanted) -> None:
    """An id that names no giveaway is one clear error."""
    await giveaways.keep(record())
    with pytest.raises(errors.GiveawayNotFound):
        await giveaways.show(wanted)


async def test_lists_are_newest_first_and_paged(giveaways) -> None:
    """Of a post or a profile, by the time of creation, from an offset."""
    first = record()
    made = [
        structs.replace(
            first, giveaway_id=str(uuid4()), created_at=f"2026-01-{day:02d}T00:00:00.000Z"
        )
        for day in (3, 1, 5, 2, 4)
    ]
    for each in (*made, record()):
        await giveaways.keep(each)
    newest = sorted(made, key=lambda each: each.created_at, reverse=True)
    for asked in ({"post": first.post.media_id}, {"profile": first.profile_id}):
        assert list(await giveaways.list(**asked)) == newest
        assert list(await giveaways.list(**asked, offset=1, limit=2)) == newest[1:3]
        assert list(await giveaways.list(**asked, offset=5)) == []
    assert list(await giveaways.list(post="none")) == []
    found = await giveaways.list(limit=100_000)
    assert {each.giveaway_id for each in made} <= {each.giveaway_id for each in found}


async def test_a_giveaway_of_several_posts_is_listed_under_each(giveaways) -> None:
    """Every post of a giveaway leads to it."""
    kept = record()
    other = GiveawayPost(media_id=uuid4().hex, post_date_iso="2025-01-01T00:00:00+0000")
    kept = structs.replace(kept, posts=(kept.post, other))
    await giveaways.keep(kept)
    for post in kept.posts:
        assert list(await giveaways.list(post=post.media_id)) == [kept]


async def test_a_tenant_sees_its_own(giveaways) -> None:
    """Lists of a tenant hold nothing of another's."""
    ann = record(tenant="ann")
    bob = structs.replace(record(tenant="bob"), post=ann.post, profile_id=ann.profile_id)
    for each in (ann, bob):
        await giveaways.keep(each)
    assert list(await giveaways.list(post=ann.post.media_id, tenant="ann")) == [ann]
    assert list(await giveaways.list(profile=ann.profile_id, tenant="bob")) == [bob]


async def test_commitments_are_numbered_and_linked(draws) -> None:
    """Each names the one before it; a number that is taken is refused, and nothing is written."""
    assert await draws.head() == Head(0, None)
    first, second = draw(1, None), None
    assert await draws.add(*first)
    assert await draws.head() == Head(1, first[0].commit)
    late = draw(1, None)
    assert not await draws.add(*late)
    for lookup in (draws.show, draws.draw):
        with pytest.raises(errors.GiveawayNotFound):
            await lookup(late[1].giveaway_id)
    assert list(await draws.told(late[1].giveaway_id)) == []
    second = draw(2, first[0].commit)
    assert await draws.add(*second)
    log = await draws.log()
    assert [(each.seq, each.prev, each.commit, each.drawn) for each in log] == [
        (1, None, first[0].commit, False),
        (2, first[0].commit, second[0].commit, False),
    ]
    assert broken_at(log) is None
    assert [each.seq for each in await draws.log(post=second[0].posts[0])] == [2]
    assert await draws.show(second[1].giveaway_id) == second[1]


async def test_of_two_at_once_one_is_appended(draws) -> None:
    """Two organisers who commit in the same moment do not share a number."""
    both = [draw(1, None), draw(1, None)]
    added = await asyncio.gather(*(draws.add(*each) for each in both))
    assert sorted(added) == [False, True]
    assert len(await draws.log()) == 1


async def test_what_was_committed_is_never_written_again(draws) -> None:
    """A move stores what came after; text, hash, number, link and secret stay as they were."""
    made, kept, note = draw(1, None)
    await draws.add(made, kept, note)
    after = {
        "anchors": (Posted("1", "ann", "2026-01-08T12:01:00Z"),),
        "signature": "b75c",
        "drawn_at": "2026-01-09T00:00:00.000Z",
        "disqualified": (Disqualified(2, "a bot", "2026-01-09T01:00:00.000Z"),),
    }
    forged = {"text": "{}", "commit": "ff", "seq": 7, "prev": "ee", "sealed": b"", "posts": ()}
    drawn = structs.replace(kept, status="drawn")
    said = structs.replace(note, action="draw")
    assert await draws.move(structs.replace(made, **after, **forged), drawn, said)
    assert await draws.draw(kept.giveaway_id) == structs.replace(made, **after, version=1)
    assert await draws.show(kept.giveaway_id) == drawn
    assert [each.drawn for each in await draws.log()] == [True]
    assert list(await draws.told(kept.giveaway_id)) == [note, said]


async def test_of_two_moves_from_the_same_state_one_is_stored(draws) -> None:
    """Who moves a draw from a state that is gone is told, and writes nothing."""
    made, kept, note = draw(1, None)
    await draws.add(made, kept, note)
    assert await draws.move(structs.replace(made, signature="aa"), kept, note)
    assert not await draws.move(structs.replace(made, signature="bb"), kept, note)
    assert (await draws.draw(kept.giveaway_id)).signature == "aa"
    assert len(await draws.told(kept.giveaway_id)) == 2


async def test_redis_has_the_seeds_keys(request) -> None:
    """giveaway:{id} is the record's JSON for 30 days; two sorted sets by createdAt in epoch."""
    from ingather.domain import giveaway

    async with redis(request) as kept:
        one = record()
        await kept.keep(one)
        call = kept._link.call
        assert await call("GET", f"giveaway:{one.giveaway_id}") == giveaway.text(one)
        for key in (
            f"giveaway:index:post:{one.post.media_id}",
            f"giveaway:index:profile:{one.profile_id}",
        ):
            assert await call("ZSCORE", key, one.giveaway_id) == b"1767873600000"
            assert 0 < await call("PTTL", key) <= 30 * 86_400_000
        assert 0 < await call("PTTL", f"giveaway:{one.giveaway_id}") <= 30 * 86_400_000
        assert one.giveaway_id in await kept.every_id()


async def test_the_database_stands_where_redis_does_not(request, start_valkey) -> None:
    """A commitment that the database holds has succeeded, though Redis be gone; and a record that
    only Redis holds is found."""
    from ingather.stores.both_giveaways import BothGiveaways
    from ingather.stores.redis_giveaways import RedisGiveaways
    from ingather.stores.redis_link import RedisLink

    server = start_valkey()
    link = RedisLink(server.url, timeout=1.0)
    async with sqlite(request) as truth:
        kept = BothGiveaways(truth._sql, RedisGiveaways(link))
        foreign = record()
        await RedisGiveaways(link).keep(foreign)
        assert await kept.show(foreign.giveaway_id) == foreign
        assert list(await kept.list(profile=foreign.profile_id)) == [foreign]
        made, own, note = draw(1, None)
        server.kill()
        assert await kept.add(made, own, note)
        assert await kept.show(own.giveaway_id) == own
    await link.close()
