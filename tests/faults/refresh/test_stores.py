"""Stores that fail under the refresh (rows R8, R9): truth first, log with it, cache after."""

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.records import Profile
from ingather.domain.refresh import Account, Event, Origin, seconds
from ingather.settings import load

from .conftest import WHEN, Room, event, sqlite_at


@asynccontextmanager
async def room_of(folder, **settings):
    base = structs.replace(load({}, folder=folder), data_dir=folder, database=sqlite_at(folder))
    room = Room(structs.replace(base, **settings))
    async with room.world:
        yield room


async def test_a_postgresql_that_is_restarted_loses_nothing(start_postgres, tmp_path) -> None:
    """Killed at once and started again while forty accounts are refreshed: each is, and is logged
    once; nothing is a dead letter."""
    server = start_postgres()
    async with room_of(tmp_path, postgres_url=server.url()) as room:
        ids = await room.add(40)

        async def slow(_: str) -> None:
            await asyncio.sleep(0.02)

        room.voice.before = slow
        turns = asyncio.Semaphore(4)

        async def one(place: int, account_id: str) -> str:
            async with turns:
                return await room.parts.work.do(event(account_id), Origin("t", 0, place))

        work = [asyncio.create_task(one(*each)) for each in enumerate(ids)]
        for _ in range(2):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(server.restart)
        assert await asyncio.gather(*work) == ["refreshed"] * 40
        assert await room.refreshed() == set(ids)
        assert await room.parts.events.dead(limit=9) == []


async def test_the_cache_is_renewed_after_the_truth_and_only_if_it_is_there(
    tmp_path, valkey
) -> None:
    """`instagram:profile:{instagramId}` holds the new profile in Graph's names; what is not
    cached is not made."""
    async with room_of(tmp_path, redis_url=valkey, cache_redis_url=valkey) as room:
        there, absent = (f"1784{uuid4().int % 10**13:013d}" for _ in range(2))
        cache = room.world.cache
        await cache.put(f"instagram:profile:{there}", b"old", ttl=60)
        for place, number in enumerate((there, absent)):
            data = {"userId": number}
            account = Account(account_id=number, handle=f"u{place}", instagram_data=data)
            await room.parts.accounts.add([account])
            # a store keeps what an account had before it was ours
            found = (await room.parts.accounts.load([number]))[number]
            assert found.instagram_id == number
            assert await room.parts.work.do(event(number), Origin("t", 0, place)) == "refreshed"
        told = json.loads(await cache.get(f"instagram:profile:{there}"))
        assert (told["id"], told["username"], told["followers_count"]) == (there, "u0", 1002)
        assert await cache.get(f"instagram:profile:{absent}") is None


async def test_a_cache_that_is_away_stops_nothing(tmp_path, monkeypatch) -> None:
    """Losing it costs a call, never the refresh."""
    async with room_of(tmp_path) as room:
        data = {"userId": "1784"}
        await room.parts.accounts.add([Account(account_id="a", handle="u", instagram_data=data)])

        async def away(key: str, value: bytes) -> bool:
            raise errors.StoreUnavailable

        monkeypatch.setattr(room.world.cache, "renew", away)
        assert await room.parts.work.do(event("a"), Origin("t", 0, 1)) == "refreshed"


async def killed_at(room, reached: asyncio.Event) -> None:
    """Refresh account a until there, and no further."""
    task = asyncio.create_task(room.parts.work.do(event("a"), Origin("t", 0, 1)))
    await asyncio.wait_for(reached.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_not_written_is_not_in_the_cache(tmp_path, monkeypatch) -> None:
    """Killed at the truth, the cache tells what it did before."""
    async with room_of(tmp_path) as room:
        accounts, cache, reached = room.parts.accounts, room.world.cache, asyncio.Event()
        await accounts.add([Account(account_id="a", handle="u", instagram_data={"userId": "17"})])
        await cache.put("instagram:profile:17", b"old", ttl=60)

        async def killed(done) -> None:
            reached.set()
            raise asyncio.CancelledError

        monkeypatch.setattr(accounts, "save", killed)
        await killed_at(room, reached)
        assert await cache.get("instagram:profile:17") == b"old"


async def test_two_events_of_an_account_at_once_ask_once(tmp_path) -> None:
    """The second finds what the first has done."""
    async with room_of(tmp_path) as room:
        await room.parts.accounts.add([Account(account_id="a", handle="u")])

        async def slow(_: str) -> None:
            await asyncio.sleep(0.05)

        room.voice.before = slow
        done = [room.parts.work.do(event("a"), Origin("t", 0, place)) for place in (1, 2)]
        assert sorted(await asyncio.gather(*done)) == ["already", "refreshed"]
        assert room.voice.asked == ["u"]


async def test_a_log_entry_that_was_lost_is_mended(tmp_path, mongo_url, monkeypatch) -> None:
    """MongoDB writes account and log one after the other: killed between the two, the event comes
    again, nobody is asked, and the entry is there."""
    async with room_of(tmp_path, mongodb_url=mongo_url) as room:
        accounts = room.parts.accounts
        await accounts.add([Account(account_id="a", handle="u")])
        write, reached = accounts._write_logs, asyncio.Event()

        async def killed(entries) -> None:
            reached.set()
            raise asyncio.CancelledError

        monkeypatch.setattr(accounts, "_write_logs", killed)
        await killed_at(room, reached)
        monkeypatch.setattr(accounts, "_write_logs", write)
        assert (await accounts.load(["a"]))["a"].last_data_refresh is not None
        assert await accounts.log("a", limit=9) == []
        assert await room.parts.work.do(event("a"), Origin("t", 0, 1)) in ("already", "refreshed")
        assert len(await accounts.log("a", limit=9)) == 1


@pytest.mark.parametrize("place", ["posts", "log"])
async def test_posts_that_were_lost_are_asked_for_again(
    tmp_path, mongo_url, monkeypatch, place
) -> None:
    """MongoDB has the account and not its posts: the event comes again, and they are told again,
    with a log entry of all that has changed. Where they are there nobody is asked."""
    from ingather.domain.records import Media
    from ingather.stores import mongo_posts

    async with room_of(tmp_path, mongodb_url=mongo_url) as room:
        accounts = room.parts.accounts
        await accounts.add([Account(account_id="a", handle="u")])
        told = room.voice.profile

        async def with_posts(username: str) -> Profile:
            media = Media(media_id="17", shortcode="C1", like_count=3, comment_count=1)
            return structs.replace(await told(username), posts=(media,))

        reached = asyncio.Event()

        async def killed(*_: object, **__: object) -> None:
            reached.set()
            raise asyncio.CancelledError

        room.voice.profile = with_posts
        where, name = (mongo_posts, "write") if place == "posts" else (accounts, "_write_logs")
        with monkeypatch.context() as patch:
            patch.setattr(where, name, killed)
            await killed_at(room, reached)
        assert not await accounts.log("a", limit=9)
        asked = len(room.voice.asked)
        again = await room.parts.work.do(event("a"), Origin("t", 0, 1))
        assert again == ("refreshed" if place == "posts" else "already")
        assert len(room.voice.asked) - asked == (place == "posts")
        (post,) = await accounts.posts("a", limit=9)
        (entry,) = await accounts.log("a", limit=9)
        (day,) = await accounts.history("a", limit=9)
        assert (post.key, day.engagement) == ("C1", pytest.approx(4 / day.followers, abs=1e-6))
        assert {"followerCount", "instagramData.latestMedia"} <= set(entry.fields_changed)
        assert await room.parts.work.do(event("a"), Origin("t", 0, 1)) == "already"


async def test_a_source_that_nobody_understands_is_tried_and_buried(tmp_path) -> None:
    """Three attempts, an entry in the log that says why, and a dead letter that says how often."""
    async with room_of(tmp_path) as room:
        await room.add(1)
        room.world.clock.sleep = lambda _: asyncio.sleep(0)

        async def broken(_: str) -> None:
            raise RuntimeError("canary-secret")

        room.voice.before = broken
        assert await room.parts.work.do(event("a00000"), Origin("t", 2, 7)) == "dead"
        (letter,) = await room.parts.events.dead(limit=9)
        assert (letter.topic, letter.partition, letter.offset, letter.attempts) == ("t", 2, 7, 3)
        assert "RuntimeError" in letter.error and "canary" not in letter.error
        (entry,) = await room.parts.accounts.log("a00000", limit=9)
        assert (entry.outcome, entry.attempt) == ("failed", 3)


async def test_a_fall_to_zero_changes_nothing_and_is_told(tmp_path) -> None:
    """The account keeps what it had, and the log says what the source said."""
    async with room_of(tmp_path) as room:
        await room.add(1)
        assert await room.parts.work.do(event("a00000"), Origin("t", 0, 1)) == "refreshed"
        before = (await room.parts.accounts.load(["a00000"]))["a00000"]

        async def zero(username: str) -> Profile:
            return Profile(user_id=None, username=username, followers_count=0)

        room.voice.profile = zero
        later = Event("a00000", "instagram", "2030-01-01T00:00:00Z")
        done = await room.parts.refresher.handle(later, Origin("t", 0, 2))
        assert done.outcome == "failed" and done.error.code == "implausible"
        assert (await room.parts.accounts.load(["a00000"]))["a00000"] == before
        assert later.scheduled_at > WHEN


async def test_a_clock_that_jumped_stamps_nothing(tmp_path) -> None:
    """A worker 400 days ahead (row R16) writes the store's time, so the account is due again in a
    week and not in a year."""
    async with room_of(tmp_path) as room:
        await room.add(1)
        room.world.clock.now = lambda: 4_000_000_000.0
        assert await room.parts.work.do(event("a00000"), Origin("t", 0, 1)) == "refreshed"
        account = (await room.parts.accounts.load(["a00000"]))["a00000"]
        stamped = seconds(account.last_data_refresh)
        assert abs(stamped - await room.parts.accounts.now()) < 60


async def test_a_scheduler_that_dies_before_it_marks_costs_no_second_call(
    tmp_path, monkeypatch
) -> None:
    """Its events are published again when its claim has ended: nobody is lost. In the queue they
    wait once; where they come twice, as from Kafka, the second one finds the work done."""
    from ingather.features import schedule

    async def dies(*_: object, **__: object) -> None:
        raise errors.StoreUnavailable

    async with room_of(tmp_path) as room:
        ids, parts = await room.add(3), room.parts
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "_CLAIM", 0.05)
            patch.setattr(parts.accounts, "scheduled", dies)
            with pytest.raises(errors.StoreUnavailable):
                await schedule.publish(parts.accounts, parts.queue, schedule.Plan())
        await asyncio.sleep(0.1)
        assert await schedule.publish(parts.accounts, parts.queue, schedule.Plan()) == len(ids)
        taken = await parts.queue.take(limit=9, lease=60)
        assert len(taken) == len(ids)
        done = [await parts.work.do(each.body, each.origin) for each in [*taken, *taken]]
        assert sorted(done) == ["already"] * 3 + ["refreshed"] * 3
        assert sorted(room.voice.asked) == [f"u{each}" for each in ids]
        assert await room.refreshed() == set(ids)
