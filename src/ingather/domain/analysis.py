"""What an account's reels say: one pure function over them, and comparisons of what it finds."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from ingather.domain import content, engagement, trends
from ingather.domain.content import Against, Group, Lifts
from ingather.domain.engagement import Measure, Outlier, Rate, Tiers
from ingather.domain.estimates import Estimate, median
from ingather.domain.records import Media, Profile, natural_id
from ingather.domain.trends import Cadence, Calendar, Consistency, Trend

SETTLING = timedelta(days=2)
"""Reels younger than this still gather views quickly: they are compared with nothing."""
TOP = 10
MOST_COMPARED = 5


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

    profile: Profile
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
    profile: Profile,
    reels: Sequence[Media],
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
    own = [reel for reel in reels if collaborations or not reel.coauthors]
    timed = [(reel, when) for reel in own if (when := _time(reel, zone)) is not None]
    times = [when for _, when in timed]
    old = [(reel, when) for reel, when in timed if at - when >= SETTLING]
    compared = [reel for reel, _ in old]
    measure = engagement.measure_of(compared)
    told = engagement.measured(compared, measure)
    values = [float(value) for _, value in told]
    whens = {id(reel): when for reel, when in old}
    posted = [(whens[id(reel)], float(value)) for reel, value in told]
    order = engagement.ranked(told)
    top = order[: min(TOP, len(order) // 2 + len(order) % 2)]
    return Analysis(
        profile=profile,
        at=at.isoformat(),
        zone=zone_name,
        reels=len(reels),
        compared=len(old),
        young=len(own) - len(old),
        left_out=len(reels) - len(own),
        first_posted=min(times).isoformat() if times else None,
        last_posted=max(times).isoformat() if times else None,
        views=_total([reel.play_count for reel in own]),
        likes=_total([reel.like_count for reel in own]),
        comments=_total([reel.comment_count for reel in own]),
        hidden_likes=sum(reel.like_count is None for reel in own),
        measure=measure,
        typical=median(values),
        rates=engagement.rates(compared, profile.followers_count),
        tiers=engagement.tiers(told, measure),
        weekly=trends.trend(posted, "week"),
        monthly=trends.trend(posted, "month"),
        cadence=trends.cadence(times),
        consistency=trends.consistency(values),
        calendar=trends.calendar(posted, zone_name),
        duration=content.durations(told),
        caption=content.captions(told),
        hashtags=content.lifts(told, lambda reel: reel.hashtags or ()),
        mentions=content.lifts(told, lambda reel: reel.mentions or ()),
        formats=content.formats(told),
        topics=content.topics(told),
        top=tuple(top),
        bottom=tuple(order[len(top) :][-TOP:][::-1]),
        outliers=engagement.outliers(told),
    )


def _time(reel: Media, zone: tzinfo) -> datetime | None:
    if reel.timestamp is None:
        return None
    try:
        return trends.moment(reel.timestamp, zone)
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


def change(
    now: Analysis, reels: Sequence[Media], before: Analysis, then: Sequence[Media]
) -> Change:
    """Compare an analysis with an earlier one and the reels that each rests on."""
    old = {natural_id(reel): reel for reel in then}
    new = {natural_id(reel): reel for reel in reels}
    grown = [
        (one, reel.play_count - earlier)
        for one, reel in new.items()
        if one in old
        and reel.play_count is not None
        and (earlier := old[one].play_count) is not None
        and reel.play_count != earlier
    ]
    followers, then_followers = now.profile.followers_count, before.profile.followers_count
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
