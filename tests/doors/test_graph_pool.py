"""Several tokens to the Graph API: each with its own limit, and none that stops the others."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.domain.job import Target
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate, Limit, fixed
from ingather.providers.graph import GraphSource
from ingather.providers.graph_discovery import GraphMediaSource
from ingather.providers.http import Http
from ingather.stores.memory import MemoryLimiter

OTHER = Target(id="99", username="other")
DEAD = {"error": {"code": 190, "message": "no longer valid"}}
THROTTLED = {"error": {"code": 4, "message": "too many calls"}}


class Platform:
    """Two accounts, a and b, of the tokens tok-a and tok-b, and another's posts without end.

    says: an error for each call with a token. asked: the tokens of the calls for posts, in order.
    """

    def __init__(self):
        self.says = {}
        self.asked = []

    async def handle(self, request):
        token = request.headers["Authorization"].removeprefix("Bearer tok-")
        if token in self.says:
            self.asked.append(token)
            return web.json_response(self.says[token], status=400)
        if request.query["fields"] == "id,username":
            return web.json_response({"id": "1" if token == "a" else "2", "username": token})
        self.asked.append(token)
        media = {"data": [{"id": str(len(self.asked))}], "paging": {"cursors": {"after": "QUFB"}}}
        if "business_discovery" not in request.query["fields"]:
            return web.json_response({**media, "paging": {}})
        return web.json_response({"business_discovery": {"id": "99", "media": media}, "id": "1"})


@asynccontextmanager
async def pooled(clock, limits=()):
    """The platform, and a fetcher that reads it with both tokens."""
    platform, app = Platform(), web.Application()
    app.router.add_get("/{tail:.*}", platform.handle)
    async with TestServer(app) as server:
        source = GraphMediaSource(
            Http(deadline=5), kind="posts", token="tok-a,tok-b", account_id="1,2",
            url=str(server.make_url("")), clock=clock,
        )  # fmt: skip
        gate = Gate(MemoryLimiter(clock), clock, limits=fixed(*limits))
        fetcher = Fetcher(source, gate, clock, policy=Policy())
        await fetcher.ask(lambda: fetcher.source.owner(OTHER))  # whose tokens they are is known
        platform.asked.clear()
        try:
            yield platform, fetcher
        finally:
            await source.close()


async def test_calls_go_to_the_token_with_room(clock):
    """What any token may be asked for is asked with the next one once the first has no room; where
    none has, the first that has it again is waited for."""
    began = clock.time
    async with pooled(clock, [Limit(None, 4, 3_600.0)]) as (platform, fetcher):
        for _ in range(6):
            await fetcher.page(OTHER, None, replies=True)
        assert platform.asked == ["a"] * 3 + ["b"] * 3
        assert clock.time == began
        await fetcher.page(OTHER, None, replies=True)
        assert clock.time == began + 3_600.0


async def test_a_throttled_token_is_parked_alone(clock):
    """The platform's word on one token does not hold for the other, and no time is lost."""
    began = clock.time
    async with pooled(clock) as (platform, fetcher):
        platform.says["a"] = THROTTLED
        for _ in range(3):
            await fetcher.page(OTHER, None, replies=True)
        assert platform.asked == ["a", "b", "b", "b"]
        assert clock.time == began


async def test_a_dead_token_does_not_stop_the_rest(clock):
    """A 190 on one token: the other answers, and the dead one is not asked again for an hour; with
    none alive a login is needed."""
    async with pooled(clock) as (platform, fetcher):
        platform.says["a"] = DEAD
        for _ in range(3):
            await fetcher.page(OTHER, None, replies=True)
        assert platform.asked == ["a", "b", "b", "b"]
        clock.time += 3_601
        del platform.says["a"]
        await fetcher.page(OTHER, None, replies=True)
        assert platform.asked[-1] == "a"
        platform.says |= {"a": DEAD, "b": DEAD}
        with pytest.raises(errors.NeedsLogin):
            await fetcher.page(OTHER, None, replies=True)


async def test_own_posts_take_the_token_that_owns_them(clock):
    """Nobody else's token is tried for one's own posts: a dead one must be seen to."""
    async with pooled(clock) as (platform, fetcher):
        own = Target(id="1", username="a")
        await fetcher.page(own, None, replies=True)
        platform.says["a"] = DEAD
        with pytest.raises(errors.NeedsLogin):
            await fetcher.page(own, None, replies=True)
        assert platform.asked == ["a", "a"]


async def test_a_token_has_one_key_wherever_it_is_used(clock):
    """What is read with a token alone and in a pool is counted under the same key."""
    keys = []

    class Turns:
        async def take(self, given):
            keys.append(given)
            raise errors.StoreUnavailable

    http = Http()
    for tokens in ("tok-a", "tok-a,tok-b"):
        source = GraphSource(http, token=tokens).under(Turns())
        with pytest.raises(errors.StoreUnavailable):
            await source.resolve("17890008297990000")
    assert keys == [(GraphSource(http, token="tok-a").limit_key,)] * 2
    await http.close()


async def test_whose_a_token_is_is_asked_for_once(tmp_path, outside):
    """What is known of the tokens holds for every job of a process, whatever it reads."""
    from ingather.assembly import World
    from ingather.settings import load

    settings = load(
        {
            "INGATHER_DATA_DIR": str(tmp_path),
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
            "INSTAGRAM_ACCESS_TOKEN": "sandbox-token",
        }
    )
    async with World(settings) as here:
        first = await here.graph_media("posts").owner()
        asked = len(outside.calls())
        assert asked > 0
        assert await here.graph_media("reels").owner() == await here.graph.owner() == first
        assert len(outside.calls()) == asked
