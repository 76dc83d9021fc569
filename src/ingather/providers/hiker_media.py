"""Pure: the posts and reels that HikerAPI sends, as `Media`.

What the service fills in where it knows nothing (0 plays, 0 views, 0 seconds) is None here.
"""

import math

from ingather.domain import text
from ingather.domain.records import Media
from ingather.providers import hiker_wire as wire
from ingather.providers.graph_map import known
from ingather.providers.graph_wire import Id, decode
from ingather.providers.hiker_map import Listing, Shape, count, listing, mended, moment

_VIDEO, _CLIPS = 2, "clips"
_TYPES = {1: "IMAGE", 2: "VIDEO", 8: "CAROUSEL_ALBUM"}


def medias(
    body: bytes, endpoint: str, shape: Shape, sent: str | None, *, clips: bool
) -> Listing[Media]:
    """A page of posts; with clips, its reels alone, for lists of reels hold photos as well."""
    rows: list[wire.Media]
    mark: wire.Mark = None
    if shape == "list":
        rows, damaged = decode(wire.MEDIA_LIST, body, endpoint)
    else:
        (rows, mark), damaged = decode(wire.MEDIA_PAIR, body, endpoint)
    records = [_media(row, endpoint) for row in rows if not clips or _is_clip(row)]
    return listing(records, mark, sent, endpoint, body, damaged)


def media(body: bytes, endpoint: str) -> Media:
    """One post."""
    row, _ = decode(wire.MEDIA, body, endpoint)
    return mended(_media(row, endpoint))[0]


def _is_clip(row: wire.Media) -> bool:
    return row.media_type == _VIDEO and row.product_type == _CLIPS


def _media(row: wire.Media, endpoint: str) -> Media:
    caption = row.caption_text
    if caption is None and row.caption is not None:
        caption = row.caption.text
    video, clip = row.media_type == _VIDEO, _is_clip(row)
    way = "reel" if clip else "p"
    made = row.taken_at_ts if row.taken_at is None else row.taken_at
    plays, plays_from = _plays(row) if video else (None, "")
    pinned = row.clips_tab_pinned_user_ids if clip else row.timeline_pinned_user_ids
    return Media(
        media_id=_media_id(row, endpoint),
        shortcode=row.code or None,
        permalink=f"https://www.instagram.com/{way}/{row.code}/" if row.code else None,
        media_type="REELS" if clip else _TYPES.get(row.media_type or 0),
        timestamp=moment(made, endpoint, "taken_at"),
        username=(row.user.username or None) if row.user else None,
        like_count=None if row.like_and_view_counts_disabled else count(row.like_count),
        comment_count=count(row.comment_count),
        play_count=plays,
        duration=_seconds(row.video_duration) if video else None,
        caption=caption or None,
        hashtags=None if caption is None else text.hashtags(caption),
        mentions=None if caption is None else text.mentions(caption),
        thumbnail_url=row.thumbnail_url or None,
        likes_hidden=row.like_and_view_counts_disabled,
        is_pinned=None if pinned is None else bool(pinned),
        is_paid_partnership=row.is_paid_partnership,
        coauthors=None if row.coauthor_producers is None else _names(row.coauthor_producers),
        plays_from=None if plays is None else f"hiker.{plays_from}",
    )


def _names(users: list[wire.User]) -> tuple[str, ...]:
    return tuple(user.username for user in users if user.username)


def _media_id(row: wire.Media, endpoint: str) -> str:
    """`pk`, else the first half of `id`, which is <pk>_<account>."""
    found: Id = row.pk
    if found is None and isinstance(row.id, str):
        found = row.id.partition("_")[0]
    return known(found, endpoint, "pk")


def _plays(row: wire.Media) -> tuple[int | None, str]:
    """Views of a video, and by which of its numbers. 0 is what the service writes where it was
    told nothing."""
    for name in ("play_count", "ig_play_count", "view_count"):
        if found := getattr(row, name):
            return count(found), name
    return None, ""


def _seconds(found: float | None) -> float | None:
    return found if found and math.isfinite(found) and found > 0 else None
