"""Kafka (rows R12, R13, R15, goal G5): nothing lost, no offset ahead of the truth."""

import asyncio
import socket
import time

import pytest

from ingather import errors
from ingather.consumer import app

from .conftest import FULL, consuming, counted, event, reaches, until


@pytest.fixture
def patient_leader(monkeypatch) -> None:
    """The mock cluster refuses a follower that syncs after its leader, which Kafka does not: so
    the leader waits a little."""
    from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance

    sync = CoordinatorGroupRebalance._on_join_leader

    async def later(self, response):
        await asyncio.sleep(0.5)
        return await sync(self, response)

    monkeypatch.setattr(CoordinatorGroupRebalance, "_on_join_leader", later)


async def test_bad_messages_are_dead_letters_and_the_rest_is_done(room, kafka) -> None:
    """Half of the messages are malformed: exactly those are in the dead-letter topic, each with
    where it stood, why, and how often it was tried; exactly the others are processed."""
    half = 500 if FULL else 50
    ids = await room.add(half)
    bad = [b"{", b"", b"[1]", b'{"accountId":7}', event("")] * (half // 5)
    for good, wrong in zip(ids, bad, strict=True):
        kafka.send(event(good), wrong)
    async with consuming(room):
        await reaches(lambda: counted(room, "dead") == half and counted(room, "refreshed") == half)
    assert await room.refreshed() == set(ids)
    letters = kafka.dead()
    assert len(letters) == half and kafka.committed() == 2 * half
    assert len({(each["partition"], each["offset"]) for each in letters}) == half
    assert {(each["topic"], each["code"], each["attempts"]) for each in letters} == {
        ("data-refresh-instagram", "bad_event", 1)
    }
    assert sorted(each["value"].encode() for each in letters) == sorted(bad)


async def test_other_platforms_are_skipped_and_ours_in_any_case(room, kafka) -> None:
    """`INSTAGRAM` is ours, `tiktok` is somebody else's, and is no error."""
    ids = await room.add(2)
    kafka.send(event(ids[0], platform="INSTAGRAM"), event(ids[1], platform="tiktok"))
    async with consuming(room):
        await reaches(lambda: counted(room, "refreshed") == 1 and counted(room, "skipped") == 1)
    assert await room.refreshed() == {ids[0]} and kafka.dead() == [] and kafka.committed() == 2


async def test_the_same_event_again_asks_nobody(room, kafka) -> None:
    """Idempotent by account and ISO week: a redelivery finds the work done."""
    (one,) = await room.add(1)
    # The store stamps with its clock, so the event is of the week that it is now.
    week = (await room.parts.accounts.now()).__int__()
    from ingather.domain.instants import iso

    kafka.send(*[event(one, at=iso(week))] * 5)
    async with consuming(room):
        await reaches(lambda: counted(room, "already") == 4)
    assert room.voice.asked == [f"u{one}"] and await room.refreshed() == {one}


async def test_while_parked_nothing_is_committed_and_nobody_is_thrown_out(room, kafka) -> None:
    """A limit is reached: the messages wait in Kafka, the partitions are paused and polled past
    the time after which the group would have thrown us out, and all is done afterwards."""
    ids = await room.add(6)
    open_again = asyncio.Event()

    async def shut(_: str) -> None:
        await open_again.wait()

    room.voice.before = shut
    kafka.send(*[event(each) for each in ids])
    async with consuming(room, hold_after=0.2) as consumer:
        await reaches(lambda: len(room.voice.asked) >= 1)
        await reaches(lambda: consumer.pump._holding)
        assert consumer._inner.paused() == consumer._inner.assignment() != set()
        assert kafka.committed() == 0
        open_again.set()
        await reaches(lambda: counted(room, "refreshed") == 6)
        await reaches(lambda: not consumer._inner.paused())
    assert kafka.committed() == 6


async def test_a_rebalance_loses_nothing(room, kafka, patient_leader) -> None:
    """A second consumer joins while the first is at work, and leaves again."""
    ids = await room.add(60)

    async def slow(_: str) -> None:
        await asyncio.sleep(0.02)

    room.voice.before = slow
    kafka.send(*[event(each) for each in ids])
    options = {"at_once": 2, "hold_after": 0.2}
    async with consuming(room, **options):
        await reaches(lambda: counted(room, "refreshed") > 3)
        async with consuming(room, **options) as second:
            await reaches(lambda: second.ready)
        await reaches(lambda: kafka.committed() == 60)
    assert await room.refreshed() == set(ids)
    assert kafka.dead() == []


async def test_a_store_that_is_away_is_waited_for(room, kafka, monkeypatch) -> None:
    """While the truth cannot be written no offset moves and nothing is a dead letter."""
    ids = await room.add(5)
    accounts, away = room.parts.accounts, [True]
    save = accounts.save

    async def failing(done):
        if away[0]:
            raise errors.StoreUnavailable
        await save(done)

    monkeypatch.setattr(accounts, "save", failing)
    kafka.send(*[event(each) for each in ids])
    async with consuming(room):
        await reaches(lambda: room.metrics.waiting >= 1)
        assert kafka.committed() == 0
        away[0] = False
        await reaches(lambda: counted(room, "refreshed") == 5)
    assert await room.refreshed() == set(ids) and kafka.dead() == [] and kafka.committed() == 5


GONE = 30.0 if FULL else 2.0


async def test_a_broker_that_is_gone_is_waited_for(room, kafka, monkeypatch) -> None:
    """It goes while messages are under way, and comes back with what it holds: the consumer is not
    ready meanwhile, and says so in its metrics; nothing is lost, no offset is ahead of the truth,
    and what waits is counted though nothing comes."""
    monkeypatch.setattr(app, "_ANSWER", 1.5)
    ids = await room.add(40)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        if len(room.voice.asked) > 10:
            reached.set()
            await go_on.wait()

    def metric(name: str) -> float | None:
        return room.metrics.registry.get_sample_value(f"ingather_refresh_{name}")

    room.voice.before = slow
    kafka.send(*[event(each) for each in ids])
    async with consuming(room, at_once=4) as consumer:
        await reached.wait()
        kafka.away(True)
        go_on.set()
        await consumer.measure()
        assert not consumer.ready and metric("kafka_answers") == 0
        await asyncio.sleep(GONE)
        kafka.away(False)
        assert kafka.committed() <= len(await room.refreshed())
        await reaches(lambda: kafka.committed() == 40)

        async def ready() -> bool:
            await consumer.measure()
            return consumer.ready

        await reaches(ready)
        assert metric("kafka_answers") == 1
        lag = dict.fromkeys(map(str, range(4)), 0)
        assert {part: told_lag(room, part) for part in lag} == lag
    assert await room.refreshed() == set(ids) and kafka.dead() == []


def told_lag(room, partition: str) -> float | None:
    return room.metrics.registry.get_sample_value("ingather_refresh_lag", {"partition": partition})


async def test_the_lag_is_told_though_nothing_is_read(room, kafka) -> None:
    """Sampled of Kafka itself: a consumer that is stuck tells how many wait."""
    (one,) = await room.add(1)
    stuck = asyncio.Event()

    async def wait(_: str) -> None:
        await stuck.wait()

    room.voice.before = wait
    kafka.send(event(one))
    async with consuming(room) as consumer:
        await reaches(lambda: room.voice.asked)
        kafka.send(*[event(one)] * 30)
        await consumer.measure()
        assert sum(told_lag(room, str(part)) for part in range(4)) == 31
        stuck.set()


async def test_draining_lets_go_of_what_waits(room, kafka) -> None:
    """A consumer that is stopped while its messages wait ends at once; they stay in Kafka."""
    ids = await room.add(5)
    from ingather.features.refresh_sources import Wait

    async def limited(_: str) -> None:
        raise Wait(3600.0, "limit")

    room.voice.before = limited
    kafka.send(*[event(each) for each in ids])
    async with asyncio.timeout(45):
        async with consuming(room):
            await reaches(lambda: room.metrics.waiting >= 1)
    assert kafka.committed() == 0
    room.voice.before = None
    async with consuming(room):
        await reaches(lambda: counted(room, "refreshed") == 5)
    assert await room.refreshed() == set(ids)


async def test_dead_letters_are_listed_and_replayed_once(room, kafka) -> None:
    """After the account was added its event is published again, and not a second time."""
    kafka.send(event("late"), event("never"))
    async with consuming(room):
        await reaches(lambda: counted(room, "dead") == 2)
    events = room.parts.events
    assert {each.code for each in await events.dead(limit=9)} == {"account_not_found"}
    from ingather.domain.refresh import Account

    await room.parts.accounts.add([Account(account_id="late", handle="late")])
    assert await events.replay(limit=9) == 2
    assert await events.replay(limit=9) == 0 and await events.dead(limit=9) == []
    async with consuming(room):
        await reaches(lambda: counted(room, "refreshed") == 1 and counted(room, "dead") == 3)
    assert len(kafka.dead()) == 3


@pytest.mark.parametrize("point", ["called:3:kill", "committed:3:kill", "dlq_written:1:kill"])
def test_killed_anywhere_and_started_again(program, kafka, tmp_path, point) -> None:
    """kill -9 between poll and durable write, between write and commit, between dead letter and
    commit: after a restart every message is done, and none is passed over."""
    ids = [f"a{number}" for number in range(8)]
    _add(tmp_path, ids)
    kafka.send(*[event(each) for each in ids], b"nonsense")
    assert program(INGATHER_TEST_POINT=point).wait() == -9
    assert kafka.committed() <= len(_done(tmp_path)) + len(kafka.dead())
    second = program()
    until(lambda: kafka.committed() == 9)
    assert second.end() == 0
    assert _done(tmp_path) == set(ids)
    assert 1 <= len(kafka.dead()) <= 2  # written twice is allowed, lost is not


def test_a_second_signal_ends_a_drain_at_once(program, kafka, tmp_path) -> None:
    """Row R15: a first SIGTERM waits for what is under way, and who asks meanwhile is told that
    nothing more is taken; a second does not wait. The message stays in Kafka, and a consumer that
    is started afterwards does it."""
    _add(tmp_path, ["a0"])
    kafka.send(event("a0"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        first = program(INSTAGRAM_WEB_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        asked, _ = silent.accept()
        first.ask_to_end()
        until(lambda: "draining" in first.said)
        assert [first.probe(path) for path in ("health", "ready")] == [200, 503]
        begun = time.monotonic()
        assert first.end() == 130 and time.monotonic() - begun < 5
        asked.close()
    assert kafka.committed() == 0 and _done(tmp_path) == set()
    second = program()
    until(lambda: kafka.committed() == 1)
    assert second.end() == 0 and _done(tmp_path) == {"a0"}


def test_a_consumer_lives_before_kafka_does(program, kafka, tmp_path) -> None:
    """Started while Kafka is away it answers probes, alive and not ready, and ends when it is
    asked to; one that waits goes to work when Kafka is there."""
    _add(tmp_path, ["a0"])
    kafka.send(event("a0"))
    kafka.away(True)
    first, second = program(), program()
    for one in (first, second):
        until(lambda one=one: "started" in one.said)
        assert [one.probe(path) for path in ("health", "ready")] == [200, 503]
    assert first.end() == 0
    kafka.away(False)
    until(lambda: second.probe("ready") == 200)
    until(lambda: kafka.committed() == 1)
    assert second.end() == 0 and _done(tmp_path) == {"a0"}


def _run(folder, work):
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_accounts import SqlAccounts
    from ingather.stores.sql_link import SqliteLink

    async def within():
        link = SqliteLink(folder / "ingather.db")
        try:
            return await work(SqlAccounts(SqliteSql(link)))
        finally:
            await link.close()

    return asyncio.run(within())


def _add(folder, ids) -> None:
    from ingather.domain.refresh import Account

    _run(folder, lambda accounts: accounts.add([Account(account_id=i, handle=i) for i in ids]))


def _done(folder) -> set[str]:
    rows = _run(folder, lambda accounts: accounts.list(limit=999))
    return {each.account_id for each in rows if each.last_data_refresh}
