"""The ways through HikerAPI, by kind of collection: which address, which cursor, which shape.

The first way of a kind is the one that is taken. A job keeps its way, for cursors do not move from
one to another.
"""

import re
from typing import Final, Literal

from msgspec import Struct

from ingather import errors
from ingather.domain import posts as naming
from ingather.domain.job import Target
from ingather.providers.hiker_map import Shape

_GRAPH_ID = re.compile(r"1[78][0-9]{15,16}")
"""Media ids of the Graph API; a pk that looks like one would be a post of autumn 2011."""

Subject = Literal["account", "post", "hashtag"]
Gives = Literal["users", "comments", "medias", "clips"]


class Route(Struct, frozen=True, kw_only=True):
    """One way. path: without its first slash; `route` of a job.

    target, cursor: the parameters that name them; cursor None where there is one page alone.
    """

    path: str
    subject: Subject
    gives: Gives
    shape: Shape
    target: str
    cursor: str | None = None
    more: tuple[tuple[str, str], ...] = ()


_SAFE = ("safe_int", "true")
"""Numbers too large for a double come as text."""


def _users(path: str, shape: Shape, cursor: str, *more: tuple[str, str]) -> Route:
    return Route(
        path=path,
        subject="account",
        gives="users",
        shape=shape,
        target="user_id",
        cursor=cursor,
        more=more,
    )


def _medias(path: str, gives: Gives) -> Route:
    return Route(
        path=path,
        subject="account",
        gives=gives,
        shape="pair",
        target="user_id",
        cursor="end_cursor",
    )


_LIKERS = Route(
    path="v2/media/likers",
    subject="post",
    gives="users",
    shape="object",
    target="id",
    more=(_SAFE,),
)
_COMMENTS = Route(
    path="v2/media/comments",
    subject="post",
    gives="comments",
    shape="page",
    target="id",
    cursor="page_id",
    more=(("can_support_threading", "true"), _SAFE),
)
# This way does not tell which comments have replies: it gives the upper level alone.
_COMMENTS_V1 = Route(
    path="v1/media/comments/chunk",
    subject="post",
    gives="comments",
    shape="triple",
    target="id",
    cursor="min_id",
    more=(("can_support_threading", "true"),),
)
_HASHTAG = Route(
    path="v1/hashtag/medias/clips/chunk",
    subject="hashtag",
    gives="clips",
    shape="pair",
    target="name",
    cursor="max_id",
)
_UNASKED = ("force", "on")
"""Without the service's own look whether the account is private, which would cost a unit more."""

ROUTES: Final[dict[str, tuple[Route, ...]]] = {
    "followers": (
        _users("v2/user/followers", "page", "page_id", _SAFE),
        _users("g2/user/followers", "page", "page_id"),
        _users("gql/user/followers/chunk", "pair", "end_cursor", _UNASKED),
        _users("v1/user/followers/chunk", "pair", "max_id"),
    ),
    "following": (
        _users("v2/user/following", "page", "page_id", _SAFE),
        _users("g2/user/following", "page", "page_id"),
        _users("gql/user/following/chunk", "pair", "end_cursor", _UNASKED),
        _users("v1/user/following/chunk", "pair", "max_id"),
    ),
    "likers": (
        _LIKERS,
        Route(path="v1/media/likers", subject="post", gives="users", shape="list", target="id"),
    ),
    "comments": (_COMMENTS, _COMMENTS_V1),
    "commenters": (_COMMENTS, _COMMENTS_V1),
    "posts": (_medias("v1/user/medias/chunk", "medias"),),
    "reels": (_medias("v1/user/clips/chunk", "clips"),),
    "hashtag-clips": (_HASHTAG,),
}


def find(kind: str, path: str | None = None) -> Route:
    """The way of a kind, the usual one or that of the path. Raises BadInput."""
    known = ROUTES.get(kind)
    if known is None:
        raise errors.BadInput(f"HikerAPI has no {kind}; it has {', '.join(ROUTES)}.")
    for route in known:
        if path in (None, route.path):
            return route
    raise errors.BadInput(f"{path} is no way to {kind} at HikerAPI.")


def post(words: str) -> Target:
    """A post by the number that its shortcode spells, which costs nothing to work out."""
    reading = naming.read(words)
    code, number = reading.shortcode, reading.media_id
    if number is not None:
        if _GRAPH_ID.fullmatch(number):
            raise errors.UnreadablePost(
                f"{number} is a media id of the Graph API, which HikerAPI does not know.",
                hint="Give the address of the post, or its shortcode.",
            )
        code = naming.shortcode_of(int(number))
    assert code is not None
    return Target(
        id=str(naming.number_of(code)),
        shortcode=code,
        permalink=f"https://www.instagram.com/p/{code}/",
    )
