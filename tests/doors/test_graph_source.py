"""The Graph source over real HTTP: what it reads, what it makes of every fault, what it hides."""

import asyncio
import json
import logging
import subprocess
import sys
import traceback
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.domain.job import Owner, Target
from ingather.providers import graph_cursor
from ingather.providers.graph import GraphSource
from ingather.providers.graph_accounts import proof_of
from ingather.providers.http import Http
from ingather.sandbox.options import APP_SECRET, TOKEN
from ingather.sandbox.world import World
from ingather.stores.memory_cache import MemoryCache

POSTS = {post.name: post for post in World(1).named}
OWNER = Owner("17841400000000000", "sandbox.bakery")


@pytest.fixture
async def graph(sandbox):
    source = GraphSource(Http(deadline=5), token=TOKEN, url=sandbox.graph_url)
    yield source
    await source.close()


@asynccontextmanager
async def scripted(answer, **options):
    """A source before a server that answers with `answer(path, query, headers)`: a body, or
    (status, headers, body)."""

    async def handle(request):
        found = answer(request.path, dict(request.query), request.headers)
        status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    async with TestServer(app) as server:
        options = {"token": "tok", "account_id": "1784"} | options
        source = GraphSource(Http(deadline=5), url=str(server.make_url("")), **options)
        try:
            yield source
        finally:
            await source.close()


def refusal(code, subcode=None, status=400, message="no"):
    return status, {}, {"error": {"code": code, "error_subcode": subcode, "message": message}}


async def collect(source, target, *, replies=True, limit=None, patience=0):
    """Every record from the first page to the last; faults that pass are tried again."""
    cursor, records, calls = None, [], 0
    while True:
        calls += 1
        try:
            page = await source.fetch(target, cursor, replies=replies, limit=limit)
        except errors.SourceError as error:
            patience -= 1
            if not error.retry or patience < 0:
                raise
            continue
        records += page.records
        cursor = page.next
        if cursor is None:
            return records, calls


async def test_the_account_is_found_through_the_pages(graph):
    """With a token alone, the account is found; it is asked for once."""
    assert await graph.owner() == OWNER
    assert await graph.owner() == OWNER


async def test_the_account_can_be_named(sandbox):
    """With an account id, no Page is asked for."""
    source = GraphSource(Http(), token=TOKEN, account_id=OWNER.instagram_id, url=sandbox.graph_url)
    assert await source.owner() == OWNER
    assert not any("accounts" in call.path for call in sandbox.calls())
    await source.close()


def pages_of(*ids):
    return {
        "data": [
            {"id": str(n), "name": f"Page {n}", "instagram_business_account": {"id": one}}
            for n, one in enumerate(ids)
        ]
    }


async def test_several_accounts_ask_for_a_choice():
    """Where a token leads to several accounts, the message lists them and names the setting."""
    async with scripted(lambda *_: pages_of("17", "18", "17"), account_id=None) as source:
        with pytest.raises(errors.Refused, match="INSTAGRAM_BUSINESS_ACCOUNT_ID") as caught:
            await source.owner()
        assert "17" in str(caught.value)
        assert "18" in str(caught.value)


async def test_no_account_says_what_to_do():
    """Where a token leads to no account, the message says how to link one."""
    async with scripted(lambda *_: {"data": [{"id": "1"}]}, account_id=None) as source:
        with pytest.raises(errors.Refused, match="link the account to a Facebook Page"):
            await source.owner()


async def test_a_shortcode_is_walked_for_once(sandbox, clock):
    """A post found by its shortcode is read by its id the next time, in one call; one that is gone
    by then is looked for again. What is remembered holds no token."""
    cache = MemoryCache(clock)
    post = POSTS["demo"]
    source = GraphSource(Http(), token=TOKEN, url=sandbox.graph_url, cache=cache)
    first = await source.resolve(post.shortcode)
    assert TOKEN not in repr(vars(cache))
    before = len(sandbox.calls())
    again = GraphSource(Http(), token=TOKEN, url=sandbox.graph_url, cache=cache)
    assert await again.resolve(post.shortcode) == first
    assert len(sandbox.calls()) == before + 1
    key = f"graph:post:{source.limit_key}:{post.shortcode}"
    await cache.put(key, b"17999999999999999", ttl=60)
    assert await again.resolve(post.shortcode) == first
    assert await cache.get(key) == post.id.encode()
    await source.close()
    await again.close()


async def test_no_token_is_said_before_any_call():
    """Without a token nothing is called."""
    source = GraphSource(Http(), token="", url="http://127.0.0.1:9")
    for call in (source.owner(), source.resolve("17890008297990000")):
        with pytest.raises(errors.NoToken):
            await call


@pytest.mark.parametrize("way", ["id", "shortcode", "permalink", "pk"])
@pytest.mark.parametrize("name", ["demo", "reel", "one"])
async def test_a_post_is_found_by_any_of_its_names(graph, name, way):
    """Media id, shortcode, address and number all lead to the same target."""
    post = POSTS[name]
    target = await graph.resolve(str(getattr(post, way)))
    assert (target.id, target.shortcode) == (post.id, post.shortcode)
    assert target.permalink == post.permalink
    assert target.caption == post.caption
    assert (target.declared, target.username) == (post.comments_count, "sandbox.bakery")
    assert target.comments_enabled is True
    assert target.timestamp.endswith("+0000")


async def test_an_old_post_is_found_pages_away(graph, sandbox):
    """The walk goes on past the first page of posts."""
    oldest = World(1).posts[-1]
    assert (await graph.resolve(oldest.permalink)).id == oldest.id


@pytest.mark.parametrize("words", ["17890000000009999", "https://www.instagram.com/p/CtZs0Y3v2lx/"])
async def test_a_post_that_is_not_there_is_not_reachable(graph, words):
    """Gone, foreign and private are one answer, and the message says how the words were read and
    how many posts were looked through."""
    with pytest.raises(errors.NotReachable) as caught:
        await graph.resolve(words)
    said = str(caught.value)
    assert "gone, another account's, or private" in said
    if words.startswith("http"):
        assert "shortcode CtZs0Y3v2lx" in said
        assert f"{len(World(1).posts)} posts" in said
    else:
        assert f"media id {words}" in said


async def test_posts_are_listed_newest_first(graph):
    """All own posts are listed with what is told of them; a limit stops the calls too."""
    found = [post async for post in graph.posts()]
    assert [post.id for post in found] == [post.id for post in World(1).posts]
    by_id = {post.id: post for post in found}
    reel = by_id[POSTS["reel"].id]
    assert (reel.media_type, reel.media_product_type) == ("VIDEO", "REELS")
    assert [post.id async for post in graph.posts(3)] == [post.id for post in found[:3]]


@pytest.mark.parametrize(
    "name", ["demo", "small", "empty", "one", "restricted", "nofrom", "devmode", "deep", "gappy"]
)
async def test_every_comment_and_reply_is_read_once(graph, name):
    """Whatever the post is like, a whole pass gives each listed row once, replies in threads."""
    post = POSTS[name]
    records, _ = await collect(graph, await graph.resolve(post.id))
    top_level, replies = post.listed()
    assert len(records) == len({one.comment_id for one in records}) == top_level + replies
    seen = set()
    for one in records:
        assert one.parent_comment_id is None or one.parent_comment_id in seen
        seen.add(one.comment_id)
    assert sum(one.parent_comment_id is None for one in records) == top_level
    if name == "nofrom":
        assert {(one.user_id, one.username) for one in records} == {(None, None)}


async def test_a_cut_thread_is_read_before_the_next_page(graph):
    """All replies of a page's threads come before the next page's first comment."""
    records, _ = await collect(graph, await graph.resolve(POSTS["demo"].id))
    threads = {}
    for place, one in enumerate(records):
        threads.setdefault(one.parent_comment_id or one.comment_id, []).append(place)
    places = list(threads.values())
    assert max(map(len, places)) > 26
    pages = [places[at : at + 50] for at in range(0, len(places), 50)]
    assert all(max(map(max, one)) < min(map(min, then)) for one, then in pairwise(pages))


async def test_broken_texts_are_counted(graph):
    """NUL and half emoji in texts are repaired, and pages say how many."""
    target = await graph.resolve(POSTS["dirty"].id)
    page = await graph.fetch(target, None, replies=True)
    assert page.repaired > 0
    json.dumps([one.text for one in page.records]).encode("utf-8")
    assert not any("\0" in one.text for one in page.records)


async def test_without_replies_none_are_asked_for():
    """No expansion is requested, and embedded replies start no reading of threads."""
    asked = []

    def answer(path, query, headers):
        asked.append(query["fields"])
        return {"data": [{"id": "5"}]}

    async with scripted(answer) as source:
        records, _ = await collect(source, Target(id="1"), replies=False)
        assert len(records) == 1
    assert asked == ["id,text,timestamp,username,from{id,username},user{id},like_count"]


@pytest.mark.parametrize(("given", "sent"), [(None, "50"), (7, "7"), (50, "50"), (500, "50")])
async def test_limit_is_honoured_on_both_levels(given, sent):
    """A smaller page is asked for where one is wanted; never more than the platform gives."""
    asked = []

    def answer(path, query, headers):
        asked.append((path, query["limit"]))
        more = {"cursors": {"after": "r"}, "next": "x"}
        return {"data": [{"id": "5", "replies": {"data": [], "paging": more}}]}

    async with scripted(answer) as source:
        page = await source.fetch(Target(id="1"), None, replies=True, limit=given)
        await source.fetch(Target(id="1"), page.next, replies=True, limit=given)
    assert asked == [("/1/comments", sent), ("/5/replies", sent)]


async def test_an_empty_page_with_a_next_goes_on():
    """Only a missing `next` ends a list: neither an empty page nor a short one does."""

    def answer(path, query, headers):
        if query.get("after") == "b":
            return {"data": [], "paging": {"cursors": {"after": "c"}}}
        after = {None: "a", "a": "b"}[query.get("after")]
        return {"data": [], "paging": {"cursors": {"after": after}, "next": "x"}}

    async with scripted(answer) as source:
        assert await collect(source, Target(id="1")) == ([], 3)


async def test_cursors_of_odd_letters_survive_the_way():
    """A cursor is sent back exactly as it came."""
    odd = "a+b/c==&d%20 é"[:-1] + "?"
    seen = []

    def answer(path, query, headers):
        seen.append(query.get("after"))
        return {"data": [], "paging": {"cursors": {"after": odd}, "next": "x"}}

    async with scripted(answer) as source:
        page = await source.fetch(Target(id="1"), None, replies=True)
        await source.fetch(Target(id="1"), page.next, replies=True)
    assert seen == [None, odd]


async def test_a_dead_cursor_starts_the_list_again(graph, sandbox):
    """A forgotten cursor of the comments restarts from the beginning."""
    target = await graph.resolve(POSTS["flat5000"].id)
    page = await graph.fetch(target, None, replies=True)
    sandbox.control(kill_cursors=True)
    with pytest.raises(errors.DeadCursor) as caught:
        await graph.fetch(target, page.next, replies=True)
    assert caught.value.restart is None
    again = await graph.fetch(target, None, replies=True)
    assert [one.comment_id for one in again.records] == [one.comment_id for one in page.records]


async def test_a_dead_cursor_in_a_thread_starts_only_the_thread_again(graph, sandbox):
    """A forgotten cursor of a thread restarts that thread; the comments' place is kept."""
    target = await graph.resolve(POSTS["deep"].id)
    first = await graph.fetch(target, None, replies=True)
    page = await graph.fetch(target, first.next, replies=True)
    sandbox.control(kill_cursors=True)
    with pytest.raises(errors.DeadCursor) as caught:
        await graph.fetch(target, page.next, replies=True)
    cursor, replies = caught.value.restart, []
    while cursor is not None:
        page = await graph.fetch(target, cursor, replies=True)
        replies += page.records
        cursor = page.next
    assert len({one.comment_id for one in replies}) == 500


async def test_a_thread_deleted_meanwhile_is_left_out():
    """A thread whose comment is gone costs an empty page; the rest of the queue is read."""
    more = {"cursors": {"after": "r"}, "next": "x"}
    cut = {"data": [], "paging": more}

    def answer(path, query, headers):
        match path:
            case "/1/comments":
                return {"data": [{"id": "5", "replies": cut}, {"id": "6", "replies": cut}]}
            case "/5/replies":
                return refusal(100, 33)
        return {"data": [{"id": "7"}]}

    async with scripted(answer) as source:
        records, calls = await collect(source, Target(id="1"))
    assert [one.comment_id for one in records] == ["5", "6", "7"]
    assert calls == 3


async def test_a_refused_parameter_without_a_cursor_is_no_dead_cursor():
    """Only a request that had a cursor can have a dead one; a post gone meanwhile is gone."""
    async with scripted(lambda *_: refusal(100)) as source:
        with pytest.raises(errors.Refused):
            await source.fetch(Target(id="1"), None, replies=True)
    thread = graph_cursor.Cursor(queue=(("5", None),)).text()
    async with scripted(lambda *_: refusal(100)) as source:
        with pytest.raises(errors.Refused):
            await source.fetch(Target(id="1"), thread, replies=True)
    later = graph_cursor.Cursor(after="x").text()
    async with scripted(lambda *_: refusal(100, 33)) as source:
        with pytest.raises(errors.NotReachable):
            await source.fetch(Target(id="1"), later, replies=True)


@pytest.mark.parametrize("text", ["", "null", "{", '{"x":1}', '{"queue":[["1"]]}', "\ud83d"])
async def test_a_foreign_cursor_is_a_dead_one(graph, text):
    """A text that is no cursor of this source starts the list again instead of going astray."""
    with pytest.raises(errors.DeadCursor):
        await graph.fetch(Target(id="1"), text, replies=True)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("throttle", errors.Throttled),
        ("rate429", errors.Throttled),
        ("buc", errors.Throttled),
        ("expired", errors.NeedsLogin),
        ("password", errors.NeedsLogin),
        ("unavailable", errors.Transient),
        ("unknown", errors.Transient),
        ("reduce", errors.TooMuchData),
        ("html502", errors.Transient),
        ("badgateway", errors.Transient),
        ("html200", errors.Transient),
        ("error200", errors.Transient),
        ("truncated", errors.Transient),
        ("reset", errors.Transient),
        ("gzipbomb", errors.Transient),
        ("localised", errors.Transient),
        ("errordata_string", errors.Transient),
        ("nullids", errors.SchemaDrift),
    ],
)
async def test_every_fault_has_its_error(graph, sandbox, fault, kind):
    """Each way in which the platform can be unwell becomes the error that says what to do."""
    target = await graph.resolve(POSTS["small"].id)
    sandbox.control(faults={fault: 1.0})
    with pytest.raises(errors.SourceError) as caught:
        await graph.fetch(target, None, replies=True)
    assert type(caught.value) is kind
    if fault == "buc":
        assert caught.value.wait == 5 * 60
    if fault == "rate429":
        assert caught.value.wait == 1


@pytest.mark.parametrize("fault", ["slow", "hang"])
async def test_one_deadline_covers_the_whole_call(sandbox, fault):
    """A server that drips, or never answers, is given up at the deadline."""
    source = GraphSource(Http(deadline=0.2), token=TOKEN, url=sandbox.graph_url)
    sandbox.control(faults={fault: 1.0})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(errors.Transient, match=r"within 0\.2 s"):
        await source.fetch(Target(id=POSTS["small"].id), None, replies=True)
    assert loop.time() - begun < 2
    await source.close()


async def test_a_large_page_is_read_whole(graph, sandbox):
    """Ten megabytes of an answer are no trouble."""
    sandbox.control(faults={"huge": 1.0})
    page = await graph.fetch(Target(id=POSTS["small"].id), None, replies=True)
    assert len(page.records) == 7


@pytest.mark.parametrize(("fault", "most"), [("gzipbomb", 1 << 20), ("huge", 1 << 20)])
async def test_a_body_is_bounded(sandbox, fault, most):
    """Bombs and floods are dropped at the bound, and memory never holds them."""
    source = GraphSource(Http(max_body=most), token=TOKEN, url=sandbox.graph_url)
    sandbox.control(faults={fault: 1.0})
    target = Target(id=POSTS["small"].id)
    with pytest.raises(errors.Transient, match="more than 1 MB"):
        await source.fetch(target, None, replies=True)
    tracemalloc.start()
    try:
        with pytest.raises(errors.Transient):
            await source.fetch(target, None, replies=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The sandbox lives in this process too: its ten megabytes of `huge` are counted here.
    assert peak < (40 << 20 if fault == "huge" else 8 << 20)
    await source.close()


async def test_a_redirect_is_never_followed():
    """A redirect is worth another try later, and nothing is sent to where it points."""
    asked = []

    def answer(path, query, headers):
        asked.append(path)
        return 302, {"Location": "/elsewhere"}, b""

    async with scripted(answer) as source:
        with pytest.raises(errors.Transient):
            await source.fetch(Target(id="1"), None, replies=True)
    assert asked == ["/1/comments"]


@pytest.mark.parametrize(("packing", "bits"), [("gzip", 31), ("x-gzip", 31), ("deflate", 15)])
async def test_packed_answers_are_unpacked(packing, bits):
    """Compressed answers are read; one cut anywhere is worth another try, never half an answer."""
    packer = zlib.compressobj(wbits=bits)
    packed = packer.compress(b'{"data":[{"id":"5"}]}') + packer.flush()
    sent = [packed]
    async with scripted(lambda *_: (200, {"Content-Encoding": packing}, sent[0])) as source:
        page = await source.fetch(Target(id="1"), None, replies=True)
        assert [one.comment_id for one in page.records] == ["5"]
        for end in range(len(packed)):
            sent[0] = packed[:end]
            with pytest.raises(errors.Transient):
                await source.fetch(Target(id="1"), None, replies=True)


async def test_a_third_of_faults_loses_no_row(graph, sandbox):
    """With three calls in ten failing in every way that passes, all rows come, each once, within
    the calls that so many failures cost."""
    names = ("unavailable", "html502", "html200", "truncated", "reset", "error200")
    target = await graph.resolve(POSTS["demo"].id)
    whole, fewest = await collect(graph, target)
    sandbox.control(faults=dict.fromkeys(names, 0.05))
    found, calls = await collect(graph, target, patience=500)
    assert found == whole
    assert calls <= 1.7 * fewest


async def test_smaller_pages_are_walked_where_asked():
    """A walk through posts asks for smaller pages until the platform agrees."""
    sizes = []

    def answer(path, query, headers):
        if path == "/1784":
            return {"id": "1784", "username": "ada"}
        sizes.append(int(query["limit"]))
        if sizes[-1] > 30:
            return refusal(1, status=500, message="Please reduce the amount of data you're asking")
        return {"data": [{"id": "1"}]}

    async with scripted(answer) as source:
        assert [post.id async for post in source.posts()] == ["1"]
    assert sizes == [100, 50, 25]


async def test_a_walk_that_goes_in_circles_ends():
    """A list of posts whose cursor repeats ends the walk instead of going on for ever."""

    def answer(path, query, headers):
        if path == "/1784":
            return {"id": "1784", "username": "ada"}
        return {"data": [{"id": "1"}], "paging": {"cursors": {"after": "x"}, "next": "x"}}

    async with scripted(answer) as source:
        with pytest.raises(errors.NotReachable, match="2 posts"):
            await source.resolve("CtZs0Y3v2lx")


async def test_usage_is_told_with_each_page():
    """The platform's usage headers come with the page; their absence is not 0 %."""
    headers = {}
    async with scripted(lambda *_: (200, headers, {"data": []})) as source:
        assert (await source.fetch(Target(id="1"), None, replies=True)).usage is None
        headers["x-app-usage"] = '{"call_count":62,"total_time":3}'
        usage = (await source.fetch(Target(id="1"), None, replies=True)).usage
        assert usage.percent == 62


async def test_a_pool_reads_with_the_token_that_owns_the_post():
    """Of several tokens, each post is read with the first whose account has it, after a restart
    too."""
    used = []
    owners = {"tok-a": ("17", "ada"), "tok-b": ("18", "ben")}

    def answer(path, query, headers):
        token = headers["Authorization"].removeprefix("Bearer ")
        number, name = owners[token]
        used.append((path, token))
        if path == f"/{number}":
            return {"id": number, "username": name}
        if path == "/99887766554433221":
            return (
                {"id": "99887766554433221", "username": "ben"}
                if token == "tok-b"
                else refusal(100, 33)
            )
        return {"data": []} if token == "tok-b" else refusal(100, 33)

    options = {"token": "tok-a, tok-b", "account_id": "17,18"}
    async with scripted(answer, **options) as source:
        target = await source.resolve("99887766554433221")
        await source.fetch(target, None, replies=True)
        assert (await source.owner(target)).username == "ben"
    async with scripted(answer, **options) as source:
        await source.fetch(target, None, replies=True)
        assert used[-1] == ("/99887766554433221/comments", "tok-b")


@pytest.mark.parametrize(
    "options",
    [
        {"token": "canary-1,canary-2", "account_id": "1"},
        {"token": "canary b"},
        {"token": "canary\nb"},
        {"token": "canäry"},
        {"token": "canary", "account_id": "../me"},
    ],
)
def test_settings_that_cannot_be_are_refused(options):
    """Tokens and ids that do not pair, or cannot be any, are refused without being repeated."""
    with pytest.raises(errors.BadSetting) as caught:
        GraphSource(Http(), **options)
    assert "can" not in repr(caught.value).replace("cannot", "")


async def test_the_token_travels_in_its_header_alone(sandbox):
    """No call has the token in its address; with an app secret, calls are signed."""
    source = GraphSource(Http(), token=TOKEN, app_secret=APP_SECRET, url=sandbox.graph_url)
    sandbox.control(require_proof=True)
    target = await source.resolve(POSTS["small"].permalink)
    await collect(source, target)
    calls = sandbox.calls()
    assert len(calls) >= 4
    assert not any(call.token_in_query for call in calls)
    await source.close()
    plain = GraphSource(Http(), token=TOKEN, url=sandbox.graph_url)
    with pytest.raises(errors.Refused, match="appsecret_proof"):
        await plain.fetch(target, None, replies=True)
    await plain.close()


async def test_one_connection_serves_a_whole_export(graph, sandbox):
    """Calls in a row reuse one connection."""
    await collect(graph, await graph.resolve(POSTS["flat5000"].id))
    assert len(sandbox._wires) == 1


async def test_two_hundred_exports_at_once(graph):
    """Two hundred exports share one way out and get each its own rows."""
    name = POSTS["small"].id
    found = await asyncio.gather(*[collect(graph, Target(id=name)) for _ in range(200)])
    assert {len(records) for records, _ in found} == {7}


async def test_a_closed_source_opens_again(graph):
    """close() may be called twice, and a later call finds its way again."""
    await graph.owner()
    await graph.close()
    await graph.close()
    assert await graph.resolve(POSTS["one"].id)


async def test_nobody_there_is_transient():
    """A refused connection, and a name without an address, are worth another try."""
    for url in ("http://127.0.0.1:1", "http://nowhere.invalid"):
        source = GraphSource(Http(deadline=5), token="t", account_id="1", url=url)
        with pytest.raises(errors.Transient):
            await source.owner()
        await source.close()


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[", "ftp://x", "http://a b:x"])
async def test_an_address_that_is_none_is_a_source_error(url):
    """A wrong INSTAGRAM_GRAPH_URL never raises anything but a SourceError."""
    source = GraphSource(Http(deadline=5), token="t", account_id="1", url=url)
    with pytest.raises(errors.SourceError):
        await source.owner()
    await source.close()


def test_aiohttp_is_loaded_late():
    """Naming the source costs nothing: `--help` never loads aiohttp."""
    code = "import sys, ingather.providers.graph; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CANARY = "EAAcanaryTOKENcanary0123456789"
SECRET = "canary-app-secret"
LEAK = f"https://x/?access_token={CANARY}&after=q&s={SECRET}"


def leaking(where):
    """Answers that repeat the token wherever an answer can."""
    words = f"Malformed token {CANARY} {SECRET} {LEAK}"
    error = {"message": words, "error_user_msg": words, "error_data": words}
    cut = {"data": [], "paging": {"next": LEAK, "cursors": {"after": "q"}}}
    thread = {"id": "5", "text": "x", "replies": cut}
    return {
        "refused": (400, {}, {"error": error | {"code": 100}}),
        "dead cursor": (400, {}, {"error": error | {"code": 100, "error_subcode": 7}}),
        "login": (400, {"WWW-Authenticate": words}, {"error": error | {"code": 190}}),
        "scope": (403, {}, {"error": error | {"code": 10}}),
        "gone": (400, {}, {"error": error | {"code": 100, "error_subcode": 33}}),
        "throttled": (403, {"Retry-After": words}, {"error": error | {"code": 4}}),
        "transient": (500, {}, {"error": error | {"code": 2}}),
        "error in 200": (200, {}, {"error": error | {"code": 9}}),
        "text": (400, {}, {"error": words}),
        "html": (200, {}, f"<html>{words}".encode()),
        "html 403": (403, {}, f"<html>{words}".encode()),
        "redirect": (302, {"Location": LEAK}, b""),
        "bad bytes": (200, {}, b'{"data":[{"id":"' + CANARY.encode() + b"\xff"),
        "drift": (200, {}, {"data": {"id": words}}),
        "drift deep": (200, {}, {"data": [{"id": {"x": words}}]}),
        "bad id": (200, {}, {"data": [{"id": words}]}),
        "bad time": (200, {}, {"data": [{"id": "1", "timestamp": words}]}),
        "next": (200, {}, {"data": [thread], "paging": {"next": LEAK}}),
        "next cut": (200, {}, {"data": [thread], "paging": {"next": "https://x/?" + words}}),
        "encoding": (200, {"Content-Encoding": "gzip"}, words.encode()),
        "odd encoding": (200, {"Content-Encoding": "rot13"}, words.encode()),
        "usage": (200, {"X-App-Usage": words}, {"data": []}),
    }[where]


WAYS = (
    "refused", "dead cursor", "login", "scope", "gone", "throttled", "transient", "error in 200",
    "text", "html", "html 403", "redirect", "bad bytes", "drift", "drift deep", "bad id",
    "bad time", "next", "next cut", "encoding", "odd encoding", "usage",
)  # fmt: skip


def everything(error):
    """All that can be printed of an error, its causes and contexts included."""
    said = "".join(traceback.format_exception(error))
    while error is not None:
        said += f"{error!s} {error!r} {vars(error)} {error.args}"
        error = error.__cause__ or error.__context__
    return said


@pytest.mark.parametrize("where", WAYS)
async def test_a_canary_token_is_never_said(where, caplog):
    """Whatever comes back, the token and the app secret are in no error, trace, log or page."""
    caplog.set_level(logging.DEBUG)
    said = ""
    async with scripted(
        lambda *_: leaking(where), token=CANARY, app_secret=SECRET, account_id="1784"
    ) as source:
        post = Target(id="1")
        thread = graph_cursor.Cursor(after="a", queue=(("5", "b"),)).text()
        calls = [
            lambda: source.owner(),
            lambda: source.resolve("17890008297990000"),
            lambda: source.resolve("CtZs0Y3v2lx"),
            lambda: source.fetch(post, None, replies=True),
            lambda: source.fetch(post, graph_cursor.Cursor(after="a").text(), replies=True),
            lambda: source.fetch(post, thread, replies=True),
        ]
        for call in calls:
            try:
                said += repr(await call())
            except errors.SourceError as error:
                said += everything(error)
        said += repr(source) + repr(source._calls.accounts) + repr(source._calls)
    addresses = [one.getMessage() for one in caplog.records if one.name == "aiohttp.access"]
    assert len(addresses) >= len(calls)  # the server's log, with each address as it was called
    assert not any(CANARY in one or SECRET in one for one in addresses)
    own = [one for one in caplog.records if one.name != "aiohttp.access"]
    said += "".join(f"{one.getMessage()} {one.__dict__}" for one in own)
    for secret in (CANARY, SECRET, "naryTOKEN", proof_of(CANARY, SECRET)):
        assert secret not in said


@pytest.mark.parametrize("fault", ["reset", "hang", "truncated", "gzipbomb"])
async def test_a_canary_token_is_never_said_when_the_network_fails(sandbox, fault, caplog):
    """A broken, slow or poisoned connection says nothing of token, secret or address."""
    caplog.set_level(logging.DEBUG)
    http = Http(deadline=0.2, max_body=1 << 20)
    source = GraphSource(http, token=CANARY, app_secret=SECRET, url=sandbox.graph_url)
    sandbox.control(faults={fault: 1.0})
    with pytest.raises(errors.SourceError) as caught:
        await source.fetch(Target(id=POSTS["small"].id), None, replies=True)
    await source.close()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    said = everything(caught.value) + caplog.text
    for secret in (CANARY, SECRET, "naryTOKEN", proof_of(CANARY, SECRET), "fields="):
        assert secret not in said
