"""What an account's reels say: one pure function over them, and comparisons of what it finds."""

from datetime import datetime, timedelta, tzinfo

import numpy as np
from msgspec import Struct

from ingather.domain import content, engagement, reel_columns, trends
from ingather.domain.content import Against, Carried, Group, Lifts
from ingather.domain.engagement import Measure, Measured, Outlier, Rate, Tier, Tiers
from ingather.domain.estimates import Estimate, median
from ingather.domain.records import Media, Profile
from ingather.domain.reel_columns import Numbers, Places, Reels, Words
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
    tell a time; young: those that are not; left_out: collaborations that were not asked for
    (collaborations: they were). measure: what `typical` and everything after it rests on. Whatever
    is None rests on too few.
    """

    profile: Profile
    at: str
    zone: str
    reels: int
    compared: int
    young: int
    left_out: int
    collaborations: bool
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


class Chosen(Struct, frozen=True):
    """Which reels an analysis looks at, as places among all. at: epoch seconds. own: those that
    count; compared: those of them that are old enough and tell a time; told: those of these that
    tell the measure; tags: the hashtags of these."""

    reels: Reels
    at: float
    collaborations: bool
    own: Places
    compared: Places
    told: Measured
    tags: Carried


def choose(reels: Reels, *, at: datetime, collaborations: bool = False) -> Chosen:
    """What can be said of the reels of one account as they stood at a moment rests on these.

    collaborations: whether reels made together with other accounts count as its own. Reels of whose
    time nothing is known are counted and not compared.
    """
    own = np.arange(len(reels)) if collaborations else np.flatnonzero(~reels.shared)
    since = at.timestamp()
    compared = own[since - reels.posted[own] >= SETTLING.total_seconds()]
    measure = engagement.measure_of(reels, compared)
    told = engagement.measured(reels, compared, measure)
    tags = Carried(told, reels.hashtags)
    return Chosen(reels, since, collaborations, own, compared, told, tags)


def analyse(
    profile: Profile, chosen: Chosen, terms: Words, *, at: datetime, zone: tzinfo, zone_name: str
) -> Analysis:
    """Analyse them. terms: `content.terms` of the captions of `content.untagged` reels. zone: of
    hours and weekdays."""
    reels, own, told = chosen.reels, chosen.own, chosen.told
    posted = reels.posted[own]
    posted = posted[~np.isnan(posted)]
    clocks = reel_columns.on_clocks(reels.posted[told.places], zone)
    best = told.places[::-1]
    half = min(TOP, len(best) // 2 + len(best) % 2)
    return Analysis(
        profile=profile,
        at=at.isoformat(),
        zone=zone_name,
        reels=len(reels),
        compared=len(chosen.compared),
        young=len(own) - len(chosen.compared),
        left_out=len(reels) - len(own),
        collaborations=chosen.collaborations,
        first_posted=_iso(posted.min(), zone) if len(posted) else None,
        last_posted=_iso(posted.max(), zone) if len(posted) else None,
        views=_total(reels["play_count"][own]),
        likes=_total(reels["like_count"][own]),
        comments=_total(reels["comment_count"][own]),
        hidden_likes=int(np.isnan(reels["like_count"][own]).sum()),
        measure=told.measure,
        typical=median(told.values),
        rates=engagement.rates(reels, chosen.compared, profile.followers_count),
        tiers=engagement.tiers(told),
        weekly=trends.trend(clocks, told.values, "week"),
        monthly=trends.trend(clocks, told.values, "month"),
        cadence=trends.cadence(posted, zone),
        consistency=trends.consistency(told.values),
        calendar=trends.calendar(clocks, told.values, zone_name),
        duration=content.durations(told),
        caption=content.captions(told),
        hashtags=content.lifts(told, chosen.tags),
        mentions=content.lifts(told, Carried(told, reels.mentions)),
        formats=content.formats(told),
        topics=content.topics(told, chosen.tags, Carried(told, terms)),
        top=tuple(told.ids(best[:half])),
        bottom=tuple(told.ids(told.places[: len(best) - half][:TOP])),
        outliers=engagement.outliers(told),
    )


def tier(found: Analysis, reel: Media) -> Tier | None:
    """A reel's tier; None where it is not compared, or where too few are."""
    value = engagement.measure(reel, found.measure)
    if found.tiers is None or value is None or (reel.coauthors and not found.collaborations):
        return None
    age = datetime.fromisoformat(found.at).timestamp() - reel_columns.seconds(reel.timestamp)
    return found.tiers.tier(value) if age >= SETTLING.total_seconds() else None


def _iso(second: float, zone: tzinfo) -> str:
    return datetime.fromtimestamp(float(second), zone).isoformat()


def _total(values: Numbers) -> Total:
    told = values[~np.isnan(values)]
    return Total(int(told.sum()), len(told))


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
    now: Analysis, chosen: Chosen, before: Chosen, then: Profile | None, since: str
) -> Change:
    """Compare an analysis with the reels of an earlier one. then: the profile it had. since: when
    that was."""
    reels, older = chosen.reels, before.reels
    old = {one: place for place, one in enumerate(older.ids)}
    new = set(reels.ids)
    views, earlier = reels["play_count"], older["play_count"]
    both = [(place, old[one]) for place, one in enumerate(reels.ids) if one in old]
    mine, theirs = np.array(both, np.int64).reshape(-1, 2).T
    gained = views[mine] - earlier[theirs]
    grown = [
        (reels.ids[mine[place]], int(gained[place]))
        for place in np.flatnonzero(np.nan_to_num(gained)).tolist()
    ]
    followers, had = now.profile.followers_count, then.followers_count if then else None
    typical = median(before.told.values) if before.told.measure == now.measure else None
    return Change(
        since,
        tuple(one for one in reels.ids if one not in old),
        tuple(one for one in older.ids if one not in new),
        None if followers is None or had is None else followers - had,
        now.typical.value - typical.value if now.typical and typical else None,
        tuple(sorted(grown, key=lambda each: (-each[1], each[0]))[:TOP]),
    )
