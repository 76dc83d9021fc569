"""The HikerAPI source over real HTTP: what it reads, what it pays, what it hides."""

import json
import logging
import subprocess
import sys
import traceback
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingather import errors
from ingather.domain.job import Target
from ingather.domain.records import natural_id
from ingather.engine import worker
from ingather.providers import graph_cursor
from ingather.providers.hiker import HikerSource
from ingather.providers.http import Http
from ingather.sandbox.hiker_world import post_pk
from ingather.sandbox.options import HIKER_KEY
from ingather.sandbox.world import World

POSTS = {post.name: post for post in World(1).named}
CANARY = "canaryKEYcanary01"


@pytest.fixture
async def hiker(sandbox):
    """Makes sources of a kind before the sandbox; closes them all."""
    made = []

    def make(kind, **options):
        options = {"key": HIKER_KEY, "url": sandbox.hiker_url} | options
        source = HikerSource(Http(deadline=5), options.pop("key"), kind=kind, **options)
        made.append(source)
        return source

    yield make
    for source in made:
        await source.close()


@asynccontextmanager
async def scripted(answer, kind="followers", **options):
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
        key = options.pop("key", CANARY)
        source = HikerSource(
            Http(deadline=5), key, kind=kind, url=str(server.make_url("")), **options
        )
        try:
            yield source
        finally:
            await source.close()


async def walk(source, target, *, replies=True, patience=0):
    """(records, units, calls) from the first page to the last; what passes is tried again."""
    cursor, records, units, calls = None, [], 0, 0
    while calls < 1000:
        calls += 1
        try:
            page = await source.fetch(target, cursor, replies=replies)
        except errors.SourceError as error:
            patience -= 1
            if not error.retry or patience < 0:
                raise
            continue
        records += page.records
        units += page.units
        cursor = page.next
        if cursor is None:
            break
    return records, units, calls


def unique(records):
    return len({natural_id(one) for one in records})


@pytest.mark.parametrize("kind", ["followers", "following", "posts", "reels"])
@pytest.mark.parametrize("name", ["flat120", "early120", "gap120", "odd200", "empty"])
async def test_lists_of_accounts(hiker, kind, name):
    """Every row of a list comes, whatever gaps, repetitions and ends the service puts in it."""
    source = hiker(kind)
    target = await source.resolve(f"@{name}")
    records, _, _ = await walk(source, target)
    size = {"flat120": 120, "early120": 60, "gap120": 120, "odd200": 200, "empty": 0}[name]
    if kind == "reels":  # every ninth is a photo
        size -= size // 9
    assert unique(records) == size
    declared = {"early120": 120, "empty": 0}.get(name, size)
    assert target.declared == (None if kind == "reels" else declared)


@pytest.mark.parametrize(
    "path",
    [
        "g2/user/followers",
        "gql/user/followers/chunk",
        "v1/user/followers/chunk",
        "v2/user/followers",
    ],
)
async def test_every_way_to_followers(hiker, sandbox, path):
    """Each way gives the same followers; it is the source's route, and the one called."""
    source = hiker("followers", path=path)
    assert source.route == path
    records, _, _ = await walk(source, await source.resolve("flat120"))
    assert unique(records) == len(records) == 120
    assert [call.path for call in sandbox.calls()][-1].startswith(f"/{path}?")


async def test_cursors_do_not_move_between_ways(hiker):
    """A cursor of one way is refused on another, as an error and not as an end."""
    source = hiker("followers")
    target = await source.resolve("flat120")
    page = await source.fetch(target, None, replies=False)
    with pytest.raises(errors.SourceError):
        await hiker("followers", path="g2/user/followers").fetch(target, page.next, replies=False)


async def test_a_constant_cursor_ends(hiker):
    """A service that gives the cursor it was sent is not asked for ever."""
    source = hiker("followers")
    _, _, calls = await walk(source, await source.resolve("constant1000"))
    assert calls == 2


async def test_users_and_posts_have_no_empty_fields(hiker):
    """Ids are texts; what the service fills in where it knows nothing is None."""
    source = hiker("followers")
    users, _, _ = await walk(source, await source.resolve("flat120"))
    assert all(one.user_id.isdecimal() and one.full_name != "" for one in users)
    assert any(one.is_private is None for one in users)
    source = hiker("posts")
    posts, _, _ = await walk(source, await source.resolve("flat300"))
    assert all(one.play_count != 0 and one.duration != 0 for one in posts)
    assert {one.media_type for one in posts} == {"REELS", "IMAGE", "CAROUSEL_ALBUM"}
    assert any(one.like_count is None for one in posts)
    assert any(one.hashtags == ("bread", "パン") for one in posts)
    assert {one.username for one in posts} == {"flat300"}


@pytest.mark.parametrize(
    ("tag", "size"), [("#flat100", 67), ("bread", None), ("empty", 0), ("odd99", 66)]
)
async def test_reels_of_a_hashtag(hiker, tag, size):
    """A hashtag gives its reels, photos left out; without entries it is an empty list."""
    source = hiker("hashtag-clips")
    target = await source.resolve(tag)
    records, _, _ = await walk(source, target)
    assert {one.media_type for one in records} <= {"REELS"}
    if size is not None:
        assert unique(records) == size
    assert target.permalink == f"https://www.instagram.com/explore/tags/{target.id}/"


@pytest.mark.parametrize("name", ["demo", "small", "one", "deep", "reel", "dirty", "nofrom"])
async def test_comments_and_all_their_replies(hiker, name):
    """Every comment and every reply comes once, threads longer than their preview included."""
    source = hiker("comments")
    records, _, _ = await walk(source, await source.resolve(POSTS[name].permalink))
    assert unique(records) == len(records) == POSTS[name].layout.total
    firsts = {one.comment_id for one in records if one.parent_comment_id is None}
    assert {one.parent_comment_id for one in records} - {None} <= firsts


async def test_replies_only_when_asked(hiker):
    """Without replies, the upper level is read and no thread is asked for."""
    source = hiker("commenters")
    target = await source.resolve(post_pk("mixed", 300))
    top, _, calls = await walk(source, target, replies=False)
    every, _, more = await walk(source, target)
    assert len(every) == 300
    assert {one.parent_comment_id for one in top} == {None}
    assert len(top) == sum(one.parent_comment_id is None for one in every)
    assert calls < more


async def test_pages_of_a_thread_say_so(hiker):
    """A page of replies names its thread, so that idle pages are counted by list."""
    source = hiker("comments")
    target = await source.resolve(POSTS["deep"].permalink)
    page = await source.fetch(target, None, replies=True)
    assert page.within is None
    replies = await source.fetch(target, page.next, replies=True)
    assert {one.parent_comment_id for one in replies.records} == {replies.within}


async def test_a_thread_deleted_meanwhile_is_left_out(hiker):
    """A thread that is gone gives an empty page, and the list goes on."""
    source = hiker("comments")
    target = await source.resolve(POSTS["small"].permalink)
    cursor = graph_cursor.Cursor(None, (("999", None),), False).text()
    page = await source.fetch(target, cursor, replies=True)
    assert page.records == []
    assert page.next is not None
    assert len((await source.fetch(target, page.next, replies=True)).records) == 7


@pytest.mark.parametrize("cursor", ["nonsense", '{"queue":[["../x?a=1&b=",null]]}', "[]"])
async def test_a_cursor_of_another_source_is_dead(hiker, cursor):
    """A cursor that is none of this source's is DeadCursor, before anybody is called."""
    with pytest.raises(errors.DeadCursor):
        await hiker("comments").fetch(Target(id="1"), cursor, replies=True)


REFUSALS = [
    (400, {"detail": "Wrong value of cursor", "exc_type": "ValidationError"}),
    (400, {"detail": "Invalid end_cursor", "exc_type": "BadRequest"}),
    (422, {"detail": [{"loc": ["query", "page_id"], "msg": "wrong", "type": "value_error"}]}),
]


@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_a_cursor_that_is_refused_is_dead(status, body):
    """The list starts again where its cursor is refused; a refusal of the first page, which has
    none, is the request's own fault."""
    async with scripted(lambda *_: (status, {}, body)) as source:
        with pytest.raises(errors.DeadCursor) as caught:
            await source.fetch(Target(id="1"), "spent", replies=True)
        assert caught.value.restart is None
        with pytest.raises(errors.Refused):
            await source.fetch(Target(id="1"), None, replies=True)


async def test_a_thread_whose_cursor_is_refused_begins_anew():
    """It alone is read again, and the rest of the queue and of the list is where it was."""
    queue = (("181", "spent"), ("182", None))
    cursor = graph_cursor.Cursor("after", queue, False)
    async with scripted(lambda *_: (*REFUSALS[0][:1], {}, REFUSALS[0][1]), kind="comments") as one:
        with pytest.raises(errors.DeadCursor) as caught:
            await one.fetch(Target(id="1"), cursor.text(), replies=True)
    found = graph_cursor.read(caught.value.restart)
    assert found == graph_cursor.Cursor("after", (("181", None), ("182", None)), False)


async def test_no_comments_is_an_empty_list(hiker):
    """The service's 404 for a post without comments is a list without rows."""
    source = hiker("comments")
    for words in (post_pk("empty"), POSTS["empty"].permalink):
        page = await source.fetch(await source.resolve(words), None, replies=True)
        assert (list(page.records), page.next, page.units) == ([], None, 1)


@pytest.mark.parametrize(
    ("kind", "words", "kind_of_error", "said"),
    [
        ("comments", post_pk("disabled"), errors.CommentsDisabled, "turned off"),
        ("comments", post_pk("private"), errors.NotReachable, "private"),
        ("comments", post_pk("unavailable"), errors.NotReachable, "gone"),
        ("likers", post_pk("unavailable"), errors.NotReachable, "gone"),
        ("hashtag-clips", "missing1", errors.NotReachable, "#missing1"),
    ],
)
async def test_why_a_target_cannot_be_read(hiker, kind, words, kind_of_error, said):
    """A target that cannot be read says which it is and why."""
    source = hiker(kind)
    target = await source.resolve(words)
    with pytest.raises(kind_of_error, match=said):
        await source.fetch(target, None, replies=True)


@pytest.mark.parametrize(("name", "said"), [("missing1", "no account"), ("private1", "private")])
async def test_accounts_that_cannot_be_read(hiker, name, said):
    """A missing account and a private one are told before their list is asked for."""
    with pytest.raises(errors.NotReachable, match=f"@{name}.*{said}"):
        await hiker("followers").resolve(name)


async def test_a_private_list_says_so(hiker):
    """An account that has become private meanwhile says so from its list."""
    source = hiker("followers")
    target = Target(id="4020000012000000", username="private1")
    with pytest.raises(errors.NotReachable, match=r"@private1.*private"):
        await source.fetch(target, None, replies=False)


async def test_a_post_is_named_without_a_call(hiker, sandbox):
    """Address, shortcode and number are one post, worked out here; a Graph id is told apart."""
    source = hiker("likers")
    post = POSTS["reel"]
    ways = [post.permalink, post.shortcode, str(post.pk), f"{post.pk}_48123456789"]
    found = [await source.resolve(words) for words in ways]
    assert {one.id for one in found} == {str(post.pk)}
    assert {one.shortcode for one in found} == {post.shortcode}
    with pytest.raises(errors.UnreadablePost, match="Graph"):
        await source.resolve("17895695668004550")
    with pytest.raises(errors.UnreadablePost):
        await source.resolve("@natgeo")
    assert sandbox.calls() == []


async def test_the_likers_are_one_page(hiker):
    """Likers have no paging: one page, and its end."""
    source = hiker("likers")
    page = await source.fetch(await source.resolve(post_pk("flat", 300)), None, replies=False)
    assert (len(page.records), page.next) == (300, None)


async def test_units_are_counted_whatever_the_answer(hiker, sandbox):
    """What the service bills is told page by page: both spellings, none, and refusals too."""
    source = hiker("followers", path="gql/user/followers/chunk")
    target = await source.resolve("odd200")
    sandbox.control(in_calls=[{"call": 2, "fault": "unavailable"}])
    _, units, calls = await walk(source, target, patience=1)
    billed = sandbox.control()["hiker_billed"]
    assert units == billed
    assert units == calls + 1  # the account was asked for as well


async def test_the_balance(hiker, sandbox):
    """Units left, calls a second and money, for nothing."""
    sandbox.control(hiker_requests=41, hiker_rate=5)
    source = hiker("followers")
    found = await source.balance()
    assert (found.requests, found.rate, found.currency) == (41, 5, "USD")
    assert sandbox.control()["hiker_billed"] == 0


async def test_a_spent_balance_pauses(hiker, sandbox):
    """When the money runs out in mid-job, it is NoBalance; topped up, the same cursor goes on."""
    source = hiker("followers")
    target = await source.resolve("flat300")
    sandbox.control(hiker_requests=2)
    first = await source.fetch(target, None, replies=False)
    second = await source.fetch(target, first.next, replies=False)
    with pytest.raises(errors.NoBalance) as caught:
        await source.fetch(target, second.next, replies=False)
    verdict = worker._failed(caught.value, 1)
    assert (verdict.status, verdict.reason) == ("paused", "no_balance")
    sandbox.control(hiker_requests=100)
    assert (await source.fetch(target, second.next, replies=False)).records


async def test_above_the_rate(hiker, sandbox):
    """Above the account's rate, the wait is one to two seconds, and no unit is counted."""
    source = hiker("followers")
    sandbox.control(hiker_rate=2)
    await source.balance()
    target = await source.resolve("flat300")
    with pytest.raises(errors.Throttled) as caught:
        await source.fetch(target, None, replies=False)
    assert caught.value.wait == pytest.approx(1.5)
    sandbox.control(hiker_rate=None)
    assert (await source.fetch(target, None, replies=False)).units == 2


async def test_the_rate_is_asked_for_once_it_matters():
    """At the first answer that says "too fast" the account is asked for its rate, once."""
    asked = []

    def answer(path, query, headers):
        asked.append(path)
        if path == "/sys/balance":
            return {"requests": 9, "rate": 4}
        return 429, {}, {"detail": "Too many requests"}

    async with scripted(answer) as source:
        for _ in range(2):
            with pytest.raises(errors.Throttled) as caught:
                await source.fetch(Target(id="5"), None, replies=False)
            assert caught.value.wait == pytest.approx(1.25)
    assert asked.count("/sys/balance") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cloudflare", errors.Refused),
        ("retired", errors.Refused),
        ("invalid", errors.Refused),
        ("nobalance", errors.NoBalance),
        ("throttle", errors.Throttled),
        ("expired", errors.NeedsLogin),
        ("unavailable", errors.Transient),
        ("error200", errors.Transient),
        ("html502", errors.Transient),
        ("html200", errors.Transient),
        ("truncated", errors.Transient),
        ("reset", errors.Transient),
        ("gzipbomb", errors.Transient),
    ],
)
async def test_every_fault_is_the_error_it_is(hiker, sandbox, fault, kind):
    """Each fault of the service or the network is the error that says what can be done."""
    source = hiker("followers")
    target = await source.resolve("flat120")
    sandbox.control(faults={fault: 1.0})
    with pytest.raises(kind):
        await source.fetch(target, None, replies=False)


@pytest.mark.parametrize("fault", ["constantcursor", "emptypage", "huge"])
async def test_odd_pages_are_pages(hiker, sandbox, fault):
    """A repeated cursor ends, an empty page goes on, a long one is read."""
    source = hiker("followers")
    target = await source.resolve("flat120")
    first = await source.fetch(target, None, replies=False)
    sandbox.control(in_calls=[{"call": 1, "fault": fault}])
    page = await source.fetch(target, first.next, replies=False)
    assert (page.next is None) == (fault == "constantcursor")
    assert (len(page.records) == 0) == (fault == "emptypage")


async def test_a_list_through_a_storm(hiker, sandbox):
    """Through faults that pass, every row arrives once."""
    source = hiker("followers")
    target = await source.resolve("flat2000")
    odds = dict.fromkeys(("unavailable", "truncated", "reset", "badgateway"), 0.05)
    sandbox.control(faults=odds)
    records, _, _ = await walk(source, target, patience=200)
    assert unique(records) == len(records) == 2000


async def test_what_is_sent():
    """The key is in its header alone, a User-Agent goes with every call, cursors are encoded."""
    seen = []

    def answer(path, query, headers):
        seen.append((path, query, headers))
        return {"response": {"users": [{"pk": 1}]}, "next_page_id": None}

    cursor = '{"a": "b&c=d #é"}'
    async with scripted(answer) as source:
        await source.fetch(Target(id="787132"), cursor, replies=False)
    ((path, query, headers),) = seen
    assert path == "/v2/user/followers"
    assert query == {"user_id": "787132", "page_id": cursor, "safe_int": "true"}
    assert headers["x-access-key"] == CANARY
    assert headers["User-Agent"].startswith("ingather/")


@pytest.mark.parametrize("bad", ["1&user_id=2", "../x", "", "1 2", "1\r\nx: y", "１２"])
async def test_nothing_is_spliced_in(hiker, sandbox, bad):
    """An id that is none is refused before anybody is called, whatever a job's record says."""
    for kind in ("followers", "comments", "hashtag-clips"):
        if kind == "hashtag-clips" and bad == "１２":
            continue
        with pytest.raises(errors.Refused):
            await hiker(kind).fetch(Target(id=bad), None, replies=False)
    assert sandbox.calls() == []


async def test_no_key_and_bad_keys(hiker, sandbox):
    """Without a key nobody is called; a key that no header can carry is a bad setting."""
    with pytest.raises(errors.NoToken, match="HIKERAPI_KEY"):
        await hiker("followers", key=" ").resolve("natgeo")
    assert sandbox.calls() == []
    for key in ("a b", "a\r\nx", "é"):
        with pytest.raises(errors.BadSetting) as caught:
            HikerSource(Http(), key, kind="followers")
        assert key not in str(caught.value)
    with pytest.raises(errors.NeedsLogin, match="HIKERAPI_KEY"):
        await hiker("followers", key="wrong").resolve("natgeo")


async def test_whose_limit_it_is(hiker):
    """What shares a limit is a fingerprint of the key; the owner is the service itself."""
    first, same, other = hiker("posts"), hiker("reels"), hiker("posts", key="other")
    assert first.limit_key == same.limit_key != other.limit_key
    assert HIKER_KEY not in first.limit_key
    assert await first.owner() == await other.owner(Target(id="1"))
    assert (first.name, first.route) == ("hiker", "v1/user/medias/chunk")


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "http://[", "ftp://x", "http://127.0.0.1:1"]
)
async def test_an_address_that_is_none_is_a_source_error(url):
    """A wrong HIKERAPI_URL never raises anything but a SourceError."""
    source = HikerSource(Http(deadline=5), "k", kind="followers", url=url)
    with pytest.raises(errors.SourceError):
        await source.resolve("natgeo")
    await source.close()


def test_aiohttp_is_loaded_late():
    """Naming the source costs nothing: `--help` never loads aiohttp."""
    code = "import sys, ingather.providers.hiker; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WORDS = f"bad key {CANARY} at https://x/?access_key={CANARY}"
LEAKS = {
    "text": (403, {}, WORDS.encode()),
    "unauthorised": (401, {"WWW-Authenticate": WORDS}, {"detail": WORDS}),
    "refused": (400, {}, {"detail": WORDS, "exc_type": "ValidationError"}),
    "odd": (404, {}, {"detail": WORDS, "exc_type": WORDS}),
    "parameters": (422, {}, {"detail": [{"loc": [WORDS], "msg": WORDS}]}),
    "throttled": (429, {"Retry-After": WORDS}, {"detail": WORDS}),
    "server": (500, {"x-hiker-info": WORDS}, {"detail": WORDS}),
    "redirect": (307, {"Location": f"https://x/?access_key={CANARY}"}, b""),
    "html": (200, {}, f"<html>{WORDS}".encode()),
    "drift": (200, {}, {"response": WORDS}),
    "bad id": (200, {}, {"response": {"users": [{"pk": WORDS}]}, "next_page_id": None}),
    "bad bytes": (200, {}, b'{"response":"' + CANARY.encode() + b"\xff"),
    "encoding": (200, {"Content-Encoding": "gzip"}, WORDS.encode()),
}


def everything(error):
    """All that can be printed of an error, its causes and contexts included."""
    said = "".join(traceback.format_exception(error))
    while error is not None:
        said += f"{error!s} {error!r} {vars(error)} {error.args}"
        error = error.__cause__ or error.__context__
    return said


@pytest.mark.parametrize("where", LEAKS)
async def test_a_canary_key_is_never_said(where, caplog):
    """Whatever comes back, the key is in no error, trace, log, address or page."""
    caplog.set_level(logging.DEBUG)
    said = ""
    thread = graph_cursor.Cursor(None, (("5", "b"),)).text()
    for kind in ("followers", "comments"):
        async with scripted(lambda *_: LEAKS[where], kind=kind) as source:
            calls = [
                lambda s=source: s.balance(),
                lambda s=source: s._account("natgeo"),
                lambda s=source: s.fetch(Target(id="1"), None, replies=True),
                lambda s=source: s.fetch(Target(id="1"), thread, replies=True),
            ]
            for call in calls:
                try:
                    said += repr(await call())
                except errors.SourceError as error:
                    said += everything(error)
            said += repr(source) + repr(source._http)
    said += "".join(f"{one.getMessage()} {one.__dict__}" for one in caplog.records)
    assert "access" in said  # the server's log, with each address as it was called
    assert CANARY not in said
    assert "naryKEY" not in said


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"[[],null]", b"\xff", b'"x"', b"1"])
async def test_any_body_is_a_page_or_a_source_error(body):
    """Whatever a route answers with 200, the source gives a page or a SourceError."""
    for kind in ("followers", "likers", "comments", "posts", "reels", "hashtag-clips"):
        async with scripted(lambda *_: (200, {}, body), kind=kind) as source:
            target = Target(id="bread" if kind == "hashtag-clips" else "1")
            with suppress(errors.SourceError):
                assert (await source.fetch(target, None, replies=True)).next is None
