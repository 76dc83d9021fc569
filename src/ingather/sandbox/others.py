"""Other people's professional accounts, as business discovery shows them: made from their names.

`reels1000` has a thousand reels, `posts1000` a thousand posts of all sorts; any other name has a
number of its own. None of the posts is kept.
"""

import hashlib
import re

from ingather.sandbox import ids
from ingather.sandbox.answers import GraphError
from ingather.sandbox.layout import Layout
from ingather.sandbox.things import Account, Post

ABSENT = ("ghost", "personal", "private", "deactivated")
"""Names that begin so have no professional account; the platform answers alike for all of them."""
SIZED = ("reels", "posts")
_ALLOWED = re.compile(r"[A-Za-z0-9._]{1,30}")
_SIZED = re.compile(rf"({'|'.join(SIZED)})([0-9]{{1,6}})")
_NEWEST = 1_790_769_600  # 2026-09-30
_APART, _SPAN = 90_000, 300_000_000  # seconds between two posts, at the most; between all


class Other(Account, frozen=True, kw_only=True):
    """A professional account that is not the asker's, with so many posts."""

    bits: int
    size: int
    sort: str = ""

    def post(self, place: int) -> Post:
        """One of its posts, the newest being 0."""
        own = ids.mix(self.bits, place)
        reel = self.sort == "reels" or own & 1 == 0
        album = not reel and own & 6 == 0
        apart = max(60, min(_APART, _SPAN // max(1, self.size)))
        tag = self.username.replace(".", "")
        return Post(
            id=f"180{own % 10**14:014d}",
            pk=3_700_000_000_000_000_000 - place * 3 * 10**12 - own % 10**12,
            seed=own,
            created=_NEWEST - place * apart - own % apart,
            layout=Layout(own >> 8 & 0x3FF),
            first_id=0,
            step=1,
            username=self.username,
            product="REELS" if reel else "FEED",
            media_type="VIDEO" if reel else "CAROUSEL_ALBUM" if album else "IMAGE",
            caption=None if own >> 4 & 7 == 0 else f"Part {place} ✨ #{tag} #reel",
        )


def find(username: str, seed: int) -> Other:
    """The account of that name; 110/2207013 where there is none, or a personal one."""
    if not _ALLOWED.fullmatch(username) or username.lower().startswith(ABSENT):
        raise GraphError(
            110,
            "Invalid user id",
            subcode=2207013,
            is_transient=False,
            error_user_title="Cannot find User",
            error_user_msg=f"The user with username: {username} cannot be found.",
        )
    return make(username, seed)


def make(username: str, seed: int) -> Other:
    """The account of that name, professional or not."""
    name = username.lower()
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    bits = int.from_bytes(digest[:8], "big")
    sized = _SIZED.fullmatch(name)
    return Other(
        id=f"178414{bits % 10**11:011d}",
        pk=bits % 60_000_000_000,
        username=name,
        name=name.replace(".", " ").replace("_", " ").title(),
        biography=f"Everything {name} makes ✨",
        followers_count=bits % 250_000,
        follows_count=bits >> 20 & 0x7FF,
        bits=bits,
        size=int(sized[2]) if sized else bits % 120,
        sort=sized[1] if sized else "",
    )
