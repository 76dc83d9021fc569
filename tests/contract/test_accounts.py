"""Accounts: the same promises in SQL and in MongoDB, against real servers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import refresh, refresh_more
from ingather.domain.instants import iso
from ingather.domain.records import Media, Profile
from ingather.domain.refresh import Account, LogEntry, Origin, Refreshed
from ingather.domain.refresh_posts import Post

DAY = 86_400.0


@contextlib.asynccontextmanager
async def sqlite(request) -> AsyncIterator[object]:
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_accounts import SqlAccounts
    from ingather.stores.sql_link import SqliteLink

    link = SqliteLink(request.getfixturevalue("tmp_path") / "ingather.db")
    yield SqlAccounts(SqliteSql(link), keep=5)
    await link.close()


@contextlib.asynccontextmanager
async def mongo(request) -> AsyncIterator[object]:
    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(request.getfixturevalue("mongo_url"))
    yield MongoAccounts(link, keep=5)
    await link.close()


@contextlib.asynccontextmanager
async def postgres(request) -> AsyncIterator[object]:
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.sql_accounts import SqlAccounts

    link = PgLink(request.getfixturevalue("make_database")())
    yield SqlAccounts(PostgresSql(link), keep=5)
    await link.close()


BACKINGS = {"sqlite": sqlite, "mongo": mongo, "postgres": postgres}


@pytest.fixture(params=sorted(BACKINGS))
async def accounts(request):
    async with BACKINGS[request.param](request) as found:
        yield found


def account(number: int = 1, **changed) -> Account:
    return structs.replace(Account(account_id=f"a{number:03d}", handle=f"user{number}"), **changed)


def done(before: Account, *, at: float, followers: int = 1234, **changed) -> Refreshed:
    """A refresh of an account at a time, as the feature makes it."""
    moment = iso(at)
    told = Profile(user_id="1784", username=before.handle, followers_count=followers, media_count=7)
    told = structs.replace(told, **changed)
    after, names = refresh.merge(before, told, source="graph", at=moment)
    entry = LogEntry(
        id=f"{before.account_id}:{refresh.week(moment)}", account_id=before.account_id,
        outcome="refreshed", source="graph", fields_changed=tuple(names), at=moment,
        event=Origin("data-refresh-instagram", 0, 5),
    )  # fmt: skip
    return Refreshed(account=after, entry=entry)


async def test_an_account_comes_back_as_it_was_written(accounts) -> None:
    """Account, log and history are there, every field of them."""
    await accounts.add([account()])
    now = await accounts.now()
    wrote = done(account(), at=now, full_name="Lena 🥖", biography="x\ny", is_private=False)
    await accounts.save([wrote])
    assert (await accounts.load(["a001"])) == {"a001": wrote.account}
    assert await accounts.log("a001", limit=5) == [wrote.entry]
    assert await accounts.log("a001", limit=5, failed=True) == []
    (day,) = await accounts.history("a001", limit=5)
    assert (day.day, day.followers, day.media) == (iso(now)[:10], 1234, 7)


async def test_adding_twice_adds_once(accounts) -> None:
    """What is there stays as it is."""
    assert await accounts.add([account(1), account(2)]) == 2
    await accounts.save([done(account(1), at=await accounts.now())])
    assert await accounts.add([account(1), account(3)]) == 1
    assert (await accounts.load(["a001"]))["a001"].follower_count == 1234


async def test_what_a_refresh_does_not_know_stays(accounts) -> None:
    """A name, a text, a picture and a count that nobody told this time are those of before."""
    told = {"name": "Lena", "description": "", "image_url": "https://x.test/1", "follower_count": 0}
    await accounts.add([account()])
    now = await accounts.now()
    for at, known in ((now - 60, told), (now, dict.fromkeys(told))):
        wrote = done(account(), at=at)
        wrote = structs.replace(wrote, account=structs.replace(wrote.account, **known))
        await accounts.save([wrote])
    found = (await accounts.load(["a001"]))["a001"]
    assert {name: getattr(found, name) for name in told} == told
    assert found.last_data_refresh == iso(now)


async def test_saving_twice_is_saving_once(accounts) -> None:
    """A refresh that is written again, as after a lost answer, changes nothing."""
    await accounts.add([account()])
    wrote = done(account(), at=await accounts.now())
    await accounts.save([wrote])
    await accounts.save([wrote, wrote])
    assert len(await accounts.log("a001", limit=9)) == 1
    assert len(await accounts.history("a001", limit=9)) == 1


async def test_a_failure_is_logged_and_leaves_the_account(accounts) -> None:
    """The log says why; truth is as it was."""
    await accounts.add([account()])
    entry = LogEntry(
        id="a001:x:1", account_id="a001", outcome="failed", error="Gone.", code="not_reachable",
        at=iso(await accounts.now()),
    )  # fmt: skip
    await accounts.save([Refreshed(account=None, entry=entry)])
    assert await accounts.log("a001", limit=9) == [entry]
    await accounts.save([done(account(), at=await accounts.now())])
    for account_id in ("a001", None):
        assert await accounts.log(account_id, limit=1, failed=True) == [entry]
    await accounts.remove("a001")
    await accounts.add([account()])
    assert await accounts.load(["a001"]) == {"a001": account()}


async def test_a_removed_account_is_not_made_again(accounts) -> None:
    """A refresh under way when the account is removed writes nothing of it."""
    await accounts.add([account()])
    wrote = done(account(), at=await accounts.now())
    await accounts.save([wrote])
    assert await accounts.remove("a001") is True
    await accounts.save([wrote])
    assert await accounts.load(["a001"]) == {}
    assert await accounts.log(limit=9) == [] and await accounts.history("a001", limit=9) == []
    assert await accounts.remove("a001") is False


def posts(*numbers: int, at: str, **changed) -> tuple[Post, ...]:
    """Posts of an account, each an hour older than the one before."""
    return tuple(
        Post(
            media=structs.replace(
                Media(
                    media_id=f"17{number:04d}", shortcode=f"C{number:04d}", media_type="VIDEO",
                    timestamp=f"2026-11-{20 - number // 24:02d}T{23 - number % 24:02d}:00:00Z",
                    username="user1", like_count=number, comment_count=0, hashtags=("bread",),
                    mentions=(), likes_hidden=False,
                ),
                **changed,
            ),
            source="graph", at=at,
        )
        for number in numbers
    )  # fmt: skip


async def test_posts_come_back_as_they_were_told(accounts) -> None:
    """Newest first, every field: 0 is 0, hidden is hidden, unknown is None; insights too."""
    await accounts.add([account()])
    at = iso(await accounts.now())
    newest, hidden, odd = posts(1, 2, 3, at=at)
    hidden = structs.replace(
        hidden, media=structs.replace(hidden.media, like_count=None, likes_hidden=True)
    )
    own = structs.replace(
        newest.media, reach=0, saved=3, play_count=70, plays_from="insights.views", caption="x 🥖"
    )
    newest = structs.replace(newest, media=own, insights_at=at)
    odd = structs.replace(
        odd, media=Media(media_id="178", play_count=5, plays_from="business_discovery.view_count")
    )
    wrote = structs.replace(done(account(), at=await accounts.now()), posts=(odd, hidden, newest))
    await accounts.save([wrote])
    assert await accounts.posts("a001", limit=9) == [newest, hidden, odd]
    assert await accounts.posts("a001", limit=1) == [newest]
    assert await accounts.posts("a001", limit=0) == []
    assert await accounts.posts("a002", limit=9) == []


async def test_a_post_is_one_however_often_it_is_told(accounts) -> None:
    """Told again it is replaced, the same in every source though its id is not; its insights stay
    where none are told, with their time."""
    await accounts.add([account(1), account(2)])
    now = await accounts.now()
    then, later = iso(now - 60), iso(now)
    (first,) = posts(1, at=then, reach=9, saved=None)
    first = structs.replace(first, insights_at=then)
    (again,) = posts(1, at=later, media_id="3171", like_count=None, likes_hidden=True)
    again = structs.replace(again, source="hiker")
    for told in (first, again):
        wrote = structs.replace(done(account(), at=now), posts=(told, told))
        await accounts.save([wrote, wrote])
    kept = structs.replace(again, media=structs.replace(again.media, reach=9), insights_at=then)
    assert await accounts.posts("a001", limit=9) == [kept]
    await accounts.save([structs.replace(done(account(2), at=now), posts=(first,))])
    assert await accounts.posts("a002", limit=9) == [first]
    assert await accounts.posts("a001", limit=9) == [kept]


async def test_the_newest_posts_are_kept(accounts) -> None:
    """Five of each account here, whichever were told together; nobody else's go for them."""
    await accounts.add([account(1), account(2)])
    now = await accounts.now()
    at = iso(now)
    both = [done(account(number), at=now) for number in (1, 2)]
    await accounts.save([structs.replace(both[1], posts=posts(1, 2, 3, 4, at=at))])
    await accounts.save([structs.replace(both[0], posts=posts(5, 6, 7, 30, 60, at=at))])
    await accounts.save([structs.replace(both[0], posts=posts(3, 4, 5, at=at))])
    found = await accounts.posts("a001", limit=9)
    assert [each.media.like_count for each in found] == [3, 4, 5, 6, 7]
    found = await accounts.posts("a002", limit=9)
    assert [each.media.like_count for each in found] == [1, 2, 3, 4]
    more = posts(2, at=at), posts(5, 6, at=at)
    await accounts.save(
        [structs.replace(one, posts=some) for one, some in zip(both, more, strict=True)]
    )
    for account_id, kept in (("a001", [2, 3, 4, 5, 6]), ("a002", [1, 2, 3, 4, 5])):
        found = await accounts.posts(account_id, limit=9)
        assert [each.media.like_count for each in found] == kept


async def test_posts_go_with_their_account(accounts) -> None:
    """Of a removed account nothing is left, nor is anything written of it again."""
    await accounts.add([account(1), account(2)])
    now = await accounts.now()
    wrote = [
        structs.replace(done(account(number), at=now), posts=posts(1, 2, at=iso(now)))
        for number in (1, 2)
    ]
    await accounts.save(wrote)
    await accounts.remove("a001")
    assert await accounts.posts("a001", limit=9) == []
    await accounts.save(wrote)
    assert await accounts.posts("a001", limit=9) == []
    assert len(await accounts.posts("a002", limit=9)) == 2


async def test_a_log_entry_is_there_or_not(accounts) -> None:
    """An entry that is there tells that its refresh is there in full."""
    await accounts.add([account()])
    wrote = done(account(), at=await accounts.now())
    assert not await accounts.logged(wrote.entry.id)
    await accounts.save([wrote])
    assert await accounts.logged(wrote.entry.id)


async def test_a_days_engagement_stays_where_a_later_refresh_tells_none(accounts) -> None:
    """And 0 is 0."""
    await accounts.add([account()])
    noon = 1_763_726_400.0
    for at, likes, told in ((noon, 5, 0.005), (noon + 60, None, 0.005), (noon + 120, 0, 0.0)):
        before = (await accounts.load(["a001"]))["a001"]
        wrote = done(before, at=at, followers=1000)
        if likes is not None:
            some = posts(1, at=iso(at), like_count=likes)
            after, _ = refresh_more.with_posts(wrote.account, some, source="graph", at=iso(at))
            wrote = structs.replace(wrote, account=after, posts=some)
        await accounts.save([wrote])
        (day,) = await accounts.history("a001", limit=9)
        assert day.engagement == told


async def test_a_name_is_one_accounts(accounts) -> None:
    """A name under another id, or an id with another name, is refused in words; nothing of what
    came with it is added, and what is there stays."""
    await accounts.add([account(1)])
    refused = (
        (account(9, handle="User1"), ["@User1", "a001", "a009"]),
        (account(1, handle="other"), ["a001", "@user1", "@other"]),
    )
    for wrong, told in refused:
        with pytest.raises(errors.BadInput) as found:
            await accounts.add([account(5), wrong, account(6)])
        assert [each for each in told if each not in str(found.value)] == []
        assert "accounts remove user1" in (found.value.hint or "")
        assert [each.account_id for each in await accounts.list(limit=9)] == ["a001"]
    assert await accounts.add([account(1), account(9, handle="user1", platform="tiktok")]) == 1


async def test_many_who_add_a_name_at_once_add_it_once(accounts) -> None:
    """Imports at the same time leave one account of a name; the others are told so."""
    await accounts.list(limit=1)
    found = await asyncio.gather(
        *(accounts.add([account(number, handle="same")]) for number in range(1, 7)),
        return_exceptions=True,
    )
    assert [each for each in found if each == 1] == [1]
    assert all(isinstance(each, errors.BadInput) for each in found if each != 1)
    assert len(await accounts.list(limit=9)) == 1


async def test_many_are_written_at_once_and_one_that_is_gone_hurts_no_other(accounts) -> None:
    """Three hundred refreshes, one of them of an account that was removed, one that only failed,
    and one that comes twice on different days: all others are written, each with its log."""
    now = await accounts.now()
    await accounts.add([account(number) for number in range(300)])
    wrote = [done(account(number), at=now, followers=1000 + number) for number in range(300)]
    failed = structs.replace(wrote[7].entry, id="a007:t:0:1:1", outcome="failed", error="no")
    before = done(account(9), at=now - 8 * DAY, followers=5)
    wrote[7] = Refreshed(account=None, entry=failed)
    await accounts.remove("a003")
    await accounts.save([before, *wrote])
    found = await accounts.load([each.entry.account_id for each in wrote])
    assert found.keys() == {f"a{number:03d}" for number in range(300) if number != 3}
    told = {key: each.follower_count for key, each in found.items() if each.last_data_refresh}
    assert told == {f"a{n:03d}": 1000 + n for n in range(300) if n not in (3, 7)}
    logged = [each.account_id for each in await accounts.log(limit=999)]
    assert sorted(logged) == sorted([*found, "a009"])
    assert [each.followers for each in await accounts.history("a009", limit=9)] == [1009, 5]


async def test_history_keeps_one_row_a_day(accounts) -> None:
    """The last number of a day stands for it; newest day first."""
    await accounts.add([account()])
    noon = 1_763_726_400.0
    for at, followers in ((noon - DAY, 10), (noon, 20), (noon + 60, 30)):
        before = (await accounts.load(["a001"]))["a001"]
        await accounts.save([done(before, at=at, followers=followers)])
    found = await accounts.history("a001", limit=9)
    assert [(each.day, each.followers) for each in found] == [
        ("2025-11-21", 30), ("2025-11-20", 10),
    ]  # fmt: skip
    assert len(await accounts.history("a001", limit=1)) == 1


async def test_accounts_are_found_by_name_and_listed_by_id(accounts) -> None:
    """A name in any case; pages go on after an id."""
    await accounts.add([account(number) for number in range(1, 6)])
    assert (await accounts.find("USER3")).account_id == "a003"
    assert await accounts.find("nobody") is None
    first = await accounts.list(limit=2)
    rest = await accounts.list(limit=9, after=first[-1].account_id)
    assert [each.account_id for each in [*first, *rest]] == [f"a00{n}" for n in range(1, 6)]


async def test_the_stalest_are_claimed_first_and_the_larger_first_within_a_day(accounts) -> None:
    """Never refreshed before long ago before lately; what is fresh is not claimed at all."""
    noon = (await accounts.now()) // DAY * DAY + DAY / 2
    ages = {1: (30, 5), 2: (30.1, 900), 3: (60, 1), 4: (1, 10**6), 5: (None, None)}
    await accounts.add([account(number) for number in ages])
    for number, (age, followers) in ages.items():
        if age is not None:
            await accounts.save([done(account(number), at=noon - age * DAY, followers=followers)])
    wanted = {"stale": noon - 7 * DAY, "until": noon + DAY}
    found = await accounts.claim(**wanted, limit=3)
    assert [each.account_id for each in found] == ["a005", "a003", "a002"]
    assert [each.account_id for each in await accounts.claim(**wanted, limit=3)] == ["a001"]
    assert await accounts.claim(**wanted, limit=3) == []


async def test_a_claim_that_nobody_used_is_given_again(accounts) -> None:
    """A scheduler that died between claiming and publishing loses no account for its window."""
    await accounts.add([account()])
    now = await accounts.now()
    assert len(await accounts.claim(stale=now - DAY, until=now - 1, limit=5)) == 1
    (again,) = await accounts.claim(stale=now - DAY, until=now + 60, limit=5)
    await accounts.scheduled([again.account_id], until=now + DAY)
    assert await accounts.claim(stale=now - DAY, until=now + 60, limit=5) == []


async def test_two_schedulers_claim_no_account_twice(accounts) -> None:
    """They share the stale accounts between them."""
    await accounts.add([account(number) for number in range(1, 41)])
    now = await accounts.now()
    found = await asyncio.gather(
        *(accounts.claim(stale=now - DAY, until=now + DAY, limit=7) for _ in range(8))
    )
    ids = [each.account_id for batch in found for each in batch]
    assert len(ids) == len(set(ids))
    rest = await accounts.claim(stale=now - DAY, until=now + DAY, limit=99)
    assert len(ids) + len(rest) == 40


async def test_what_is_old_is_dropped(accounts, monkeypatch) -> None:
    """Entries of the log and days of the history from before a time, in batches; what is newer,
    the account itself, and without a time the whole history stay."""
    from ingather.stores import mongo_link, sql_accounts

    for module in (mongo_link, sql_accounts):
        monkeypatch.setattr(module, "_DROPPED_AT_ONCE", 2)
    await accounts.add([account(number) for number in range(6)])
    now = 1_763_726_400.0
    for number in range(6):
        at = now - (100 if number < 5 else 1) * DAY
        await accounts.save([done(account(number), at=at)])
    assert await accounts.prune(log=now - 100 * DAY, history=now - 100 * DAY) == 0
    assert await accounts.prune(log=now - 90 * DAY, history=None) == 5
    assert [each.account_id for each in await accounts.log(limit=9)] == ["a005"]
    assert len(await accounts.history("a001", limit=9)) == 1
    assert await accounts.prune(log=now - 90 * DAY, history=now - 90 * DAY) == 5
    assert [len(await accounts.history(f"a00{n}", limit=9)) for n in range(6)] == [0] * 5 + [1]
    assert (await accounts.load(["a001"]))["a001"].follower_count == 1234


async def test_totals(accounts) -> None:
    """How many there are, how many are new, and since when the stalest was not refreshed."""
    found = await accounts.totals()
    assert (found.accounts, found.never, found.oldest) == (0, 0, None)
    await accounts.add([account(1), account(2), account(3)])
    for number, at in ((1, 1_763_000_000.0), (2, 1_763_500_000.0)):
        await accounts.save([done(account(number), at=at)])
    found = await accounts.totals()
    assert (found.accounts, found.never, found.oldest) == (3, 1, 1_763_000_000.0)


async def test_the_clock_is_the_stores(accounts, monkeypatch) -> None:
    """A worker whose clock jumped does not stamp what it thinks."""
    before = await accounts.now()
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert 0 <= await accounts.now() - before < 60


async def test_fields_of_others_stay_in_mongodb(mongo_url, tmp_path) -> None:
    """A rating site's own fields and ids, an ObjectId for one, are left as they are."""
    from bson import ObjectId

    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(mongo_url)
    accounts, key = MongoAccounts(link), ObjectId()
    theirs = {"_id": key, "platform": "INSTAGRAM", "handle": "lena", "rating": 4.5, "seo": {"a": 1}}
    await link.database["Account"].insert_one(theirs)
    before = (await accounts.load([str(key)]))[str(key)]
    assert (before.handle, (await accounts.find("Lena")).account_id) == ("lena", str(key))
    await accounts.save([done(before, at=await accounts.now())])
    after = await link.database["Account"].find_one({"_id": key})
    assert {name: after[name] for name in theirs} == theirs
    assert after["followerCount"] == 1234 and after["instagramData"]["mediaCount"] == 7
    assert await link.database["Account"].count_documents({}) == 1
    assert (await link.database["DataRefreshLog"].find_one())["accountId"] == str(key)
    await link.close()


async def test_names_that_stand_twice_in_mongodb_stop_no_refresh(mongo_url) -> None:
    """Where a collection holds a name twice, as it was once made, accounts are refreshed; adding
    says what to do, and goes on once that is done. Another platform's names are its own."""
    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(mongo_url)
    accounts = MongoAccounts(link)
    theirs = [
        {"_id": name, "platform": platform, "handle": "lena"}
        for name, platform in (("1", "instagram"), ("2", "instagram"), ("3", "tik"), ("4", "tik"))
    ]
    await link.database["Account"].insert_many([*theirs, {"_id": "5", "platform": "instagram"}])
    await accounts.save([done(Account(account_id="1", handle="lena"), at=await accounts.now())])
    assert (await accounts.load(["1"]))["1"].follower_count == 1234
    with pytest.raises(errors.BadInput, match="@lena under several ids"):
        await accounts.add([account()])
    await accounts.remove("2")
    assert await accounts.add([account()]) == 1
    with pytest.raises(errors.BadInput):
        await accounts.add([Account(account_id="x", handle="lena")])
    await link.close()


@pytest.mark.parametrize("refuses", ["Account", "AccountHistory", "DataRefreshLog"])
async def test_a_document_that_mongodb_refuses_is_an_error(mongo_url, refuses) -> None:
    """A rating site's own rules may refuse what is written: that is told, and never taken for a
    document that is there already. What was not refused is written."""
    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(mongo_url)
    accounts = MongoAccounts(link)
    field = "_id" if refuses == "Account" else "accountId"
    await link.database.create_collection(refuses, validator={field: {"$ne": "bad"}})
    both = [Account(account_id=name, handle=name) for name in ("bad", "good")]
    if refuses == "Account":
        with pytest.raises(errors.StoreUnavailable, match="refuses"):
            await accounts.add(both)
    else:
        await accounts.add(both)
        now = await accounts.now()
        with pytest.raises(errors.StoreUnavailable, match="refuses"):
            await accounts.save([done(each, at=now) for each in both])
    written = [each async for each in link.database[refuses].find({})]
    assert [each[field] for each in written] == ["good"]
    await link.close()


async def test_fields_of_others_stay_with_a_post_in_mongodb(mongo_url) -> None:
    """What a rating site wrote beside ours is left as it is."""
    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(mongo_url)
    accounts = MongoAccounts(link)
    await accounts.add([account()])
    now = await accounts.now()
    wrote = structs.replace(done(account(), at=now), posts=posts(1, at=iso(now)))
    await accounts.save([wrote])
    media = link.database["AccountMedia"]
    await media.update_one({"_id": "a001:C0001"}, {"$set": {"rating": 4.5}})
    await accounts.save([wrote])
    found = await media.find_one({"_id": "a001:C0001"})
    assert (found["rating"], found["accountId"], found["likeCount"]) == (4.5, "a001", 1)
    assert found["timestamp"].isoformat() == "2026-11-20T22:00:00+00:00"
    assert await accounts.posts("a001", limit=9) == list(wrote.posts)
    await link.close()


def test_a_mongodb_that_does_not_answer_is_our_error() -> None:
    """It says so without the address, which may hold a password."""
    from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

    from ingather.stores.mongo_link import MongoLink

    link = MongoLink("mongodb://me:canary-secret@db.invalid/x")
    for failure in (
        ServerSelectionTimeoutError("canary-secret"),
        OperationFailure("canary-secret"),
    ):
        with (
            pytest.raises(errors.StoreUnavailable, match=r"db\.invalid") as found,
            link.translating(),
        ):
            raise failure
        assert "canary" not in str(found.value) and found.value.__cause__ is None


async def test_entries_of_other_platforms_stay_in_mongodb(mongo_url) -> None:
    """The log is the site's: what is old and not ours is not dropped."""
    from datetime import UTC, datetime

    from ingather.stores.mongo_accounts import MongoAccounts
    from ingather.stores.mongo_link import MongoLink

    link = MongoLink(mongo_url)
    old = {"_id": "x", "platform": "youtube", "at": datetime(2020, 1, 1, tzinfo=UTC)}
    await link.database["DataRefreshLog"].insert_one(old)
    assert await MongoAccounts(link).prune(log=1_763_726_400.0, history=None) == 0
    assert await link.database["DataRefreshLog"].count_documents({}) == 1
    await link.close()
