"""What a refresh does to an account: pure rules on what may replace what.

An account is one of a rating site's (seed refresh-consumer.md): `instagramData` holds the profile,
with each number's source, and the fields beside it repeat what lists are made of.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.records import Profile
from ingather.domain.refresh_posts import Post

PLATFORM: Final = "instagram"
COUNTS: Final = ("followersCount", "followsCount", "mediaCount")
_TEXTS: Final = ("username", "fullName", "biography", "website", "profilePicUrl", "category")
_FLAGS: Final = ("isPrivate", "isVerified", "isProfessional")
_BESIDE: Final = {
    "followersCount": "followerCount",
    "fullName": "name",
    "biography": "description",
    "profilePicUrl": "imageUrl",
}
"""Fields of the profile that an account repeats beside it, and their names there."""
_MOST_BYTES = 64 << 10

Outcome = Literal["refreshed", "unchanged", "failed"]


class Event(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A message of the topic `data-refresh-instagram`. scheduled_at: ISO 8601. again: a person
    asked for it, so that it is done though the week's refresh was."""

    account_id: str
    platform: str
    scheduled_at: str
    again: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is about this platform, in whatever case it is written."""
        return self.platform.strip().casefold() == PLATFORM


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """An account that is kept fresh.

    handle: its username. instagram_data: the profile as last known, keys of `Profile`, with
    `approximate` (names of rounded counts) and `sources` (field -> {source, at}); keys that are
    not ours stay. last_data_refresh: ISO 8601 UTC, None before the first.
    """

    account_id: str
    handle: str
    platform: str = PLATFORM
    name: str | None = None
    description: str | None = None
    image_url: str | None = None
    follower_count: int | None = None
    instagram_data: dict[str, Any] | None = None
    last_data_refresh: str | None = None

    @property
    def instagram_id(self) -> str | None:
        """The Graph API's id of it, where that has been asked."""
        found = (self.instagram_data or {}).get("userId")
        return found if isinstance(found, str) else None


class Origin(Struct, frozen=True):
    """Where in Kafka an event stood; topic `queue` for the queue in the store."""

    topic: str
    partition: int
    offset: int


class LogEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of the DataRefreshLog. id: the account and its ISO week for a scheduled refresh
    that succeeded (the moment for one that was asked for), so that it is written once however often
    the event comes. missing: what was wanted beside the profile and not told, and why, as
    `insights: rate_limit`."""

    id: str
    account_id: str
    platform: str = PLATFORM
    outcome: Outcome
    source: str | None = None
    duration_ms: int = 0
    fields_changed: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None
    attempt: int = 1
    event: Origin | None = None
    at: str
    missing: tuple[str, ...] = ()


class Refreshed(Struct, frozen=True, kw_only=True):
    """What is to be written of one refresh; account None where it failed. posts: those that were
    told with it."""

    account: Account | None
    entry: LogEntry
    posts: tuple[Post, ...] = ()


class Day(Struct, frozen=True, kw_only=True, rename="camel"):
    """An account's numbers on one day, as they were last told on it. day: ISO date, UTC.
    engagement: likes and comments per post and follower (`refresh_posts.engagement` has the
    formula), None where no posts were told."""

    day: str
    followers: int | None
    media: int | None
    engagement: float | None = None


def event(body: bytes | None) -> Event:
    """Read a message. Raises BadEvent with what is wrong."""
    if not body:
        raise errors.BadEvent("The message is empty.")
    if len(body) > _MOST_BYTES:
        raise errors.BadEvent(f"The message has {len(body)} bytes, which no event has.")
    try:
        found = msgspec.json.decode(body, type=Event)
    except msgspec.ValidationError as wrong:
        raise errors.BadEvent(f"The message is no event: {wrong}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadEvent("The message is not JSON.") from None
    if not found.account_id or not found.platform.strip():
        raise errors.BadEvent("The message names no account or no platform.")
    if seconds(found.scheduled_at) is None:
        raise errors.BadEvent("The message's scheduledAt is no time in ISO 8601.")
    return found


def merge(account: Account, profile: Profile, *, source: str, at: str) -> tuple[Account, list[str]]:
    """The account after a profile was fetched, and the names of the fields that changed.

    What a source does not tell stays as it was. A rounded count that agrees with an exact one
    leaves it; one that does not is taken and marked. Raises Implausible where a count falls from
    a positive number to 0 or to nothing.
    """
    old = dict(account.instagram_data or {})
    old.setdefault("followersCount", account.follower_count)
    told = msgspec.to_builtins(msgspec.structs.replace(profile, posts=None))
    data, changed = dict(old), list[str]()
    rounded = {name for name in _listed(old.get("approximate")) if name in COUNTS}
    origins = dict(found) if isinstance(found := old.get("sources"), dict) else {}
    now_rounded = {_camel(name) for name in profile.approximate}

    def take(field: str, value: Any) -> None:
        if not _same(field, old.get(field), value):
            changed.append(_BESIDE.get(field, f"instagramData.{field}"))
        data[field] = value
        origins[field] = {"source": source, "at": at}

    for field in COUNTS:
        value, before = told[field], _whole(old.get(field))
        _plausible(field, before, value, account.handle)
        if value is None or _agrees(before, value, field in rounded, field in now_rounded):
            continue
        take(field, value)
        rounded.discard(field)
        if field in now_rounded:
            rounded.add(field)
    for field in (*_TEXTS, *_FLAGS):
        if told[field] is not None:
            take(field, told[field])
    if profile.user_id is not None:
        take("userId" if source == "graph" else "pk", profile.user_id)
    data["approximate"] = [field for field in COUNTS if field in rounded]
    data["sources"] = origins
    return _with(account, data, at), changed


def week(at: str) -> str:
    """The ISO week of a moment, as 2026-W47."""
    year, number, _ = datetime.fromtimestamp(seconds(at) or 0.0, UTC).isocalendar()
    return f"{year}-W{number:02d}"


def is_fresh(account: Account, wanted: Event) -> bool:
    """Whether an event has been done: the account was refreshed after it was scheduled or, where
    nobody asked for it again, in its week."""
    last = seconds(account.last_data_refresh)
    if account.last_data_refresh is None or last is None:
        return False
    asked = seconds(wanted.scheduled_at) or 0.0
    if wanted.again:
        return last >= asked
    return last >= asked or week(account.last_data_refresh) == week(wanted.scheduled_at)


def day(account: Account) -> Day | None:
    """What an account's history is to hold for the day of its last refresh."""
    if account.last_data_refresh is None:
        return None
    data = account.instagram_data or {}
    rate = data.get("engagement")
    return Day(
        day=account.last_data_refresh[:10],
        followers=account.follower_count,
        media=_whole(data.get("mediaCount")),
        engagement=rate if isinstance(rate, float) and told_last(account, "engagement") else None,
    )


def told_last(account: Account, field: str) -> bool:
    """Whether the account's last refresh told a field of instagramData, where it stays as it was if
    a later one does not."""
    origins = (account.instagram_data or {}).get("sources")
    told = origins.get(field) if isinstance(origins, dict) else None
    return isinstance(told, dict) and told.get("at") == account.last_data_refresh


def seconds(at: str | None) -> float | None:
    """Epoch seconds of a moment in ISO 8601 (UTC where it names no zone); None where it is none."""
    try:
        moment = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (OverflowError, ValueError):
        return None


def _with(account: Account, data: dict[str, Any], at: str) -> Account:
    return msgspec.structs.replace(
        account,
        name=data.get("fullName", account.name),
        description=data.get("biography", account.description),
        image_url=data.get("profilePicUrl", account.image_url),
        follower_count=data.get("followersCount"),
        instagram_data=data,
        last_data_refresh=at,
    )


def _plausible(field: str, before: int | None, value: int | None, handle: str) -> None:
    if before is not None and before > 0 and not value:
        fell = "nothing" if value is None else "0"
        raise errors.Implausible(
            f"{field} of @{handle} would fall from {before} to {fell}; it was left as it was.",
            hint="Should it be true, remove the account and add it again.",
        )


def _agrees(before: int | None, value: int, was_rounded: bool, is_rounded: bool) -> bool:
    """Whether a rounded count says no more than the exact one that is known already."""
    if not is_rounded or was_rounded or before is None:
        return False
    return abs(before - value) < _unit(value)


def _unit(value: int) -> int:
    """What one step of an abbreviated count is worth: 100,000 in 46,300,000. At the most a whole
    thousand or million: 70M may stand for 70.9 million, and never for 79."""
    unit = 1
    while value and value % (unit * 10) == 0:
        unit *= 10
    largest = 1000 ** ((len(str(value)) - 1) // 3)
    return int(min(unit, largest))


def _same(field: str, old: Any, new: Any) -> bool:
    """Whether two values are one; a picture's address is signed anew each time it is told."""
    if field == "profilePicUrl" and isinstance(old, str):
        return old.partition("?")[0] == str(new).partition("?")[0]
    return bool(old == new)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
