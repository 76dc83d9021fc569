"""The schedule: what is due, once in its window, whoever else schedules beside."""

import asyncio

import pytest

from ingather import errors
from ingather.domain import refresh
from ingather.domain.refresh import Account
from ingather.features import schedule
from ingather.features.refresh_keep import Keep, tidy
from ingather.features.schedule import Plan
from ingather.stores.sql import SqliteSql
from ingather.stores.sql_accounts import SqlAccounts
from ingather.stores.sql_events import SqlEvents
from ingather.stores.sql_link import SqliteLink


@pytest.fixture
async def sql(tmp_path):
    link = SqliteLink(tmp_path / "ingather.db")
    yield SqliteSql(link)
    await link.close()


async def told(events: SqlEvents) -> list[refresh.Event]:
    return [refresh.event(each.body) for each in await events.take(limit=9_999, lease=60)]


async def test_what_is_due_is_published_once(sql) -> None:
    """Every account in one event, spread over the hour, and none a second time."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await accounts.add([Account(account_id=f"a{n}", handle=f"u{n}") for n in range(120)])
    assert await schedule.publish(accounts, events, Plan()) == 120
    assert await schedule.publish(accounts, events, Plan()) == 0
    found = await told(events)
    assert {each.account_id for each in found} == {f"a{n}" for n in range(120)}
    moments = [refresh.seconds(each.scheduled_at) for each in found]
    assert 0 <= max(moments) - min(moments) < 3600


async def test_a_run_publishes_no_more_than_its_share(sql) -> None:
    """An hour's share of the limit; the next run takes the rest."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await accounts.add([Account(account_id=f"a{n}", handle=f"u{n}") for n in range(130)])
    runs = [await schedule.publish(accounts, events, Plan(most=60)) for _ in range(4)]
    assert runs == [60, 60, 10, 0]


async def test_two_schedulers_at_once_publish_each_account_once(sql) -> None:
    """They share what is due between them."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await accounts.add([Account(account_id=f"a{n}", handle=f"u{n}") for n in range(150)])
    counts = await asyncio.gather(*(schedule.publish(accounts, events, Plan()) for _ in range(3)))
    assert sum(counts) == 150 == len({each.account_id for each in await told(events)})


async def test_dead_letters_are_kept_as_long_as_the_log(sql) -> None:
    """By the store's clock; what is younger stays."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await events.bury(refresh.Origin("t", 0, 1), b"x", errors.BadEvent("no"), 1)
    for keep in (Keep(), Keep(log=1e15, history=1e15)):
        assert await tidy(accounts, events, keep) == 0
    assert await events.dead_count() == 1
    assert await tidy(accounts, events, Keep(log=-1.0)) == 1 and await events.dead_count() == 0


async def test_a_scheduler_that_cannot_publish_loses_nobody(sql, monkeypatch) -> None:
    """What it had claimed is given again when the claim has ended."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await accounts.add([Account(account_id="a1", handle="u1")])

    async def broken(_) -> None:
        raise errors.StoreUnavailable

    monkeypatch.setattr(schedule, "_CLAIM", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(events, "publish", broken)
        with pytest.raises(errors.StoreUnavailable):
            await schedule.publish(accounts, events, Plan())
    await asyncio.sleep(0.1)
    assert await schedule.publish(accounts, events, Plan()) == 1


async def test_a_scheduler_that_dies_after_publishing_publishes_nobody_twice(
    sql, monkeypatch
) -> None:
    """Its event waits once; what somebody asks for beside it is an event of its own."""
    accounts, events = SqlAccounts(sql), SqlEvents(sql)
    await accounts.add([Account(account_id="a1", handle="u1")])

    async def dies(*_: object, **__: object) -> None:
        raise errors.StoreUnavailable

    monkeypatch.setattr(schedule, "_CLAIM", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "scheduled", dies)
        with pytest.raises(errors.StoreUnavailable):
            await schedule.publish(accounts, events, Plan())
    await asyncio.sleep(0.1)
    assert await schedule.publish(accounts, events, Plan()) == 1
    assert await events.waiting() == 1
    asked = refresh.Event("a1", "instagram", "2026-11-21T10:00:00Z", again=True)
    await events.publish([asked])
    await events.publish([asked])
    assert await events.waiting() == 3


async def test_the_queue_gives_a_message_again_that_nobody_finished(sql) -> None:
    """A reader that died keeps no message; one that is finished is gone."""
    events = SqlEvents(sql)
    await events.publish([refresh.Event("a1", "instagram", "2026-11-21T10:00:00Z")])
    (taken,) = await events.take(limit=5, lease=0.05)
    assert await events.take(limit=5, lease=60) == []
    await asyncio.sleep(0.1)
    (again,) = await events.take(limit=5, lease=60)
    assert again.id == taken.id and again.origin.offset == taken.origin.offset + 1
    await events.finish([again.id])
    assert await events.waiting() == 0


async def test_dead_letters_of_the_queue_are_replayed_once(sql) -> None:
    """Each is listed with why, published again, and no longer there."""
    events = SqlEvents(sql)
    origin = refresh.Origin("queue", 0, 1)
    await events.bury(origin, b"non\0sense\xff", errors.BadEvent(), 3)
    (letter,) = await events.dead(limit=5)
    assert (letter.code, letter.attempts, letter.topic) == ("bad_event", 3, "queue")
    assert await events.replay(limit=5) == 1
    assert await events.replay(limit=5) == 0 and await events.dead(limit=5) == []
    assert await events.waiting() == 1
