"""When reels are posted and how that goes: trend, cadence, consistency, hours and weekdays. Pure.

Times are those of one stated time zone. Whatever a period or an hour says, it says on how many
reels.
"""

from datetime import date, datetime, tzinfo
from math import sqrt
from typing import Literal

import numpy as np
from msgspec import Struct

from ingather.domain import estimates
from ingather.domain.estimates import Estimate
from ingather.domain.reel_columns import Numbers, Places

Period = Literal["week", "month"]

FEW_PERIODS = 6
FEW_IN_A_CELL = 5
FEW_GAPS = 3
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_MONDAY = 3
"""Days from the Monday of the week in which 1970 began to its first day, a Thursday."""


class Point(Struct, frozen=True):
    """The reels of one period: its first day (ISO 8601), how many, and the median measure."""

    start: str
    n: int
    median: float


class Trend(Struct, frozen=True):
    """How the median of a period changes from one period to the next (Theil and Sen).

    slope, low, high: measure per period; relative: slope as a part of the median of all periods.
    direction: up or down where the whole interval says so, else flat: nothing that shows.
    fitted: the line's value at the first and the last period. points: periods with reels in them.
    """

    period: Period
    reels: int
    slope: float
    low: float
    high: float
    relative: float | None
    direction: Literal["up", "down", "flat"]
    fitted: tuple[float, float]
    points: tuple[Point, ...]


class Cadence(Struct, frozen=True, rename="camel"):
    """How often reels come. Days; gaps are those between one reel and the next."""

    reels: int
    per_week: float
    gap: Estimate
    longest_gap: float
    last_posted: str


class Consistency(Struct, frozen=True):
    """How alike the reels do.

    dispersion: (Q3 - Q1) / (Q3 + Q1), 0 where all are alike, at most 1 (Bonett 2006).
    variation: standard deviation over mean, which one success alone can double.
    """

    n: int
    dispersion: float
    variation: float


class Cell(Struct, frozen=True):
    """The reels of one hour (0 to 23), weekday (0 is Monday) or both (weekday * 24 + hour)."""

    place: int
    n: int
    median: float


class Best(Struct, frozen=True):
    """The hour or weekday that did best. clear: its whole interval lies above the median of all;
    otherwise chance is reason enough."""

    place: int
    estimate: Estimate
    clear: bool


class Calendar(Struct, frozen=True, rename="camel"):
    """Reels by hour and weekday. best_hour, best_weekday: None where no cell holds enough."""

    zone: str
    reels: int
    hours: tuple[Cell, ...]
    weekdays: tuple[Cell, ...]
    grid: tuple[Cell, ...]
    best_hour: Best | None
    best_weekday: Best | None


def trend(clocks: Places, values: Numbers, period: Period) -> Trend | None:
    """Of reels in ascending order of their measure. clocks: when they were posted, as seconds since
    1970 began on the clocks of the zone asked for.

    None for fewer than six periods with reels in them, or where all the reels lie in one.
    """
    days = clocks // _DAY
    numbers = (
        (days + _MONDAY) // 7
        if period == "week"
        else days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    )
    gathered = estimates.grouped(numbers, values)
    if len(gathered) < FEW_PERIODS:
        return None
    xs = [number - min(gathered) for number in gathered]
    ys = [estimates.quantile(each, 0.5) for each in gathered.values()]
    line = estimates.theil_sen(xs, ys)
    if line is None:
        return None
    typical = estimates.quantile(sorted(ys), 0.5)
    return Trend(
        period,
        len(values),
        line.slope,
        line.low,
        line.high,
        line.slope / typical if typical else None,
        "up" if line.low > 0 else "down" if line.high < 0 else "flat",
        (line.intercept, line.intercept + line.slope * xs[-1]),
        tuple(
            Point(_start(number, period), len(gathered[number]), middle)
            for number, middle in zip(gathered, ys, strict=True)
        ),
    )


def _start(number: int, period: Period) -> str:
    """The first day of a period."""
    if period == "week":
        return date.fromordinal(_EPOCH + number * 7 - _MONDAY).isoformat()
    return date(1970 + number // 12, number % 12 + 1, 1).isoformat()


def cadence(posted: Numbers, zone: tzinfo) -> Cadence | None:
    """None for fewer than four reels: three gaps are the least that have a middle.

    posted: epoch seconds. zone: of the last one's time.
    """
    ordered = np.sort(posted)
    gaps = np.diff(ordered) / _DAY
    if len(gaps) < FEW_GAPS:
        return None
    gap = estimates.median(gaps)
    assert gap is not None
    days = float(gaps.sum())
    per_week = 7 * len(gaps) / days if days else float(len(ordered))
    last = datetime.fromtimestamp(float(ordered[-1]), zone).isoformat()
    return Cadence(len(ordered), per_week, gap, float(gaps.max()), last)


def consistency(ordered: Numbers) -> Consistency | None:
    """None for fewer than six values, or where their middle half is 0."""
    if len(ordered) < 6:
        return None
    first, third = (estimates.quantile(ordered, part) for part in (0.25, 0.75))
    mean = float(ordered.mean())
    if not first + third or not mean:
        return None
    spread = sqrt(float(((ordered - mean) ** 2).sum()) / (len(ordered) - 1))
    return Consistency(len(ordered), (third - first) / (third + first), spread / mean)


def calendar(clocks: Places, values: Numbers, zone: str) -> Calendar | None:
    """Of reels in ascending order of their measure; None of none. clocks: as `trend` has them."""
    if not len(values):
        return None
    hour, weekday = clocks // 3_600 % 24, (clocks // _DAY + _MONDAY) % 7
    hours, weekdays = estimates.grouped(hour, values), estimates.grouped(weekday, values)
    typical = estimates.quantile(values, 0.5)
    return Calendar(
        zone,
        len(values),
        _cells(hours),
        _cells(weekdays),
        _cells(estimates.grouped(weekday * 24 + hour, values)),
        _best(hours, typical),
        _best(weekdays, typical),
    )


def _cells(gathered: dict[int, Numbers]) -> tuple[Cell, ...]:
    return tuple(
        Cell(place, len(values), estimates.quantile(values, 0.5))
        for place, values in gathered.items()
    )


def _best(gathered: dict[int, Numbers], typical: float) -> Best | None:
    found: Best | None = None
    for place, values in gathered.items():
        estimate = estimates.median(values) if len(values) >= FEW_IN_A_CELL else None
        if estimate is None or (found is not None and estimate.value <= found.estimate.value):
            continue
        found = Best(place, estimate, estimate.low is not None and estimate.low > typical)
    return found
