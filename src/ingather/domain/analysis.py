"""What an account's reels say: one pure function over them, and comparisons of what it finds."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from ingather.domain import content, engagement, trends
from ingather.domain.content import Against, Group, Lifts
from ingather.domain.engagement import Measure, Outlier, Rate, Tiers
from ingather.domain.estimates import Estimate, median
from ingather.domain.reels import Reel
from ingather.domain.trends import Cadence, Calendar, Consistency, Trend

SETTLING = timedelta(days=2)
"""Reels younger than this still gather views quickly: they are compared with nothing."""
TOP = 10
MOST_COMPARED = 5


class Account(Struct, frozen=True, rename="camel"):
    """Whose reels they are; counts of today, None where not told."""

    username: str
    user_id: str | None = None
    full_name: str | None = None
    followers: int | None = None
    following: int | None = None
    media: int | None = None
    is_private: bool | None = None
    picture_url: str | None = None


class Total(Struct, frozen=True):
    """A sum over the reels that tell the number; n: how many these are."""

    sum: int
    n: int


class Analysis(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the reels of one account say.

    at: when the counts were taken (ISO 8601). reels: all there are. compared: those old enough that
    tell a time; young: those that are not; left_out: collaborations that were not asked for.
    measure: what `typical` and everything after it rests on. Whatever is None rests on too few.
    """

    account: Account
    at: str
    zone: str
    reels: int
    compared: int
    young: int
    left_out: int
    first_posted: str | None
    last_posted: str | None
    views: Total
    likes: Total
    comments: Total
    hidden_likes: int
    measure: Measure
    typical: Estimate | None
    rates: tuple[Rate, ...]
    tiers: Tiers | None
    weekly: Trend | None
    monthly: Trend | None
    cadence: Cadence | None
    consistency: Consistency | None
    calendar: Calendar | None
    duration: Against
    caption: Against
    hashtags: Lifts
    mentions: Lifts
    formats: tuple[Group, ...]
    topics: tuple[Group, ...]
    top: tuple[str, ...]
    bottom: tuple[str, ...]
    outliers: tuple[Outlier, ...]


def analyse(
    account: Account,
    reels: Sequence[Reel],
    *,
    at: datetime,
    zone: tzinfo,
    zone_name: str,
    collaborations: bool = False,
) -> Analysis:
    """Analyse the reels of one account as they stood at a moment.

    collaborations: whether reels made together with other accounts count as its own. zone: of hours
    and weekdays. Reels of whose time nothing is known are counted and not compared.
    """
    own = [reel for reel in reels if collaborations or not reel.collaboration]
    times = {reel.reel_id: when for reel in own if (when := _time(reel, zone)) is not None}
    old = [reel for reel in own if reel.reel_id in times and at - times[reel.reel_id] >= SETTLING]
    measure = engagement.measure_of(old)
    told = engagement.measured(old, measure)
    posted = [(times[reel.reel_id], float(value)) for reel, value in told]
    values = [value for _, value in posted]
    order = engagement.ranked(told)
    top = order[: min(TOP, len(order) // 2 + len(order) % 2)]
    return Analysis(
        account=account,
        at=at.isoformat(),
        zone=zone_name,
        reels=len(reels),
        compared=len(old),
        young=len(own) - len(old),
        left_out=len(reels) - len(own),
        first_posted=min(times.values()).isoformat() if times else None,
        last_posted=max(times.values()).isoformat() if times else None,
        views=_total([reel.views for reel in own]),
        likes=_total([reel.likes for reel in own]),
        comments=_total([reel.comments for reel in own]),
        hidden_likes=sum(reel.likes is None for reel in own),
        measure=measure,
        typical=median(values),
        rates=engagement.rates(old, account.followers),
        tiers=engagement.tiers(told, measure),
        weekly=trends.trend(posted, "week"),
        monthly=trends.trend(posted, "month"),
        cadence=trends.cadence(list(times.values())),
        consistency=trends.consistency(values),
        calendar=trends.calendar(posted, zone_name),
        duration=content.durations(told),
        caption=content.captions(told),
        hashtags=content.lifts(told, lambda reel: reel.hashtags),
        mentions=content.lifts(told, lambda reel: reel.mentions),
        formats=content.formats(told),
        topics=content.topics(told),
        top=tuple(top),
        bottom=tuple(order[len(top) :][-TOP:][::-1]),
        outliers=engagement.outliers(told),
    )


def _time(reel: Reel, zone: tzinfo) -> datetime | None:
    if reel.posted is None:
        return None
    try:
        return trends.moment(reel.posted, zone)
    except ValueError:
        return None


def _total(values: Sequence[int | None]) -> Total:
    told = [value for value in values if value is not None]
    return Total(sum(told), len(told))


class Change(Struct, frozen=True, rename="camel"):
    """What is different since an earlier analysis of the same account.

    new, gone: ids of reels. followers, typical: by how much; None where either side is not told.
    grown: views gained by reels that both hold, the most first, at most ten.
    """

    since: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
    followers: int | None
    typical: float | None
    grown: tuple[tuple[str, int], ...]


def change(now: Analysis, reels: Sequence[Reel], before: Analysis, then: Sequence[Reel]) -> Change:
    """Compare an analysis with an earlier one and the reels that each rests on."""
    old = {reel.reel_id: reel for reel in then}
    new = {reel.reel_id: reel for reel in reels}
    grown = [
        (one, reel.views - earlier)
        for one, reel in new.items()
        if one in old
        and reel.views is not None
        and (earlier := old[one].views) is not None
        and reel.views != earlier
    ]
    followers, then_followers = now.account.followers, before.account.followers
    alike = now.measure == before.measure and now.typical and before.typical
    return Change(
        before.at,
        tuple(one for one in new if one not in old),
        tuple(one for one in old if one not in new),
        None if followers is None or then_followers is None else followers - then_followers,
        now.typical.value - before.typical.value  # type: ignore[union-attr]
        if alike
        else None,
        tuple(sorted(grown, key=lambda each: (-each[1], each[0]))[:TOP]),
    )
