"""/api/accounts: what is kept fresh, how fresh, and what went wrong; for the operator alone."""

import asyncio

import httpx
import pytest

from ingather import errors

NEVER = "/api/accounts/nobody"


@pytest.fixture
def local(api):
    """A client of whoever runs the installation."""
    with api.client("local") as client:
        yield client


def add(client: httpx.Client, username: str, **fields: str) -> dict:
    answer = client.post("/api/accounts", json={"username": username} | fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/accounts/{answer.json()['accountId']}"
    return answer.json()


def work_off(api) -> list[str]:
    """Handle what is queued, as the consumer would; the outcomes."""
    parts = api.door.refreshing

    async def run() -> list[str]:
        taken = await parts.queue.take(limit=99, lease=30.0)
        done = [await parts.work.do(each.body, each.origin) for each in taken]
        await parts.queue.finish([each.id for each in taken])
        return done

    return api.call(run())


def test_an_account_is_added_once(local) -> None:
    """By any way of writing its name, with an id of one's own or none; again it is answered as it
    stands, and an id that would say something else is refused."""
    made = add(local, "https://www.instagram.com/Reels60/", accountId="rating:7")
    assert (made["accountId"], made["username"], made["freshness"]) == (
        "rating:7", "reels60", "never",
    )  # fmt: skip
    assert made["followers"] == {"value": None, "approximate": False, "source": None, "at": None}
    assert add(local, "reels60") == made
    for body in (
        {"username": "reels60", "accountId": "8"},
        {"username": "other", "accountId": "rating:7"},
        {"username": "not a name!"},
    ):
        refused = local.post("/api/accounts", json=body)
        assert refused.status_code == 400, body
        assert refused.headers["content-type"] == "application/problem+json"
    assert len(local.get("/api/accounts").json()["accounts"]) == 1


def test_a_list_is_read_in_pages_or_by_name(local) -> None:
    """Every account once, by id; a name finds its account, whatever its id is."""
    for number in range(5):
        add(local, f"name{number}", accountId=f"id{number}")
    seen, cursor = [], None
    while True:
        page = local.get(
            "/api/accounts", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        seen += [each["accountId"] for each in page.json()["accounts"]]
        if (cursor := page.json()["next"]) is None:
            break
    assert seen == [f"id{number}" for number in range(5)]
    (one,) = local.get("/api/accounts?username=@Name3").json()["accounts"]
    assert one["accountId"] == "id3"
    assert local.get("/api/accounts?username=name9").json()["accounts"] == []


def test_a_refresh_within_its_budget_tells_what_changed(local) -> None:
    """The numbers come with their source and their time; history and log hold the same."""
    add(local, "reels60")
    done = local.post("/api/accounts/reels60/refresh?budgetMs=20000")
    assert done.status_code == 200, done.text
    told = done.json()
    assert (told["outcome"], told["source"]) == ("refreshed", "graph")
    assert "followerCount" in told["changed"]
    shown = local.get("/api/accounts/reels60").json()
    assert shown["freshness"] == "fresh" and shown["ageSeconds"] < 60
    followers = shown["followers"]
    assert followers["value"] > 0 and followers["source"] == "graph"
    assert followers == told["account"]["followers"]
    assert followers["at"] == shown["lastDataRefresh"]
    assert shown["sources"]["followersCount"]["source"] == "graph"
    assert shown["approximate"] == []
    assert [day["followers"] for day in shown["history"]] == [followers["value"]]
    assert [entry["outcome"] for entry in shown["log"]] == ["refreshed"]
    assert local.get("/api/accounts/reels60?days=0").json()["history"] == []


def test_a_refresh_reads_no_body(local) -> None:
    """A budget in one is refused rather than passed over."""
    add(local, "reels60")
    answer = local.post("/api/accounts/reels60/refresh", json={"budgetMs": 5})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_posts_and_engagement_are_told(api, local) -> None:
    """The latest posts with their numbers, the engagement that they make with its source, and both
    by routes of their own; what is another's has no insights."""
    add(local, "posts126")
    done = local.post("/api/accounts/posts126/refresh?budgetMs=20000").json()
    assert {"instagramData.latestMedia", "instagramData.engagement"} <= set(done["changed"])
    assert done["missing"] == []
    shown = local.get("/api/accounts/posts126").json()
    assert len(shown["media"]) == 12 and shown["insights"] is None
    media = [each["media"] for each in shown["media"]]
    assert media == sorted(media, key=lambda each: each["timestamp"], reverse=True)
    told = [each for each in media if each["likeCount"] is not None]
    assert len(told) == 9
    assert all(each["likesHidden"] is (each["likeCount"] is None) for each in media)
    assert {each["source"] for each in shown["media"]} == {"graph"}
    both = sum(each["likeCount"] + each["commentCount"] for each in told)
    rate = both / (len(told) * shown["followers"]["value"])
    assert shown["engagement"]["value"] == pytest.approx(rate, abs=1e-6)
    assert shown["engagement"]["source"] == "graph"
    (day,) = local.get("/api/accounts/posts126/history").json()["days"]
    assert day == shown["history"][0] and day["engagement"] == shown["engagement"]["value"]
    assert local.get("/api/accounts/posts126/history?days=0").json() == {"days": []}
    assert local.get("/api/accounts/posts126/media?limit=12").json()["media"] == shown["media"]
    assert len(local.get("/api/accounts/posts126/media?limit=2").json()["media"]) == 2
    local.delete("/api/accounts/posts126")
    for way in ("media", "history"):
        assert local.get(f"/api/accounts/posts126/{way}").status_code == 404


def test_ones_own_account_has_insights(api, local) -> None:
    """Of the account whose token this is: its last day, and its posts, some of which have none."""
    add(local, "sandbox.bakery")
    done = local.post("/api/accounts/sandbox.bakery/refresh?budgetMs=20000").json()
    assert "instagramData.insights" in done["changed"] and done["missing"] == []
    shown = local.get("/api/accounts/sandbox.bakery").json()
    assert shown["insights"]["metrics"]["reach"] > 0 and shown["insights"]["source"] == "graph"
    assert "profile_links_taps" not in shown["insights"]["metrics"]
    measured = [each for each in shown["media"] if each["insightsAt"]]
    assert 0 < len(measured) < 12
    assert all(each["media"]["reach"] > 0 for each in measured)
    assert all(each["media"]["reach"] is None for each in shown["media"] if each not in measured)


def test_a_rounded_number_is_called_approximate(api, local, monkeypatch) -> None:
    """What a page shows as 46.3m says so, with its source."""
    from ingather.domain.records import Profile

    class Page:
        name, limit_key, usage = "page", "told", None

        async def profile(self, username: str) -> Profile:
            return Profile(
                user_id=None,
                username=username,
                followers_count=46_300_000,
                media_count=12,
                approximate=("followers_count",),
            )

    from ingather.features.refresh_sources import Route

    routes = [Route(name="page", voices=[Page()])]
    monkeypatch.setattr(api.door.refreshing, "_routes", lambda: routes)
    add(local, "natgeo")
    local.post("/api/accounts/natgeo/refresh?budgetMs=20000")
    shown = local.get("/api/accounts/natgeo").json()
    assert shown["approximate"] == ["followersCount"]
    assert shown["followers"]["approximate"] and not shown["posts"]["approximate"]
    assert shown["followers"]["source"] == "page"


def test_a_queued_refresh_is_done_though_the_week_was(api, local) -> None:
    """202 at once; the consumer does it, and once however often it was asked for."""
    add(local, "reels60")
    local.post("/api/accounts/reels60/refresh?budgetMs=20000")
    for _ in range(3):
        queued = local.post("/api/accounts/reels60/refresh")
        assert (queued.status_code, queued.json()["outcome"]) == (202, "queued")
    assert work_off(api) == ["unchanged", "already", "already"]
    log = local.get("/api/accounts/reels60/log").json()["entries"]
    assert [entry["outcome"] for entry in log] == ["unchanged", "refreshed"]


def test_what_the_limit_forbids_is_queued(api, local, monkeypatch) -> None:
    """A limit that is reached, or a source slower than the budget: nothing fails, it waits."""
    from ingather.features.refresh_sources import Wait

    async def limited(account) -> None:
        raise Wait(600.0, "limit")

    async def slow(account) -> None:
        await asyncio.sleep(600)

    add(local, "reels60")
    for now in (limited, slow):
        monkeypatch.setattr(api.door.refreshing.refresher, "now", now)
        answer = local.post("/api/accounts/reels60/refresh?budgetMs=50")
        assert (answer.status_code, answer.json()["outcome"]) == (202, "queued")
    assert work_off(api) == ["refreshed", "already"]


def test_failures_come_with_their_reason(api, local) -> None:
    """In the answer, in the account's log, and in the log of all, where they can be told apart."""
    add(local, "ghost")
    add(local, "reels60")
    failed = local.post("/api/accounts/ghost/refresh?budgetMs=20000").json()
    assert failed["outcome"] == "failed"
    assert failed["code"] == "not_reachable" and failed["error"]
    assert failed["account"]["freshness"] == "never"
    local.post("/api/accounts/reels60/refresh?budgetMs=20000")
    everything = local.get("/api/refresh-log").json()["entries"]
    assert {entry["accountId"] for entry in everything} == {"ghost", "reels60"}
    for where in ("/api/refresh-log", "/api/accounts/ghost/log"):
        (entry,) = local.get(f"{where}?failed=true").json()["entries"]
        assert (entry["accountId"], entry["code"]) == ("ghost", "not_reachable")
        assert entry["error"] == failed["error"]
    assert local.get("/api/accounts/reels60/log?failed=true").json()["entries"] == []


def test_a_source_that_says_nothing_is_an_error(api, local, monkeypatch) -> None:
    """It is told as a problem, and the account stays as it was."""
    from ingather.features.refresh_sources import NotTold

    async def dark(account) -> None:
        raise NotTold(errors.NothingShown(), 0.0)

    add(local, "reels60")
    monkeypatch.setattr(api.door.refreshing.refresher, "now", dark)
    answer = local.post("/api/accounts/reels60/refresh?budgetMs=20000")
    assert (answer.status_code, answer.json()["code"]) == (502, "nothing_shown")
    assert local.get("/api/accounts/reels60").json()["freshness"] == "never"


def test_a_removed_account_is_forgotten(local) -> None:
    """With its log and history; an event of it that still waits finds nothing."""
    add(local, "reels60")
    local.post("/api/accounts/reels60/refresh?budgetMs=20000")
    assert local.delete("/api/accounts/reels60").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/log"), ("POST", "/refresh")):
        gone = local.request(method, f"/api/accounts/reels60{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "account_not_found")
    assert local.get("/api/refresh-log").json()["entries"] == []
    assert add(local, "reels60")["freshness"] == "never"


def test_only_the_operator_may_come_here(ann, local, nobody) -> None:
    """Accounts have no owner: another owner's key gets one and the same 403 on every route,
    whether the account is there or not, and changes nothing; without a key it is 401."""
    add(local, "reels60")
    before = local.get("/api/accounts/reels60").json()
    paths = nobody.get("/openapi.json").json()["paths"]
    routes = [
        (method.upper(), path)
        for path, methods in paths.items()
        if path.startswith(("/api/accounts", "/api/refresh-log"))
        for method in methods
    ]
    assert len(routes) == 9
    said = set()
    for method, path in routes:
        for account in ("reels60", "nobody"):
            where = path.replace("{id}", account)
            body = {"username": account} if method == "POST" else None
            foreign = ann.request(method, where, json=body)
            assert foreign.status_code == 403, (method, where)
            said.add(foreign.content)
            assert nobody.request(method, where, json=body).status_code == 401
    assert len(said) == 1
    assert local.get("/api/accounts/reels60").json() == before
    assert local.get(NEVER).status_code == 404


def test_an_account_of_another_platform_is_none(api, local) -> None:
    """A rating site's other accounts may rest in the same collection: they are not ours to show."""
    from ingather.domain.refresh import Account

    other = Account(account_id="t1", handle="dancer", platform="tiktok")
    api.call(api.door.refreshing.accounts.add([other]))
    assert local.get("/api/accounts/t1").status_code == 404
    assert local.delete("/api/accounts/t1").status_code == 404


def test_a_sandbox_does_not_touch_real_accounts(new_api) -> None:
    """What is added, refreshed and queued at a server that plays in a sandbox rests apart: no
    made-up account or number comes among those that are real, and no real one is shown."""
    from msgspec import structs

    api = new_api()
    with api.client("local") as local:
        add(local, "reels60")
        real = local.get("/api/accounts").json()
    played = new_api()
    played.world.settings = structs.replace(played.world.settings, sandbox=True)
    with played.client("local") as local:
        assert local.get("/api/accounts").json()["accounts"] == []
        add(local, "posts126")
        done = local.post("/api/accounts/posts126/refresh?budgetMs=20000").json()
        assert done["account"]["followers"]["value"] is not None
        assert local.post("/api/accounts/posts126/refresh").status_code == 202
        assert len(work_off(played)) == 1
    with api.client("local") as local:
        assert local.get("/api/accounts").json() == real
    assert work_off(api) == []
