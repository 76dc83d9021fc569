"""The sandbox's other voices: business discovery and Instagram Login."""

import json
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from ingather.sandbox.options import Options
from ingather.sandbox.server import serve

BEARER = {"Authorization": "Bearer sandbox-token"}
ME = "17841400000000000"


@pytest.fixture
async def sandbox():
    async with await serve(Options()) as found:
        yield found


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as found:
        yield found


async def discover(sandbox, session, expression):
    async with session.get(
        f"{sandbox.graph_url}/{ME}", params={"fields": expression}, headers=BEARER
    ) as answer:
        return answer.status, await answer.json()


async def test_discovery_pages_by_cursor_alone(sandbox, session):
    """Another's posts are told within braces, without next, until cursors end."""
    found, after = [], ""
    while True:
        media = f"media{after}.limit(10){{id,media_product_type,view_count,permalink,username}}"
        status, body = await discover(
            sandbox, session, f"business_discovery.username(blue.bottle){{media_count,{media}}}"
        )
        assert (status, body["id"]) == (200, ME)
        other = body["business_discovery"]
        found += other["media"]["data"]
        paging = other["media"].get("paging", {"cursors": {}})
        assert set(paging) == {"cursors"}
        if "after" not in paging["cursors"]:
            break
        after = f".after({paging['cursors']['after']})"
    assert len({post["id"] for post in found}) == len(found) == other["media_count"]
    for post in found:
        assert post["username"] == "blue.bottle"
        assert ("view_count" in post) == (post["media_product_type"] == "REELS")
    async with session.get(f"{sandbox.graph_url}/{found[0]['id']}", headers=BEARER) as answer:
        assert (await answer.json())["error"]["error_subcode"] == 33


async def test_discovery_of_nobody(sandbox, session):
    """A name without a professional account is 110/2207013 with a 400."""
    status, body = await discover(sandbox, session, "business_discovery.username(ghost){id}")
    error = body["error"]
    assert (status, error["code"], error["error_subcode"]) == (400, 110, 2207013)


async def test_instagram_login(sandbox, session):
    """Code, short token, long token and its refresh, in Instagram's own shapes."""
    asking = {"client_id": "sandbox-app", "redirect_uri": "http://127.0.0.1:1/", "state": "s"}
    async with session.get(
        f"{sandbox.url}/oauth/authorize", params=asking, allow_redirects=False
    ) as dialog:
        code = parse_qs(urlsplit(dialog.headers["location"]).query)["code"][0]
    form = asking | {"client_secret": "sandbox-secret", "code": code}
    async with session.post(f"{sandbox.url}/oauth/access_token", data=form) as answer:
        short = await answer.json()
        assert short["user_id"] == int(ME)
    async with session.post(f"{sandbox.url}/oauth/access_token", data=form) as answer:
        assert answer.status == 400
        assert (await answer.json())["error_type"] == "OAuthException"
    exchange = {
        "grant_type": "ig_exchange_token",
        "client_secret": "sandbox-secret",
        "access_token": short["access_token"],
    }
    async with session.get(f"{sandbox.url}/access_token", params=exchange) as answer:
        long = await answer.json()
    refresh = {"grant_type": "ig_refresh_token", "access_token": long["access_token"]}
    async with session.get(f"{sandbox.url}/refresh_access_token", params=refresh) as answer:
        assert json.loads(await answer.text())["expires_in"] == 5183944
    headers = {"Authorization": f"Bearer {long['access_token']}"}
    url = f"{sandbox.graph_url}/me?fields=user_id,username"
    async with session.get(url, headers=headers) as answer:
        assert (await answer.json())["username"] == "sandbox.bakery"
