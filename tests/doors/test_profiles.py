"""Profiles over real HTTP: by Business Discovery, of one's own account, and by HikerAPI."""

import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.domain.page import Usage
from ingather.domain.records import Profile
from ingather.providers import graph_people, hiker_map
from ingather.providers.graph import GraphSource
from ingather.providers.hiker import HikerSource
from ingather.providers.http import Http
from ingather.sandbox import others
from ingather.sandbox.options import HIKER_KEY, TOKEN

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)


@pytest.fixture
async def graph(sandbox):
    source = GraphSource(Http(deadline=5), token=TOKEN, url=sandbox.graph_url)
    yield source
    await source.close()


@pytest.fixture
async def hiker(sandbox):
    source = HikerSource(Http(deadline=5), HIKER_KEY, kind="followers", url=sandbox.hiker_url)
    yield source
    await source.close()


@asynccontextmanager
async def answering(status, body, headers=None):
    """A Graph source of the account 1784 (@ada) whose every other question gets this answer."""

    async def handle(request):
        if request.query["fields"] == "id,username":
            return web.json_response({"id": "1784", "username": "ada"})
        return web.json_response(body, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    async with TestServer(app) as server:
        source = GraphSource(
            Http(deadline=5), token="tok", account_id="1784", url=str(server.make_url(""))
        )
        try:
            yield source
        finally:
            await source.close()


async def test_another_professional_account(graph):
    """Business Discovery tells counts, names and words; what it does not tell is unknown."""
    other = others.find("blue.bottle", 1)
    assert await graph.profile("https://www.instagram.com/Blue.Bottle/") == Profile(
        user_id=other.id,
        username="blue.bottle",
        full_name="Blue Bottle",
        biography="Everything blue.bottle makes ✨",
        profile_pic_url="https://scontent.sandbox.invalid/blue.bottle.jpg",
        followers_count=other.followers_count,
        follows_count=other.follows_count,
        media_count=other.size,
        is_professional=True,
    )


async def test_the_own_account_is_read_directly(graph, sandbox):
    """One's own profile needs no Business Discovery."""
    found = await graph.profile("@Sandbox.Bakery")
    assert (found.user_id, found.followers_count) == ("17841400000000000", 12_873)
    assert not any("business_discovery" in call.path for call in sandbox.calls())


@pytest.mark.parametrize("name", ["ghost", "personal.ann"])
async def test_who_cannot_be_discovered_is_not_guessed_at(graph, name):
    """Unknown and personal accounts answer alike, and the error says that it cannot tell."""
    with pytest.raises(errors.NotReachable, match="does not tell which") as caught:
        await graph.profile(name)
    assert f"@{name}" in caught.value.message


@pytest.mark.parametrize("words", ["a){id},business_discovery.username(b", "a b", "", "x" * 31])
async def test_a_name_never_breaks_the_expression(graph, sandbox, words):
    """What is no username is refused before any call: it would be spliced into the fields."""
    with pytest.raises(errors.UnreadableName):
        await graph.profile(words)
    assert not sandbox.calls()


async def test_the_permission_that_is_missing_is_named():
    """Business Discovery needs instagram_manage_insights, and the error says so."""
    body = {"error": {"code": 10, "message": "(#10) no", "type": "OAuthException"}}
    async with answering(400, body) as source:
        with pytest.raises(errors.Refused, match="instagram_manage_insights"):
            await source.profile("blue.bottle")


async def test_the_limit_is_told_after_a_profile():
    """What the answer's headers say of the limit can be asked for afterwards."""
    body = {"business_discovery": {"id": "17", "username": "bob"}, "id": "1784"}
    async with answering(200, body, {"X-App-Usage": '{"call_count":81}'}) as source:
        assert source.usage is None
        assert await source.profile("bob") == Profile(
            user_id="17", username="bob", is_professional=True
        )
        assert source.usage == Usage(81)


@pytest.mark.parametrize("body", [{"id": "1784"}, {"business_discovery": {"id": "17"}}])
async def test_a_profile_without_a_name_is_drift(body):
    """An answer without the account in it is named as such, not filled in."""
    async with answering(200, body) as source:
        with pytest.raises(errors.SchemaDrift):
            await source.profile("bob")


async def test_an_account_by_hikerapi(hiker):
    """HikerAPI tells what kind of account it is; a private one is told as well, and billed."""
    found = await hiker.profile("@flat120")
    assert (found.username, found.followers_count, found.is_private) == ("flat120", 120, False)
    assert (found.is_professional, found.is_verified) == (True, False)
    assert (found.category, found.website) == (None, None)
    assert (await hiker.profile("private5")).is_private is True


async def test_nobody_by_hikerapi(hiker):
    """Here a name that nobody has is told apart from a private account."""
    with pytest.raises(errors.NotReachable, match="no account has this name"):
        await hiker.profile("ghost")


def recorded(*steps):
    path = FIXTURES.joinpath(*steps)
    if not path.is_file():
        pytest.skip("no recorded answers beside this checkout")
    return path.read_bytes()


def test_recorded_profiles():
    """Recorded answers are read whole: empty texts are unknown, counts exact."""
    found = hiker_map.profile(recorded("hiker", "docs-recorded", "v1-user-by-id.json"), "user")
    assert (found.user_id, found.followers_count, found.category) == ("787132", 274_988_955, None)
    assert (found.is_verified, found.is_professional) == (True, True)
    assert found.website == "http://visitstore.bio/natgeo"
    counts = json.loads(recorded("graph", "docs_samples", "bd_counts.json"))
    counts["business_discovery"].setdefault("username", "bluebottle")
    told = graph_people.discovered_profile(json.dumps(counts).encode(), "business_discovery")
    assert told.followers_count == counts["business_discovery"]["followers_count"]
