"""The ways between the consumer and what it speaks to are spoiled (rows R9, R12, R18)."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.records import Profile
from ingather.domain.refresh import Origin
from ingather.providers.http import Http
from ingather.settings import load
from ingather.stores import mongo_link
from ingather.stores.kafka_link import KafkaLink
from ingather.stores.redis_link import RedisLink

from ..proxy import Proxy
from .conftest import FULL, Room, consuming, event, reaches, sqlite_at

TOXICS = ("latency", "reset", "timeout", "slicer", "limit", "down", "half_open")
COUNT, SECONDS = (100, 3.0) if FULL else (20, 0.3)
"""Messages for each toxic, and how long it lasts; `down` lasts ten times as long in full, which is
nearly an hour by the clock of these tests."""
PATIENCE = 200.0 if FULL else 60.0
IN_TURN = {"kafka": TOXICS if FULL else TOXICS[:-1]}
"""Of a way open on one side alone a client of Kafka hears after 40 seconds."""


class Fast:
    """The real time at a hundred times its pace, so that nobody waits long for a wait of ours."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


@pytest.fixture
async def between():
    """Opens a proxy before a server, told by its address or its socket."""
    opened = []

    async def open_proxy(target: Path | tuple[str, int]) -> Proxy:
        opened.append(Proxy(target))
        await opened[-1].open()
        return opened[-1]

    yield open_proxy
    for each in opened:
        await each.close()


@pytest.fixture
async def spoiled(request, tmp_path, kafka, between, monkeypatch):
    """A room whose way to one of its servers leads through a proxy; both."""

    async def make(where: str) -> tuple[Room, Proxy]:
        def server(name: str) -> str:
            return request.getfixturevalue(name)

        settings = structs.replace(
            load({}, folder=tmp_path), data_dir=tmp_path, kafka=KafkaLink(servers=kafka.servers),
            database=sqlite_at(tmp_path),
        )  # fmt: skip
        if where == "mongodb":
            monkeypatch.setattr(mongo_link, "_ANSWER_MS", 3_000 if FULL else 1_000)
            parts = urlsplit(server("mongo_url"))
            way = await between((parts.hostname, parts.port))
            url = f"mongodb://127.0.0.1:{way.port}{parts.path}?directConnection=true"
            settings = structs.replace(settings, mongodb_url=url)
        elif where == "redis":
            monkeypatch.setitem(RedisLink.__init__.__kwdefaults__, "timeout", 0.5)
            parts = urlsplit(server("valkey"))
            way = await between(Path(parts.path) if parts.path else (parts.hostname, parts.port))
            url = f"redis://127.0.0.1:{way.port}"
            settings = structs.replace(settings, redis_url=url, cache_redis_url=url)
        elif where == "kafka":
            host, _, port = kafka.servers.rpartition(":")
            way = await between((host, int(port)))
            kafka.moved_to(way.port)
        else:
            monkeypatch.setitem(Http.__init__.__kwdefaults__, "deadline", 0.5)
            parts = urlsplit(server("outside").web_url)
            way = await between((parts.hostname, parts.port))
            settings = structs.replace(settings, web_url=f"http://127.0.0.1:{way.port}{parts.path}")
        return Room(settings, clock=Fast()), way

    return make


@pytest.mark.parametrize("where", ["mongodb", "redis", "kafka", "source"])
async def test_a_spoiled_way_loses_nothing(spoiled, kafka, where) -> None:
    """Late, reset, silent, in pieces, cut off, open on one side alone, gone: one after the other,
    while messages are worked off. Each account is refreshed and logged once, none is a dead letter,
    and no offset is ahead of the truth."""
    room, way = await spoiled(where)
    toxics = IN_TURN.get(where, TOXICS)
    async with asyncio.timeout(600 if FULL else 100), room.world:
        ids = await room.add(COUNT * len(toxics))
        saved, told, save = set(), room.voice.profile, room.parts.accounts.save
        under_way, go_on = asyncio.Event(), asyncio.Event()

        async def saving(done) -> None:
            await save(done)
            saved.update(each.entry.account_id for each in done)

        async def profile(username: str) -> Profile:
            under_way.set()
            await go_on.wait()
            return await (room.world.page.profile if where == "source" else told)(username)

        room.parts.accounts.save, room.voice.profile = saving, profile
        async with consuming(room, at_once=8, hold_after=0.1):
            for place, toxic in enumerate(toxics):
                under_way.clear()
                go_on.clear()
                due = ids[place * COUNT :][:COUNT]
                await asyncio.to_thread(kafka.send, *map(event, due))
                await reaches(under_way.is_set, PATIENCE)
                async with way.poisoned(toxic):
                    go_on.set()
                    await asyncio.sleep(SECONDS * (10 if FULL and toxic == "down" else 1))
                    if where != "kafka":
                        assert await asyncio.to_thread(kafka.committed) <= len(saved)

            async def done() -> bool:
                return await asyncio.to_thread(kafka.committed) == len(ids)

            await reaches(done, PATIENCE)
        assert await room.refreshed() == set(ids)
        assert await asyncio.to_thread(kafka.dead) == []


async def test_a_network_that_is_gone_for_a_minute_makes_no_dead_letter(tmp_path, clock) -> None:
    """However few messages there are, too few for the breaker to open: each is tried again when it
    may be back."""
    settings = structs.replace(
        load({}, folder=tmp_path), data_dir=tmp_path, database=sqlite_at(tmp_path)
    )
    room, back = Room(settings, clock=clock), clock.monotonic() + 60

    async def away(_: str) -> None:
        if clock.monotonic() < back:
            raise errors.Transient

    room.voice.before = away
    async with room.world:
        (one,) = await room.add(1)
        assert await room.parts.work.do(event(one), Origin("t", 0, 1)) == "refreshed"
