"""A seeded world: one professional account, its posts, and every comment as a pure function."""

import calendar

from msgspec import Struct, field, structs

from ingather.sandbox import ids
from ingather.sandbox.layout import FLAT, MIXED, Layout
from ingather.sandbox.things import USERNAME, Account, Child, Comment, Post

FLAT_PREFIX, MIXED_PREFIX = "1799000", "1798000"
MOST_ON_DEMAND = 9_999_999  # a comment's id holds size and place, seven digits each
_FILLERS = 240
NOW = calendar.timegm((2026, 9, 30, 12, 0, 0))


class _Sort(Struct, frozen=True, kw_only=True):
    """A named post of the catalogue, before it has a number."""

    name: str
    description: str
    total: int
    pattern: tuple[int, ...] = FLAT
    more: dict[str, object] = field(default_factory=dict)


_NAMED = (
    _Sort(name="demo", total=5000, pattern=MIXED,
          description="exactly 5,000 comments and replies, some threads longer than a reply page"),
    _Sort(name="small", total=7, pattern=(0, 1, 0, 1, 0), description="5 comments and 2 replies"),
    _Sort(name="empty", total=0, description="nobody has commented"),
    _Sort(name="one", total=1, description="a single comment"),
    _Sort(name="disabled", total=0, more={"enabled": False}, description="comments are off"),
    _Sort(name="flat5000", total=5000, description="5,000 comments, no replies"),
    _Sort(name="flat100k", total=100_000, description="100,000 comments, no replies"),
    _Sort(name="capped", total=6000, pattern=MIXED, description="6,000 comments and replies"),
    _Sort(name="restricted", total=120, more={"restricts": 6},
          description="120 counted, 20 of them by restricted people and never listed"),
    _Sort(name="nofrom", total=30, more={"anonymous": True},
          description="comments without from and username, as without instagram_manage_comments"),
    _Sort(name="devmode", total=8, more={"devmode": True},
          description="8 counted, none listed: an app in development mode"),
    _Sort(name="deep", total=503, pattern=(0, 500, 0), description="one thread of 500 replies"),
    _Sort(name="gappy", total=650,
          more={"unlisted": (range(150, 250), range(400, 450)), "counted": 500},
          description="500 comments with empty pages between them that still have a next page"),
    _Sort(name="reel", total=64, pattern=MIXED, more={"product": "REELS", "media_type": "VIDEO"},
          description="a reel; only media_product_type tells"),
    _Sort(name="album", total=12, more={"media_type": "CAROUSEL_ALBUM", "children": 4},
          description="an album of four"),
    _Sort(name="dirty", total=40, more={"dirty": True},
          description="texts with NUL, control characters and halves of emoji"),
)  # fmt: skip


class World:
    """Everything that can be asked for, found by id; nothing in it changes but what `come` adds."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.account = Account()
        self.named = [self._named(slot, sort) for slot, sort in enumerate(_NAMED)]
        fillers = [self._filler(slot) for slot in range(len(_NAMED), len(_NAMED) + _FILLERS)]
        self._first = [*self.named, *fillers]  # newest first
        self._by_id: dict[str, Post] = {}
        self.come({})

    def come(self, late: dict[str, list[str | None]]) -> None:
        """Let rows come to posts, as `Post.late` has them, in place of those that came before.
        Raises ValueError where one answers no comment of its post's first rows."""
        self._late = {}
        for media_id, parents in late.items():
            for parent in filter(None, parents):
                found = self.comment(parent)
                if found is None or found.place or found.post.id != media_id:
                    raise ValueError(f"{parent} is no comment of the post {media_id}")
                if found.number >= found.post.layout.total:
                    raise ValueError(f"{parent} has come late itself")
        self._late = late
        self.posts = list(map(self._grown, self._first))
        self._by_id = {post.id: post for post in self.posts}

    def _grown(self, post: Post) -> Post:
        if post.id not in self._late:
            return post
        return structs.replace(post, late=tuple(self._late[post.id]))

    def post(self, media_id: str) -> Post | None:
        """The post of that id, made on demand where the id says a size."""
        known = self._by_id.get(media_id)
        if known is None and len(media_id) == 17 and media_id.isdecimal():
            size = int(media_id[7:])
            if media_id.startswith((FLAT_PREFIX, MIXED_PREFIX)) and size <= MOST_ON_DEMAND:
                return self._grown(self._on_demand(media_id, size))
        return known

    def child(self, media_id: str) -> Child | None:
        """The album picture of that id."""
        if len(media_id) != 17 or not media_id.startswith("1781") or not media_id.isdecimal():
            return None
        slot, place = int(media_id[4:7]), int(media_id[7:9])
        if slot >= len(self.posts) or place >= self.posts[slot].children:
            return None
        child = self.child_at(self.posts[slot], place)
        return child if child.id == media_id else None

    def child_at(self, post: Post, place: int) -> Child:
        """Picture `place` of an album."""
        slot = self.posts.index(post)
        return Child(post, place, f"1781{slot:03d}{place:02d}{ids.mix(slot, place) % 10**8:08d}")

    def comment(self, comment_id: str) -> Comment | None:
        """The comment or reply of that id."""
        if not comment_id.isdecimal() or not comment_id.isascii():
            return None
        post: Post | None = None
        if len(comment_id) == 17 and comment_id.startswith("18"):
            slot = int(comment_id[2:5])
            post = self.posts[slot] if slot < len(self.posts) else None
        elif len(comment_id) == 18 and comment_id.startswith(("15", "16")):
            prefix = FLAT_PREFIX if comment_id[1] == "5" else MIXED_PREFIX
            post = self.post(prefix + comment_id[2:9].zfill(10))
        if post is None:
            return None
        number = (int(comment_id) - post.first_id) // post.step
        if not 0 <= number < post.layout.total + len(post.late):
            return None
        found = self.row(post, number)
        return found if found.id == comment_id else None

    def row(self, post: Post, number: int) -> Comment:
        """Row `number` of a post, counted from its oldest."""
        if number >= post.layout.total:
            return self._late_row(post, number)
        thread, place = post.layout.locate(number)
        return Comment(post, number, thread, place, ids.mix(post.seed, number))

    def _late_row(self, post: Post, number: int) -> Comment:
        at, bits = number - post.layout.total, ids.mix(post.seed, number)
        parent, earlier = post.late[at], post.late[:at]
        if parent is None:
            return Comment(post, number, post.layout.threads + earlier.count(None), 0, bits)
        first = self.row(post, (int(parent) - post.first_id) // post.step)
        return Comment(post, number, first.thread, 1 + first.replies + earlier.count(parent), bits)

    def top_level(self, post: Post, position: int) -> Comment | None:
        """The comment at a place of the list, newest first; None where the place shows nothing."""
        if not post.shows(position):
            return None
        fresh = [at for at, parent in enumerate(post.late) if parent is None]
        if position < len(fresh):
            return self.row(post, post.layout.total + fresh[-1 - position])
        thread = post.layout.threads - 1 - (position - len(fresh))
        number = post.layout.start(thread)
        return Comment(post, number, thread, 0, ids.mix(post.seed, number))

    def user_id(self, number: int) -> str:
        """A user's Instagram-scoped id: 16 digits, one to one with the number."""
        offset = ids.mix(self.seed) % 10**15
        return str(10**15 + (number * 6_364_136_223_846_793 + offset) % (9 * 10**15))

    def _named(self, slot: int, sort: _Sort) -> Post:
        caption = (
            None if sort.name in ("empty", "one") else f"{sort.name}: {sort.description} #bread"
        )
        return self._make(slot, sort.total, sort.pattern, name=sort.name, caption=caption,
                          description=sort.description, **sort.more)  # fmt: skip

    def _filler(self, slot: int) -> Post:
        bits = ids.mix(self.seed ^ 0xF111, slot)
        caption = None if bits & 7 == 0 else f"Day {slot} at the bakery 🥖 #bread @{USERNAME}"
        reel = bits >> 3 & 3 == 0
        return self._make(slot, bits >> 8 & 0x7F, MIXED, caption=caption,
                          product="REELS" if reel else "FEED",
                          media_type="VIDEO" if reel else "IMAGE")  # fmt: skip

    def _make(self, slot: int, total: int, pattern: tuple[int, ...], **more: object) -> Post:
        digits = 11 if slot % 3 == 2 else 10
        return Post(
            id=f"1789{slot:03d}{ids.mix(0x1D, slot) % 10**digits:0{digits}d}",
            pk=3_712_000_000_000_000_000
            - slot * 1_734_000_000_000_000
            - ids.mix(0x9C, slot) % 10**14,
            seed=ids.mix(self.seed, slot),
            created=NOW - 11 * 86_400 - slot * 86_400,
            layout=Layout(total, pattern),
            first_id=int(f"18{slot:03d}") * 10**12,
            step=10**5,
            **more,  # type: ignore[arg-type]
        )

    def _on_demand(self, media_id: str, size: int) -> Post:
        flat = media_id.startswith(FLAT_PREFIX)
        return Post(
            id=media_id,
            pk=3_100_000_000_000_000_000 + int(media_id) - 17 * 10**15,
            seed=ids.mix(self.seed, int(media_id)),
            created=NOW - 400 * 86_400,
            layout=Layout(size, FLAT if flat else MIXED),
            first_id=int(f"1{5 if flat else 6}{size:07d}") * 10**9,
            step=100,
            caption=f"On demand: {size} rows",
        )
