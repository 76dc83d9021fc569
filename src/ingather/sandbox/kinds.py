"""The kinds of Graph nodes: which fields each has, and which of them are lists."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from ingather.sandbox import texts
from ingather.sandbox.answers import GraphError
from ingather.sandbox.fields import Field
from ingather.sandbox.things import Account, Child, Comment, Post, stamp
from ingather.sandbox.world import World

Getter = Callable[[Any, World], object]
COMMENT_DEFAULTS = (Field("timestamp"), Field("text"), Field("id"))
ID_ONLY = (Field("id"),)


class Kind(Struct, frozen=True):
    """A node type: plain fields by getter, small objects by getter and default, edges by kind."""

    name: str
    plain: Mapping[str, Getter]
    objects: Mapping[str, tuple[str, ...]] = {}  # field -> names it may have inside
    links: Mapping[str, str] = {}  # field -> kind of the one node it leads to
    edges: Mapping[str, str] = {}  # field -> kind of its rows
    finders: Mapping[str, tuple[str, str]] = {}  # field -> argument it needs, kind it finds
    refused: Mapping[str, tuple[int, str]] = {}  # field -> code and message of its refusal
    defaults: tuple[Field, ...] = ID_ONLY


def check(kind: Kind, fields: Iterable[Field], kinds: Mapping[str, Kind]) -> None:
    """Refuse an unknown field, as the whole request is refused, rows or no rows."""
    for field in fields:
        onward = kind.edges.get(field.name) or kind.links.get(field.name)
        if field.name in kind.refused:
            raise GraphError(*kind.refused[field.name])
        if onward is not None:
            check(kinds[onward], field.inner or (), kinds)
        elif field.name in kind.finders:
            argument, found = kind.finders[field.name]
            if argument not in field.args:
                raise GraphError(100, f"(#100) The parameter {argument} is required")
            check(kinds[found], field.inner or (), kinds)
        elif field.name in kind.objects:
            for inner in field.inner or ():
                if inner.name not in kind.objects[field.name]:
                    raise _nonexisting(inner.name, field.name)
        elif field.name not in kind.plain:
            raise _nonexisting(field.name, kind.name)


def _nonexisting(name: str, kind: str) -> GraphError:
    return GraphError(
        100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({kind})"
    )


def _from(comment: Comment, world: World) -> object:
    if comment.post.anonymous:
        return None
    if comment.by_owner:
        return {"id": world.account.id, "username": world.account.username}
    user = comment.user()
    return {"id": world.user_id(user), "username": texts.name(user)}


def _username(comment: Comment, world: World) -> object:
    if comment.post.anonymous:
        return None
    return world.account.username if comment.by_owner else texts.name(comment.user())


def _parent(comment: Comment, world: World) -> object:
    if not comment.place:
        return None
    return world.row(comment.post, comment.post.layout.start(comment.thread)).id


def _media_of(comment: Comment, _: World) -> object:
    return {"id": comment.post.id, "media_product_type": comment.post.product}


def _picture(post: Post | Child, suffix: str) -> str:
    return f"https://scontent.sandbox.invalid/v/t51/{post.id}_n.{suffix}?oe=6B49D200"


def _is_video(post: Post) -> bool:
    return post.media_type == "VIDEO"


def _media_url(post: Post, _: World) -> object:
    if _is_video(post) and post.seed & 3 == 0:
        return None  # licensed music: the address is withheld
    return _picture(post, "mp4" if _is_video(post) else "jpg")


COMMENT = Kind(
    "IGComment",
    {
        "id": lambda c, w: c.id,
        "text": lambda c, w: c.text,
        "timestamp": lambda c, w: c.timestamp,
        "username": _username,
        "like_count": lambda c, w: c.like_count,
        "hidden": lambda c, w: False,
        "parent_id": _parent,
        "legacy_instagram_comment_id": lambda c, w: str(int(c.id) + 7),
        "from": _from,
        "media": _media_of,
        "user": lambda c, w: {"id": w.account.id} if c.by_owner else None,
    },
    objects={
        "from": ("id", "username", "self_ig_scoped_id"),
        "media": ("id", "media_product_type"),
        "user": ("id",),
    },
    edges={"replies": "comment"},
    defaults=COMMENT_DEFAULTS,
)

_SHARED: dict[str, Getter] = {
    "id": lambda p, w: p.id,
    "permalink": lambda p, w: p.permalink,
    "shortcode": lambda p, w: p.shortcode,
    "timestamp": lambda p, w: stamp(p.created),
    "username": lambda p, w: w.account.username,
    "owner": lambda p, w: {"id": w.account.id, "username": w.account.username},
}

MEDIA = Kind(
    "IGMedia",
    {
        **_SHARED,
        "ig_id": lambda p, w: str(p.pk),
        "legacy_instagram_media_id": lambda p, w: f"{p.pk}_{w.account.pk}",
        "caption": lambda p, w: p.caption,
        "media_type": lambda p, w: p.media_type,
        "media_product_type": lambda p, w: p.product,
        "media_url": _media_url,
        "thumbnail_url": lambda p, w: _picture(p, "jpg") if _is_video(p) else None,
        "like_count": lambda p, w: p.seed % 4000,
        "comments_count": lambda p, w: p.comments_count,
        "total_comments_count": lambda p, w: p.comments_count + p.seed % 3,
        "total_like_count": lambda p, w: p.seed % 4000 + p.seed % 7,
        "is_comment_enabled": lambda p, w: p.enabled,
        "is_shared_to_feed": lambda p, w: True if p.product == "REELS" else None,
        "media_audio_type": lambda p, w: "ORIGINAL_SOUND" if _is_video(p) else None,
        "saved_count": lambda p, w: p.seed % 90,
        "shares_count": lambda p, w: p.seed % 70,
        "reposts_count": lambda p, w: p.seed % 30,
        "alt_text": lambda p, w: None,
        "video_title": lambda p, w: None,
        "view_count": lambda p, w: None,  # business discovery alone tells it
    },
    objects={"owner": ("id", "username")},
    edges={"comments": "comment", "children": "child"},
)

CHILD = Kind(
    "IGMedia",
    {
        **_SHARED,
        "id": lambda c, w: c.id,
        "ig_id": lambda c, w: str(c.post.pk + c.place + 1),
        "media_type": lambda c, w: "IMAGE",
        "media_url": lambda c, w: _picture(c, "jpg"),
        "thumbnail_url": lambda c, w: None,
        "permalink": lambda c, w: c.post.permalink,
        "shortcode": lambda c, w: c.post.shortcode,
        "timestamp": lambda c, w: stamp(c.post.created),
    },
    objects={"owner": ("id", "username")},
)


def _of_account(name: str) -> Getter:
    def get(account: Account, _: World) -> object:
        return getattr(account, name)

    return get


USER = Kind(
    "IGUser",
    {
        "ig_id": lambda a, w: a.pk,
        "website": lambda a, w: None,
        "profile_picture_url": lambda a, w: "https://scontent.sandbox.invalid/v/t51/me_n.jpg",
        "media_count": lambda a, w: len(w.posts),
        "has_profile_pic": lambda a, w: True,
        "is_published": lambda a, w: True,
        "legacy_instagram_user_id": lambda a, w: str(a.pk),
        **{
            name: _of_account(name)
            for name in (
                "id",
                "username",
                "name",
                "biography",
                "followers_count",
                "follows_count",
            )
        },
    },
    edges={"media": "media"},
    finders={"business_discovery": ("username", "other")},
)

_NOT_OF_OTHERS = ("saved_count", "shares_count", "owner", "legacy_instagram_media_id", "ig_id")
_NO_PERMISSION = (10, "(#10) Application does not have permission for this action")

OTHER_MEDIA = Kind(
    "IGMedia",
    {name: get for name, get in MEDIA.plain.items() if name not in _NOT_OF_OTHERS}
    | {
        "username": lambda p, w: p.username,
        "shortcode": lambda p, w: None,  # asked for in vain; the permalink has it
        "like_count": lambda p, w: None if p.seed % 11 == 0 else p.seed % 4000,
        "view_count": lambda p, w: p.seed % 90_000 if p.product == "REELS" else None,
    },
    edges={"children": "child"},
    refused={"comments": _NO_PERMISSION, "insights": _NO_PERMISSION},
)

OTHER = Kind(
    "IGUser",
    {
        **USER.plain,
        "media_count": lambda a, w: a.size,
        "profile_picture_url": lambda a, w: f"https://scontent.sandbox.invalid/{a.username}.jpg",
    },
    edges={"media": "other_media"},
    refused={
        "stories": _NO_PERMISSION,
        "shopping_product_tag_eligibility": _NO_PERMISSION,
        "live_media": (36104, "Cannot access live media from business discovery"),
    },
)

_TASKS = ("ANALYZE", "ADVERTISE", "MESSAGING", "MODERATE", "CREATE_CONTENT", "MANAGE")


def _through_account(name: str) -> Getter:
    return lambda _, world: USER.plain[name](world.account, world)


PERSON = Kind(
    "User",
    {
        "id": lambda p, w: p.id,
        "name": lambda p, w: p.name,
        # The same words as graph.instagram.com's `/me` has them; user_id comes as a number there.
        "user_id": lambda p, w: int(w.account.id),
        "account_type": lambda p, w: "BUSINESS",
        **{
            name: _through_account(name)
            for name in USER.plain
            if name not in ("id", "name", "ig_id", "legacy_instagram_user_id")
        },
    },
    edges={"accounts": "page", "media": "media"},
    defaults=(Field("name"), Field("id")),
)

PAGE = Kind(
    "Page",
    {
        "id": lambda p, w: p.id,
        "name": lambda p, w: p.name,
        "access_token": lambda p, w: p.token,
        "category": lambda p, w: "Bakery",
        "category_list": lambda p, w: [{"id": "128673187201735", "name": "Bakery"}],
        "tasks": lambda p, w: list(_TASKS),
        "instagram_business_account": lambda p, w: w.account if p.linked else None,
        "connected_instagram_account": lambda p, w: w.account if p.linked else None,
    },
    links={"instagram_business_account": "user", "connected_instagram_account": "user"},
    defaults=tuple(
        Field(name) for name in ("access_token", "category", "category_list", "name", "id", "tasks")
    ),
)

KINDS: dict[str, Kind] = {
    "comment": COMMENT,
    "media": MEDIA,
    "child": CHILD,
    "user": USER,
    "person": PERSON,
    "page": PAGE,
    "other": OTHER,
    "other_media": OTHER_MEDIA,
}
