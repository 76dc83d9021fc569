"""Accounts and log entries as documents of MongoDB, and back."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from ingather.domain import refresh
from ingather.domain.instants import iso
from ingather.domain.refresh import PLATFORM, Account, LogEntry

Document = dict[str, Any]


def fields(account: Account) -> Document:
    """The fields of a refresh; what is not known is left as it is."""
    told: Document = {
        "instagramData": account.instagram_data,
        "followerCount": account.follower_count,
        "name": account.name,
        "description": account.description,
        "imageUrl": account.image_url,
    }
    told = {name: value for name, value in told.items() if value is not None}
    told["lastDataRefresh"] = moment(refresh.seconds(account.last_data_refresh) or 0.0)
    return told


def account(found: Document) -> Account:
    last, data, count = (
        found.get(key) for key in ("lastDataRefresh", "instagramData", "followerCount")
    )
    return Account(
        account_id=str(found["_id"]),
        platform=text(found.get("platform")) or PLATFORM,
        handle=text(found.get("handle")) or "",
        name=text(found.get("name")),
        description=text(found.get("description")),
        image_url=text(found.get("imageUrl")),
        follower_count=int(count) if isinstance(count, int | float) else None,
        instagram_data=data if isinstance(data, dict) else None,
        last_data_refresh=iso(last.timestamp()) if isinstance(last, datetime) else text(last),
    )


def entry(found: Document) -> LogEntry:
    told = {**found, "id": found["_id"], "at": iso(found["at"].timestamp())}
    return msgspec.convert(told, LogEntry)


def keys(account_id: str) -> list[Any]:
    """What an account's id may be as an `_id`: its text, or an ObjectId where it looks like one."""
    from bson import ObjectId

    return [account_id, *([ObjectId(account_id)] if ObjectId.is_valid(account_id) else [])]


def by_id(account_id: str) -> Document:
    found = keys(account_id)
    return {"_id": found[0] if len(found) == 1 else {"$in": found}}


def of(account_id: str) -> Document:
    """What is kept of an account in the log, the history or its posts, whose `_id` begins with its
    id: no other index has to be written with every refresh."""
    first, after = f"{account_id}:", f"{account_id};"
    return {"_id": {"$gte": first, "$lt": after}, "accountId": account_id}


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None
