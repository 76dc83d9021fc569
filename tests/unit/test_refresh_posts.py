"""Posts and insights of a refresh: engagement, what changes of an account, what is asked for."""

import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import refresh, refresh_more
from ingather.domain.page import Usage
from ingather.domain.records import Media, Profile
from ingather.domain.refresh import Account
from ingather.domain.refresh_posts import MEASURED, Post, engagement
from ingather.features.refresh_more import Extras, More, Share, Wanted
from ingather.ports import Take
from ingather.providers import graph_media, graph_people
from ingather.stores.memory import MemoryLimiter

from .test_refresh_sources import Watcher

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
AT, LATER = "2026-11-20T10:00:00.000Z", "2026-11-21T10:00:00.000Z"


def media(number: int = 1, likes: int | None = 8, comments: int | None = 2, **more) -> Media:
    return Media(
        media_id=f"17{number}", shortcode=f"C{number}", like_count=likes, comment_count=comments,
        **more,
    )  # fmt: skip


def post(*found: Media) -> list[Post]:
    return [Post(media=each, source="graph", at=AT) for each in found]


@pytest.mark.parametrize(
    ("posts", "followers", "rate"),
    [
        ([media(), media(likes=28)], 1000, 0.02),
        ([media(), media(likes=None)], 1000, 0.01),  # hidden: not 0, and not in the divisor
        ([media(likes=0, comments=0)], 1000, 0.0),
        ([media(comments=None)], 1000, None),
        ([], 1000, None),
        ([media()], 0, None),
        ([media()], None, None),
        ([media()] * MEASURED + [media(likes=10**9)] * 9, 1000, 0.01),
    ],
)
def test_engagement_is_per_post_and_follower(posts, followers, rate) -> None:
    """(likes + comments) / (posts x followers) over the twelve newest whose numbers are told; None
    where there is nothing to divide by."""
    assert engagement(posts, followers) == rate


def refreshed(before: Account, at: str, *, posts: list[Post] | None) -> tuple[Account, list[str]]:
    profile = Profile(user_id="1784", username="lena", followers_count=1000, media_count=2)
    after, changed = refresh.merge(before, profile, source="graph", at=at)
    if posts is None:
        return after, changed
    after, more = refresh_more.with_posts(after, posts, source="graph", at=at)
    return after, changed + more


def test_the_log_and_the_day_tell_of_posts() -> None:
    """New posts and another engagement are changes, the same ones are none; a day has engagement
    only where its refresh told posts, though the account keeps the last one known."""
    before = Account(account_id="a", handle="lena")
    first, changed = refreshed(before, AT, posts=post(media(2), media(1)))
    assert {"instagramData.latestMedia", "instagramData.engagement"} <= set(changed)
    assert first.instagram_data["latestMedia"] == ["C2", "C1"]
    assert first.instagram_data["sources"]["engagement"] == {"source": "graph", "at": AT}
    assert refresh.day(first).engagement == 0.01
    same, changed = refreshed(first, LATER, posts=post(media(2), media(1)))
    assert changed == [] and refresh.day(same).engagement == 0.01
    _, changed = refreshed(first, LATER, posts=post(media(3), media(2)))
    assert changed == ["instagramData.latestMedia"]
    untold, changed = refreshed(first, LATER, posts=None)
    assert changed == [] and refresh.day(untold).engagement is None
    assert untold.instagram_data["engagement"] == 0.01
    hidden, _ = refreshed(first, LATER, posts=post(media(2, likes=None)))
    assert refresh.day(hidden).engagement is None


class Own:
    """An insider of the test's own, of the account 1784. says: of each call, in turn."""

    name = limit_key = "graph"
    usage: Usage | None = None

    def __init__(self, share: Share | None = None, *says: object) -> None:
        self._share = share
        self._says = list(says)
        self.known: bool | None = None
        self.calls = 0

    async def _call(self) -> None:
        if self._share is not None:
            await self._share.take([self.limit_key])
        self.calls += 1
        said = self._says.pop(0) if self._says else None
        if isinstance(said, Exception):
            raise said

    def owns(self, account_id: str) -> bool | None:
        return None if self.known is None else account_id == "1784"

    async def learn(self) -> None:
        await self._call()
        self.known = True

    async def insights(self, account_id: str) -> dict[str, int]:
        await self._call()
        return {"reach": 5}

    async def measured(self, account_id: str, found: Media) -> Media:
        await self._call()
        return structs.replace(found, reach=7)


PROFILE = Profile(
    user_id="1784", username="lena", media_count=3, posts=(media(3), media(2), media(1))
)
ALL = Wanted(posts=12, of_account=True, of_posts=True)


@pytest.fixture
def extras(clock):
    def make(wanted: Wanted, *insiders: Own, listers=()) -> Extras:
        made = Extras(
            wanted, insiders=insiders, listers=listers, limiter=MemoryLimiter(clock), clock=clock,
            watcher=Watcher(),
        )  # fmt: skip
        made.limiter = made._limiter
        return made

    return make


async def test_one_is_asked_of_ones_own_account_alone(extras) -> None:
    """Whose a token is is learnt once; of anybody else's account nothing is asked."""
    own = Own()
    made = extras(ALL, own)
    told = await made.of(PROFILE, "graph")
    assert told.insights == {"reach": 5} and told.missing == ()
    assert [each.reach for each in told.posts] == [7, 7, 7]
    assert told.measured == {"171", "172", "173"} and own.calls == 5
    other = await made.of(structs.replace(PROFILE, user_id="9"), "graph")
    assert other == More(posts=PROFILE.posts) and own.calls == 5
    assert await made.of(PROFILE, "hiker") == More(posts=PROFILE.posts)


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        (Wanted(posts=12), 0),
        (Wanted(posts=12, of_account=True), 2),
        (Wanted(posts=12, of_posts=True), 4),
    ],
)
async def test_each_sort_of_insights_is_optional(extras, wanted, calls) -> None:
    """What is not wanted is not asked for."""
    own = Own()
    told = await extras(wanted, own).of(PROFILE, "graph")
    assert own.calls == calls
    assert bool(told.insights) == wanted.of_account and bool(told.measured) == wanted.of_posts


async def test_insights_never_take_a_refreshs_place(extras, clock) -> None:
    """They have a limit of their own: when it is reached the newest posts have theirs, what is
    missing is said, and none of the refresh's own limit is used."""
    limiter = MemoryLimiter(clock)
    own = Own(Share(limiter, "insights", calls=3))
    made = Extras(ALL, insiders=[own], limiter=limiter, clock=clock, watcher=Watcher())
    told = await made.of(PROFILE, "graph")
    assert [each.reach for each in told.posts] == [7, None, None]
    assert told.measured == {"173"} and told.missing == ("insights of posts: rate_limit",)
    told = await made.of(PROFILE, "graph")
    assert told.posts == PROFILE.posts and own.calls == 3
    assert told.missing == ("insights: rate_limit", "insights of posts: rate_limit")
    assert await limiter.parked("graph") == 0
    assert await limiter.reserve(Take("graph", 200, 3600.0, 200)) == 0
    await clock.sleep(3600.0)
    assert (await made.of(PROFILE, "graph")).insights == {"reach": 5}


@pytest.mark.parametrize(
    ("failure", "parked"),
    [
        (errors.Refused("No permission."), 0),
        (errors.Transient(), 0),
        (errors.NeedsLogin(), 0),
        (errors.SchemaDrift("user/insights", "data"), 0),
        (errors.Throttled(wait=90.0), 90),
    ],
    ids=lambda each: getattr(each, "code", None),
)
async def test_insights_that_fail_fail_nothing_else(extras, failure, parked) -> None:
    """The refresh goes on without them and says so; a throttle of the platform is obeyed."""
    own = Own(None, None, failure, failure)
    made = extras(ALL, own)
    told = await made.of(PROFILE, "graph")
    assert told.posts == PROFILE.posts and not told.insights and not told.measured
    code = failure.code
    assert told.missing == (f"insights: {code}", f"insights of posts: {code}")
    assert await made.limiter.parked("graph") == parked


async def test_a_warning_of_the_limit_is_obeyed(extras) -> None:
    """Where the headers say that the token's budget is nearly used, nobody uses it for a while."""
    own = Own()
    own.usage = Usage(percent=97, regain=None)
    made = extras(ALL, own)
    await made.of(PROFILE, "graph")
    assert await made.limiter.parked("graph") > 0


class Lists:
    name, limit_key = "hiker", "h"

    def __init__(self) -> None:
        self.asked = 0

    async def latest(self, profile: Profile, *, limit: int) -> tuple[Media, ...]:
        self.asked += 1
        return (media(),) * limit


async def test_posts_that_did_not_come_are_asked_for_where_that_is_wanted(extras, clock) -> None:
    """By a call of HikerAPI's own, so many a second; of a page nothing is missing, and of Business
    Discovery it is said."""
    lists, bare = Lists(), structs.replace(PROFILE, posts=None)
    made = extras(Wanted(posts=3), listers=[lists])
    begun = clock.monotonic()
    for _ in range(11):
        assert len((await made.of(bare, "hiker")).posts) == 3
    assert lists.asked == 11 and clock.monotonic() - begun == 2.0
    assert await made.of(bare, "page") == More()
    assert await made.of(bare, "graph") == More(missing=("posts: not_told",))
    assert await extras(Wanted(), listers=[lists]).of(bare, "hiker") == More()
    assert lists.asked == 11


def recorded(path: str) -> bytes:
    file = FIXTURES / "graph" / path
    if not file.exists():
        pytest.skip("the recorded answers are not here")
    return file.read_bytes()


@pytest.mark.parametrize("page", ["p1", "p2"])
def test_recorded_business_discovery_is_read_exactly(page) -> None:
    """Every post of the recorded answers, with the numbers that stand there."""
    body = recorded(f"business_discovery/sns_base_discovery_medias_{page}.json")
    told = json.loads(body)["business_discovery"]["media"]["data"]
    found = graph_media.others_latest(body, "business_discovery")
    assert [each.media_id for each in found] == [each["id"] for each in told] and found
    for one, row in zip(found, told, strict=True):
        assert (one.comment_count, one.like_count) == (
            row.get("comments_count"), row.get("like_count"),
        )  # fmt: skip
        assert one.likes_hidden is ("like_count" not in row)


def test_recorded_profiles_and_samples_are_read_exactly() -> None:
    """What stands there, and None for what does not."""
    body = recorded("business_discovery/sns_user_fields.json")
    told = json.loads(body)["business_discovery"]
    found = graph_people.discovered_profile(body, "business_discovery")
    assert (found.user_id, found.username, found.followers_count, found.media_count) == (
        told["id"], told["username"], told.get("followers_count"), told.get("media_count"),
    )  # fmt: skip
    (one,) = graph_media.others_latest(
        recorded("docs_samples/bd_media_first_item.json"), "business_discovery"
    )
    assert (one.media_id, one.comment_count, one.like_count) == ("17858843269216389", 50, 5837)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("docs_samples/user_insights_reach_total_value.json", {"reach": 224}),
        ("insights/airbyte_user_insights_day.json", {"follower_count": 1000, "reach": 500}),
        ("insights/sns_users_user_insights_new.json", {"reach": 14516883}),
        (
            "insights/sns_users_user_insights.json",
            {"impressions": 66, "reach": 36, "profile_views": 2},
        ),
    ],
)
def test_recorded_insights_of_accounts_are_read_exactly(path, told) -> None:
    """Totals, and of a series its newest value; a breakdown is not added up."""
    assert graph_media.insights(recorded(path), "user/insights") == told
