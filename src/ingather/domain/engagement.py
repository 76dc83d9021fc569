"""How well reels do: rates of engagement, tiers of the account's own, and reels out of the row.

Pure. An engagement rate is engagements divided by something; without its denominator the word says
nothing, so every rate here names it (the three in use: by reach, by followers, by views).
"""

from collections.abc import Mapping, Sequence
from math import log1p
from typing import Literal

from msgspec import Struct

from ingather.domain import estimates
from ingather.domain.estimates import Estimate
from ingather.domain.records import Media, natural_id

Denominator = Literal["views", "followers", "reach"]
Measure = Literal["views", "engagement"]
Tier = Literal["viral", "high", "average", "low"]

Measured = tuple[Media, int]
"""A reel and its measure."""

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
    of: the tier of each reel, by its id.
    """

    measure: Measure
    reels: int
    viral_from: float
    high_from: float
    average_from: float
    of: Mapping[str, Tier]

    def count(self, tier: Tier) -> int:
        return sum(each == tier for each in self.of.values())


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


def measured(reels: Sequence[Media], measure: Measure) -> list[Measured]:
    """The reels whose measure is told, with it."""
    if measure == "views":
        return [(reel, told) for reel in reels if (told := reel.play_count) is not None]
    return [(reel, told) for reel in reels if (told := engagement(reel)) is not None]


def measure_of(reels: Sequence[Media]) -> Measure:
    """Views where at least half of the reels tell them, else engagement."""
    told = sum(reel.play_count is not None for reel in reels)
    return "views" if 2 * told >= len(reels) else "engagement"


def rates(reels: Sequence[Media], followers: int | None) -> tuple[Rate, ...]:
    """The account's rates by views, by followers (of today) and by reach."""
    told = [(reel, engaged) for reel in reels if (engaged := engagement(reel)) is not None]
    by: dict[Denominator, list[float]] = {
        "views": [engaged / reel.play_count for reel, engaged in told if reel.play_count],
        "followers": [engaged / followers for _, engaged in told] if followers else [],
        "reach": [engaged / reel.reach for reel, engaged in told if reel.reach],
    }
    return tuple(Rate(one, len(each), estimates.median(each)) for one, each in by.items())


def tiers(told: Sequence[Measured], measure: Measure) -> Tiers | None:
    """None for fewer than twenty reels."""
    if len(told) < FEW_FOR_TIERS:
        return None
    ordered = sorted(float(each) for _, each in told)
    viral, high, average = (estimates.quantile(ordered, part) for part in (0.95, 0.75, 0.25))

    def tier(each: int) -> Tier:
        if each < average:
            return "low"
        return "viral" if each >= viral else "high" if each >= high else "average"

    of = {natural_id(reel): tier(each) for reel, each in told}
    return Tiers(measure, len(told), viral, high, average, of)


def outliers(told: Sequence[Measured]) -> tuple[Outlier, ...]:
    """Reels far from the median, the farthest first; none of fewer than ten, or where more than
    half are alike."""
    if len(told) < FEW_FOR_OUTLIERS:
        return ()
    logs = [log1p(each) for _, each in told]
    ordered = sorted(logs)
    middle, spread = estimates.quantile(ordered, 0.5), estimates.deviation(ordered)
    if not spread:
        return ()
    typical = estimates.quantile(sorted(each for _, each in told), 0.5)
    found = [
        Outlier(natural_id(reel), 0.6745 * (each - middle) / spread, told_value / (typical or 1))
        for (reel, told_value), each in zip(told, logs, strict=True)
        if 0.6745 * abs(each - middle) > _FAR * spread
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.score)))


def ranked(told: Sequence[Measured]) -> list[str]:
    """Ids from the best to the worst; of two alike the later one first."""
    order = sorted(
        ((each, reel.timestamp or "", natural_id(reel)) for reel, each in told), reverse=True
    )
    return [reel_id for _, _, reel_id in order]
