"""An archive gives what its owner did, whatever its age, its language and its parts."""

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import Target
from ingather.domain.records import Comment, Media, Record, User, natural_id
from ingather.providers.archive import ArchiveSource

FIXTURES = Path(
    os.environ.get("INGATHER_FIXTURES", Path(__file__).parents[2].parent / "shared/fixtures")
)
LISTS = "connections/followers_and_following"
MINE = "your_instagram_activity"
ME = "personal_information/personal_information/personal_information.json"


def spoilt(text: str) -> str:
    """Text as an archive writes it: each byte of its UTF-8 as a character of its own."""
    return text.encode().decode("latin-1")


def follower(name: str, when: int = 1_768_003_156) -> dict[str, Any]:
    """As in every followers file, and in following.json to 2024."""
    data = {"href": f"https://www.instagram.com/{name}", "value": name, "timestamp": when}
    return {"title": "", "media_list_data": [], "string_list_data": [data]}


def followed(name: str) -> dict[str, Any]:
    """As in following.json of 2025 and 2026."""
    data = {"href": f"https://www.instagram.com/_u/{name}", "timestamp": 1_770_897_717}
    return {"title": name, "string_list_data": [data]}


def comment(text: str, owner: str | None = "bo", when: int = 1_765_415_135) -> dict[str, Any]:
    found: dict[str, Any] = {"Comment": {"value": text}}
    if owner:
        found["Media Owner"] = {"value": owner}
    found["Time"] = {"timestamp": when}
    return {"media_list_data": [{"uri": ""}], "string_map_data": found}


def profile(name: str = "ann", label: str = "Username") -> dict[str, Any]:
    values = {"Email address": "a@x.example", label: name, "Name": spoilt("Zoë")}
    return {
        "profile_user": [
            {"string_map_data": {spoilt(k): {"href": "", "value": v} for k, v in values.items()}}
        ]
    }


def liked(caption: str, owner: str | None, *, korean: bool = False) -> dict[str, Any]:
    """As in liked_posts.json of 2025 and 2026."""
    say = (lambda _, korean: spoilt(korean)) if korean else (lambda english, _: english)
    url = "https://www.instagram.com/reel/ABCde_FGhij/"
    labels: list[dict[str, Any]] = [
        {"label": "URL", "value": url, "href": url},
        {"label": say("Caption", "캡션"), "value": spoilt(caption)},
        {"label": say("Title", "제목"), "value": ""},
        {"label": "Time", "timestamp_value": 5},
        {"label": "Things", "vec": [{"value": "x"}]},
        {
            "title": say("Hashtags", "해시태그"),
            "dict": [
                {"title": "", "dict": [{"label": say("Name", "이름"), "value": spoilt(tag)}]}
                for tag in ("해시", "lamp")
            ],
        },
    ]
    if owner:
        pairs = [("URL", "URL", ""), ("Name", "이름", "Bo"), ("Username", "사용자 이름", owner)]
        inner = [{"label": say(e, k), "value": value} for e, k, value in pairs]
        labels.append({"title": say("Owner", "소유자"), "dict": [{"title": "", "dict": inner}]})
    return {"timestamp": 1_785_284_876, "media": [], "label_values": labels, "fbid": "18000000"}


def file(uri: str, title: str = "", when: int = 1_725_373_798) -> dict[str, Any]:
    return {"uri": uri, "creation_timestamp": when, "title": spoilt(title), "media_metadata": {}}


def zipped(path: Path, files: dict[str, Any], root: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            text = content if isinstance(content, bytes | str) else json.dumps(content)
            archive.writestr(root + name, text)
    return path


async def pages(
    paths: Sequence[Path], kind: str, *, limit: int | None = None, renew: bool = False
) -> list[list[Record]]:
    """All pages; with renew, each is read by another source, as after a kill."""
    source = ArchiveSource(paths, kind=kind)
    try:
        target = await source.resolve(str(paths[0]))
        found, cursor = [], None
        while True:
            page = await source.fetch(target, cursor, replies=True, limit=limit)
            found.append(list(page.records))
            cursor = page.next
            if cursor is None:
                return found
            if renew:
                await source.close()
                source = ArchiveSource(paths, kind=kind)
    finally:
        await source.close()


async def rows(kind: str, *paths: Path, **options: Any) -> list[Any]:
    return [row for page in await pages(paths, kind, **options) for row in page]


async def names(kind: str, *paths: Path, **options: Any) -> list[str | None]:
    return [row.username for row in await rows(kind, *paths, **options)]


GENERATIONS = {
    "to 2022": {
        "account_information/personal_information.json": profile(),
        "followers_and_following/followers.json": {
            "relationships_followers": [follower("kim"), follower("lee")]
        },
        "followers_and_following/following.json": {"relationships_following": [follower("moe")]},
        "comments/post_comments.json": {"comments_media_comments": [comment("hi")]},
        "likes/liked_posts.json": {
            "likes_media_likes": [
                {
                    "title": "bo",
                    "string_list_data": [
                        {
                            "href": "https://www.instagram.com/reel/ABCde_FGhij/",
                            "value": spoilt("👍"),
                            "timestamp": 1_785_284_876,
                        }
                    ],
                }
            ]
        },
        "content/posts_1.json": [{"media": [file("media/a.jpg", "Un médiá")]}],
        "content/reels.json": {"ig_reels_media": [{"media": [file("media/b.mp4", "Reel")]}]},
    },
    "2022 to 2024": {
        "personal_information/personal_information.json": profile(),
        f"{LISTS}/followers_1.json": [follower("kim"), follower("lee")],
        f"{LISTS}/following.json": {"relationships_following": [follower("moe")]},
        f"{MINE}/comments/post_comments_1.json": [comment("hi")],
        f"{MINE}/likes/liked_posts.json": [liked("", "bo")],
        f"{MINE}/content/posts_1.json": [{"media": [file("media/a.jpg", "Un médiá")]}],
        f"{MINE}/content/reels.json": {"ig_reels_media": [{"media": [file("b.mp4", "Reel")]}]},
    },
    "2025 on": {
        ME: profile(),
        f"{LISTS}/followers_1.json": [follower("kim"), follower("lee")],
        f"{LISTS}/following.json": {"relationships_following": [followed("moe")]},
        f"{MINE}/comments/post_comments_1.json": [comment("hi")],
        f"{MINE}/likes/liked_posts.json": liked("", "bo"),
        f"{MINE}/media/posts_1.json": [{"media": [file("media/a.jpg", "Un médiá")]}],
        f"{MINE}/media/reels.json": {"ig_reels_media": [{"media": [file("b.mp4", "Reel")]}]},
    },
}


@pytest.mark.parametrize("packed", ["zip", "rooted", "folder"])
@pytest.mark.parametrize("files", GENERATIONS.values(), ids=GENERATIONS.keys())
async def test_every_generation(files: dict[str, Any], packed: str, tmp_path: Path) -> None:
    """Archives of any year give the same rows, packed or unpacked, with a root folder or without.
    A list of one entry may be that entry alone."""
    root = "instagram-ann-2026-01-02-AbCdEf/" if packed == "rooted" else ""
    path = zipped(tmp_path / "a.zip", files, root)
    if packed == "folder":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "out")
        path = tmp_path / "out"
    assert await names("followers", path) == ["kim", "lee"]
    assert await rows("followings", path) == [User(user_id=None, username="moe")]
    [said] = await rows("comments", path)
    assert said == Comment(
        comment_id=None,
        user_id=None,
        username="ann",
        timestamp="2025-12-11T01:05:35Z",
        like_count=None,
        text="hi",
    )
    [like] = await rows("liked", path)
    assert (like.shortcode, like.username, like.media_type) == ("ABCde_FGhij", "bo", "REELS")
    assert like.timestamp == "2026-07-29T00:27:56Z"
    [post] = await rows("posts", path)
    assert (post.caption, post.media_type, post.username) == ("Un médiá", "IMAGE", "ann")
    [reel] = await rows("reels", path)
    assert (reel.caption, reel.media_type) == ("Reel", "REELS")
    assert (reel.like_count, reel.media_id, reel.play_count) == (None, None, None)


@pytest.mark.parametrize("korean", [False, True])
async def test_labels_in_any_language(korean: bool, tmp_path: Path) -> None:
    """Structure tells caption, hashtags and owner, whatever the labels are called."""
    items = [liked("게시물 @bo", "cy.", korean=korean), liked("x", None, korean=korean)]
    path = zipped(tmp_path / "a.zip", {f"{MINE}/likes/liked_posts.json": items})
    one, two = await rows("liked", path)
    assert one == Media(
        media_id=None,
        shortcode="ABCde_FGhij",
        permalink="https://www.instagram.com/reel/ABCde_FGhij/",
        media_type="REELS",
        timestamp="2026-07-29T00:27:56Z",
        username="cy.",
        caption="게시물 @bo",
        hashtags=("해시", "lamp"),
        mentions=("bo",),
    )
    assert two.username is None


@pytest.mark.parametrize("label", ["Username", "사용자 이름", "Gebruikersnaam"])
async def test_owner_in_many_languages(label: str, tmp_path: Path) -> None:
    """Whose archive it is can be read in any language that is known."""
    files = {ME: profile("ann.k", label), f"{LISTS}/followers_1.json": [follower("kim")]}
    source = ArchiveSource([zipped(tmp_path / "a.zip", files)], kind="followers")
    target = await source.resolve("")
    assert (target.username, target.permalink, target.declared) == ("ann.k", None, None)
    assert (await source.owner(target)).username == "ann.k"
    await source.close()


async def test_owner_that_is_not_told_is_not_guessed(tmp_path: Path) -> None:
    """Other values look like usernames too; without a label that is known there is no owner."""
    files = {ME: profile("ann", "???"), f"{MINE}/media/posts_1.json": [{"media": [file("a.jpg")]}]}
    [post] = await rows("posts", zipped(tmp_path / "a.zip", files))
    assert (post.username, post.caption, post.hashtags) == (None, None, None)


async def test_dutch_comments(tmp_path: Path) -> None:
    """A comment's parts are told by their place; a missing owner is missing, no text is moved."""
    dutch = comment("mooi!")
    dutch["string_map_data"] = {
        "Opmerking": {"value": "mooi!", "href": "", "timestamp": 0},
        "Media-eigenaar": {"value": "bo"},
        "Tijd": {"value": "", "timestamp": 1_765_415_135},
    }
    sticker = comment("", "bo")
    files = {f"{MINE}/comments/reels_comments.json": {"comments_reels_comments": [dutch, sticker]}}
    files[f"{MINE}/comments/post_comments_1.json"] = [comment("alone", None)]
    found = await rows("commenters", zipped(tmp_path / "a.zip", files))
    assert [row.text for row in found] == ["alone", "mooi!", None]
    assert {row.timestamp for row in found} == {"2025-12-11T01:05:35Z"}
    assert len({natural_id(row) for row in found}) == 3


async def test_carousels_and_videos(tmp_path: Path) -> None:
    """Many files are a carousel with the post's caption; a video is told by its file."""
    several = {"media": [file("a.jpg"), file("b.mp4")], "title": spoilt("Tag #日本 @bo!")}
    several["creation_timestamp"] = 1_725_373_799
    items = [several, {"media": [file("a.MP4")]}, {"media": [file("a.xyz")]}]
    found = await rows("posts", zipped(tmp_path / "a.zip", {f"{MINE}/media/posts_1.json": items}))
    assert [row.media_type for row in found] == ["CAROUSEL_ALBUM", "VIDEO", None]
    assert (found[0].hashtags, found[0].mentions) == (("日本",), ("bo",))
    assert found[0].timestamp == "2024-09-03T14:29:59Z"


async def test_parts_in_any_order(tmp_path: Path) -> None:
    """Numbered files of several parts are read by number, a file that is in two parts once."""
    people = [f"u{n}" for n in range(12)]
    files = {f"{LISTS}/followers_{n + 1}.json": [follower(p)] for n, p in enumerate(people)}
    one = zipped(tmp_path / "1.zip", dict(list(files.items())[::2]) | {ME: profile()})
    two = zipped(tmp_path / "2.zip", dict(list(files.items())[1::2]) | {ME: profile()})
    both = zipped(tmp_path / "3.zip", files | {ME: profile()})
    assert await names("followers", one, two) == people
    assert await names("followers", two, one, both) == people
    ids = set()
    for parts in ([one, two], [two, one], [both]):
        source = ArchiveSource(parts, kind="followers")
        ids.add((await source.resolve("")).id)
        await source.close()
    assert len(ids) == 1


async def test_a_missing_part_is_named(tmp_path: Path) -> None:
    """A gap in the numbers is told before a row is read: an archive without it is not whole."""
    files = {f"{LISTS}/followers_{n}.json": [follower("kim")] for n in (1, 3)}
    with pytest.raises(errors.BadInput, match=r"followers_2\.json is missing"):
        await rows("followers", zipped(tmp_path / "a.zip", files))


async def test_two_peoples_archives(tmp_path: Path) -> None:
    """Parts of different people's archives are not mixed."""
    one = zipped(tmp_path / "1.zip", {ME: profile("ann")})
    two = zipped(tmp_path / "2.zip", {ME: profile("bo")})
    with pytest.raises(errors.BadInput, match="different people: ann, bo"):
        await rows("followers", one, two)


def many(count: int) -> dict[str, Any]:
    return {
        f"{LISTS}/followers_1.json": [follower(f"a{n}") for n in range(count)],
        f"{LISTS}/followers_2.json": [],
        f"{LISTS}/followers_3.json": [follower(f"b{n}") for n in range(count)],
    }


@pytest.mark.parametrize("renew", [False, True])
async def test_pages_can_be_cut_anywhere(renew: bool, tmp_path: Path) -> None:
    """Any page size gives the same rows in the same order, read at one go or resumed each time."""
    path = zipped(tmp_path / "a.zip", many(23))
    whole = [f"a{n}" for n in range(23)] + [f"b{n}" for n in range(23)]
    for limit in (1, 7, 23, 46, 1_000):
        found = await pages([path], "followers", limit=limit, renew=renew)
        assert [row.username for page in found for row in page] == whole
        assert all(0 < len(page) <= limit for page in found)
    assert [len(p) for p in await pages([zipped(tmp_path / "b.zip", many(600))], "followers")] == [
        500,
        500,
        200,
    ]


async def test_a_page_can_be_asked_again(tmp_path: Path) -> None:
    """A cursor gives the same page however often, and in whatever order it is asked."""
    source = ArchiveSource([zipped(tmp_path / "a.zip", many(20))], kind="followers")
    target = await source.resolve("")
    first = await source.fetch(target, None, replies=True, limit=15)
    second = await source.fetch(target, first.next, replies=True, limit=15)
    assert await source.fetch(target, first.next, replies=True, limit=15) == second
    assert await source.fetch(target, None, replies=True, limit=15) == first
    for cursor in ("", "{}", "nonsense", '{"file":"followers_9","index":0}', "[" * 9_999):
        with pytest.raises(errors.DeadCursor):
            await source.fetch(target, cursor, replies=True)
    with pytest.raises(errors.NotReachable, match="not the archive"):
        await source.fetch(structs.replace(target, id="other"), None, replies=True)
    await source.close()


async def test_an_empty_list_ends(tmp_path: Path) -> None:
    """A list that is there and empty gives one empty page and no cursor."""
    for index, content in enumerate(([], {}, {"relationships_followers": []})):
        path = zipped(tmp_path / f"{index}.zip", {f"{LISTS}/followers_1.json": content})
        assert await pages([path], "followers") == [[]]


async def test_a_kind_that_is_not_there(tmp_path: Path) -> None:
    """A list that an archive has not got is no empty list: nobody knows whether it is empty."""
    path = zipped(tmp_path / "a.zip", {ME: profile()})
    with pytest.raises(errors.NotReachable, match="no list of reels"):
        await rows("reels", path)


@pytest.mark.parametrize(("kind", "why"), [("likers", "who liked"), ("x", "holds no x")])
def test_kinds_no_archive_tells(kind: str, why: str) -> None:
    """What an archive cannot tell is refused with what it can."""
    with pytest.raises(errors.BadInput, match=f"{why}.*followers, following"):
        ArchiveSource(["a.zip"], kind=kind)


async def test_other_words_are_no_archive(tmp_path: Path) -> None:
    """A target is one of the given paths, in whatever form."""
    path = zipped(tmp_path / "a.zip", many(1))
    source = ArchiveSource([path], kind="followers")
    with pytest.raises(errors.BadInput, match="natgeo"):
        await source.resolve("natgeo")
    assert isinstance(await source.resolve(os.path.relpath(path)), Target)
    await source.close()


async def test_names_wherever_they_are(tmp_path: Path) -> None:
    """A username is found as value, as title or in the address; none is None."""
    data = {"href": "https://www.instagram.com/_u/pat", "timestamp": 1}
    items = [
        {"title": "", "string_list_data": [data]},
        {"title": "", "string_list_data": [{"href": "https://www.instagram.com/", "value": ""}]},
    ]
    path = zipped(tmp_path / "a.zip", {f"{LISTS}/following.json": items})
    assert await names("following", path) == ["pat", None]


@pytest.mark.parametrize(
    ("kind", "name", "item", "field"),
    [
        ("followers", f"{LISTS}/followers_1.json", {"name": "kim"}, "string_list_data"),
        ("followers", f"{LISTS}/followers_1.json", "kim", "list of entries"),
        ("comments", f"{MINE}/comments/post_comments_1.json", {"text": "hi"}, "string_map_data"),
        ("liked", f"{MINE}/likes/liked_posts.json", {"url": "x"}, "string_list_data"),
        ("posts", f"{MINE}/media/posts_1.json", {"files": []}, "media"),
    ],
)
async def test_another_shape_is_drift(
    kind: str, name: str, item: Any, field: str, tmp_path: Path
) -> None:
    """Entries of a shape nobody knows are named with file and field, never guessed at."""
    with pytest.raises(errors.SchemaDrift, match=field):
        await rows(kind, zipped(tmp_path / "a.zip", {name: [item]}))


async def test_repairs_are_counted(tmp_path: Path) -> None:
    """NUL and half an emoji become U+FFFD, counted; right text beside spoilt text stays right."""
    texts = ["a\0b", "half \ud83d", spoilt("Ünï ❤️"), "Ünï ❤️", "Â©", spoilt("Â©"), "plain"]
    items = [comment(text, None, when) for when, text in enumerate(texts, 1)]
    path = zipped(tmp_path / "a.zip", {f"{MINE}/comments/post_comments_1.json": items})
    source = ArchiveSource([path], kind="comments")
    page = await source.fetch(await source.resolve(""), None, replies=True)
    told = [row.text for row in page.records if isinstance(row, Comment)]
    assert told == ["a\ufffdb", "half \ufffd", "Ünï ❤️", "Ünï ❤️", "©", "Â©", "plain"]
    assert page.repaired == 2
    await source.close()


def from_fixtures(tmp_path: Path, folder: str) -> Path:
    """A recorded archive with the variants' folders called what they are in an archive."""
    found = FIXTURES / "archive" / folder
    if not found.is_dir():
        pytest.skip("the recorded archives are not beside this project")
    shutil.copytree(found, tmp_path / "archive")
    return tmp_path / "archive"


CHECKS: list[tuple[str, str, Callable[[list[Any]], bool]]] = [
    ("context-use-alice/v1", "followers", lambda r: r[1].username == "synthetic_follower_2"),
    ("context-use-alice/v1", "following", lambda r: r[0].username == "synthetic_foodblog"),
    ("context-use-alice/v1", "comments", lambda r: r[2].text == "This reel is so funny!"),
    ("context-use-alice/v1", "liked", lambda r: r[1].username == "synthetic_traveler"),
    ("context-use-alice/v0", "liked", lambda r: r[0].username == "synthetic_foodblog"),
    ("context-use-alice/v1", "posts", lambda r: r[0].caption == "Homemade pasta for dinner"),
    ("context-use-alice/v1", "reels", lambda r: r[0].timestamp.startswith("2025-06-26")),
    ("derived-mojibake", "comments", lambda r: r[0].text == "¡Qué bonito! ❤️🔥 @sample_a"),
    ("derived-mojibake", "comments", lambda r: r[1].text == "Привет" and r[2].text == "すごい！"),
    ("derived-mojibake", "posts", lambda r: r[0].caption == "Vacaciones 🏖️"),
    ("derived-mojibake", "posts", lambda r: r[1].caption == "Un seul média"),
    ("derived-mojibake", "reels", lambda r: r[0].caption.startswith("Reel — ñ")),
]


@pytest.mark.parametrize(("folder", "kind", "holds"), CHECKS)
async def test_recorded_archives(
    folder: str, kind: str, holds: Callable[[list[Any]], bool], tmp_path: Path
) -> None:
    """Archives as others have recorded them are read right."""
    found = await rows(kind, from_fixtures(tmp_path, folder))
    assert holds(found)
    if kind in ("comments", "posts") and folder == "derived-mojibake":
        assert {row.username for row in found} == {"sample_owner"}


async def test_recorded_korean(tmp_path: Path) -> None:
    """The recorded Korean variant of the liked posts is read like any other."""
    path = from_fixtures(tmp_path, "derived-mojibake") / MINE
    shutil.move(path / "likes_ko", path / "likes")
    [row] = await rows("liked", path.parent)
    assert (row.caption, row.hashtags, row.username) == ("게시물", ("해시",), None)


MEMORY = """
import asyncio, resource, sys
from ingather.providers.archive import ArchiveSource
async def main():
    source = ArchiveSource([sys.argv[1]], kind="liked")
    target = await source.resolve("")
    page = await source.fetch(target, None, replies=True)
    before, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(page.records)
    while page.next:
        page = await source.fetch(target, page.next, replies=True)
        count += len(page.records)
    print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    await source.close()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file of 40 MB is read in the memory of a page."""
    chance = random.Random(5)
    piece = json.dumps([liked(chance.randbytes(400).hex(), "bo") for _ in range(50)])[1:-1]
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{MINE}/likes/liked_posts.json", "w") as out,
    ):
        count = 40_000_000 // len(piece)
        out.write(b"[")
        for index in range(count):
            out.write((", " * bool(index) + piece).encode())
        out.write(b"]")
    command = [sys.executable, "-c", MEMORY, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found, grown = map(int, done.stdout.split())
    assert found == count * 50
    assert grown <= 8
