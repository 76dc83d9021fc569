"""Profile pages: every recorded description is read exactly, and nothing is ever guessed."""

import html
import json
import os
import random
import re
import string
from pathlib import Path

import pytest

from ingather import errors
from ingather.providers import webpage_map, webpage_numbers
from ingather.providers.webpage_numbers import Count, counts, number

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
ENGLISH = "2,362 Followers, 136 Following, 224 Posts"
SAMPLES = [
    # what the page says -> followers, following, posts, rounded
    (f"{ENGLISH} - See Instagram photos and videos from Pluto (@pluto__travel)", 2362, 136, 224, 0),
    ("46.3m Followers, 50 Following, 455 Posts - See", 46_300_000, 50, 455, 1),
    ("24K Followers, 191 Following, 211 Posts - R (@r) on Instagram: \"x\"", 24_000, 191, 211, 1),
    ("1 Follower, 1 Following, 1 Post - See", 1, 1, 1, 0),
    ("0 Followers, 0 Following, 0 Posts - See", 0, 0, 0, 0),
    ("687M follower, 307 seguiti, 8,617 post - I (@i) su Instagram", 687_000_000, 307, 8617, 1),
    ("1,2 Mld follower, 1.234 seguiti, 2 post - I", 1_200_000_000, 1234, 2, 1),
    ("686 Mln follower, 3 seguiti, 2 post - I", 686_000_000, 3, 2, 1),
    ("1,432 Abonnenten, 268 folgen, 468 Beiträge - Sieh dir", 1432, 268, 468, 0),
    ("1.432 Follower, 268 Gefolgt, 468 Beiträge – Sieh dir", 1432, 268, 468, 0),
    ("7283 abonnés, 919 abonnement, 1162 publications - Découvrez", 7283, 919, 1162, 0),
    ("12\u202f345 followers, 8 suivis, 1 publication - Découvrez", 12_345, 8, 1, 0),
    ("12,3 mil seguidores, 540 seguindo, 688 publicações - Veja", 12_300, 540, 688, 1),
    ("476.3 mil seguidores, 540 seguindo, 1057 publicações - Veja", 476_300, 540, 1057, 1),
    ("1.2M seguidores, 34 seguidos, 56 publicaciones - Ver", 1_200_000, 34, 56, 1),
    ("185 Takipçi, 690 Takip Edilen, 2 Gönderi - @s'in", 185, 690, 2, 0),
    ("Подписчики: 96, подписки: 210, публикации: 100 — посмотрите", 96, 210, 100, 0),
    ("96 подписчиков, 210 подписок, 100 публикаций — посмотрите", 96, 210, 100, 0),
    ("팔로워 613명, 팔로잉 0명, 게시물 224개 - 라온시큐어(@r)님의", 613, 0, 224, 0),
    ("팔로워 695M명, 팔로잉 243명, 게시물 8,161개 - I", 695_000_000, 243, 8161, 1),
    ("844 位粉丝、已关注 163 人、 83 篇帖子 - 查看", 844, 163, 83, 0),
    ("255 juta Pengikut, 10 Mengikuti, 5 Postingan - Lihat", 255_000_000, 10, 5, 1),
    ("フォロワー1.2万人、フォロー中50人、投稿455件 - ", 12_000, 50, 455, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "followers", "following", "posts", "rounded"),
    SAMPLES,
    ids=[s[0][:28] for s in SAMPLES],
)
def test_a_description_is_read_exactly(told, followers, following, posts, rounded):
    """Each language and number form gives its three counts, and only what is short is rounded."""
    assert counts(told) == webpage_numbers.Counts(
        Count(followers, bool(rounded)), Count(following), Count(posts)
    )


@pytest.mark.parametrize(
    "told",
    [
        "",
        "See everyday moments",
        '990K likes, 8,873 comments - someone on May 24, 2021: "..."',
        "12 Followers, 13 Following - See",
        "12 Followers, 13 Following, 14 Posts, 15 Reels - See",
        "12 Posts, 13 Following, 14 Followers - See",
        "12 Followers, 13 seguindo, 14 Beiträge - See",
        "1,23 Followers, 4 Following, 5 Posts - See",
        "1,234.567 Followers, 4 Following, 5 Posts - See",
        "1.2345K Followers, 4 Following, 5 Posts - See",
        "12X Followers, 4 Following, 5 Posts - See",
        "12 B Takipçi, 4 Takip Edilen, 5 Gönderi - x",
        "12 M Pengikut, 4 Mengikuti, 5 Postingan - x",
        "012 Followers, 4 Following, 5 Posts - See",
        "0,123 Followers, 4 Following, 5 Posts - See",
        "-12 Followers, 4 Following, 5 Posts - See",
        "99999999999 Followers, 4 Following, 5 Posts - See",
        "٣ Followers, 4 Following, 5 Posts - See",
        "12 Followers 13 14 Following, 5 Posts, 6 - See",
    ],
)
def test_what_does_not_tell_three_counts_is_not_guessed(told):
    """An unknown word, a number of another form or too few of them is None."""
    assert counts(told) is None


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [("46.3", 10**6, 46_300_000), ("12,3", 1000, 12_300), ("1,234.5", 1000, 1_234_500),
     ("1.234", 1, 1234), ("1’234’567", 1, 1_234_567), ("1,23,456", 1, None), ("1,234.56", 1, None),
     ("1.2", 1, None), ("1.0005", 1000, None), ("12", None, None)],
)  # fmt: skip
def test_separators_mean_one_thing(text, scale, value):
    """The last separator of an abbreviation is decimal; else separators make groups of three."""
    found = number(text, scale)
    assert (found and found.value) == value


def page(*, order="name content", double=False, quotes='"', head="", **changed) -> bytes:
    """A profile page of @pluto__travel; what is None is left out."""
    tags = {
        "og:type": "profile",
        "og:title": "Pluto (@pluto__travel) • Instagram photos and videos",
        "og:url": "https://www.instagram.com/pluto__travel/",
        "og:description": f"{ENGLISH} - See Instagram photos from Pluto (@pluto__travel)",
        "og:image": "https://scontent.example.invalid/a.jpg?oh=1&oe=2",
        "description": f'{ENGLISH} - Pluto (@pluto__travel) on Instagram: "Plan — “now” > later"',
    } | {name.replace("_", ":"): value for name, value in changed.items()}
    lines = []
    for name, value in tags.items():
        if value is None:
            continue
        told = html.escape(value).replace("@", "&#064;").replace("•", "&#x2022;")
        told = told.replace("&", "&amp;") if double else told
        key = "property" if ":" in name else "name"
        parts = [f'{key}="{name}"', f"content={quotes}{told}{quotes}"]
        lines.append(f"<meta\n {' '.join(parts if order == 'name content' else parts[::-1])}\n/>")
    return f"<!DOCTYPE html><html lang=en><head>{head}{''.join(lines)}</head><body>".encode()


@pytest.mark.parametrize("order", ["name content", "content name"])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("quotes", ['"', "'"])
def test_tags_are_read_however_they_are_written(order, double, quotes):
    """Attributes in any order, either quote, line breaks inside tags, entities once or twice."""
    found = webpage_map.read(page(order=order, double=double, quotes=quotes), "pluto__travel")
    assert (found.username, found.full_name) == ("pluto__travel", "Pluto")
    assert (found.followers_count, found.follows_count, found.media_count) == (2362, 136, 224)
    assert found.biography == "Plan — “now” > later"
    assert found.profile_pic_url == "https://scontent.example.invalid/a.jpg?oh=1&oe=2"
    assert found.approximate == () and found.is_private is None and found.user_id is None


def test_a_rounded_number_is_marked():
    """What is abbreviated is named in `approximate`, and what is not is exact."""
    told = "46.3m Followers, 50 Following, 1,455 Posts - See"
    found = webpage_map.read(page(og_description=told), "Pluto__travel")
    assert found.approximate == ("followers_count",)
    assert (found.followers_count, found.media_count) == (46_300_000, 1455)


def test_no_full_name_is_none():
    """A title without parentheses holds the handle alone."""
    told = page(og_title="@pluto__travel • Instagram photos and videos")
    assert webpage_map.read(told, "pluto__travel").full_name is None


def test_a_title_without_a_space_holds_a_name():
    """Japanese and Korean titles set the handle right beside the name."""
    told = page(og_title="名前 (é)(@pluto__travel) • Instagram写真と動画")
    assert webpage_map.read(told, "pluto__travel").full_name == "名前 (é)"


SHELL = b"<!DOCTYPE html><html><head><title>Instagram</title></head><body></body></html>"
WALL = page(
    og_type=None, og_title="Instagram", og_url=None, og_description=None,
    description="Create an account or log in to Instagram – a simple, fun and creative way",
)  # fmt: skip
GONE = b"<html><head><title>Page Not Found &bull; Instagram</title></head></html>"
RESTRICTED = (
    b"<html><head><title>Instagram</title></head><body>Restricted profile. "
    b"This account is not available for certain audiences</body></html>"
)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (SHELL, errors.NothingShown),
        (b"", errors.NothingShown),
        (WALL, errors.NothingShown),
        (page(og_description=None, description=None), errors.NothingShown),
        (GONE, errors.NotReachable),
        (RESTRICTED, errors.NotReachable),
        (page(og_url="https://www.instagram.com/other/"), errors.WrongPage),
        (page(og_title="Other (@other) • Instagram"), errors.WrongPage),
        (page(og_type="video"), errors.WrongPage),
        (page(og_title="Instagram", og_url=None), errors.WrongPage),
        (page(og_description="990K likes, 8 comments - a", description=None), errors.SchemaDrift),
        (page(og_description="12 Foo, 13 Bar, 14 Baz - See", description=None), errors.SchemaDrift),
    ],
    ids=["shell", "nothing", "wall", "no description", "gone", "restricted", "other address",
         "other title", "a post", "nobody's", "likes", "unknown words"],
)  # fmt: skip
def test_what_is_no_profile_is_an_error(body, error):
    """A shell is unknown and not deleted, another's page is not this account's, and a description
    of another form is no number."""
    with pytest.raises(error) as found:
        webpage_map.read(body, "pluto__travel")
    assert type(found.value) is error


def test_ten_thousand_fuzzed_pages():
    """Spoilt pages raise our errors alone, and every number that is read stood in the page."""
    chance, whole = random.Random(20261121), page()
    signs = string.printable.encode() + "•—、万мil\u202f".encode()
    words = [b"1,23", b"K ", b" mil", b"<meta", b"content=", b"'", b'"', b">", b"&#", b"\0", b"12"]
    read = 0
    for _ in range(10_000):
        body = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            at, size = chance.randrange(len(body)), chance.randrange(0, 9)
            kind = chance.randrange(4)
            if kind == 0:
                del body[at : at + size * 4]
            elif kind == 1:
                body[at:at] = chance.choice(words)
            elif kind == 2:
                body[at : at + size] = bytes(chance.choices(signs, k=size))
            else:
                body = body[: max(at, 1)] if chance.random() < 0.1 else body
        try:
            found = webpage_map.read(bytes(body), "pluto__travel")
        except errors.SourceError:
            continue
        read += 1
        text = html.unescape(html.unescape(body.decode("utf-8", "replace")))
        digits = re.sub(r"(?<=\d)[.,](?=\d)", "", text)
        for count in (found.followers_count, found.follows_count, found.media_count):
            assert count is not None
            # Of a rounded number the digits that are no filling stood there: 123 of 1.23K.
            stood = f"0*{str(count).rstrip('0') or 0}0*" if found.approximate else str(count)
            assert re.search(rf"(?<!\d){stood}(?!\d)", digits), (count, bytes(body)[300:900])
    assert read > 1_000


@pytest.fixture
def fixtures_web() -> Path:
    if not (FIXTURES / "web").is_dir():
        pytest.skip("the recorded pages are not beside this checkout")
    return FIXTURES / "web"


def test_recorded_descriptions(fixtures_web):
    """Every description that was recorded from Instagram is read exactly."""
    told = json.loads((fixtures_web / "og_descriptions.json").read_text("utf-8"))
    for sample in told["samples"]:
        text = sample["content"]
        text = html.unescape(html.unescape(text)) if sample.get("raw_html") else text
        found, wanted = counts(text), sample["expect"]
        assert found is not None, text
        values = (found.followers.value, found.following.value, found.posts.value)
        assert values == (wanted["followers"], wanted["following"], wanted["posts"]), text
        rounded = any(each.rounded for each in (found.followers, found.following, found.posts))
        assert rounded == wanted.get("approx", False), text


def test_recorded_pages(fixtures_web):
    """The heads of recorded pages: two profiles, a post, the home page."""
    read = {
        "profile_2025-01_en_loggedout": ("pluto__travel", 2362, 136, 224),
        "profile_2020-05_sampleuser": ("sampleuser", 369, 151, 40),
        "profile_2020-05_invalid_sampleuser": ("sampleuser", 342, 114, 33),
    }
    for name, (user, *wanted) in read.items():
        found = webpage_map.read((fixtures_web / f"{name}.head.html").read_bytes(), user)
        assert [found.followers_count, found.follows_count, found.media_count] == wanted
    found = webpage_map.read(
        (fixtures_web / "profile_2025-01_en_loggedout.head.html").read_bytes(), "pluto__travel"
    )
    assert found.biography.startswith("Home of travel — Plan a trip")
    for name in ("login_home_2022_en-gb", "post_2025-01_en_clip", "post_2025-01_en_video"):
        with pytest.raises(errors.NothingShown):
            webpage_map.read((fixtures_web / f"{name}.head.html").read_bytes(), "pluto__travel")
