"""Insights of the account and its posts: which metrics there are, and the ways of refusing them."""

from collections.abc import Callable

from ingather.sandbox import ids
from ingather.sandbox.answers import GraphError
from ingather.sandbox.things import Account, Post
from ingather.sandbox.world import NOW

_BOTH = ("FEED", "REELS")
_PRODUCTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("reach", "shares", "total_interactions", "views", "reposts", "facebook_views",
         "total_views", "likes", "comments", "saved", "total_likes", "total_comments"), _BOTH
    ),
    **dict.fromkeys(
        ("ig_reels_avg_watch_time", "ig_reels_video_view_total_time", "reels_skip_rate",
         "crossposted_views"), ("REELS",)
    ),
    **dict.fromkeys(("follows", "profile_visits", "profile_activity"), ("FEED", "STORY")),
    **dict.fromkeys(("replies", "navigation", "link_clicks"), ("STORY",)),
    "impressions": (),
}  # fmt: skip
_THROWS = ("facebook_views", "crossposted_views")
"""Of a post that was not shared to Facebook these are an unknown error."""
OF_ACCOUNT = (
    "reach", "views", "accounts_engaged", "total_interactions", "likes", "comments", "saves",
    "shares", "replies", "reposts", "profile_links_taps",
)  # fmt: skip
_UNCOUNTED = ("profile_links_taps",)
"""Nobody has tapped the link: what is not counted is left out, and is no 0."""
_PROFESSIONAL_SINCE = NOW - 240 * 86_400


def tell(post: Post, metrics: str | None, *, granted: bool) -> dict[str, object]:
    """`GET /{media}/insights?metric=`; GraphError for all where one metric cannot be told."""
    if not granted:
        raise GraphError(10, "(#10) Application does not have permission for this action")
    asked = [one for one in (metrics or "").split(",") if one]
    if not asked:
        raise GraphError(100, "(#100) The parameter metric is required")
    for place, one in enumerate(asked):
        if one not in _PRODUCTS:
            known = ", ".join(sorted(_PRODUCTS))
            raise GraphError(
                100, f"(#100) metric[{place}] must be one of the following values: {known}"
            )
    if post.created < _PROFESSIONAL_SINCE:
        raise GraphError(
            100,
            "Invalid parameter",
            subcode=2108006,
            error_user_title="Media posted before business account conversion",
            error_user_msg="The media was posted before the most recent time that the user's "
            "account was converted to a business account from a personal account.",
        )
    lacking = [one for one in asked if post.product not in _PRODUCTS[one]]
    if lacking:
        raise GraphError(
            100,
            f"(#100) The Media Insights API does not support the {', '.join(lacking)} metric for "
            "this media product type.",
        )
    if post.seed & 1 and any(one in _THROWS for one in asked):
        raise GraphError(1, "An unknown error has occurred.", status=500)
    if post.seed % 17 == 0:
        return {"data": []}  # nothing is counted yet
    return {"data": [_row(post, one) for one in asked]}


def tell_account(
    account: Account, metrics: str | None, kind: str | None, *, granted: bool
) -> dict[str, object]:
    """`GET /{user}/insights?metric=&period=day&metric_type=total_value`: the last 24 hours."""
    if not granted:
        raise GraphError(10, "(#10) Application does not have permission for this action")
    asked = [one for one in (metrics or "").split(",") if one]
    for place, one in enumerate(asked or [""]):
        if one not in OF_ACCOUNT:
            raise GraphError(
                100,
                f"(#100) metric[{place}] must be one of the following values:"
                f" {', '.join(OF_ACCOUNT)}",
            )
    if kind != "total_value":
        raise GraphError(
            100, "(#100) The metrics should be specified with parameter metric_type=total_value"
        )
    told = [one for one in asked if one not in _UNCOUNTED]
    return {"data": [_total(account, one) for one in told]}


def of_account(account: Account, metric: str) -> int:
    """What a metric says of an account."""
    return ids.mix(account.pk, len(metric)) % max(1, account.followers_count)


def _total(account: Account, metric: str) -> dict[str, object]:
    return {
        "name": metric,
        "period": "day",
        "title": metric.replace("_", " ").title(),
        "description": f"The {metric.replace('_', ' ')} of your account.",
        "total_value": {"value": of_account(account, metric)},
        "id": f"{account.id}/insights/{metric}/day",
    }


def value(post: Post, metric: str) -> int:
    """What a metric says of a post."""
    return _VALUES.get(metric, _other(metric))(post)


def _row(post: Post, metric: str) -> dict[str, object]:
    return {
        "name": metric,
        "period": "lifetime",
        "values": [{"value": value(post, metric)}],
        "title": metric.replace("_", " ").title(),
        "description": f"The {metric.replace('_', ' ')} of your post.",
        "id": f"{post.id}/insights/{metric}/lifetime",
    }


def _views(post: Post) -> int:
    return post.seed % 90_000 + 1


def _watched(post: Post) -> int:
    return 2_000 + post.seed % 17_000


def _together(post: Post) -> int:
    saved, shares = _VALUES["saved"](post), _VALUES["shares"](post)
    return post.seed % 4000 + post.comments_count + saved + shares


def _other(metric: str) -> Callable[[Post], int]:
    return lambda post: ids.mix(post.seed, len(metric)) % 50


_VALUES: dict[str, Callable[[Post], int]] = {
    "views": _views,
    "total_views": _views,
    "reach": lambda post: _views(post) * 7 // 10,
    "likes": lambda post: post.seed % 4000,
    "comments": lambda post: post.comments_count,
    "saved": lambda post: post.seed % 90,
    "shares": lambda post: post.seed % 70,
    "total_interactions": _together,
    "ig_reels_avg_watch_time": _watched,
    "ig_reels_video_view_total_time": lambda post: _watched(post) * _views(post),
}


def known(post: Post) -> bool:
    """Whether a post has insights at all, and somebody has counted them."""
    return post.created >= _PROFESSIONAL_SINCE and post.seed % 17 != 0
