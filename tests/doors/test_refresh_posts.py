"""Posts and insights of a refresh over real HTTP: which calls are made, and what spoils which."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.providers.graph import GraphSource
from ingather.providers.graph_calls import Calls
from ingather.providers.graph_own import GraphOwn
from ingather.providers.hiker import HikerSource
from ingather.providers.http import Http
from ingather.sandbox import insights, others
from ingather.sandbox.options import HIKER_KEY, TOKEN
from ingather.sandbox.things import ACCOUNT_ID, Account


def graph(http: Http, sandbox, **more) -> GraphSource:
    return GraphSource(http, token=TOKEN, url=sandbox.graph_url, **more)


def media(number: int, **more) -> dict:
    return {"id": f"17{number}", "permalink": f"https://www.instagram.com/p/C{number}/"} | more


def insider(*words, **more) -> GraphOwn:
    return GraphOwn(Calls(*words, **more))


@asynccontextmanager
async def answering(handle, source=GraphSource, **more):
    """A source of the account 1784 (@ada), whose other calls `handle` answers; and those calls."""
    calls: list[dict[str, str]] = []

    async def answer(request):
        if request.query.get("fields") == "id,username":
            return web.json_response({"id": "1784", "username": "ada"})
        calls.append({"path": request.path, **request.query})
        body, status = handle(calls[-1])
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    async with TestServer(app) as server:
        http = Http(deadline=5)
        try:
            made = source(
                http, token="tok", account_id="1784", url=str(server.make_url("")), **more
            )
            yield made, calls
        finally:
            await http.close()


async def test_latest_posts_come_in_the_same_call(http, sandbox) -> None:
    """Of another's account as many as were wanted, newest first, by no call more than without."""
    source = graph(http, sandbox, posts=12)
    await source.profile("posts126")  # whose the token is has been asked as well
    before = len(sandbox.calls())
    found = await source.profile("posts126")
    assert len(sandbox.calls()) - before == 1
    true = [others.make("posts126", 1).post(place) for place in range(12)]
    assert [each.media_id for each in found.posts] == [each.id for each in true]
    assert [each.shortcode for each in found.posts] == [each.shortcode for each in true]
    hidden = [each for each in found.posts if each.likes_hidden]
    assert len(hidden) == 3 and all(each.like_count is None for each in hidden)
    plain = await graph(http, sandbox).profile("posts126")
    assert plain.posts is None


async def test_ones_own_posts_come_in_the_same_call(http, sandbox) -> None:
    """Of one's own account likewise, without Business Discovery."""
    source = graph(http, sandbox, posts=3)
    await source.profile("sandbox.bakery")
    before = len(sandbox.calls())
    found = await source.profile("sandbox.bakery")
    assert len(sandbox.calls()) - before == 1 and len(found.posts) == 3
    assert not any("business_discovery" in call.path for call in sandbox.calls())


@pytest.mark.parametrize(
    ("told", "posts"),
    [
        ({"media_count": 0}, ()),
        ({"media_count": 9}, None),
        ({"media_count": 9, "media": {"data": []}}, None),
        ({"media_count": 9, "media": {"data": [{"id": "17", "like_count": "many"}]}}, None),
        ({"media_count": 9, "media": {"data": [{"caption": "of nothing"}]}}, None),
    ],
)
async def test_posts_that_make_no_sense_spoil_no_profile(told, posts) -> None:
    """A profile is told though its posts are not: none though some are counted, or of a shape that
    nobody knows. An account without posts has none."""
    body = {"business_discovery": {"id": "9", "username": "bob", "followers_count": 5} | told}

    async with answering(lambda _: (body, 200), posts=3) as (source, _):
        found = await source.profile("bob")
    assert (found.followers_count, found.posts) == (5, posts)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1, "Please reduce the amount of data you're asking for, then retry your request"),
        (100, "(#100) Tried accessing nonexisting field (view_count) on node type (IGMedia)"),
    ],
)
async def test_posts_that_are_refused_spoil_no_profile(code, message) -> None:
    """Where posts are what the platform refuses, the account is asked for again without them, and
    from then on; others' posts are still asked for."""
    profile = {"id": "9", "username": "bob", "media_count": 1}

    def handle(query):
        if "username(bob)" in query["fields"] and "media." in query["fields"]:
            return {"error": {"code": code, "message": message}}, 400
        return {"business_discovery": profile | {"media": {"data": [media(1)]}}}, 200

    async with answering(handle, posts=3) as (source, calls):
        with pytest.raises(errors.TooMuchData):
            await source.profile("bob")
        assert (await source.profile("Bob")).posts is None
        assert (await source.profile("bob")).posts is None
        assert len((await source.profile("ann")).posts) == 1
    assert ["media." in query["fields"] for query in calls] == [True, False, False, True]


async def test_insights_of_the_account_and_its_posts(http, sandbox) -> None:
    """The numbers that the platform has, what it does not count left out; every call is let in,
    with the token's key."""
    entered: list[str] = []

    class Noting:
        async def take(self, keys):
            entered.extend(keys)
            return keys[0]

    own = GraphOwn(Calls(http, token=TOKEN, url=sandbox.graph_url).under(Noting()))
    source = graph(http, sandbox, posts=5)
    assert own.owns(ACCOUNT_ID) is None
    await own.learn()
    assert own.owns(ACCOUNT_ID) is True and own.owns("17841400000000001") is False
    assert await own.insights(ACCOUNT_ID) == {
        name: insights.of_account(Account(), name)
        for name in insights.OF_ACCOUNT
        if name != "profile_links_taps"
    }
    posts = (await source.profile("sandbox.bakery")).posts
    made = len(entered)
    told = await asyncio.gather(*(own.measured(ACCOUNT_ID, each) for each in posts))
    assert any(each.reach for each in told)
    assert set(entered) == {source.limit_key} and len(entered) - made == 5


@pytest.mark.parametrize("names_it", [True, False])
async def test_one_bad_metric_spoils_no_other(names_it) -> None:
    """What a refusal names is left out at once; where it names nothing each is asked for alone. The
    next time nobody asks for it."""

    def handle(query):
        metrics = query["metric"].split(",")
        if "reposts" in metrics:
            said = f"(#100) metric[{metrics.index('reposts')}] must be" if names_it else "(#100) no"
            return {"error": {"code": 100, "message": said}}, 400
        rows = [{"name": each, "total_value": {"value": 0}} for each in metrics]
        return {"data": rows}, 200

    async with answering(handle, insider) as (own, calls):
        first = await own.insights("1784")
        asked = len(calls)
        assert await own.insights("1784") == first and len(calls) == asked + 1
    assert asked == (2 if names_it else 12)
    assert first and "reposts" not in first and set(first.values()) == {0}
    assert {(each["path"], each["period"], each["metric_type"]) for each in calls} == {
        ("/1784/insights", "day", "total_value")
    }


async def test_a_metric_that_throws_for_ever_spoils_no_other() -> None:
    """An unknown error of all metrics together is none of each."""

    def handle(query):
        if "," in query["metric"] or query["metric"] == "views":
            return {"error": {"code": 1, "message": "An unknown error has occurred."}}, 500
        return {"data": [{"name": query["metric"], "total_value": {"value": 3}}]}, 200

    async with answering(handle, insider) as (own, _):
        found = await own.insights("1784")
    assert found["reach"] == 3 and "views" not in found and len(found) == 10


async def test_a_permission_that_is_missing_is_named() -> None:
    """Insights need instagram_manage_insights."""
    body = {"error": {"code": 10, "message": "(#10) no"}}
    async with answering(lambda _: (body, 400), insider) as (own, _):
        with pytest.raises(errors.Refused, match="instagram_manage_insights"):
            await own.insights("1784")


async def test_latest_posts_by_hikerapi(http, sandbox) -> None:
    """By a call of its own, of the account that was just told."""
    source = HikerSource(http, HIKER_KEY, kind="posts", url=sandbox.hiker_url)
    profile = await source.profile("flat120")
    assert profile.posts is None
    before = len(sandbox.calls())
    found = await source.latest(profile, limit=5)
    assert len(sandbox.calls()) - before == 1
    assert 0 < len(found) <= 5 and all(each.shortcode for each in found)
