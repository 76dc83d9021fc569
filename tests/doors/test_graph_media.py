"""Posts and reels by the Graph API over real HTTP: others' by Business Discovery, one's own with
their insights."""

import json
import os
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.domain.job import Target
from ingather.domain.kinds import WITH_INSIGHTS
from ingather.domain.page import Usage
from ingather.providers import graph_media
from ingather.providers.graph_discovery import GraphMediaSource
from ingather.providers.http import Http
from ingather.sandbox import insights, others
from ingather.sandbox.options import TOKEN
from ingather.sandbox.world import World

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
ME = "17841400000000000"


@pytest.fixture
async def graph(sandbox):
    """Makes sources of a kind before the sandbox; closes them all."""
    made = []

    def make(kind="posts", **options):
        options = {"token": TOKEN, "url": sandbox.graph_url} | options
        source = GraphMediaSource(Http(deadline=5), kind=kind, **options)
        made.append(source)
        return source

    yield make
    for source in made:
        await source.close()


@asynccontextmanager
async def scripted(answer, kind="posts", **options):
    """A source of the account 1784 (@ada) before a server that answers every other question with
    `answer(path, query)`: a body, or (status, body)."""

    async def handle(request):
        if request.query.get("fields") == "id,username":
            return web.json_response({"id": "1784", "username": "ada"})
        found = answer(request.path, dict(request.query))
        status, body = found if isinstance(found, tuple) else (200, found)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    async with TestServer(app) as server:
        source = GraphMediaSource(
            Http(deadline=5), kind=kind, token="tok", account_id="1784",
            url=str(server.make_url("")), **options,
        )  # fmt: skip
        try:
            yield source
        finally:
            await source.close()


class Turns:
    """Lets every call be made, and keeps under which key."""

    def __init__(self):
        self.taken = []

    async def take(self, keys):
        self.taken.append(keys[0])
        return keys[0]

    async def heard(self, cursor, then, usage):
        pass


async def collect(source, words, limit=None):
    """Every record of a target, its pages, and the calls beyond one for each of them."""
    target = await source.resolve(words)
    turns = Turns()
    source, cursor, records, pages = source.under(turns), None, [], 0
    while True:
        page = await source.fetch(target, cursor, replies=True, limit=limit)
        records += page.records
        pages, cursor = pages + 1, page.next
        if cursor is None:
            return records, pages, len(turns.taken) - pages


async def test_posts_of_another_account(graph):
    """Every post once, newest first, by cursors spliced by hand; likes that are hidden are unknown
    and no 0; the views are told with the name of their number."""
    other = others.find("posts120", 1)
    records, pages, _ = await collect(graph(), "@Posts120")
    assert pages == 3
    true = [other.post(place) for place in range(120)]
    assert [row.media_id for row in records] == [post.id for post in true]
    for row, post in zip(records, true, strict=True):
        hidden = post.seed % 11 == 0
        assert row.like_count == (None if hidden else post.seed % 4000)
        assert row.likes_hidden is hidden
        reel = post.product == "REELS"
        assert row.media_type == ("REELS" if reel else post.media_type)
        assert row.play_count == (post.seed % 90_000 if reel else None)
        assert row.plays_from == ("business_discovery.view_count" if reel else None)
        assert row.shortcode == post.shortcode  # from the address alone
        assert row.username == "posts120"
        assert (row.reach, row.duration) == (None, None)


async def test_reels_alone(graph):
    """Of reels the other posts fall out; how many there are is not declared."""
    other = others.find("posts120", 1)
    source = graph("reels")
    records, _, _ = await collect(source, "posts120")
    reels = [post.id for place in range(120) if (post := other.post(place)).product == "REELS"]
    assert [row.media_id for row in records] == reels
    assert (await source.resolve("posts120")).declared is None
    assert (await graph().resolve("posts120")).declared == 120


async def test_a_page_of_photos_is_no_empty_page():
    """A page whose rows are all of another sort says how many it passed over, so that a list is
    not given up as empty."""
    photo = {"id": "1", "media_type": "IMAGE", "media_product_type": "FEED"}
    media = {"data": [photo], "paging": {"cursors": {"after": "x"}}}
    body = {"business_discovery": {"id": "2", "username": "bob", "media": media}, "id": "1784"}
    async with scripted(lambda *_: body, kind="reels") as source:
        page = await source.fetch(Target(id="2", username="bob"), None, replies=True)
    assert (page.records, page.next, page.passed) == ([], "x", 1)


async def test_own_posts_are_listed_by_their_own_edge(graph, sandbox):
    """One's own posts come without Business Discovery, all of them."""
    world = World(1)
    records, pages, more = await collect(graph(), "sandbox.bakery")
    assert [row.media_id for row in records] == [post.id for post in world.posts]
    assert (pages, more) == (3, 0)
    assert {row.likes_hidden for row in records} == {None}
    assert not any("business_discovery" in call.path for call in sandbox.calls())


async def test_own_reels_with_insights(graph, sandbox):
    """Insights fill what they tell; a metric that a post lacks, a post older than the professional
    account and one that nobody has counted yet cost nothing but their own numbers."""
    world = World(1)
    true = {post.id: post for post in world.posts}
    records, _, more = await collect(graph("reels", path=WITH_INSIGHTS), "sandbox.bakery")
    measured = 0
    for row in records:
        post = true[row.media_id]
        counted = insights.known(post)
        names = {"reach": "reach", "saved": "saved", "shares": "shares", "play_count": "views",
                 "total_interactions": "total_interactions",
                 "avg_watch_ms": "ig_reels_avg_watch_time",
                 "total_watch_ms": "ig_reels_video_view_total_time"}  # fmt: skip
        for field, metric in names.items():
            assert getattr(row, field) == (insights.value(post, metric) if counted else None)
        assert row.plays_from == ("insights.views" if counted else None)
        measured += counted
    assert measured > 20
    # Every post costs a call, save those as old as the first that was too old.
    asked = sandbox.control()["calls"]["by_kind"]["insights"]
    assert asked == more <= len(records)


async def test_photos_are_asked_for_what_they_have(graph):
    """Photos have reach but no plays and no watch time; nobody asks for those twice."""
    source = graph("posts", path=WITH_INSIGHTS)
    target = await source.resolve("sandbox.bakery")
    turns = Turns()
    page = await source.under(turns).fetch(target, None, replies=True)
    photos = [row for row in page.records if row.media_type == "IMAGE" and row.reach is not None]
    assert photos
    assert {(row.play_count, row.avg_watch_ms) for row in photos} == {(None, None)}
    assert len(turns.taken) == 1 + len(page.records)


def refusal(code, message="no", subcode=None, status=400):
    return status, {"error": {"code": code, "error_subcode": subcode, "message": message}}


def own_page(*kinds):
    rows = [
        {"id": str(n), "media_type": "VIDEO", "media_product_type": kind,
         "timestamp": f"2026-01-{28 - n:02d}T00:00:00+0000"}
        for n, kind in enumerate(kinds, 1)
    ]  # fmt: skip
    return {"data": rows}


def told(metrics):
    return {"data": [{"name": one, "values": [{"value": len(one)}]} for one in metrics.split(",")]}


async def measured(refuse, kinds=("REELS",) * 3):
    """Records and metrics asked for, where `refuse(metrics)` may refuse a call."""
    asked = []

    def answer(path, query):
        if path.endswith("/media"):
            return own_page(*kinds)
        asked.append((path.split("/")[1], query["metric"]))
        return refuse(query["metric"]) or told(query["metric"])

    async with scripted(answer, kind="posts", path=WITH_INSIGHTS) as source:
        turns = Turns()
        source = source.under(turns)
        page = await source.fetch(Target(id="1784", username="ada"), None, replies=True)
        assert len(turns.taken) == 2 + len(asked)  # whose account it is, the list, and these
        again = await source.fetch(Target(id="1784", username="ada"), None, replies=True)
        assert list(again.records) == list(page.records)
        return page.records, asked


@pytest.mark.parametrize(
    "said",
    [
        "(#100) The Media Insights API does not support the saved, shares metric for this media"
        " product type.",
        "(#100) Der Messwert saved, shares ist hier unbekannt",
        "(#100) nothing that names a metric",
        "(#100) reach saved shares views total_interactions ig_reels_avg_watch_time"
        " ig_reels_video_view_total_time",
        "(#100) only reach is to be had",
    ],
)
async def test_a_metric_that_a_type_lacks_is_remembered(said):
    """Whatever the refusal says of it, the metrics that are to be had are had, the others unknown;
    and from the next page on only the former are asked for."""

    def refuse(metrics):
        return refusal(100, said) if {"saved", "shares"} & set(metrics.split(",")) else None

    records, asked = await measured(refuse)
    for row in records:
        assert (row.saved, row.shares) == (None, None)
        assert (row.reach, row.play_count) == (len("reach"), len("views"))
        assert row.avg_watch_ms == len("ig_reels_avg_watch_time")
    assert [metrics for _, metrics in asked[-3:]] == [
        "views,reach,total_interactions,ig_reels_avg_watch_time,ig_reels_video_view_total_time"
    ] * 3


async def test_the_place_of_a_wrong_metric_is_heeded():
    """A refusal that lists all there are names the wrong one by its place."""

    def refuse(metrics):
        names = metrics.split(",")
        if "shares" not in names:
            return None
        return refusal(100, f"(#100) metric[{names.index('shares')}] must be one of: reach, views")

    records, asked = await measured(refuse, ("FEED",))
    assert (records[0].shares, records[0].saved) == (None, len("saved"))
    assert [metrics for _, metrics in asked] == [
        "views,reach,saved,shares,total_interactions",
        "views,reach,saved,total_interactions",
        "views,reach,saved,total_interactions",
    ]


async def test_a_metric_that_throws_for_ever_stops_nothing():
    """A call that fails with an unknown error is tried as any other; when it goes on failing, the
    metrics are asked for one by one, and the one that throws stays unknown."""

    def answer(path, query):
        if path.endswith("/media"):
            return own_page("REELS")
        thrown = "views" in query["metric"].split(",")
        return refusal(1, "An unknown error", status=500) if thrown else told(query["metric"])

    async with scripted(answer, path=WITH_INSIGHTS) as source:
        target = Target(id="1784", username="ada")
        for _ in range(2):
            with pytest.raises(errors.Transient):
                await source.fetch(target, None, replies=True)
        page = await source.fetch(target, None, replies=True)
    assert (page.records[0].play_count, page.records[0].reach) == (None, len("reach"))


async def test_what_is_older_than_the_professional_account_is_not_asked_for():
    """Once a post was too old for insights, none that is older is asked for."""
    asked = []

    def answer(path, query):
        if path.endswith("/media"):
            return own_page(*["REELS"] * 9)
        asked.append(path)
        return refusal(100, "Invalid parameter", 2108006)

    async with scripted(answer, path=WITH_INSIGHTS) as source:
        for _ in range(2):
            page = await source.fetch(Target(id="1784", username="ada"), None, replies=True)
            assert {row.reach for row in page.records} == {None}
    assert len(asked) <= 4  # those that were under way together


async def test_a_limit_in_the_middle_of_a_page_wastes_no_call():
    """After a throttle the page is asked for again, but not the insights that were told."""
    asked = []

    def answer(path, query):
        if path.endswith("/media"):
            return own_page(*["REELS"] * 6)
        asked.append(path)
        return refusal(80002, status=400) if len(asked) == 6 else told(query["metric"])

    async with scripted(answer, path=WITH_INSIGHTS) as source:
        turns = Turns()
        source, target = source.under(turns), Target(id="1784", username="ada")
        with pytest.raises(errors.Throttled):
            await source.fetch(target, None, replies=True)
        page = await source.fetch(target, None, replies=True)
    assert len(asked) == 7
    assert len(turns.taken) == 3 + 7
    assert {row.reach for row in page.records} == {5}


async def test_insights_without_the_permission_name_it(graph, sandbox):
    """Who asks for insights without the permission is told which one is missing."""
    source = graph("posts", path=WITH_INSIGHTS)
    target = await source.resolve("sandbox.bakery")
    sandbox.control(without=["instagram_manage_insights"])
    with pytest.raises(errors.Refused, match="instagram_manage_insights"):
        await source.fetch(target, None, replies=True)


@pytest.mark.parametrize("name", ["ghost", "personal.x", "private.x", "deactivated"])
async def test_who_is_no_professional_account(graph, name):
    """Unknown, personal, private and deactivated accounts answer alike; the error says so."""
    with pytest.raises(errors.NotReachable, match="does not tell which"):
        await graph().resolve(name)


async def test_a_dead_cursor_begins_the_list_anew(graph, sandbox):
    """Cursors of Business Discovery and of one's own list die; both say where to begin."""
    source = graph()
    for words in ("posts120", "sandbox.bakery"):
        target = await source.resolve(words)
        page = await source.fetch(target, None, replies=True)
        sandbox.control(kill_cursors=True)
        with pytest.raises(errors.DeadCursor) as caught:
            await source.fetch(target, page.next, replies=True)
        assert caught.value.restart is None


@pytest.mark.parametrize("cursor", ["a){id},business_discovery.username(x", "", "a b", "{}"])
async def test_no_cursor_breaks_the_expression(graph, sandbox, cursor):
    """What can be no cursor is never spliced into the fields."""
    source, target = graph(), Target(id="5", username="posts120")
    await source.owner()
    before = len(sandbox.calls())
    with pytest.raises(errors.DeadCursor):
        await source.fetch(target, cursor, replies=True)
    assert len(sandbox.calls()) == before


async def test_smaller_pages_on_request(graph, sandbox):
    """The page size is the one that is asked for, and "reduce the amount of data" is told as such
    so that the next is smaller."""
    source = graph()
    target = await source.resolve("posts120")
    sandbox.control(faults={"reduce": 1.0})
    with pytest.raises(errors.TooMuchData):
        await source.fetch(target, None, replies=True)
    page = await source.fetch(target, None, replies=True, limit=10)
    assert len(page.records) == 10
    assert ".limit(10)" in unquote(sandbox.calls()[-1].path)


async def test_the_same_cursor_again_is_the_end():
    """A cursor that leads to itself is followed once."""
    media = {"data": [{"id": "1"}], "paging": {"cursors": {"after": "x"}}}
    body = {"business_discovery": {"id": "2", "username": "bob", "media": media}, "id": "1784"}
    async with scripted(lambda *_: body) as source:
        target = Target(id="2", username="bob")
        assert (await source.fetch(target, None, replies=True)).next == "x"
        assert (await source.fetch(target, "x", replies=True)).next is None


async def test_what_the_limit_says_comes_with_the_page(graph, sandbox):
    """Usage headers are told with each page."""
    sandbox.control(budget=1_000)
    source = graph()
    target = await source.resolve("posts120")
    for _ in range(30):
        page = await source.fetch(target, None, replies=True)
    assert isinstance(page.usage, Usage)
    assert page.usage.percent >= 2


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": "1", "timestamp": "yesterday"},
                                 {"id": "1", "like_count": "many"}])  # fmt: skip
async def test_a_post_of_another_shape_is_drift(row):
    """A post without an id, or with a time or count that is none, is named, not filled in."""
    media = {"data": [row]}
    body = {"business_discovery": {"id": "2", "username": "bob", "media": media}, "id": "1784"}
    async with scripted(lambda *_: body) as source:
        with pytest.raises(errors.SchemaDrift):
            await source.fetch(Target(id="2", username="bob"), None, replies=True)


def recorded(*steps):
    path = FIXTURES.joinpath("graph", *steps)
    if not path.is_file():
        pytest.skip("no recorded answers beside this checkout")
    return path.read_bytes()


def test_recorded_pages_of_discovery():
    """Recorded pages: the first has a cursor on, the last has none; ids and times are whole."""
    name = "business_discovery"
    first = graph_media.others(recorded(name, "sns_base_discovery_medias_p1.json"), name, sent=None)
    assert first.after == "after"
    assert first.records[0].media_id == "17984016661384418"
    assert first.records[0].timestamp == "2021-10-22T14:00:39Z"
    assert first.records[0].shortcode == "CVVV5iaIaBp"
    assert (first.records[0].play_count, first.records[0].likes_hidden) == (None, False)
    last = graph_media.others(
        recorded(name, "sns_base_discovery_medias_p2.json"), name, sent="after"
    )
    assert last.records
    assert last.after is None


def test_recorded_insights():
    """Recorded insights are read by their names, in both forms; recorded refusals are refusals."""
    reel = graph_media.insights(recorded("insights", "airbyte_media_insights_for_reels.json"), "i")
    assert (reel["ig_reels_avg_watch_time"], reel["reach"]) == (12549, 2006)
    new = graph_media.insights(recorded("insights", "sns_medias_insights_new.json"), "i")
    assert new["profile_activity"] == 11
    refused = json.loads(recorded("errors", "wild_100_insights_unsupported_metric.json"))
    assert refused["error"]["code"] == 100
