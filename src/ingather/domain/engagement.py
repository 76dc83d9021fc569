"""How well reels do: rates of engagement, tiers of the account's own, and reels out of the row.

Pure. An engagement rate is engagements divided by something; without its denominator the word says
nothing, so every rate here names it (the three in use: by reach, by followers, by views).
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from msgspec import Struct

from ingather.domain import estimates
from ingather.domain.estimates import Estimate
from ingather.domain.records import Media
from ingather.domain.reel_columns import Numbers, Places, Reels

Denominator = Literal["views", "followers", "reach"]
Measure = Literal["views", "engagement"]
Tier = Literal["viral", "high", "average", "low"]

TIERS: tuple[Tier, ...] = ("viral", "high", "average", "low")

FEW_FOR_TIERS = 20
"""Below it the account's own quantiles mean nothing: a twentieth of them would be less than one."""
FEW_FOR_OUTLIERS = 10
_FAR = 3.5
"""Modified z-score beyond which a value is out of the row (Iglewicz and Hoaglin 1993)."""


class Rate(Struct, frozen=True, rename="camel"):
    """The median of the reels' engagement rates by one denominator, as parts of one (0.05 is 5 %).

    reels: those whose engagement and denominator are both told and above 0. rate: None where there
    are none.
    """

    by: Denominator
    reels: int
    rate: Estimate | None


class Tiers(Struct, frozen=True, rename="camel"):
    """The account's reels by its own quantiles of the measure.

    viral: at or above the 95th percentile; high: the 75th; average: the 25th; low: below it.
    counts: how many reels are in each.
    """

    measure: Measure
    reels: int
    viral_from: float
    high_from: float
    average_from: float
    counts: Mapping[Tier, int]

    def tier(self, value: float) -> Tier:
        """That of a reel with this measure."""
        if value < self.average_from:
            return "low"
        if value < self.high_from:
            return "average"
        return "viral" if value >= self.viral_from else "high"


class Measured(Struct, frozen=True):
    """Reels whose measure is told, the lowest first and of two alike the older one: their places
    among all, and their values."""

    reels: Reels
    measure: Measure
    places: Places
    values: Numbers

    def __len__(self) -> int:
        return len(self.places)

    def ids(self, places: Places) -> list[str]:
        return [self.reels.ids[place] for place in places.tolist()]


class Outlier(Struct, frozen=True, rename="camel"):
    """A reel out of the row. times: its measure as a multiple of the median."""

    reel_id: str
    score: float
    times: float


def engagement(reel: Media) -> int | None:
    """Interactions as the platform counts them (insights, own reels), else likes and comments; None
    where either of these is hidden or not told, since a part of a sum is not the sum."""
    if reel.total_interactions is not None:
        return reel.total_interactions
    if reel.like_count is None or reel.comment_count is None:
        return None
    return reel.like_count + reel.comment_count


def measure(reel: Media, by: Measure) -> int | None:
    """What a reel is measured by."""
    return reel.play_count if by == "views" else engagement(reel)


def engaged(reels: Reels) -> Numbers:
    """`engagement` of each."""
    told = reels["total_interactions"]
    summed: Numbers = reels["like_count"] + reels["comment_count"]
    return np.where(np.isnan(told), summed, told)


def measure_of(reels: Reels, some: Places) -> Measure:
    """Views where at least half of these reels tell them, else engagement."""
    told = np.count_nonzero(~np.isnan(reels["play_count"][some]))
    return "views" if 2 * told >= len(some) else "engagement"


def measured(reels: Reels, some: Places, by: Measure) -> Measured:
    """Those of these reels whose measure is told."""
    values = (reels["play_count"] if by == "views" else engaged(reels))[some]
    told = ~np.isnan(values)
    some, values = some[told], values[told]
    order = np.lexsort((reels.posted[some], values))
    return Measured(reels, by, some[order], values[order])


def rates(reels: Reels, some: Places, followers: int | None) -> tuple[Rate, ...]:
    """The account's rates by views, by followers (of today) and by reach."""
    told = engaged(reels)[some]
    by: dict[Denominator, Numbers] = {
        "views": reels["play_count"][some],
        "followers": np.full(len(some), followers or 0, np.float64),
        "reach": reels["reach"][some],
    }
    found = []
    for name, among in by.items():
        both = ~np.isnan(told) & (among > 0)
        each = told[both] / among[both]
        found.append(Rate(name, len(each), estimates.median(each)))
    return tuple(found)


def tiers(told: Measured) -> Tiers | None:
    """None for fewer than twenty reels."""
    values = told.values
    if len(told) < FEW_FOR_TIERS:
        return None
    viral, high, average = (estimates.quantile(values, part) for part in (0.95, 0.75, 0.25))
    starts = [len(told), *np.searchsorted(values, (viral, high, average)).tolist(), 0]
    counts = {
        tier: above - below for tier, above, below in zip(TIERS, starts, starts[1:], strict=False)
    }
    return Tiers(told.measure, len(told), viral, high, average, counts)


def outliers(told: Measured) -> tuple[Outlier, ...]:
    """Reels far from the median, the farthest first; none of fewer than ten, or where more than
    half are alike."""
    if len(told) < FEW_FOR_OUTLIERS:
        return ()
    logs = np.log1p(told.values)
    spread = estimates.deviation(logs)
    if not spread:
        return ()
    scores = 0.6745 * (logs - estimates.quantile(logs, 0.5)) / spread
    far = np.flatnonzero(np.abs(scores) > _FAR)
    far = far[np.argsort(-np.abs(scores[far]), kind="stable")]
    times = told.values[far] / (estimates.quantile(told.values, 0.5) or 1)
    ids = told.ids(told.places[far])
    found = zip(ids, scores[far].tolist(), times.tolist(), strict=True)
    return tuple(Outlier(*each) for each in found)
