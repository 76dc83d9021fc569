"""The sandbox misbehaves on request: each fault as the contract words it, when it was asked for."""

import asyncio
import json
import time

import aiohttp
import pytest

from ingather.sandbox.faults import NAMES
from ingather.sandbox.options import Options
from ingather.sandbox.server import serve
from ingather.sandbox.state import Wish
from ingather.sandbox.world import World

POSTS = {post.name: post.id for post in World(1).named}
MEDIA = POSTS["flat5000"]
SMALL = "17990000000000420"  # nine pages of fifty


class Client:
    """Asks one sandbox for pages of comments."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def get(self, media=MEDIA, edge="/comments", **params):
        async with self.session.get(
            f"{self.sandbox.graph_url}/{media}{edge}",
            params={"limit": "50"} | params,
            headers={"Authorization": "Bearer sandbox-token"},
        ) as answer:
            answer.raw = await answer.read()
            return answer

    async def page(self, media=MEDIA, **params):
        return json.loads((await self.get(media, **params)).raw)

    async def walk(self, media, most=40):
        """Ids page by page and cursors used, at most so many pages."""
        pages, cursors, after = [], [], {}
        for _ in range(most):
            page = await self.page(media, **after)
            pages.append([row["id"] for row in page["data"]])
            if "next" not in page.get("paging", {}):
                break
            cursors.append(page["paging"]["cursors"]["after"])
            after = {"after": cursors[-1]}
        return pages, cursors


@pytest.fixture
async def client():
    async with (
        await serve(Options()) as sandbox,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session,
    ):
        yield Client(sandbox, session)


@pytest.mark.parametrize(
    ("fault", "status", "code", "subcode", "transient"),
    [
        ("throttle", 403, 4, None, True),
        ("buc", 400, 80002, 2446079, False),
        ("rate429", 429, 4, None, True),
        ("expired", 400, 190, 463, None),
        ("password", 400, 190, 460, None),
        ("unavailable", 500, 2, None, True),
        ("unknown", 500, 1, None, None),
        ("reduce", 500, 1, None, None),
        ("error200", 200, 2, None, True),
        ("localised", 500, 2, None, True),
        ("errordata_string", 500, 1, None, True),
    ],
)
async def test_errors(client, fault, status, code, subcode, transient):
    """Each named error has its HTTP status, code, subcode and is_transient."""
    client.sandbox.control(faults={fault: 1.0})
    answer = await client.get()
    error = json.loads(answer.raw)["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert (error.get("error_subcode"), error.get("is_transient")) == (subcode, transient)
    assert client.sandbox.control()["calls"]["by_fault"] == {fault: 1}


async def test_details_of_errors(client):
    """A limit tells its minutes, a 429 its seconds, error_data is a string, words are foreign."""
    client.sandbox.control(faults={"buc": 1.0}, regain_minutes=19)
    usage = json.loads((await client.get()).headers["x-business-use-case-usage"])
    assert usage["17841400000000000"][0]["estimated_time_to_regain_access"] == 19
    client.sandbox.control(faults={"rate429": 1.0}, retry_after=3)
    assert (await client.get()).headers["retry-after"] == "3"
    client.sandbox.control(faults={"errordata_string": 1.0})
    assert isinstance((await client.page())["error"]["error_data"], str)
    client.sandbox.control(faults={"localised": 1.0})
    assert not (await client.page())["error"]["message"].isascii()


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [("html502", {502}), ("badgateway", {502, 503, 504}), ("html200", {200})],
)
async def test_html(client, fault, statuses):
    """A gateway's page and a login wall are HTML, the wall with a 200."""
    client.sandbox.control(faults={fault: 1.0})
    answers = [await client.get() for _ in range(6)]
    assert {answer.status for answer in answers} == statuses
    assert all(answer.content_type == "text/html" for answer in answers)


async def test_token_dies_until_healed(client):
    """A token that has expired stays so, for every call, until it is healed."""
    client.sandbox.control(schedule=[{"call": 2, "fault": "expired"}])
    assert (await client.get()).status == 200
    assert [(await client.get()).status for _ in range(3)] == [400] * 3
    client.sandbox.control(heal=True)
    assert (await client.get()).status == 200


async def test_schedule(client):
    """A scheduled fault strikes that call and no other; counting may start now."""
    client.sandbox.control(schedule=[{"call": 3, "fault": "unavailable"}])
    assert [(await client.get()).status for _ in range(4)] == [200, 200, 500, 200]
    client.sandbox.control(in_calls=[{"call": 2, "fault": "throttle"}])
    assert [(await client.get()).status for _ in range(3)] == [200, 403, 200]


async def test_chance_is_seeded():
    """The same seed strikes the same calls, about as often as the probability says."""
    runs = []
    for _ in range(2):
        async with (
            await serve(Options(seed=5, faults={"unavailable": 0.2})) as sandbox,
            aiohttp.ClientSession() as session,
        ):
            client = Client(sandbox, session)
            runs.append([(await client.get()).status for _ in range(200)])
    assert runs[0] == runs[1]
    assert 20 < runs[0].count(500) < 60


async def test_one_post_alone(client):
    """Faults may be kept to one post, or to one kind of call."""
    client.sandbox.control(faults={"unavailable": 1.0}, only_post=POSTS["small"])
    assert (await client.get()).status == 200
    assert (await client.get(POSTS["small"])).status == 500
    client.sandbox.control(only_post=None, only_kind="media")
    assert (await client.get(POSTS["small"])).status == 200
    assert (await client.get(POSTS["small"], edge="")).status == 500


async def test_reduce_spares_small_pages(client):
    """A request for less is answered."""
    client.sandbox.control(faults={"reduce": 1.0})
    assert [(await client.get(limit=n)).status for n in (50, 25, 11, 10)] == [500, 500, 500, 200]


async def test_spoilt_bodies(client):
    """A cut body, ids that are null, a page of ten megabytes."""
    true = (await client.get()).raw
    client.sandbox.control(faults={"truncated": 1.0})
    cut = await client.get()
    assert true.startswith(cut.raw)
    assert cut.content_length == len(cut.raw) < len(true)
    client.sandbox.control(faults={"nullids": 1.0})
    assert {row["id"] for row in (await client.page())["data"]} == {None}
    client.sandbox.control(faults={"huge": 1.0})
    huge = (await client.get()).raw
    assert len(huge) > 10 << 20
    assert json.loads(huge)["data"] == json.loads(true)["data"]
    client.sandbox.control(faults={})
    assert (await client.get()).raw == true


async def test_bomb(client):
    """A small gzip that would be 200 megabytes."""
    client.sandbox.control(faults={"gzipbomb": 1.0})
    url = f"{client.sandbox.graph_url}/{MEDIA}/comments"
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers={"Authorization": "Bearer sandbox-token"}) as answer,
    ):
        assert answer.headers["content-encoding"] == "gzip"
        assert len(await answer.read()) < 1 << 20


async def test_no_answer(client):
    """A reset, a silence, and an answer that comes byte by byte."""
    client.sandbox.control(faults={"reset": 1.0})
    with pytest.raises(aiohttp.ClientError):
        await client.get()
    for fault in ("hang", "slow"):
        client.sandbox.control(faults={fault: 1.0})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(), 0.7)


async def test_dead_cursors(client):
    """Every cursor given out before the point is refused; a new pass has cursors that work."""
    after = (await client.page())["paging"]["cursors"]["after"]
    client.sandbox.control(in_calls=[{"call": 1, "fault": "deadcursor"}])
    for _ in range(2):
        answer = await client.get(after=after)
        assert (answer.status, json.loads(answer.raw)["error"]["code"]) == (400, 100)
    fresh = (await client.page())["paging"]["cursors"]["after"]
    assert (await client.get(after=fresh)).status == 200
    client.sandbox.control(faults={"deadcursor": 1.0})  # for ever
    for _ in range(2):
        fresh = (await client.page())["paging"]["cursors"]["after"]
        assert (await client.get(after=fresh)).status == 400


async def test_foreign_cursor(client):
    """A cursor of another list, or no cursor at all, is refused."""
    after = (await client.page())["paging"]["cursors"]["after"]
    assert (await client.get(SMALL, after=after)).status == 400
    assert (await client.get(after="nonsense")).status == 400


@pytest.mark.parametrize("name", ["repeat", "overlap", "reverse", "shuffle"])
async def test_paging_that_ends(client, name):
    """Repeated, overlapping, reversed and shuffled pages still have every row."""
    true = [one for page in (await client.walk(SMALL))[0] for one in page]
    client.sandbox.control(faults={name: 0.5})
    pages, cursors = await client.walk(SMALL)
    bent = [one for page in pages for one in page]
    assert set(bent) == set(true)
    assert bent != true
    assert len(set(cursors)) == len(cursors)
    doubles = len(bent) - len(true)
    assert {"repeat": doubles >= 50, "overlap": doubles == 24}.get(name, doubles == 0)


async def test_shuffle_needs_no_fixed_limit(client):
    """Shuffled rows are the same union whatever the page size is."""
    client.sandbox.control(paging={SMALL: ["shuffle"]})
    first, _ = await client.walk(SMALL)
    found, after = set(), {}
    while True:
        page = await client.page(SMALL, limit="10", **after)
        found |= {row["id"] for row in page["data"]}
        if "next" not in page["paging"]:
            break
        after = {"after": page["paging"]["cursors"]["after"]}
    assert found == {one for page in first for one in page}


@pytest.mark.parametrize(("name", "period"), [("cycle1", 1), ("cycle2", 2), ("cycle7", 7)])
async def test_cycles(client, name, period):
    """Cursors come back after that many pages, for ever."""
    client.sandbox.control(paging={SMALL: [name]})
    pages, cursors = await client.walk(SMALL)
    assert len(pages) == 40
    assert len(set(cursors)) == period
    assert pages[1] == pages[1 + period] != pages[0]


async def test_no_progress(client):
    """Fresh cursors for ever, with the same rows or with none."""
    client.sandbox.control(paging={"*": ["samerows"]})
    pages, cursors = await client.walk(SMALL)
    assert len(set(cursors)) == len(cursors) == 40
    assert len({tuple(page) for page in pages}) == 1
    client.sandbox.control(paging={"*": ["emptyforever"]})
    pages, cursors = await client.walk(SMALL)
    assert len(set(cursors)) == len(cursors) == 40
    assert [len(page) for page in pages] == [50] + [0] * 39


async def test_next_without_cursors(client):
    """A page may have a next address and no cursors beside it; the address works."""
    client.sandbox.control(paging={"*": ["nextwithoutcursor"]})
    page = await client.page(SMALL)
    assert set(page["paging"]) == {"next"}
    async with client.session.get(page["paging"]["next"]) as answer:
        assert len((await answer.json())["data"]) == 50


async def test_latency(client):
    """Latency is from request to answer, work included."""
    client.sandbox.control(latency_ms=50)
    await client.get()
    started = time.perf_counter()
    for _ in range(10):
        await client.get()
    assert 0.49 <= time.perf_counter() - started < 0.75


async def test_who_sets_the_latency_does_not_wait(client):
    """The control door answers at once, however slow the sandbox was told to be."""
    client.sandbox.control(latency_ms=60_000)
    async with client.session.get(f"{client.sandbox.url}/_control") as answer:
        assert (await answer.json())["latency_ms"] == 60_000


async def test_reset(client):
    """A reset is a return to how the sandbox was started."""
    start = client.sandbox.control()
    client.sandbox.control(faults={"expired": 1.0}, paging={"*": ["cycle1"]}, latency_ms=9)
    assert (await client.get()).status == 400
    assert client.sandbox.control(reset=True) == start
    assert (await client.get()).status == 200


@pytest.mark.parametrize(
    "wish",
    [
        b'{"faults": {"nonsense": 1}}',
        b'{"faults": {"throttle": 2}}',
        b'{"schedule": [{"call": 1, "fault": "nonsense"}]}',
        b'{"paging": {"*": ["throttle"]}}',
        b'{"nonsense": 1}',
        b'{"latency_ms": "soon"}',
        b"nonsense",
    ],
)
async def test_wishes_are_checked(client, wish):
    """What cannot be wished for is refused with the reason, and changes nothing."""
    before = client.sandbox.control()
    async with client.session.post(f"{client.sandbox.url}/_control", data=wish) as answer:
        assert answer.status == 400
        assert "error" in await answer.json(content_type=None)
    assert client.sandbox.control() == before


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_may_be_scheduled(name):
    """Each name may be given by probability and by schedule."""
    from ingather.sandbox.state import Scheduled, State

    state = State(Options(faults={name: 0.5}))
    state.apply(Wish(schedule=[Scheduled(1, name)]))
    assert state.plan.strike(1, limit=50, paged=False, within=True) == name


async def test_pipelined_and_split_requests(client):
    """Requests that arrive together, or in pieces, are answered in order."""
    host, port = client.sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ask = b"GET /v26.0/%s?access_token=sandbox-token HTTP/1.1\r\nHost: x\r\n\r\n"
    both = ask % MEDIA.encode() + ask % POSTS["small"].encode()
    writer.write(both[:30])
    await asyncio.sleep(0.02)
    writer.write(both[30:])
    told = b""
    while told.count(b'{"id"') < 2:
        told += await asyncio.wait_for(reader.read(1 << 16), 5)
    assert told.index(MEDIA.encode()) < told.index(POSTS["small"].encode())
    writer.close()
    await writer.wait_closed()
