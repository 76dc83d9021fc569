"""The sandbox speaks HikerAPI's protocol to the letter, its oddities included."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from ingather.sandbox.hiker_world import post_pk
from ingather.sandbox.options import HIKER_KEY, Options
from ingather.sandbox.process import SandboxProcess
from ingather.sandbox.server import serve
from ingather.sandbox.world import World

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
POSTS = {post.name: post for post in World(1).named}


class Caller:
    """Calls a sandbox as a person with curl would."""

    def __init__(self, sandbox, session):
        self.sandbox, self.session = sandbox, session
        self.headers = {"x-access-key": HIKER_KEY}

    async def __call__(self, path, headers=None, **params):
        """(status, headers, body), the body as JSON where it is."""
        url = f"{self.sandbox.hiker_url}/{path}"
        sent = self.headers if headers is None else headers
        async with self.session.get(url, params=params, headers=sent) as answer:
            body = await answer.read()
            if answer.content_type == "application/json":
                body = json.loads(body)
            return answer.status, answer.headers, body

    async def body(self, path, **params):
        status, _, body = await self(path, **params)
        assert status == 200, body
        return body

    async def account(self, name):
        return str((await self.body("v1/user/by/username", username=name))["pk"])


@pytest.fixture
async def call():
    async with await serve() as sandbox, aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)


async def test_the_four_shapes(call):
    """A pair, a list of three, a page and items alone, each exactly."""
    user = await call.account("flat100")
    post = post_pk("mixed", 100)
    pair = await call.body("v1/user/followers/chunk", user_id=user)
    assert [type(one) for one in pair] == [list, str]
    three = await call.body("v1/media/comments/chunk", id=post)
    assert [type(one) for one in three] == [list, str, type(None)]
    page = await call.body("v2/user/followers", user_id=user)
    assert set(page) == {"response", "next_page_id"}
    assert isinstance(await call.body("v1/media/likers", id=post), list)
    assert set(await call.body("v2/media/likers", id=post)) == {"users", "user_count", "status"}
    assert set(await call.body("v2/user/by/username", username="flat1")) == {"user", "status"}


async def test_numbers_and_texts_mixed(call):
    """One body has pks as numbers and as texts, and fields that are null or absent."""
    page = await call.body("v2/user/followers", user_id=await call.account("flat100"))
    users = page["response"]["users"]
    assert {type(one["pk"]) for one in users} == {int, str}
    assert any(one["is_private"] is None for one in users)
    assert any("is_verified" not in one for one in users)
    comments = await call.body("v2/media/comments", id=str(POSTS["demo"].pk))
    found = comments["response"]["comments"]
    assert {type(one["user"]["pk"]) for one in found} == {int, str}


async def test_a_million_followers(call):
    """Any size is there on demand, declared and listed, no pk twice."""
    found = await call.body("v1/user/by/username", username="flat1000000")
    assert found["follower_count"] == 1_000_000
    page = await call.body("v2/user/followers", user_id=found["pk"])
    assert len({str(one["pk"]) for one in page["response"]["users"]}) == 50
    offset = await call.body("v2/user/following", user_id=found["pk"], page_id="999975")
    assert len(offset["response"]["users"]) == 25
    assert not offset["next_page_id"]
    pks = {10**9 + (place * 7_368_787 + found["pk"]) % 9_000_000_000 for place in range(1_000_000)}
    assert len(pks) == 1_000_000


async def test_ends_of_lists(call):
    """Some lists end with null and some with an empty text."""
    ends = set()
    for number in range(1, 13):
        user = await call.account(f"flat{number}")
        ends.add((await call.body("v2/user/followers", user_id=user))["next_page_id"])
    assert ends == {None, ""}


async def test_lists_that_go_wrong(call):
    """A list that ends early, a gap with a cursor, a cursor that stays, an empty hashtag."""
    early = await call.account("early40")
    page = await call.body("v2/user/followers", user_id=early)
    assert len(page["response"]["users"]) == 20
    assert page["response"]["should_limit_list_of_followers"]
    gap = await call.account("gap120")
    first = await call.body("v2/user/followers", user_id=gap)
    empty = await call.body("v2/user/followers", user_id=gap, page_id=first["next_page_id"])
    assert empty["response"]["users"] == []
    assert empty["next_page_id"] not in (None, "", first["next_page_id"])
    constant = await call.account("constant500")
    first = await call.body("v2/user/followers", user_id=constant)
    again = await call.body("v2/user/followers", user_id=constant, page_id=first["next_page_id"])
    assert again["next_page_id"] == first["next_page_id"]
    assert await call.body("v1/hashtag/medias/recent/chunk", name="bread") == [[], ""]
    assert (await call.body("v1/hashtag/medias/clips/chunk", name="empty"))[0] == []


async def test_cursors_of_every_sort(call):
    """Offsets, base64, JSON within base64 and pairs; none is known on another way."""
    user = await call.account("flat200")
    followers = (await call.body("v2/user/followers", user_id=user))["next_page_id"]
    assert (await call.body("v2/user/following", user_id=user))["next_page_id"] == "25"
    medias = (await call.body("v1/user/medias/chunk", user_id=user))[1]
    assert medias.count("_") == 1
    status, _, body = await call("g2/user/followers", user_id=user, page_id=followers)
    assert (status, body["exc_type"]) == (400, "ValidationError")
    call.sandbox.control(kill_cursors=True)
    status, _, _ = await call("v2/user/followers", user_id=user, page_id=followers)
    assert status == 400


async def test_comments_say_that_there_are_no_more(call):
    """Fifteen a page, has_more_comments false even so, previews that come again in the thread."""
    page = await call.body("v2/media/comments", id=str(POSTS["demo"].pk))
    response = page["response"]
    assert len(response["comments"]) == 15
    assert response["has_more_comments"] is False
    assert page["next_page_id"]
    cursor, first = None, None
    while first is None:
        params = {"page_id": cursor} if cursor else {}
        page = await call.body("v2/media/comments", id=str(POSTS["deep"].pk), **params)
        cursor = page["next_page_id"]
        threads = [one for one in page["response"]["comments"] if "child_comment_count" in one]
        first = threads[0] if threads else None
    ids = {"media_id": str(POSTS["deep"].pk), "comment_id": first["pk"]}
    thread = await call.body("v2/media/comments/replies", **ids)
    previews = [one["pk"] for one in first["preview_child_comments"]]
    assert [one["pk"] for one in thread["child_comments"]][: len(previews)] == previews
    assert thread["has_more_head_child_comments"]
    more = await call.body(
        "v2/media/comments/replies", **ids, min_id=thread["next_min_child_cursor"]
    )
    assert {one["parent_comment_id"] for one in more["child_comments"]} == {first["pk"]}
    assert "response" not in thread


async def test_posts_and_reels(call):
    """Photos stand among reels, no view count is ever told, some plays are null, likes hidden."""
    user = await call.account("flat200")
    clips = (await call.body("v1/user/clips/chunk", user_id=user))[0]
    assert {one["media_type"] for one in clips} >= {1, 2}
    assert {one["view_count"] for one in clips} == {0}
    tagged = (await call.body("v1/hashtag/medias/clips/chunk", name="flat100"))[0]
    reels = [one for one in [*clips, *tagged] if one["media_type"] == 2]
    assert any(one["play_count"] is None for one in reels)
    assert any(one["like_and_view_counts_disabled"] for one in [*clips, *tagged])
    pk, code = clips[0]["pk"], clips[0]["code"]
    assert await call.body("v1/media/pk/from/code", code=code) == pk
    for path, name, value in (
        ("v1/media/by/id", "id", pk),
        ("v1/media/by/code", "code", code),
        ("v1/media/by/url", "url", f"https://www.instagram.com/p/{code}/"),
    ):
        assert (await call.body(path, **{name: value}))["pk"] == pk


@pytest.mark.parametrize(
    ("path", "params", "status", "exc_type"),
    [
        ("v1/user/by/username", {"username": "missing1"}, 404, "UserNotFound"),
        ("v1/user/by/id", {"id": "1"}, 404, "UserNotFound"),
        ("v2/user/followers", {"user_id": "4020000012000000"}, 403, "PrivateAccount"),
        ("v2/media/comments", {"id": post_pk("empty")}, 404, "NotFoundError"),
        ("v2/media/comments", {"id": post_pk("disabled")}, 403, "CommentsDisabled"),
        ("v2/media/comments", {"id": "1"}, 404, "MediaUnavailable"),
        ("v1/media/by/url", {"url": "https://instagram.com/natgeo/"}, 404, "InvalidMediaId"),
        ("gql/user/by/username", {"username": "x"}, 410, "EndpointDeprecated"),
    ],
)
async def test_refusals(call, path, params, status, exc_type):
    """Each refusal has the status and the exc_type that were recorded of it."""
    found, headers, body = await call(path, **params)
    assert (found, body["exc_type"]) == (status, exc_type)
    if status == 410:
        assert "0" in headers["x-hiker-info"]


async def test_refused_before_anything_is_read(call):
    """No key is 401, no parameter 422, an unknown address 404, no User-Agent a text 403."""
    status, _, _ = await call("v2/user/followers", headers={}, user_id="1")
    assert status == 401
    status, _, body = await call("v2/user/followers")
    assert (status, body["detail"][0]["loc"]) == (422, ["query", "user_id"])
    status, _, body = await call("v9/nothing")
    assert (status, body) == (404, {"detail": "Not Found"})
    status, headers, body = await call("sys/balance", headers={**call.headers, "User-Agent": ""})
    assert (status, body) == (403, b"error code: 1010")
    assert headers["content-type"].startswith("text/plain")


def test_urllib_is_not_let_in():
    """The name that Python's own client goes by is turned away like none at all."""
    with SandboxProcess() as sandbox:
        request = urllib.request.Request(f"{sandbox.hiker_url}/sys/balance")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == 403
        caught.value.close()


async def test_the_key_in_an_address_is_seen(call):
    """A key in the address works, as it does there, and the log tells that it was in it."""
    status, _, _ = await call("sys/balance", headers={}, access_key=HIKER_KEY)
    assert status == 200
    last = call.sandbox.calls()[-1]
    assert last.token_in_query
    assert HIKER_KEY not in last.path


async def test_units(call):
    """The header comes in both spellings, and now and then not at all; the balance is free."""
    call.sandbox.control(hiker_requests=20)
    told = []
    user = await call.account("flat100")
    for _ in range(6):
        _, headers, _ = await call("v2/user/followers", user_id=user)
        told.append(headers.get("x-hiker-info"))
    assert set(told) == {None, "reqs=1", '{"reqs": 1}'}
    _, headers, _ = await call("gql/user/followers/chunk", user_id=user)
    assert "2" in headers["x-hiker-info"]
    left = await call.body("sys/balance")
    assert set(left) == {"requests", "rate", "currency", "amount"}
    assert left["requests"] == 20 - 1 - 6 - 2


async def test_a_spent_balance(call):
    """With no units left it is 402, in the words that were recorded; topped up, it goes on."""
    user = await call.account("flat100")
    call.sandbox.control(hiker_requests=1)
    await call.body("v2/user/followers", user_id=user)
    status, headers, body = await call("v2/user/followers", user_id=user)
    assert (status, body["state"], body["exc_type"]) == (402, False, "InsufficientFunds")
    assert "x-hiker-info" not in headers
    call.sandbox.control(hiker_requests=5)
    await call.body("v2/user/followers", user_id=user)


async def test_the_rate(call):
    """Above the rate it is 429, without a bill."""
    call.sandbox.control(hiker_rate=3)
    statuses = [(await call("v1/user/by/username", username="flat1"))[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert call.sandbox.control()["hiker_billed"] == 3


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("nobalance", 402), ("cloudflare", 403), ("retired", 410), ("invalid", 422),
        ("unavailable", 500), ("rate429", 429), ("throttle", 429), ("expired", 401),
        ("error200", 200), ("html502", 502), ("constantcursor", 200), ("emptypage", 200),
    ],
)  # fmt: skip
async def test_faults_on_request(call, fault, status):
    """Faults by name strike HikerAPI's calls, by schedule, and are counted."""
    user = await call.account("flat100")
    call.sandbox.control(in_calls=[{"call": 1, "fault": fault}])
    found, headers, _ = await call("v2/user/followers", user_id=user)
    assert found == status
    assert call.sandbox.control()["calls"]["by_fault"] == {fault: 1}
    if status == 500:
        assert "1" in headers["x-hiker-info"]


async def test_the_same_seed_gives_the_same_world(call):
    """Two sandboxes of one seed say the same; another seed says something else."""

    async def first(seed):
        async with await serve(Options(seed=seed)) as other:
            caller = Caller(other, call.session)
            user = await caller.account("natgeo")
            return await caller.body("v2/user/followers", user_id=user)

    assert await first(1) == await first(1)
    assert await first(1) != await first(2)


async def test_the_catalogue_tells_of_it(call):
    """The front door names the address, the key, accounts and posts to try."""
    async with call.session.get(call.sandbox.url) as answer:
        told = json.loads(await answer.read())
    assert told["hiker_url"] == call.sandbox.hiker_url
    assert told["hiker_key"] == HIKER_KEY
    for name in told["hiker_accounts"]:
        await call.body("v1/user/by/username", username=name)
    assert set(told["hiker_posts"]) >= {"flat", "mixed", "disabled"}


@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("v2-user-followers", "v2/user/followers", {"user_id": "4000000010000000"}),
        ("v1-user-clips-chunk", "v1/user/clips/chunk", {"user_id": "4000000010000000"}),
        ("v2-media-likers", "v2/media/likers", {"id": post_pk("flat", 9)}),
        ("v1-media-comments-chunk", "v1/media/comments/chunk", {"id": post_pk("flat", 99)}),
        ("v1-user-by-id", "v1/user/by/id", {"id": "4000000010000000"}),
        ("sys-balance", "sys/balance", {}),
    ],
)
async def test_the_keys_are_those_that_were_recorded(call, name, path, params):
    """No key is the sandbox's own: each stands in the recorded answer of its route as well."""
    path_of = FIXTURES / "hiker" / "docs-recorded" / f"{name}.json"
    if not path_of.is_file():
        pytest.skip("no recorded answers beside this checkout")
    known, told = keys(json.loads(path_of.read_text())), keys(await call.body(path, **params))
    assert told <= known


def keys(value):
    if isinstance(value, dict):
        inner = set().union(*map(keys, value.values())) if value else set()
        return set(value) | inner
    return set().union(*map(keys, value)) if isinstance(value, list) and value else set()
