"""A reel as a row for people: what was fetched, and what the analysis makes of it. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from ingather.domain import analysis
from ingather.domain.analysis import Analysis
from ingather.domain.engagement import Tier, engagement
from ingather.domain.records import Media, natural_id


class ReelRow(Struct, frozen=True, kw_only=True, rename="camel"):
    """duration, avg_watch: seconds. engagement_rate: engagement by views, as a part of one.
    tier: None for young reels and where too few are compared. collaboration: made with others.
    source: who told all of it, save what filled_from names."""

    reel_id: str
    shortcode: str | None
    url: str | None
    thumbnail_url: str | None
    date_posted: str | None
    duration: float | None
    views: int | None
    likes: int | None
    comments: int | None
    engagement: int | None
    engagement_rate: float | None
    tier: Tier | None
    caption: str | None
    hashtags: tuple[str, ...] | None
    mentions: tuple[str, ...] | None
    likes_hidden: bool | None
    is_pinned: bool | None
    is_paid_partnership: bool | None
    collaboration: bool | None
    coauthors: tuple[str, ...] | None
    reach: int | None
    saves: int | None
    shares: int | None
    interactions: int | None
    avg_watch: float | None
    views_from: str | None
    source: str
    filled_from: tuple[str, ...] | None


def rows(found: Analysis, reels: Sequence[Media], source: str) -> list[ReelRow]:
    """Every reel, in the order in which it came. source: the voice that told its numbers."""
    return [_row(reel, analysis.tier(found, reel), source) for reel in reels]


def _row(reel: Media, tier: Tier | None, source: str) -> ReelRow:
    engaged = engagement(reel)
    return ReelRow(
        reel_id=natural_id(reel),
        shortcode=reel.shortcode,
        url=reel.permalink,
        thumbnail_url=reel.thumbnail_url,
        date_posted=reel.timestamp,
        duration=reel.duration,
        views=reel.play_count,
        likes=reel.like_count,
        comments=reel.comment_count,
        engagement=engaged,
        engagement_rate=None
        if engaged is None or not reel.play_count
        else engaged / reel.play_count,
        tier=tier,
        caption=reel.caption,
        hashtags=reel.hashtags,
        mentions=reel.mentions,
        likes_hidden=reel.likes_hidden,
        is_pinned=reel.is_pinned,
        is_paid_partnership=reel.is_paid_partnership,
        collaboration=None if reel.coauthors is None else bool(reel.coauthors),
        coauthors=reel.coauthors,
        reach=reel.reach,
        saves=reel.saved,
        shares=reel.shares,
        interactions=reel.total_interactions,
        avg_watch=None if reel.avg_watch_ms is None else reel.avg_watch_ms / 1000,
        views_from=reel.plays_from,
        source=source,
        filled_from=reel.filled_from,
    )
