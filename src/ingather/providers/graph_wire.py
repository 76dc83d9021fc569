"""The shapes in which the Graph API answers, and the one way to read them.

A body that is no JSON is `Transient`; JSON in another shape is `SchemaDrift(endpoint, field)`.
"""

import json
import re
from typing import Annotated, NoReturn, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from ingather import errors

Count = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Id = str | int | None


class User(Struct, frozen=True, gc=False):
    id: Id = None
    username: str | None = None


class Cursors(Struct, frozen=True, gc=False):
    after: str | None = None


class Paging(Struct, frozen=True, gc=False):
    cursors: Cursors | None = None
    next: str | None = None


class Reply(Struct, frozen=True, gc=False):
    id: Id = None
    text: str | None = None
    timestamp: str | None = None
    username: str | None = None
    writer: User | None = field(name="from", default=None)
    user: User | None = None
    like_count: Count | None = None


class Replies(Struct, frozen=True, gc=False):
    data: list[Reply]
    paging: Paging | None = None


class Comment(Reply, frozen=True, gc=False):
    replies: Replies | None = None


class Comments(Struct, frozen=True, gc=False):
    data: list[Comment]
    paging: Paging | None = None


class Ending(Struct, frozen=True, gc=False):
    """The last words of a list."""

    paging: Paging


class Media(Struct, frozen=True, gc=False):
    id: Id = None
    shortcode: str | None = None
    permalink: str | None = None
    timestamp: str | None = None
    caption: str | None = None
    comments_count: Count | None = None
    is_comment_enabled: bool | None = None
    username: str | None = None
    media_type: str | None = None
    media_product_type: str | None = None
    like_count: Count | None = None
    view_count: Count | None = None
    thumbnail_url: str | None = None


class MediaPage(Struct, frozen=True, gc=False):
    data: list[Media]
    paging: Paging | None = None


class Profile(Struct, frozen=True, gc=False):
    id: Id = None
    username: str | None = None
    name: str | None = None
    biography: str | None = None
    website: str | None = None
    profile_picture_url: str | None = None
    followers_count: Count | None = None
    follows_count: Count | None = None
    media_count: Count | None = None


class WithMedia(Struct, frozen=True, gc=False):
    """An account's posts within it. Apart from the rest, which holds good where these do not."""

    media: MediaPage | None = None


class Discovery(Struct, frozen=True, gc=False):
    """The asker's own node, with the other's account in it."""

    business_discovery: Profile


class DiscoveredMedia(Struct, frozen=True, gc=False):
    business_discovery: WithMedia


class Measured(Struct, frozen=True, gc=False):
    value: Count | dict[str, object] | None = None


class Insight(Struct, frozen=True, gc=False):
    """One metric; its number is in `values` or, newer, in `total_value`."""

    name: str
    values: list[Measured] | None = None
    total_value: Measured | None = None


class Insights(Struct, frozen=True, gc=False):
    data: list[Insight]


class PageNode(Struct, frozen=True, gc=False):
    """A Facebook Page of /me/accounts, with the Instagram account behind it, if any."""

    id: Id = None
    name: str | None = None
    tasks: list[str] | None = None
    instagram_business_account: User | None = None


class Accounts(Struct, frozen=True, gc=False):
    data: list[PageNode]
    paging: Paging | None = None


T = TypeVar("T")
_PLACE = re.compile(r"\$([\w.\[\]]*)`?$")
_INDEX = re.compile(r"\[[\d.]*\]")
_MISSING = re.compile(r"missing required field `(\w+)`")
NOBODY = User()
COMMENTS = msgspec.json.Decoder(Comments)
ENDING = msgspec.json.Decoder(Ending)
MEDIA = msgspec.json.Decoder(Media)
MEDIA_PAGE = msgspec.json.Decoder(MediaPage)
ACCOUNTS = msgspec.json.Decoder(Accounts)
USER = msgspec.json.Decoder(User)
PROFILE = msgspec.json.Decoder(Profile)
DISCOVERY = msgspec.json.Decoder(Discovery)
WITH_MEDIA = msgspec.json.Decoder(WithMedia)
DISCOVERED_MEDIA = msgspec.json.Decoder(DiscoveredMedia)
INSIGHTS = msgspec.json.Decoder(Insights)


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes, endpoint: str) -> tuple[T, bool]:
    """The body as its wire struct, and whether it may hold lone surrogates.

    msgspec refuses half a surrogate pair and bad UTF-8; json of the standard library reads them.
    """
    drift = None
    try:
        return decoder.decode(body), False
    except msgspec.ValidationError as found:
        drift = str(found)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass  # what these quote of the body stays here: nothing is raised in their context
    if drift is not None:
        _drift(endpoint, drift)
    return _leniently(decoder, body, endpoint), True


def _leniently(decoder: "msgspec.json.Decoder[T]", body: bytes, endpoint: str) -> T:
    drift = None
    try:
        tree = json.loads(body.decode("utf-8", "surrogateescape"))
        return msgspec.convert(tree, decoder.type)
    except msgspec.ValidationError as found:
        drift = str(found)
    except (ValueError, RecursionError):
        pass
    if drift is not None:
        _drift(endpoint, drift)
    raise errors.Transient(
        f"The source answered {endpoint} with something that is not JSON, or cut it short."
    )


def _drift(endpoint: str, found: str) -> NoReturn:
    """msgspec names the place (`$.data[3].id`, or `[...]`) and never quotes the value."""
    place = _PLACE.search(_INDEX.sub("[]", found))
    missing = _MISSING.search(found)
    parts = [place[1].strip(".") if place else "", missing[1] if missing else ""]
    raise errors.SchemaDrift(endpoint, ".".join(part for part in parts if part) or "body")
