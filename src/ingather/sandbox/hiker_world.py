"""HikerAPI's people and posts: made from names and numbers, of any size, none of them kept.

An account's or hashtag's name says what its lists are like, and how long: `flat1000000` is a
million of everything. A post's number says what it is like as well; the posts of the other
sandbox are found by theirs.
"""

import hashlib
import re
import time
from calendar import timegm

from msgspec import Struct

from ingather.sandbox import ids, others, texts
from ingather.sandbox.things import Post
from ingather.sandbox.world import FLAT_PREFIX, MIXED_PREFIX, MOST_ON_DEMAND, World

MOODS = ("flat", "early", "private", "constant", "gap", "odd", "empty", "plain", "reels", "posts")
"""flat: nothing special. early: ends at half of what it declares. constant: every cursor is the
same. gap: one empty page with a cursor. odd: a gap, repeated rows. reels, posts: those of the
Graph API's account of that name. plain: any other name."""
POSTS = ("flat", "mixed", "empty", "disabled", "unavailable", "private")
_ABSENT = ("missing", "ghost")
_NAME = re.compile(r"([a-z]+?)([0-9]{0,8})")
_ALLOWED = re.compile(r"[\w.]{1,100}")
_USUAL = 120
_OF_ACCOUNT, _ON_DEMAND = 80, 90  # second and third digit of a post's number
_STEP, _RANGE = 7_368_787, 9_000_000_000  # without a common divisor: no pk comes twice
_NEWEST = 1_790_769_600  # 2026-09-30


class Listed(Struct, frozen=True):
    """An account or a hashtag, and how its lists are."""

    id: int
    username: str
    mood: str
    size: int

    @property
    def shown(self) -> int:
        """Rows that can be had; the others are declared alone."""
        return self.size // 2 if self.mood == "early" else self.size


class Item(Struct, frozen=True):
    """A post: where its comments come from, and what keeps one from it."""

    pk: int
    owner: Listed
    place: int
    mood: str
    post: Post | None


class HikerWorld:
    """Finds and renders; remembers the names that were asked for, to say them again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._names: dict[int, str] = {}
        self._by_pk = {post.pk: post for post in world.posts}
        self._baker = self.named(world.account.username)

    def named(self, name: str) -> Listed | None:
        """The account or hashtag of that name; None where there is none."""
        name = name.lower()
        if not _ALLOWED.fullmatch(name) or name.startswith(_ABSENT):
            return None
        digest = int.from_bytes(hashlib.sha256(f"{self.world.seed}:{name}".encode()).digest()[:8])
        found = _NAME.fullmatch(name)
        mood = found[1] if found and found[1] in MOODS else "plain"
        size = int(found[2] or _USUAL) if found and mood != "plain" else digest % 400 + 1
        if mood in ("empty", "private"):
            size = 0 if mood == "empty" else _USUAL
        number = int(f"4{MOODS.index(mood):02d}{size:08d}{digest % 10**5:05d}")
        if len(self._names) > 100_000:
            self._names.clear()
        self._names[number] = name
        return Listed(number, name, mood, size)

    def account(self, number: str) -> Listed | None:
        """The account of that id."""
        if len(number) != 16 or not number.isdecimal() or not number.isascii():
            return None
        mood = int(number[1:3])
        if number[0] != "4" or mood >= len(MOODS):
            return None
        size = int(number[3:11])
        name = self._names.get(int(number), f"{MOODS[mood]}{size}")
        return Listed(int(number), name, MOODS[mood], size)

    def user(self, owner: Listed, place: int, *, mixed: bool = True) -> dict[str, object]:
        """Row `place` of a list of people; mixed: pk now a number, now a text."""
        pk = 10**9 + (place * _STEP + owner.id) % _RANGE
        bits = ids.mix(self.world.seed, place)
        row: dict[str, object] = {
            "pk": pk if mixed and place & 1 else str(pk),
            "id": str(pk),
            "username": texts.name(place),
            "full_name": "" if place % 5 == 0 else f"Person {place} ✨",
            "is_private": bits & 1 == 0,
            "is_verified": bits & 31 == 0,
            "profile_pic_url": f"https://scontent.sandbox.invalid/{pk}_n.jpg",
        }
        if place % 11 == 3:
            row["is_private"] = row["full_name"] = None
        if place % 11 == 7:
            del row["is_verified"], row["profile_pic_url"]
        return row

    def profile(self, found: Listed) -> dict[str, object]:
        """An account as its own page tells of it."""
        return {
            "pk": found.id,
            "username": found.username,
            "full_name": found.username.title(),
            "is_private": found.mood == "private",
            "profile_pic_url": f"https://scontent.sandbox.invalid/{found.id}_n.jpg",
            "profile_pic_url_hd": None,
            "is_verified": False,
            "media_count": found.size,
            "follower_count": found.size,
            "following_count": found.size,
            "biography": f"Everything {found.username} makes ✨",
            "external_url": None,
            "account_type": 2,
            "is_business": True,
            "public_email": "",
            "interop_messaging_user_fbid": 113_671_860_027_320 + found.size,
        }

    def pk_at(self, owner: Listed, place: int) -> int:
        """The number of an account's or hashtag's post."""
        if owner.mood in others.SIZED:
            return self._shared(owner, place).pk
        mood = _OF_ACCOUNT + MOODS.index(owner.mood)
        return int(f"3{mood}{owner.size:08d}{place:08d}")

    def item_at(self, owner: Listed, place: int) -> Item | None:
        """The post at a place of an account's or hashtag's list."""
        if owner.mood in others.SIZED:
            post = self._shared(owner, place)
            return Item(post.pk, owner, place, "mixed", post)
        return self.item(str(self.pk_at(owner, place)))

    def _shared(self, owner: Listed, place: int) -> Post:
        return others.make(owner.username, self.world.seed).post(place)

    def item(self, number: str) -> Item | None:
        """The post of that number (or <number>_<account>)."""
        number = number.partition("_")[0]
        if len(number) != 19 or not number.isdecimal() or not number.isascii():
            return None
        pk, kind = int(number), int(number[1:3])
        size, place = int(number[3:11]), int(number[11:])
        owner = self._baker
        assert owner is not None
        if number[0] == "3" and _OF_ACCOUNT <= kind < _OF_ACCOUNT + len(MOODS):
            mood = MOODS[kind - _OF_ACCOUNT]
            owner = Listed(int(f"4{kind - _OF_ACCOUNT:02d}{size:08d}00000"), mood, mood, size)
            rows = self.world.post(f"{MIXED_PREFIX}{ids.mix(pk) % 40 + 1:010d}")
            return Item(pk, owner, place, "mixed", rows)
        if number[0] == "3" and _ON_DEMAND <= kind < _ON_DEMAND + len(POSTS):
            mood = POSTS[kind - _ON_DEMAND]
            prefix = FLAT_PREFIX if mood == "flat" else MIXED_PREFIX
            rows = self.world.post(f"{prefix}{min(size, MOST_ON_DEMAND):010d}")
            return Item(pk, owner, place, mood, rows)
        post = self._by_pk.get(pk)
        if post is None:
            return None
        mood = "disabled" if not post.enabled else "mixed" if post.layout.total else "empty"
        return Item(pk, owner, 0, mood, post)

    def media(self, item: Item, *, clip: bool | None = None) -> dict[str, object]:
        """A post as v1 has it; clip None: as its number says."""
        bits = ids.mix(self.world.seed, item.pk)
        clip = bits & 1 == 0 if clip is None else clip
        album = not clip and bits & 6 == 0
        made = _NEWEST - item.place * 3_600 - bits % 3_000
        if item.owner.mood in others.SIZED and item.post is not None:
            made, clip = item.post.created, item.post.product == "REELS"
        hidden = bits % 13 == 0
        return {
            "pk": str(item.pk),
            "id": f"{item.pk}_{item.owner.id}",
            "code": ids.shortcode(item.pk),
            "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
            "taken_at_ts": made,
            "media_type": 2 if clip else 8 if album else 1,
            "product_type": "clips" if clip else "carousel_container" if album else "feed",
            "thumbnail_url": None if album else "https://scontent.sandbox.invalid/t_n.jpg",
            "location": None,
            "user": {"pk": str(item.owner.id), "id": str(item.owner.id),
                     "username": item.owner.username, "full_name": "", "is_private": False},
            "comment_count": item.post.layout.total if item.post else 0,
            "comments_disabled": item.mood == "disabled",
            "like_count": 3 if hidden else bits % 9_000,
            "play_count": (None if bits % 10 == 0 else bits % 90_000 + 1) if clip else 0,
            "caption_text": "" if bits % 8 == 0 else
            f"Part {item.place} ✨ #bread #パン with @natgeo and @Hulu.",
            "video_duration": bits % 900 / 10 + 1 if clip else 0.0,
            "view_count": 0,
            "resources": [],
            "like_and_view_counts_disabled": hidden,
            "sponsor_tags": [],
            "coauthor_producers": [self.user(item.owner, place) for place in range(bits % 7 == 0)],
            "is_paid_partnership": bits % 12 == 0,
        }  # fmt: skip

    def comment(self, found: Post, number: int, *, whole: bool, v1: bool) -> dict[str, object]:
        """Row `number` of a post; whole: with the first replies of its thread inside."""
        one = self.world.row(found, number)
        user_pk = self.world.user_id(one.user())
        when = timegm(time.strptime(one.timestamp, "%Y-%m-%dT%H:%M:%S%z"))
        user = {
            "pk": user_pk if number & 1 else int(user_pk),
            "username": texts.name(one.user()),
            "full_name": "",
            "is_private": False,
        }
        if v1:
            return {"pk": one.id, "text": one.text, "user": user, "created_at_utc":
                    time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when)),
                    "content_type": "comment", "status": "Active", "has_liked": False,
                    "like_count": one.like_count}  # fmt: skip
        row: dict[str, object] = {
            "pk": one.id, "text": one.text, "type": 2 if one.place else 0, "created_at": when,
            "created_at_utc": when, "user_id": int(user_pk), "user": user, "is_pinned": False,
            "comment_like_count": one.like_count,
        }  # fmt: skip
        if one.place:
            row["parent_comment_id"] = self.world.row(found, number - one.place).id
        elif one.replies:
            row["child_comment_count"] = one.replies
        if whole and one.replies:
            places = range(number + 1, number + 1 + min(2, one.replies))
            row["preview_child_comments"] = [
                self.comment(found, place, whole=False, v1=False) for place in places
            ]
        return row


def post_pk(mood: str, size: int = 0) -> str:
    """The number of a post of that mood (`POSTS`) with so many comments."""
    return f"3{_ON_DEMAND + POSTS.index(mood)}{size:08d}{0:08d}"
