"""The things of the sandbox's world: account, pages, posts, comments; each tells of itself."""

import time
from functools import lru_cache

from msgspec import Struct

from ingather.sandbox import ids, texts
from ingather.sandbox.layout import Layout

ACCOUNT_ID = "17841400000000000"
ACCOUNT_PK = 48_123_456_789
USERNAME = "sandbox.bakery"


def stamp(seconds: int) -> str:
    """Graph's way to write a time: UTC, no colon in the offset."""
    days, rest = divmod(seconds, 86_400)
    minutes, second = divmod(rest, 60)
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}+0000"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(days * 86_400))


class Post(Struct, frozen=True, kw_only=True):
    """One media object; `first_id` and `step` give its comments their ids.

    late: rows that came after the layout's, in their order: the id of the comment that each
    answers, None where it is a comment itself.
    """

    id: str
    pk: int
    seed: int
    created: int
    layout: Layout
    first_id: int
    step: int
    username: str = USERNAME
    name: str | None = None
    description: str = ""
    product: str = "FEED"
    media_type: str = "IMAGE"
    children: int = 0
    caption: str | None = None
    counted: int | None = None
    enabled: bool = True
    anonymous: bool = False
    devmode: bool = False
    dirty: bool = False
    unlisted: tuple[range, ...] = ()
    restricts: int = 0
    late: tuple[str | None, ...] = ()

    @property
    def shortcode(self) -> str:
        return ids.shortcode(self.pk)

    @property
    def permalink(self) -> str:
        way = "reel" if self.product == "REELS" else "p"
        return f"https://www.instagram.com/{way}/{self.shortcode}/"

    @property
    def comments_count(self) -> int:
        counted = self.layout.total if self.counted is None else self.counted
        return counted + len(self.late)

    @property
    def positions(self) -> int:
        """Places in the list of top-level comments, those that show nothing included."""
        return 0 if self.devmode else self.layout.threads + self.late.count(None)

    def shows(self, position: int) -> bool:
        """Whether a place in the list shows its comment: restricted writers' are left out."""
        if self.restricts and position % self.restricts == self.restricts - 1:
            return False
        return not any(position in hole for hole in self.unlisted)

    def listed(self) -> tuple[int, int]:
        """(top-level comments, replies) that a perfect client can get."""
        if self.devmode:
            return 0, 0
        threads = self.layout.threads
        if self.restricts or self.unlisted:  # such posts are flat
            return sum(1 for place in range(threads) if self.shows(place)), 0
        fresh = self.late.count(None)
        return threads + fresh, self.layout.total - threads + len(self.late) - fresh


class Comment(Struct, frozen=True, gc=False):
    """One row: `number` counts from the post's oldest; place 0 is top level, others replies."""

    post: Post
    number: int
    thread: int
    place: int
    bits: int

    @property
    def id(self) -> str:
        salt = self.bits % self.post.step
        return str(self.post.first_id + self.number * self.post.step + salt)

    @property
    def timestamp(self) -> str:
        # Thirty-seven seconds apart, closer on large posts, so that none reaches the future.
        total = max(1, self.post.layout.total)
        return stamp(
            self.post.created + 60 + self.number * min(37_000, 864_000_000 // total) // 1000
        )

    @property
    def text(self) -> str:
        return texts.dirty(self.bits) if self.post.dirty else texts.write(self.bits)

    @property
    def like_count(self) -> int:
        likes = self.bits >> 40
        return 0 if likes & 3 else likes % 97 % (likes % 50 + 1)

    @property
    def replies(self) -> int:
        """Those of the layout, whose rows follow this one."""
        if self.place or self.number >= self.post.layout.total:
            return 0
        return self.post.layout.replies(self.thread)

    @property
    def late(self) -> list[int]:
        """The numbers of the replies that came late."""
        if not self.post.late:
            return []
        first, own = self.post.layout.total, self.id
        return [first + place for place, parent in enumerate(self.post.late) if parent == own]

    @property
    def by_owner(self) -> bool:
        return self.place > 0 and self.bits >> 32 & 7 == 0

    def user(self) -> int:
        """Which user wrote it; with this pool about 60 in 100 rows have a user of their own."""
        pool = max(1, self.post.layout.total * 885 // 1000)
        return (self.bits >> 16) % pool


class Account(Struct, frozen=True, kw_only=True):
    """The connected professional account."""

    id: str = ACCOUNT_ID
    pk: int = ACCOUNT_PK
    username: str = USERNAME
    name: str = "Sandbox Bakery"
    biography: str = "Bread, buns & Brötchen since 1923 🥐\nZürich"
    followers_count: int = 12_873
    follows_count: int = 318


class Person(Struct, frozen=True, kw_only=True):
    """Who logs in: the account's owner on Facebook."""

    id: str = "10220000000000001"
    name: str = "Sam Sandbox"


class Page(Struct, frozen=True, kw_only=True):
    """A Facebook Page; `linked` tells whether the professional account belongs to it."""

    id: str
    name: str
    linked: bool

    @property
    def token(self) -> str:
        return f"sandbox-page-{self.id}"


PERSON = Person()
PAGES = (
    Page(id="118981261300001", name="Sandbox Bakery", linked=True),
    Page(id="118981261300002", name="Sandbox Allotment Garden", linked=False),
)


class Child(Struct, frozen=True):
    """One picture of an album; it has no caption, likes or comments of its own."""

    post: Post
    place: int
    id: str
