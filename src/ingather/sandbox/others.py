"""Other people's professional accounts, as business discovery shows them: made from their names."""

import hashlib
import re

from ingather.sandbox import ids
from ingather.sandbox.answers import GraphError
from ingather.sandbox.layout import Layout
from ingather.sandbox.things import Account, Post

_ALLOWED = re.compile(r"[A-Za-z0-9._]{1,30}")
_ABSENT = ("ghost", "personal")  # names that begin so have no professional account
_NEWEST = 1_790_769_600  # 2026-09-30


class Other(Account, frozen=True, kw_only=True):
    """A professional account that is not the asker's."""

    posts: tuple[Post, ...] = ()


def find(username: str, seed: int) -> Other:
    """The account of that name; 110/2207013 where there is none, or a personal one."""
    if not _ALLOWED.fullmatch(username) or username.lower().startswith(_ABSENT):
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
    return Other(
        id=f"178414{bits % 10**11:011d}",
        pk=bits % 60_000_000_000,
        username=name,
        name=name.replace(".", " ").replace("_", " ").title(),
        biography=f"Everything {name} makes ✨",
        followers_count=bits % 250_000,
        follows_count=bits >> 20 & 0x7FF,
        posts=tuple(_post(name, bits, place) for place in range(bits % 120)),
    )


def _post(username: str, bits: int, place: int) -> Post:
    own = ids.mix(bits, place)
    reel = own & 1 == 0
    return Post(
        id=f"180{own % 10**14:014d}",
        pk=3_700_000_000_000_000_000 - place * 10**15 - own % 10**14,
        seed=own,
        created=_NEWEST - place * 90_000 - own % 80_000,
        layout=Layout(own >> 8 & 0x3FF),
        first_id=0,
        step=1,
        username=username,
        product="REELS" if reel else "FEED",
        media_type="VIDEO" if reel else "IMAGE",
        caption=None
        if own >> 4 & 7 == 0
        else f"Part {place} ✨ #{username.replace('.', '')} #reel",
    )
