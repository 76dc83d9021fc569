"""Pure: the posts and reels that the Graph API sends, as `Media`, and what insights say of them."""

import re
from collections.abc import Mapping

from msgspec import Struct, structs

from ingather import errors
from ingather.domain import posts as naming
from ingather.domain import text
from ingather.domain.records import Media
from ingather.providers import graph_wire as wire
from ingather.providers.graph_map import after, known, repaired, utc

OTHERS = (
    "id,caption,media_type,media_product_type,like_count,comments_count,view_count,permalink,"
    "thumbnail_url,timestamp,username"
)
OWN = (
    "id,caption,media_type,media_product_type,like_count,comments_count,permalink,shortcode,"
    "thumbnail_url,timestamp,username"
)
"""Fields to ask for of others' posts, and of one's own."""

_CURSOR = re.compile(r"[A-Za-z0-9_=+/%-]{1,2000}")
_REELS = "REELS"
_VIDEOS = ("VIDEO", _REELS)
_INSIGHTS = {
    "reach": "reach",
    "saved": "saved",
    "shares": "shares",
    "total_interactions": "total_interactions",
    "ig_reels_avg_watch_time": "avg_watch_ms",
    "ig_reels_video_view_total_time": "total_watch_ms",
}
"""Metrics, and the fields that they fill; `views` is besides the plays of a video."""
METRICS = ("views", *_INSIGHTS)
OF_REELS = tuple(name for name in METRICS if name.startswith("ig_reels"))


class Listing(Struct, frozen=True):
    """A page of posts. after: cursor of the next page; None where this is the last.

    repaired: texts in which NUL or half a surrogate pair became U+FFFD.
    """

    records: list[Media]
    after: str | None
    repaired: int


def own(body: bytes, endpoint: str) -> Listing:
    """A page of /{account}/media, of one's own posts."""
    page, _ = wire.decode(wire.MEDIA_PAGE, body, endpoint)
    return _listing(page.data, after(page.paging, endpoint), endpoint, hidden=False)


def others(body: bytes, endpoint: str, *, sent: str | None) -> Listing:
    """A page of posts within Business Discovery, whose end only a missing cursor tells: `next` is
    never there. The cursor that was sent is an end as well."""
    found, _ = wire.decode(wire.DISCOVERED_MEDIA, body, endpoint)
    page = found.business_discovery.media
    if page is None:
        return Listing([], None, 0)
    cursors = page.paging.cursors if page.paging else None
    then = cursors.after if cursors else None
    if then and not is_cursor(then):
        raise errors.SchemaDrift(endpoint, "media.paging.cursors.after")
    return _listing(page.data, None if then == sent else then or None, endpoint, hidden=True)


def own_latest(body: bytes, endpoint: str) -> list[Media]:
    """The posts that came within one's own account, the newest first."""
    found, _ = wire.decode(wire.WITH_MEDIA, body, endpoint)
    rows = [] if found.media is None else found.media.data
    return _listing(rows, None, endpoint, hidden=True).records


def others_latest(body: bytes, endpoint: str) -> list[Media]:
    """The posts that came within another's account, the newest first."""
    found, _ = wire.decode(wire.DISCOVERED_MEDIA, body, endpoint)
    page = found.business_discovery.media
    return [] if page is None else _listing(page.data, None, endpoint, hidden=True).records


def is_cursor(words: str) -> bool:
    """Whether a text can be a cursor within an expression of fields, which it must not end."""
    return _CURSOR.fullmatch(words) is not None


def _listing(rows: list[wire.Media], then: str | None, endpoint: str, *, hidden: bool) -> Listing:
    records, repairs = [], 0
    for row in rows:
        record, count = _media(row, endpoint, hidden=hidden)
        records.append(record)
        repairs += count
    return Listing(records, then, repairs)


def _media(row: wire.Media, endpoint: str, *, hidden: bool) -> tuple[Media, int]:
    """hidden: that likes are not told means that the owner hides them (contract, 2.4)."""
    repairs = 0

    def fix(words: str | None) -> str | None:
        nonlocal repairs
        if not words:
            return None
        mended = repaired(words)
        repairs += mended is not words and mended != words
        return mended

    caption, permalink = fix(row.caption), fix(row.permalink)
    video = row.media_type in _VIDEOS
    plays = row.view_count if video else None
    reel = row.media_product_type == _REELS or (
        row.media_product_type is None and "/reel/" in (permalink or "")
    )
    return Media(
        media_id=known(row.id, endpoint, "id"),
        shortcode=fix(row.shortcode) or naming.shortcode_in(permalink),
        permalink=permalink,
        media_type=_REELS if reel else fix(row.media_type),
        timestamp=None if row.timestamp is None else utc(row.timestamp, endpoint),
        username=fix(row.username),
        like_count=row.like_count,
        comment_count=row.comments_count,
        play_count=plays,
        caption=caption,
        hashtags=() if caption is None else text.hashtags(caption),
        mentions=() if caption is None else text.mentions(caption),
        thumbnail_url=fix(row.thumbnail_url),
        likes_hidden=row.like_count is None if hidden else None,
        plays_from=None if plays is None else "business_discovery.view_count",
    ), repairs


def insights(body: bytes, endpoint: str) -> dict[str, int]:
    """Metrics by name; what is not counted yet is missing, for it is not 0."""
    found, _ = wire.decode(wire.INSIGHTS, body, endpoint)
    told: dict[str, int] = {}
    for one in found.data:
        measured = one.total_value or (one.values[-1] if one.values else None)
        if measured is not None and isinstance(measured.value, int) and measured.value >= 0:
            told[one.name] = measured.value
    return told


def with_insights(media: Media, told: Mapping[str, int]) -> Media:
    """The post with what its insights say."""
    changes: dict[str, object] = {
        field: told[metric] for metric, field in _INSIGHTS.items() if metric in told
    }
    if "views" in told and media.media_type in _VIDEOS:
        changes |= {"play_count": told["views"], "plays_from": "insights.views"}
    return structs.replace(media, **changes) if changes else media
