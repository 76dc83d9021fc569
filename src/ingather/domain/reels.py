"""A reel as it is analysed, and the account that made it. Unknown is None, and is never counted."""

from collections.abc import Mapping

from msgspec import Struct


class Reel(Struct, frozen=True, kw_only=True, rename="camel"):
    """One reel. Counts are those at the moment it was fetched.

    posted: ISO 8601 UTC. duration, watch_time: seconds; watch_time is the average of one view.
    views: plays, in the platform's own counting. interactions: what insights call
    total_interactions, own reels only, as are reach, saves, shares and watch_time.
    likes: None also where the account hides them. told_by: the source of each number.
    """

    reel_id: str
    shortcode: str | None = None
    url: str | None = None
    thumbnail_url: str | None = None
    caption: str | None = None
    posted: str | None = None
    duration: float | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    reach: int | None = None
    saves: int | None = None
    shares: int | None = None
    interactions: int | None = None
    watch_time: float | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    pinned: bool | None = None
    collaboration: bool | None = None
    paid_partnership: bool | None = None
    told_by: Mapping[str, str] = {}

    @property
    def engagement(self) -> int | None:
        """Interactions as the platform counts them, else likes and comments; None where either of
        these is not told, since a part of a sum is not the sum."""
        if self.interactions is not None:
            return self.interactions
        if self.likes is None or self.comments is None:
            return None
        return self.likes + self.comments
