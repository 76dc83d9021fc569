"""What goes over the wire of the accounts that are kept fresh."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingather.api.shapes import Word
from ingather.domain import refresh
from ingather.domain.refresh import Account, Day, LogEntry
from ingather.domain.refresh_posts import Post
from ingather.features.schedule import WEEK

_MORE = 64
"""Fields at the most whose source is told."""


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An account to keep fresh. username: @name, name or the address of a profile. accountId: its
    id with you; its name where you give none."""

    username: Word
    account_id: (
        Annotated[
            str, Meta(min_length=1, max_length=200, pattern=r"^[0-9A-Za-z_][0-9A-Za-z_.:@-]*$")
        ]
        | None
    ) = None


class Source(Struct, frozen=True):
    """Who told a field (graph, page, hiker), and when; null where that is not known."""

    source: str | None
    at: str | None


class Number(Struct, frozen=True, kw_only=True):
    """A count; null where nobody has told it. approximate: it is rounded, as pages show it."""

    value: int | None
    approximate: bool
    source: str | None
    at: str | None


class Rate(Struct, frozen=True):
    """A part of one (0.05 is 5 %); null where nobody has told what it takes."""

    value: float | None
    source: str | None
    at: str | None


class Insights(Struct, frozen=True):
    """An own account's last 24 hours before `at`, by the platform's names of metrics; one that is
    not counted is left out, for it is not 0."""

    metrics: dict[str, int]
    source: str | None
    at: str | None


class AccountView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An account. freshness: stale after a week, when it is due again. ageSeconds: since its last
    refresh; null before the first. engagement: likes and comments per post and follower, over the
    twelve newest posts whose numbers are told."""

    account_id: str
    username: str
    name: str | None
    description: str | None
    image_url: str | None
    freshness: Literal["never", "fresh", "stale"]
    age_seconds: float | None
    last_data_refresh: str | None
    followers: Number
    following: Number
    posts: Number
    engagement: Rate


class AccountDetail(AccountView, frozen=True, kw_only=True, rename="camel"):
    """An account with all that is known. sources: of each field. approximate: names of rounded
    numbers. insights: null unless it is your own. history: newest day first. media: its latest
    posts, newest first. log: its last ten refreshes, newest first."""

    sources: dict[str, Source]
    approximate: tuple[str, ...]
    insights: Insights | None
    history: tuple[Day, ...]
    media: tuple[Post, ...]
    log: tuple[LogEntry, ...]


class AccountList(Struct, frozen=True):
    """By id. next: to be sent as `cursor` for the page after; null at the end."""

    accounts: tuple[AccountView, ...]
    next: str | None


class AccountHistory(Struct, frozen=True):
    """Newest day first."""

    days: tuple[Day, ...]


class AccountMedia(Struct, frozen=True):
    """Newest first."""

    media: tuple[Post, ...]


class RefreshLog(Struct, frozen=True):
    """Newest first."""

    entries: tuple[LogEntry, ...]


class RefreshView(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a refresh. queued: it is done as soon as the limit allows. error, code: why it
    failed. changed: the fields that are other than before. missing: what was wanted beside the
    profile and not told, and why, as `insights: rate_limit`."""

    account_id: str
    outcome: Literal["queued", "refreshed", "unchanged", "failed"]
    source: str | None = None
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None
    account: AccountView | None = None


def view(account: Account, now: float) -> AccountView:
    """An account in a list. now: the store's clock."""
    return AccountView(**_common(account, now))


def detail(
    account: Account,
    now: float,
    *,
    history: tuple[Day, ...],
    media: tuple[Post, ...],
    log: tuple[LogEntry, ...],
) -> AccountDetail:
    """An account by itself."""
    return AccountDetail(
        **_common(account, now),
        sources={
            name: _source(account, name) for name in [*_told(account, "sources", dict)][:_MORE]
        },
        approximate=tuple(name for name in refresh.COUNTS if _rounded(account, name)),
        insights=_insights(account),
        history=history,
        media=media,
        log=log,
    )


def _common(account: Account, now: float) -> dict[str, Any]:
    last = refresh.seconds(account.last_data_refresh)
    age = None if last is None else max(0.0, round(now - last, 3))
    return {
        "account_id": account.account_id,
        "username": account.handle,
        "name": account.name,
        "description": account.description,
        "image_url": account.image_url,
        "freshness": "never" if age is None else "fresh" if age < WEEK else "stale",
        "age_seconds": age,
        "last_data_refresh": account.last_data_refresh,
        "followers": _number(account, "followersCount", account.follower_count),
        "following": _number(account, "followsCount"),
        "posts": _number(account, "mediaCount"),
        "engagement": _rate(account, "engagement"),
    }


def _rate(account: Account, field: str) -> Rate:
    value = (account.instagram_data or {}).get(field)
    origin = _source(account, field)
    return Rate(value if isinstance(value, float) else None, origin.source, origin.at)


def _insights(account: Account) -> Insights | None:
    told = _told(account, "insights", dict)
    metrics = {name: value for name, value in told.items() if type(value) is int}
    origin = _source(account, "insights")
    return Insights(metrics, origin.source, origin.at) if metrics else None


def _number(account: Account, field: str, beside: int | None = None) -> Number:
    value = (account.instagram_data or {}).get(field)
    whole = isinstance(value, int) and not isinstance(value, bool)
    origin = _source(account, field)
    return Number(
        value=value if whole else beside,
        approximate=_rounded(account, field),
        source=origin.source,
        at=origin.at,
    )


def _rounded(account: Account, field: str) -> bool:
    return field in _told(account, "approximate", list)


def _source(account: Account, field: str) -> Source:
    found = _told(account, "sources", dict).get(field)
    told = found if isinstance(found, dict) else {}
    return Source(_text(told.get("source")), _text(told.get("at")))


def _told(account: Account, name: str, kind: type) -> Any:
    """A part of instagramData, empty where another program has put something else there."""
    found = (account.instagram_data or {}).get(name)
    return found if isinstance(found, kind) else kind()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
