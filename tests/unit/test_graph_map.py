"""What the Graph API sends becomes records, or an error that names what is wrong with it."""

import contextlib
import json
import os
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.job import Owner
from ingather.providers import graph_map, graph_people

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
ENDPOINT = "media/comments"
ROW = {
    "id": "17890000000000001",
    "text": "Great bread 🥖",
    "timestamp": "2020-06-01T10:56:52+0000",
    "username": "ada",
    "from": {"id": "9001", "username": "ada"},
    "like_count": 3,
}


def page(*rows, paging=None):
    body = {"data": list(rows)}
    if paging is not None:
        body["paging"] = paging
    return json.dumps(body).encode()


def listing(*rows, paging=None, parent=None):
    return graph_map.comments(page(*rows, paging=paging), ENDPOINT, parent=parent)


def only(**changes):
    row = {name: value for name, value in (ROW | changes).items() if value is not ...}
    (record,) = listing(row).records
    return record


def test_a_comment_has_every_field():
    """A whole comment loses nothing on its way."""
    record = only()
    assert msgspec.to_builtins(record) == {
        "commentId": "17890000000000001",
        "userId": "9001",
        "username": "ada",
        "timestamp": "2020-06-01T10:56:52Z",
        "likeCount": 3,
        "text": "Great bread 🥖",
    }


def test_replies_follow_their_thread():
    """Replies come right after their thread's first comment, and name it."""
    reply = ROW | {"id": "18"}
    rows = [ROW | {"id": "1", "replies": {"data": [reply, ROW | {"id": "19"}]}}, ROW | {"id": "2"}]
    found = listing(*rows)
    assert [(one.comment_id, one.parent_comment_id) for one in found.records] == [
        ("1", None),
        ("18", "1"),
        ("19", "1"),
        ("2", None),
    ]
    assert found.cut == []


def test_a_page_of_replies_names_its_thread():
    """Replies read on their own belong to the thread they were asked for."""
    assert listing(ROW, parent="7").records[0].parent_comment_id == "7"


def test_a_thread_cut_short_is_reported():
    """A thread whose replies have a `next` is remembered with its cursor; one that merely has an
    `after` is whole."""
    more = {"cursors": {"after": "QVF"}, "next": "https://graph.example/?access_token=x&after=QVF"}
    cut = ROW | {"id": "1", "replies": {"data": [], "paging": more}}
    unnamed = ROW | {"id": "2", "replies": {"data": [], "paging": {"next": "https://x/"}}}
    whole = ROW | {"id": "3", "replies": {"data": [], "paging": {"cursors": {"after": "QVF"}}}}
    assert listing(cut, unnamed, whole).cut == [("1", "QVF"), ("2", None)]


@pytest.mark.parametrize(
    ("paging", "after"),
    [
        (None, None),
        ({}, None),
        ({"cursors": {"before": "a", "after": "b"}}, None),
        ({"cursors": None, "next": None}, None),
        ({"cursors": {"after": "b"}, "next": ""}, None),
        ({"cursors": {"after": "b"}, "next": "https://x/?after=c"}, "b"),
        ({"next": "https://x/?access_token=t&after=c%3D"}, "c="),
        ({"cursors": {"before": "a"}, "next": "https://x/?after=c"}, "c"),
    ],
)
def test_only_a_missing_next_ends_a_list(paging, after):
    """An `after` alone is an end; a `next` goes on, even past an empty page."""
    assert listing(paging=paging).after == after


@pytest.mark.parametrize("url", ["https://x/?limit=5", "https://[", "https://x/?after=a%00b"])
def test_a_next_with_no_cursor_is_neither_end_nor_way(url):
    """A `next` that has no cursor is a change of shape: never the end of the list."""
    with pytest.raises(errors.SchemaDrift) as caught:
        listing(ROW, paging={"next": url})
    assert caught.value.field == "paging.cursors.after"


@pytest.mark.parametrize("one", ["17890000000000001", 17890000000000001])
def test_ids_are_text(one):
    """Ids come as text or as numbers, and are kept as text to the last digit."""
    assert only(id=one).comment_id == "17890000000000001"
    assert only(**{"from": {"id": one}}).user_id == "17890000000000001"


def test_one_odd_id_spoils_no_other():
    """A page whose ids are of both kinds keeps them all."""
    found = listing(ROW | {"id": 5}, ROW | {"id": "6"}, ROW | {"id": "7_8", "from": None})
    assert [one.comment_id for one in found.records] == ["5", "6", "7_8"]
    assert [one.user_id for one in found.records] == ["9001", "9001", None]


@pytest.mark.parametrize("bad", [None, ..., "", "..", "a/b", "1?x", "٣٤٥", -1, 10**200, "1" * 101])
def test_an_unusable_id_is_drift(bad):
    """A comment without an id, or with one that could lead an address astray, is refused."""
    row = {name: value for name, value in (ROW | {"id": bad}).items() if value is not ...}
    for rows in ((row,), (ROW, row, ROW), (ROW | {"replies": {"data": [row]}},)):
        with pytest.raises(errors.SchemaDrift) as caught:
            listing(*rows)
        assert (caught.value.endpoint, caught.value.field) == (ENDPOINT, "id")


@pytest.mark.parametrize(
    ("changes", "user_id", "username"),
    [
        ({}, "9001", "ada"),
        ({"from": ...}, None, "ada"),
        ({"from": None, "username": ...}, None, None),
        ({"from": {"id": "9001"}}, "9001", "ada"),
        ({"from": {"username": "eve"}}, None, "eve"),
        ({"from": ..., "user": {"id": "1784"}}, "1784", "ada"),
        ({"from": ..., "user": {"id": 1784}, "username": ...}, "1784", None),
    ],
)
def test_the_writer_is_told_in_several_ways(changes, user_id, username):
    """`from`, `user` (the app's own user) and `username` are read; what is not told is None."""
    record = only(**changes)
    assert (record.user_id, record.username) == (user_id, username)


def test_what_is_not_told_is_unknown():
    """A missing like count is None, not 0; missing words are None, not empty."""
    record = only(like_count=..., text=..., timestamp=...)
    assert (record.like_count, record.text, record.timestamp) == (None, None, None)
    assert only(like_count=0, text="").like_count == 0
    assert only(text="").text == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2020-06-01T10:56:52+0000", "2020-06-01T10:56:52Z"),
        ("2020-06-01T10:56:52Z", "2020-06-01T10:56:52Z"),
        ("2020-06-01T10:56:52+00:00", "2020-06-01T10:56:52Z"),
        ("2020-06-01T10:56:52-0000", "2020-06-01T10:56:52Z"),
        ("2020-06-01T01:30:00+0200", "2020-05-31T23:30:00Z"),
        ("2020-12-31T23:30:00-0730", "2021-01-01T07:00:00Z"),
        ("2020-06-01T10:56:52.123+0000", "2020-06-01T10:56:52Z"),
        ("20200601T105652+0000", "2020-06-01T10:56:52Z"),
        ("0900-06-01T10:56:52+0000", "0900-06-01T10:56:52Z"),
    ],
)
def test_times_are_utc(written, read):
    """A time in any offset becomes UTC with a Z, alone and beside usual ones."""
    assert only(timestamp=written).timestamp == read
    both = listing(ROW, ROW | {"timestamp": written}, ROW | {"timestamp": None}).records
    assert [one.timestamp for one in both] == ["2020-06-01T10:56:52Z", read, None]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "yesterday",
        "2020-06-01T10:56:52",
        "2020-06-01",
        "2020-13-01T10:56:52+0000",
        "2020-06-31T10:56:52+0000",
        "2020-06-01T25:56:52+0000",
        "2020-06-01T10:56:52+000",
        "0000-00-00T00:00:00+0000",
        "0001-01-01T00:00:00+2359",
        "1591008972",
        "2020-06-01T10:56:52+0000\n2020-06-01T10:56:52+0000",
    ],
)
def test_a_time_that_is_none_is_drift(bad):
    """A time that cannot be read is refused, not guessed and not dropped."""
    with pytest.raises(errors.SchemaDrift, match="timestamp"):
        only(timestamp=bad)


@pytest.mark.parametrize(
    ("raw", "text", "count"),
    [
        (r"a\u0000b\u0000", "a�b�", 1),
        (r"\ud83d alone", "� alone", 1),
        (r"\ude00 alone", "� alone", 1),
        (r"\ud83d\ud83d\ude00", "�😀", 1),
        (r"\ud83d\ude00", "😀", 0),
        (r"\\ud83d \\u0000", r"\ud83d \u0000", 0),
        ("\ufffd", "\ufffd", 0),
    ],
)
def test_broken_text_is_repaired_and_counted(raw, text, count):
    """NUL and half emoji become U+FFFD in texts and names, whole ones stay, repairs are counted."""
    body = f'{{"data":[{{"id":"1","text":"{raw}","username":"{raw}"}},{{"id":"2"}}]}}'.encode()
    found = graph_map.comments(body, ENDPOINT)
    assert (found.records[0].text, found.records[0].username) == (text, text)
    assert found.repaired == 2 * count
    msgspec.json.encode(found.records)


def test_bytes_that_are_no_utf8_are_repaired():
    """A byte astray costs one letter, not the page."""
    found = graph_map.comments(b'{"data":[{"id":"1","text":"caf\xe9"}]}', ENDPOINT)
    assert (found.records[0].text, found.repaired) == ("caf\ufffd", 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html></html>",
        b"Service Unavailable",
        page(ROW)[:-10],
        page(ROW)[:1],
        b'{"data":[' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_may_be_whole_next_time(body):
    """HTML with status 200, an answer cut short and an empty one are worth another try."""
    with pytest.raises(errors.Transient):
        graph_map.comments(body, ENDPOINT)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"{}", "data"),
        (b'{"data":null}', "data"),
        (b'{"data":{}}', "data"),
        (b"[]", "body"),
        (b"[" * 100_000, "body"),
        (b"null", "body"),
        (b"17", "body"),
        (b'{"data":[null]}', "data[]"),
        (b'{"data":[{"id":"1","text":5}]}', "data[].text"),
        (b'{"data":[{"id":"1","like_count":"5"}]}', "data[].like_count"),
        (b'{"data":[{"id":"1","like_count":99999999999999999999}]}', "data[].like_count"),
        (b'{"data":[{"id":"1","replies":{}}]}', "data[].replies.data"),
        (b'{"data":[{"id":["1"]}]}', "data[].id"),
        (b'{"data":[{"id":"1","text":"\\ud83d","like_count":"5"}]}', "data[].like_count"),
        (b'{"data":[],"paging":{"cursors":{"after":5}}}', "paging.cursors.after"),
    ],
)
def test_another_shape_is_drift_and_names_the_field(body, name):
    """JSON of another shape says which field changed, and quotes nothing of the answer."""
    with pytest.raises(errors.SchemaDrift) as caught:
        graph_map.comments(body, ENDPOINT)
    assert caught.value.field == name


def test_a_post_becomes_a_target():
    """The post's fields are kept, its timestamp byte for byte; what is not told is None."""
    body = json.dumps(
        {
            "id": 17890008297990000,
            "shortcode": "CtZs0Y3v2lx",
            "permalink": "https://www.instagram.com/p/CtZs0Y3v2lx/",
            "timestamp": "2020-06-01T10:56:52+0000",
            "caption": "a\u0000b",
            "comments_count": 12,
            "is_comment_enabled": True,
            "username": "ada",
            "media_type": "VIDEO",
            "media_product_type": "REELS",
        }
    ).encode()
    post = graph_map.post(body, "media")
    target = graph_map.target(post)
    assert (target.id, target.shortcode) == ("17890008297990000", "CtZs0Y3v2lx")
    assert target.timestamp == "2020-06-01T10:56:52+0000"
    assert target.caption == "a\ufffdb"
    assert (target.declared, target.comments_enabled, target.username) == (12, True, "ada")
    assert post.media_product_type == "REELS"
    bare = graph_map.target(graph_map.post(b'{"id":"1"}', "media"))
    assert (bare.declared, bare.caption, bare.timestamp) == (None, None, None)


def test_accounts_are_those_pages_that_have_one():
    """Facebook Pages without an Instagram account behind them are left out."""
    account = {"id": "1784", "username": "ada"}
    body = page(
        {"id": "1", "name": "Bakery", "instagram_business_account": account, "tasks": ["MANAGE"]},
        {"id": "2", "name": "No Instagram"},
    )
    (one,), after = graph_people.linked(body, "me/accounts")
    assert (one.instagram_id, one.username, one.page_id) == ("1784", "ada", "1")
    assert (one.page, one.tasks, after) == ("Bakery", ("MANAGE",), None)


def test_an_owner_has_a_name():
    """An account is its id and its username; without either the shape has changed."""
    assert graph_people.owner(b'{"id":1784,"username":"ada"}', "user") == Owner("1784", "ada")
    for body in (b'{"id":"1784"}', b'{"username":"ada"}', b"{}"):
        with pytest.raises(errors.SchemaDrift):
            graph_people.owner(body, "user")


def recorded(kind):
    folder = FIXTURES / "graph" / kind
    if not folder.is_dir():
        pytest.skip("the recorded answers are not beside this checkout")
    return sorted(folder.glob("*.json"))


def edges(tree):
    """Every `{"data": [...]}` of a recorded answer, and its nodes as edges of one."""
    if isinstance(tree, dict) and isinstance(tree.get("data"), list):
        return [tree]
    if isinstance(tree, dict) and "id" not in tree:
        return [{"data": [one for one in tree.values() if isinstance(one, dict)]}]
    return [{"data": [tree]}]


def test_every_recorded_comment_is_read():
    """Comments recorded from the real platform lose neither a row nor an id."""
    samples = [
        FIXTURES / "graph/docs_samples" / f"comment{end}.json" for end in ("_node", "s_edge")
    ]
    for path in [*recorded("comments"), *samples]:
        for edge in edges(json.loads(path.read_text())):
            found = graph_map.comments(json.dumps(edge).encode(), ENDPOINT)
            inner = [one.get("replies", {}).get("data", []) for one in edge["data"]]
            assert len(found.records) == len(edge["data"]) + sum(map(len, inner)), path.name
            for record in found.records:
                assert record.timestamp is None or record.timestamp.endswith("Z")


def test_every_recorded_post_is_read():
    """Posts recorded from the real platform keep id, time and count."""
    for path in recorded("media"):
        for edge in edges(json.loads(path.read_text())):
            found, _ = graph_map.posts(json.dumps(edge).encode(), "user/media")
            for post, one in zip(found, edge["data"], strict=True):
                assert post.id == one["id"]
                assert post.timestamp == one.get("timestamp")
                assert post.comments_count == one.get("comments_count")


def test_every_recorded_list_of_accounts_is_read():
    """Lists of Pages recorded from the real platform give the Instagram accounts behind them."""
    for path in recorded("oauth"):
        if "accounts" in path.name:
            found, _ = graph_people.linked(path.read_bytes(), "me/accounts")
            expected = [
                one["instagram_business_account"]["id"]
                for one in json.loads(path.read_text())["data"]
                if "instagram_business_account" in one
            ]
            assert [one.instagram_id for one in found] == expected


def _mutated(chance, body):
    """The body with a few random wounds."""
    body = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(6):
            case 0:
                del body[at:]
            case 1:
                body[at : at + chance.randint(1, 9)] = b""
            case 2:
                body[at:at] = chance.randbytes(chance.randint(1, 4))
            case 3:
                body[at:at] = chance.choice(
                    [
                        b"null",
                        b"\\ud83d",
                        b"\\u0000",
                        b"[",
                        b"{",
                        b'"',
                        b"-1e999",
                        b"NaN",
                        b"9" * 99,
                    ]
                )
            case 4:
                other = chance.randrange(len(body) + 1)
                body[at:at] = body[min(at, other) : max(at, other)][:200]
            case 5 if at < len(body):
                body[at] = chance.randrange(256)
    return bytes(body)


def test_ten_thousand_wounded_bodies_raise_nothing_strange():
    """Whatever bytes come, there is a listing or a SourceError, and what is listed can be kept."""
    chance = random.Random(20261101)
    thread = ROW | {"replies": {"data": [ROW], "paging": {"cursors": {"after": "x"}, "next": "y"}}}
    whole = page(thread, ROW, paging={"cursors": {"after": "QVF"}, "next": "https://x/?after=QVF"})
    read = 0
    for _ in range(10_000):
        try:
            found = graph_map.comments(_mutated(chance, whole), ENDPOINT)
        except errors.SourceError as error:
            assert error.__cause__ is None
            assert error.__context__ is None
            continue
        read += 1
        msgspec.json.encode(found.records)
        assert "\0" not in "".join(one.text or "" for one in found.records)
    assert 100 < read < 9_900


leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
field = leaf | st.lists(leaf, max_size=2) | st.dictionaries(st.text(max_size=3), leaf, max_size=2)
row = st.dictionaries(
    st.sampled_from([*ROW, "replies", "user"]), field | st.just({"data": [ROW]}), max_size=6
)


@given(st.lists(row | field, max_size=3), field)
def test_any_json_is_read_or_refused(rows, paging):
    """No value in any place of a page raises anything but a SourceError."""
    body = json.dumps({"data": rows, "paging": paging}).encode()
    for read in (graph_map.comments, graph_map.posts, graph_people.linked):
        with contextlib.suppress(errors.SourceError):
            read(body, ENDPOINT)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2020-06-01T10:56:52+0000", "2020-06-01T10:56:52Z"),
        ("20200601T105652.123+0000", "2020-06-01T10:56:52Z"),
        ("2020-W01-1T10:56:52+0000", "2019-12-30T10:56:52Z"),
        ("2020-06-01T10:56:52+0200", "2020-06-01T08:56:52Z"),
    ],
)
def test_any_way_of_writing_a_time_is_the_same_time(said, meant) -> None:
    """The platform's own way is read at once, and no other one is taken for it."""
    assert graph_map.utc(said, "media") == meant


AFTER = {"cursors": {"before": "QVFI1", "after": "QVFI2"}, "next": "https://example.com/?after=x"}
WORDS = st.text(max_size=8) | st.sampled_from(
    [
        '"paging":{"next":"x"}}',
        '"next":',
        '"}],"paging":{"cursors":{"after":"no"},"next":"y"}}',
        "\\",
    ]
)
ROWS_OF_WORDS = st.lists(
    st.builds(
        lambda text, name, threads: ROW | {"text": text, "username": name} | threads,
        WORDS,
        WORDS,
        st.sampled_from([
            {},
            {"replies": {"data": [ROW | {"id": "18"}]}},
            {"replies": {"data": [ROW | {"id": "18"}], "paging": AFTER}},
            {"replies": {"data": [], "paging": {"cursors": {"after": "of a thread"}}}},
        ]),
    ),
    max_size=3,
)  # fmt: skip


def test_the_next_cursor_is_known_from_a_lists_last_words():
    """A page tells where the list goes on without being read."""
    assert graph_map.foretold(page(ROW, paging=AFTER)) == "QVFI2"
    assert graph_map.foretold(page(paging=AFTER)) == "QVFI2"  # an empty page is no end
    assert graph_map.foretold(page(ROW, paging={"cursors": {"after": "QVFI2"}})) is None
    assert graph_map.foretold(page(ROW)) is None
    assert graph_map.foretold(page(ROW, paging=AFTER)[:-1]) is None
    assert graph_map.foretold(b"<html>") is None


@given(
    rows=ROWS_OF_WORDS,
    paging=st.sampled_from([None, AFTER, {"next": AFTER["next"]}, {"cursors": AFTER["cursors"]}]),
    spaced=st.booleans(),
)
def test_what_last_words_tell_is_what_the_page_says(rows, paging, spaced):
    """Whatever people have written in it, and whatever lists it holds: a cursor that is told early
    is the page's own, and no thread was cut short before it."""
    body = {"data": rows} | ({} if paging is None else {"paging": paging})
    told = json.dumps(body, separators=None if spaced else (",", ":")).encode()
    early, found = graph_map.foretold(told), graph_map.comments(told, ENDPOINT)
    assert early is None or (early == found.after and not found.cut)
    plain = paging is not None and "next" in paging and not found.cut
    assert (early is not None) == plain
