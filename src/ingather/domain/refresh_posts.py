"""The posts of an account that is kept fresh, and the engagement that they make. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from ingather.domain.records import Media, natural_id

MEASURED: Final = 12
"""Posts that engagement is taken over at the most, the newest: a row of a profile's grid is three,
and a longer look back would not notice a change."""

KEPT: Final = 50
"""Posts kept of each account at the most, where nobody says otherwise."""

_BY_INSIGHTS: Final = (
    "reach", "saved", "shares", "totalInteractions", "avgWatchMs", "totalWatchMs",
)  # fmt: skip
_PLAYS: Final = ("playCount", "playsFrom")


class Post(Struct, frozen=True, kw_only=True, rename="camel"):
    """A post of an account as it was last told. source, at: by whom, and when (ISO 8601 UTC).
    insights_at: when its insights were told, which may be earlier; None where they never were."""

    media: Media
    source: str
    at: str
    insights_at: str | None = None

    @property
    def key(self) -> str:
        """What it is known by within its account: its shortcode, which is the same in every source
        where ids are not; its id where it has none."""
        return self.media.shortcode or natural_id(self.media)


def engagement(posts: Sequence[Media], followers: int | None) -> float | None:
    """Engagement per post and follower: (likes + comments) summed over posts / (posts x followers),
    as a part of one (0.05 is 5 %).

    Over the twelve newest posts at the most; one whose likes are hidden, or likes or comments not
    told, is left out of both sums. Saves and shares do not count, because only owners are told
    them. The followers are the account's after the same refresh. None where no post has both
    numbers, and where followers are not known or 0.
    """
    told = [
        each.like_count + each.comment_count
        for each in posts[:MEASURED]
        if each.like_count is not None and each.comment_count is not None
    ]
    return sum(told) / (len(told) * followers) if told and followers else None


def split(post: Post) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A post as stores keep it: what anybody is told, which is replaced whole, and its insights,
    which stay where they were not asked for; None where there are none."""
    told = msgspec.to_builtins(post.media)
    names = [*_BY_INSIGHTS, *(_PLAYS if _plays_are_insights(post.media) else ())]
    insights = {name: told.pop(name) for name in names}
    insights = {name: value for name, value in insights.items() if value is not None}
    return told, insights if post.insights_at is not None else None


def joined(
    told: dict[str, Any], insights: dict[str, Any] | None, *, source: str, at: str,
    insights_at: str | None,
) -> Post:  # fmt: skip
    """The post that `split` took apart."""
    media = msgspec.convert({**told, **(insights or {})}, Media)
    return Post(media=media, source=source, at=at, insights_at=insights_at)


def _plays_are_insights(media: Media) -> bool:
    return (media.plays_from or "").startswith("insights.")
