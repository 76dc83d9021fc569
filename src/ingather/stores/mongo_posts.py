"""The latest posts of accounts that are kept fresh, in MongoDB: `AccountMedia`, a document a post,
whose `_id` is the account's id and the post's shortcode. Fields that are not ours are left alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ingather.domain import refresh, refresh_posts
from ingather.domain.instants import iso
from ingather.domain.records import Media
from ingather.domain.refresh_posts import Post
from ingather.stores import mongo_documents as documents
from ingather.stores.mongo_link import insert_new

Told = tuple[str, Post]
"""An account's id, and a post of it."""

_TOLD = tuple(refresh_posts.split(Post(media=Media(media_id=""), source="", at=""))[0])
_NEVER = datetime.fromtimestamp(0, UTC)
_NOT_MEDIA = ("_id", "accountId", "toldAt", "source", "insights", "insightsAt")


async def index(posts: Any) -> None:
    await posts.create_index([("accountId", 1), ("timestamp", -1)])


async def write(posts: Any, told: Sequence[Told], *, keep: int) -> None:
    """Write posts as they were told, and of each account no more than are kept, the newest.
    Insights stay where none are told."""
    from pymongo import UpdateOne

    rows = {f"{account_id}:{post.key}": (account_id, post) for account_id, post in told}
    written = [_document(key, *row) for key, row in rows.items()]
    again = await insert_new(posts, written)
    if again:
        writes = [UpdateOne({"_id": each.pop("_id")}, _replacing(each)) for each in again]
        await posts.bulk_write(writes, ordered=False)
    grown = {each["accountId"] for each in written if "_id" in each}
    if grown:
        await _keep_newest(posts, sorted(grown), keep)


async def read(posts: Any, account_id: str, *, limit: int) -> list[Post]:
    """Newest first."""
    if limit <= 0:  # to MongoDB 0 is no limit
        return []
    found = posts.find(documents.of(account_id)).sort([("timestamp", -1), ("_id", 1)])
    return [_post(each) async for each in found.limit(limit)]


async def forget(posts: Any, account_id: str) -> None:
    """Delete an account's posts."""
    await posts.delete_many(documents.of(account_id))


async def _keep_newest(posts: Any, ids: Sequence[str], keep: int) -> None:
    """Delete what is older than so many posts of each account."""
    found = posts.find({"accountId": {"$in": ids}}, {"accountId": 1, "timestamp": 1})
    seen: dict[str, int] = {}
    old = []
    rows = sorted([each async for each in found], key=lambda each: str(each["_id"]))
    for each in sorted(rows, key=lambda each: each["timestamp"] or _NEVER, reverse=True):
        seen[each["accountId"]] = seen.get(each["accountId"], 0) + 1
        if seen[each["accountId"]] > keep:
            old.append(each["_id"])
    if old:
        await posts.delete_many({"_id": {"$in": old}})


def _replacing(document: dict[str, Any]) -> dict[str, Any]:
    """What makes a post's document tell what this one does: what is not known is not there."""
    untold = {name: "" for name in _TOLD if name not in document}
    return {"$set": document, **({"$unset": untold} if untold else {})}


def _document(key: str, account_id: str, post: Post) -> dict[str, Any]:
    told, insights = refresh_posts.split(post)
    told = {name: value for name, value in told.items() if value is not None}
    told |= {
        "_id": key,
        "mediaId": post.media.media_id,
        "accountId": account_id,
        "timestamp": _moment(post.media.timestamp),
        "source": post.source,
        "toldAt": _moment(post.at),
    }
    if insights is not None:
        told |= {"insights": insights, "insightsAt": _moment(post.insights_at)}
    return told


def _post(found: dict[str, Any]) -> Post:
    told = {name: value for name, value in found.items() if name not in _NOT_MEDIA}
    made = found.get("timestamp")
    told["timestamp"] = _second(made) if isinstance(made, datetime) else None
    told.setdefault("mediaId", None)
    at = _text(found.get("insightsAt"))
    return refresh_posts.joined(
        told, found.get("insights"), source=found["source"], at=_text(found["toldAt"]) or "",
        insights_at=at,
    )  # fmt: skip


@lru_cache(maxsize=1_024)
def _moment(at: str | None) -> datetime | None:
    seconds = refresh.seconds(at)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _second(made: datetime) -> str:
    """As `Media` has its times: to the second."""
    return made.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(moment: object) -> str | None:
    return iso(moment.timestamp()) if isinstance(moment, datetime) else None
