"""HikerAPI's answers become records, or errors that say what was wrong; nothing is made up."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.posts import shortcode_of
from ingather.domain.records import Comment, Media, User
from ingather.providers import hiker_map, hiker_media, hiker_routes

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
RECORDED = FIXTURES / "hiker" / "docs-recorded"


def dump(value):
    return json.dumps(value).encode()


def recorded(name):
    if not RECORDED.is_dir():
        pytest.skip("no recorded answers beside this checkout")
    return (RECORDED / f"{name}.json").read_bytes()


def users(body, shape="pair", sent=None):
    return hiker_map.users(dump(body), "route", shape, sent)


def comments(rows, *, replies=True, shape="pair", cursor=None):
    body = [rows, cursor] if shape == "pair" else rows
    return hiker_map.comments(dump(body), "route", shape, None, replies=replies)


def medias(*rows, clips=False):
    return hiker_media.medias(dump([rows, None]), "route", "pair", None, clips=clips).records


REEL = {"pk": "1", "code": "B", "media_type": 2, "product_type": "clips"}
PHOTO = {"pk": 2, "code": "C", "media_type": 1, "product_type": "feed"}


@pytest.mark.parametrize(
    ("name", "shape", "more"),
    [
        ("v2-user-followers", "page", True),
        ("g2-user-followers", "page", False),
        ("g2-user-following", "page", True),
        ("g1-user-followers", "pair", True),
        ("gql-user-followers-chunk", "pair", True),
        ("gql-user-following-chunk", "pair", True),
        ("v1-user-following-chunk", "pair", True),
        ("v2-media-likers", "object", False),
        ("v1-media-likers", "list", False),
        ("gql-media-likers", "list", False),
        ("gql-comment-likers", "list", False),
        ("v1-user-followers", "list", False),
    ],
)
def test_recorded_people(name, shape, more):
    """Recorded lists of people of every shape: three users each, ids as text, nothing empty."""
    found = hiker_map.users(recorded(name), name, shape, None)
    assert len(found.records) == 3
    assert (found.after is not None) == more
    for user in found.records:
        assert user.user_id.isdecimal()
        assert user.username
        assert user.full_name != ""
        assert user.profile_pic_url.startswith("https://")
    if name == "gql-media-likers":
        assert {user.is_private for user in found.records} == {None}


@pytest.mark.parametrize(
    ("name", "shape", "clips", "kept"),
    [
        ("v1-user-clips-chunk", "pair", True, 3),
        ("v1-user-medias-chunk", "pair", False, 3),
        ("v1-user-medias-chunk", "pair", True, 2),
        ("v1-hashtag-medias-top-chunk", "pair", False, 3),
        ("v1-hashtag-medias-recent-chunk", "pair", False, 0),
        ("v1-hashtag-medias-clips", "list", True, 1),
        ("v1-user-medias", "list", False, 3),
    ],
)
def test_recorded_posts(name, shape, clips, kept):
    """Recorded lists of posts: two photos of three fall out of the recorded list of reels."""
    found = hiker_media.medias(recorded(name), name, shape, None, clips=clips)
    assert len(found.records) == kept
    for media in found.records:
        assert shortcode_of(int(media.media_id)) == media.shortcode
        assert media.timestamp.startswith("202")
        assert media.play_count != 0
        assert media.duration != 0
        assert media.caption != ""
        if clips:
            assert media.media_type == "REELS"


def test_a_recorded_reel():
    """A recorded reel, field by field: views are its plays, and the caption is read."""
    found = hiker_media.media(recorded("v1-media-by-url"), "media")
    assert found == Media(
        media_id="3776832898280228145",
        shortcode="DRqAYKuAIUx",
        permalink="https://www.instagram.com/reel/DRqAYKuAIUx/",
        media_type="REELS",
        timestamp="2025-11-29T22:00:31Z",
        username="natgeo",
        like_count=135428,
        comment_count=485,
        play_count=2866123,
        duration=22.31399917602539,
        caption="Even the heaviest rain feels peaceful here.\n\n"
        "#HostilePlanet is now streaming on @DisneyPlus.",
        hashtags=("HostilePlanet",),
        mentions=("disneyplus",),
        thumbnail_url=found.thumbnail_url,
        likes_hidden=False,
        is_paid_partnership=False,
        coauthors=(),
        plays_from="hiker.play_count",
    )
    assert found.thumbnail_url.startswith("https://")


def test_recorded_reels_are_shared_by_accounts():
    """Who shares a reel is told by name; whose it is stays in username; nothing tells of pins."""
    found = hiker_media.medias(recorded("v1-user-clips-chunk"), "c", "pair", None, clips=True)
    (first, *_) = found.records
    assert first.coauthors == ("natgeo",)
    assert first.username != "natgeo"
    assert first.is_pinned is None


def test_a_reel_is_pinned_where_somebody_pinned_it():
    """The list of who pinned a reel tells whether it is; that of the other tab does not."""
    pinned, other, plain = medias(
        REEL | {"clips_tab_pinned_user_ids": [5]},
        REEL | {"clips_tab_pinned_user_ids": [], "timeline_pinned_user_ids": ["5"]},
        REEL,
    )
    assert (pinned.is_pinned, other.is_pinned, plain.is_pinned) == (True, False, None)


def test_recorded_comments_and_replies():
    """Recorded comments of the list of three and of the pair, and replies that are not wrapped."""
    first = hiker_map.comments(
        recorded("v1-media-comments-chunk"), "c", "triple", None, replies=True
    )
    assert first.records[0].timestamp == "2025-11-30T07:52:06Z"
    assert first.records[0].like_count == 3
    assert first.after.startswith("IntcIm")
    pair = hiker_map.comments(recorded("gql-comments-chunk"), "c", "pair", None, replies=True)
    assert pair.after.startswith('{"server_cursor": ')
    assert {one.parent_comment_id for one in pair.records} == {None}
    thread = hiker_map.replies(
        recorded("v2-media-comments-replies"), "r", parent="18142813870496178", sent=None
    )
    assert [one.parent_comment_id for one in thread.records] == ["18142813870496178"] * 3
    assert thread.after is None


def test_a_recorded_account_and_balance():
    """The recorded account has its counts; the recorded balance its units and rate."""
    found = hiker_map.account(recorded("v1-user-by-id"), "user")
    assert (found.user.user_id, found.user.username) == ("787132", "natgeo")
    assert (found.followers, found.following, found.posts) == (274988955, 193, 31529)
    balance = hiker_map.balance(recorded("sys-balance"), "balance")
    assert (balance.requests, balance.rate, balance.currency) == (1992006, 15, "USD")


def test_an_id_is_a_text_however_it_comes():
    """pk as number and as text is one id; where there is no pk, id is taken."""
    found = users([[{"pk": 7}, {"pk": "7"}, {"id": "7"}], None]).records
    assert [one.user_id for one in found] == ["7", "7", "7"]


@pytest.mark.parametrize("row", [{}, {"pk": None}, {"pk": "a b"}, {"pk": -1}, {"pk": True}])
def test_a_user_without_an_id_is_drift(row):
    """A user without a usable id is an answer of another shape, not a user."""
    with pytest.raises(errors.SchemaDrift) as caught:
        users([[{"pk": 1}, row], None])
    assert caught.value.endpoint == "route"
    assert "pk" in caught.value.field


def test_what_is_not_told_is_none():
    """Absent, null and empty are unknown, and never 0 or an empty text."""
    full = {"pk": 1, "username": None, "full_name": "", "is_private": None, "profile_pic_url": ""}
    assert users([[full], None]).records == [User(user_id="1", username=None)]
    (media,) = medias({"pk": "5"})
    assert media == Media(media_id="5")
    (one,) = comments([{"pk": 9}]).records
    assert one == Comment(
        comment_id="9", user_id=None, username=None, timestamp=None, like_count=None, text=None
    )


@pytest.mark.parametrize("end", [None, "", False])
def test_the_end_of_a_list(end):
    """null, "" and false are the end of every shape."""
    assert users([[], end]).after is None
    assert users({"response": {"users": []}, "next_page_id": end}, "page").after is None
    assert comments([[], end, "x"], shape="triple").after is None


def test_the_cursor_that_was_sent_is_the_end():
    """A service that repeats the cursor it was sent has no more to give."""
    assert users([[], "same"], sent="same").after is None
    assert users([[], "other"], sent="same").after == "other"
    assert users([[], 25], sent="25").after is None
    assert users([[], 50], sent="25").after == "50"


@pytest.mark.parametrize("cursor", ['{"a": "b c", "é": 1}', "1_2", "x" * 5000, "a\nb", " "])
def test_a_cursor_is_kept_whole(cursor):
    """A cursor is the service's own text: spaces, quotes and any length are kept."""
    assert users([[], cursor]).after == cursor


@pytest.mark.parametrize(
    ("body", "shape", "field"),
    [
        ([[]], "pair", ""),
        ([[], None, None], "pair", ""),
        ({"detail": "x"}, "pair", "body"),
        ([None, "x"], "pair", ""),
        ({"response": {"users": []}}, "page", "next_page_id"),
        ({"next_page_id": None}, "page", "response"),
        ({"response": {}, "next_page_id": None}, "page", "response.users"),
        ({"response": {"users": None}, "next_page_id": None}, "page", "response.users"),
        ({"response": {"items": []}, "next_page_id": None}, "page", "response.users"),
        ({"user_count": 3}, "object", "users"),
        ([[], True], "pair", "cursor"),
        ([[], {"a": 1}], "pair", ""),
    ],
)
def test_another_shape_is_drift(body, shape, field):
    """A key that matters and is missing is named, with the route; nothing else is raised."""
    with pytest.raises(errors.SchemaDrift) as caught:
        users(body, shape)
    assert caught.value.endpoint == "route"
    assert field in caught.value.field


def test_what_is_no_json_may_pass():
    """HTML, a page cut short and no body at all are worth another try."""
    for body in (b"<html>", b'[[{"pk":"1"', b""):
        with pytest.raises(errors.Transient):
            hiker_map.users(body, "route", "pair", None)


@pytest.mark.parametrize(
    ("told", "views"),
    [
        ({"play_count": 5, "view_count": 0}, 5),
        ({"play_count": 0, "view_count": 0}, None),
        ({"play_count": None, "view_count": 0}, None),
        ({"ig_play_count": 7}, 7),
        ({"play_count": 0, "view_count": 3}, 3),
        ({"play_count": -1}, None),
    ],
)
def test_views_of_a_reel(told, views):
    """Views are the plays; a view count of 0 is what the service writes for unknown."""
    assert medias(REEL | told)[0].play_count == views


def test_a_photo_has_no_views():
    """A photo's 0 plays and 0.0 seconds are no numbers at all."""
    (photo,) = medias(PHOTO | {"play_count": 0, "view_count": 0, "video_duration": 0.0})
    assert (photo.play_count, photo.duration, photo.media_type) == (None, None, "IMAGE")


def test_hidden_likes_are_unknown():
    """Where the author hides counts, the number that comes is not the likes."""
    hidden = {"like_count": 3, "like_and_view_counts_disabled": True}
    assert medias(REEL | hidden)[0].like_count is None
    assert medias(REEL | {"like_count": 0})[0].like_count == 0
    assert medias(REEL | {"like_count": -1})[0].like_count is None


def test_photos_are_no_reels():
    """Lists of reels hold photos, albums and ordinary videos; only reels are kept."""
    video = REEL | {"pk": 3, "product_type": "igtv"}
    album = PHOTO | {"pk": 4, "media_type": 8, "product_type": "carousel_container"}
    assert [one.media_id for one in medias(REEL, PHOTO, video, album, clips=True)] == ["1"]
    kinds = [one.media_type for one in medias(REEL, PHOTO, video, album)]
    assert kinds == ["REELS", "IMAGE", "VIDEO", "CAROUSEL_ALBUM"]


@pytest.mark.parametrize(
    ("told", "when"),
    [
        ({"taken_at": "2026-04-07T13:00:04Z"}, "2026-04-07T13:00:04Z"),
        ({"taken_at": "2026-04-07T15:00:04+02:00"}, "2026-04-07T13:00:04Z"),
        ({"taken_at": 1775566804}, "2026-04-07T13:00:04Z"),
        ({"taken_at": "1775566804"}, "2026-04-07T13:00:04Z"),
        ({"taken_at_ts": 1775566804}, "2026-04-07T13:00:04Z"),
        ({"taken_at": 0}, None),
        ({"taken_at": ""}, None),
    ],
)
def test_times(told, when):
    """Seconds and ISO 8601 are one time, in UTC."""
    assert medias(REEL | told)[0].timestamp == when


@pytest.mark.parametrize("when", ["yesterday", "2026-04-07T13:00:04", 10**15, -5, "9" * 15])
def test_a_time_that_is_none_is_drift(when):
    """A time that cannot be one is named as taken_at or timestamp."""
    with pytest.raises(errors.SchemaDrift):
        medias(REEL | {"taken_at": when})


@pytest.mark.parametrize(
    ("told", "caption", "tags"),
    [
        ({"caption_text": "x #a"}, "x #a", ("a",)),
        ({"caption": {"text": "y #b"}}, "y #b", ("b",)),
        ({"caption_text": ""}, None, ()),
        ({"caption": None}, None, None),
    ],
)
def test_captions(told, caption, tags):
    """v1's caption and v2's are one; no caption has no tags, an unknown one unknown tags."""
    (found,) = medias(REEL | told)
    assert (found.caption, found.hashtags) == (caption, tags)


def reply(number):
    return {"pk": number, "parent_comment_id": "1", "user": {"pk": 5, "username": "u"}}


def test_replies_inside_a_comment():
    """Replies that come along are rows where they are all; else the thread is asked for, once."""
    whole = {"pk": 1, "child_comment_count": 2, "preview_child_comments": [reply(2), reply(3)]}
    part = {"pk": 4, "child_comment_count": 3, "preview_child_comments": [reply(5)]}
    unsaid = {"pk": 6, "preview_child_comments": [reply(7)]}
    bare = {"pk": 8, "child_comment_count": 1}
    none = {"pk": 9, "child_comment_count": 0, "preview_child_comments": []}
    rows = [whole, part, unsaid, bare, none]
    found = comments(rows)
    assert [one.comment_id for one in found.records] == ["1", "2", "3", "4", "6", "8", "9"]
    assert [one.parent_comment_id for one in found.records[:3]] == [None, "1", "1"]
    assert found.cut == (("4", None), ("6", None), ("8", None))
    alone = comments([*rows, reply(10)], replies=False)
    assert [one.comment_id for one in alone.records] == ["1", "4", "6", "8", "9"]
    assert alone.cut == ()


def test_likes_and_writers_of_comments():
    """The writer is told in user or in user_id; likes of v2 stand under their own name."""
    first, second = comments(
        [
            {"pk": 1, "user": {"pk": 5, "username": "u"}, "comment_like_count": 4, "like_count": 0},
            {"pk": 2, "user_id": "6", "like_count": 0},
        ]
    ).records
    assert (first.user_id, first.username, first.like_count) == ("5", "u", 4)
    assert (second.user_id, second.username, second.like_count) == ("6", None, 0)


def thread(count, **told):
    body = {"child_comments": [{"pk": n} for n in range(1, count + 1)]} | told
    return hiker_map.replies(dump(body), "replies", parent="1", sent=told.pop("sent", None))


def test_the_cursor_of_a_thread():
    """A thread goes on while its head has more; all of it here is its end."""
    more = {"has_more_head_child_comments": True}
    assert thread(2, child_comment_count=4, next_min_child_cursor="c", **more).after == "c"
    assert thread(2, has_more_head_child_comments=False, next_min_child_cursor="c").after is None
    assert thread(2, child_comment_count=2, **more).after is None
    with pytest.raises(errors.SchemaDrift, match="next_min_child_cursor"):
        thread(2, child_comment_count=4, **more)


def test_damaged_texts_are_mended_and_counted():
    """NUL and halves of emoji become U+FFFD in every text of a record, and are counted."""
    body = b'[[{"pk":1,"full_name":"a\\u0000b","username":"half\\ud83d"}],null]'
    found = hiker_map.users(body, "r", "pair", None)
    assert (found.records[0].full_name, found.records[0].username) == ("a\ufffdb", "half\ufffd")
    assert found.repaired == 2
    (media,) = medias(REEL | {"caption_text": "x\0 #a\ud83d"})
    assert media.caption == "x\ufffd #a\ufffd"
    assert users([[{"pk": 1, "username": "\\u0000"}], None]).repaired == 0
    with pytest.raises(errors.SchemaDrift):
        hiker_map.users(b'[[],"half\\ud83d"]', "r", "pair", None)


def test_every_route_has_a_shape_that_is_read():
    """Each kind has a way; an unknown kind or way is named with those there are."""
    assert set(hiker_routes.ROUTES) == {
        "followers", "following", "likers", "comments", "commenters", "posts", "reels",
        "hashtag-clips",
    }  # fmt: skip
    with pytest.raises(errors.BadInput, match="hashtag-clips"):
        hiker_routes.find("stories")
    with pytest.raises(errors.BadInput):
        hiker_routes.find("followers", "v2/user/following")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["pk", "id", "user", "users", "response", "next_page_id", "comments", "taken_at",
             "child_comments", "preview_child_comments", "child_comment_count", "caption",
             "media_type", "video_duration", "caption_text", "created_at", "username"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.binary(max_size=60) | anything.map(dump), anything.map(dump))
def test_any_body_is_read_or_a_source_error(body, row):
    """Whatever comes, it is read or is a SourceError; nothing else is ever raised."""
    page = b'{"response":{"users":[%s],"comments":[%s]},"next_page_id":%s}' % (row, row, row)
    for one in (body, b"[[%s],%s]" % (row, row), b"[[%s],null,null]" % row, page):
        for shape in ("pair", "triple", "page", "list", "object"):
            for read in (
                lambda one=one, shape=shape: hiker_map.users(one, "r", shape, None),
                lambda one=one, shape=shape: hiker_map.comments(
                    one, "r", shape, None, replies=True
                ),
                lambda one=one, shape=shape: hiker_media.medias(one, "r", shape, None, clips=False),
            ):
                _try(read)
        for read in (hiker_map.account, hiker_media.media, hiker_map.balance):
            _try(lambda read=read, one=one: read(one, "r"))
        _try(lambda one=one: hiker_map.replies(one, "r", parent="1", sent=None))


def _try(read):
    try:
        found = read()
    except errors.SourceError:
        return
    json.dumps(repr(found)).encode("utf-8")
