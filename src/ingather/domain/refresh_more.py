"""What a refresh does to an account beside the profile (its latest posts, its insights), and what
is repeated of it elsewhere.

Pure. `instagramData` repeats of them what lists are made of: `latestMedia` (keys of posts, newest
first), `engagement` and `insights`, each with its source as every field has.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from ingather.domain.refresh import Account, LogEntry, told_last
from ingather.domain.refresh_posts import Post, engagement


def with_posts(
    account: Account, posts: Sequence[Post], *, source: str, at: str
) -> tuple[Account, list[str]]:
    """The account with its latest posts, and the names of the fields that changed."""
    found: dict[str, Any] = {"latestMedia": [post.key for post in posts]}
    rate = engagement([post.media for post in posts], account.follower_count)
    if rate is not None:
        found["engagement"] = round(rate, 6)
    return _with(account, found, source=source, at=at)


def with_insights(
    account: Account, insights: dict[str, int], *, source: str, at: str
) -> tuple[Account, list[str]]:
    """The account with the insights of its last 24 hours, by the platform's names of metrics."""
    return _with(account, {"insights": insights}, source=source, at=at)


def last_entry(account: Account) -> LogEntry | None:
    """The log entry of the account's last refresh, which `instagramData` repeats as `refresh`."""
    try:
        return msgspec.convert((account.instagram_data or {}).get("refresh"), LogEntry)
    except msgspec.ValidationError:
        return None


def latest(account: Account) -> set[str]:
    """Keys of the posts that the account's last refresh told; empty where it told none."""
    if not told_last(account, "latestMedia"):
        return set()
    return set((account.instagram_data or {})["latestMedia"])


def cached(account: Account) -> dict[str, Any]:
    """The account as `instagram:profile:{instagramId}` holds it: InstagramProfile of the seed
    data-models.md, in Graph's names."""
    data = account.instagram_data or {}
    found = {
        "id": data.get("userId"),
        "username": data.get("username") or account.handle,
        "name": data.get("fullName"),
        "biography": data.get("biography"),
        "website": data.get("website"),
        "profile_picture_url": data.get("profilePicUrl"),
        "followers_count": data.get("followersCount"),
        "follows_count": data.get("followsCount"),
        "media_count": data.get("mediaCount"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _with(
    account: Account, found: dict[str, Any], *, source: str, at: str
) -> tuple[Account, list[str]]:
    data = dict(account.instagram_data or {})
    origins = dict(old) if isinstance(old := data.get("sources"), dict) else {}
    changed = [f"instagramData.{name}" for name, value in found.items() if data.get(name) != value]
    data |= found
    data["sources"] = origins | {name: {"source": source, "at": at} for name in found}
    return structs.replace(account, instagram_data=data), changed
