"""When reels are posted and how that goes: trend, cadence, consistency, hours and weekdays. Pure.

Times are those of one stated time zone. Whatever a period or an hour says, it says on how many
reels.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from math import sqrt
from typing import Literal

from msgspec import Struct

from ingather.domain import estimates
from ingather.domain.estimates import Estimate

Period = Literal["week", "month"]
Posted = tuple[datetime, float]
"""When a reel was posted, in the time zone asked for, and its measure."""

FEW_PERIODS = 6
FEW_IN_A_CELL = 5
FEW_GAPS = 3


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


def moment(posted: str, zone: tzinfo) -> datetime:
    """A time as it was on the clocks of a zone; raises ValueError for a text that is no time."""
    when = datetime.fromisoformat(posted)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone)


def trend(reels: Sequence[Posted], period: Period) -> Trend | None:
    """None for fewer than six periods with reels in them, or where all the reels lie in one."""
    gathered: dict[date, list[float]] = defaultdict(list)
    for when, value in reels:
        day = when.date()
        back = day.weekday() if period == "week" else day.day - 1
        gathered[day - timedelta(days=back)].append(value)
    if len(gathered) < FEW_PERIODS:
        return None
    starts = sorted(gathered)
    xs = [_number(start, period) - _number(starts[0], period) for start in starts]
    ys = [estimates.quantile(sorted(gathered[start]), 0.5) for start in starts]
    line = estimates.theil_sen(xs, ys)
    if line is None:
        return None
    typical = estimates.quantile(sorted(ys), 0.5)
    return Trend(
        period,
        len(reels),
        line.slope,
        line.low,
        line.high,
        line.slope / typical if typical else None,
        "up" if line.low > 0 else "down" if line.high < 0 else "flat",
        (line.intercept, line.intercept + line.slope * xs[-1]),
        tuple(
            Point(start.isoformat(), len(gathered[start]), middle)
            for start, middle in zip(starts, ys, strict=True)
        ),
    )


def _number(start: date, period: Period) -> float:
    """A period's number, so that one without reels still takes its place."""
    return start.toordinal() / 7 if period == "week" else start.year * 12 + start.month


def cadence(times: Sequence[datetime]) -> Cadence | None:
    """None for fewer than four reels: three gaps are the least that have a middle."""
    ordered = sorted(times)
    gaps = [(then - before).total_seconds() / 86_400 for before, then in pairwise(ordered)]
    if len(gaps) < FEW_GAPS:
        return None
    gap = estimates.median(gaps)
    assert gap is not None
    days = sum(gaps)
    per_week = 7 * len(gaps) / days if days else float(len(ordered))
    return Cadence(len(ordered), per_week, gap, max(gaps), ordered[-1].isoformat())


def consistency(values: Sequence[float]) -> Consistency | None:
    """None for fewer than six values, or where their middle half is 0."""
    n, ordered = len(values), sorted(values)
    if n < 6:
        return None
    first, third = (estimates.quantile(ordered, part) for part in (0.25, 0.75))
    mean = sum(values) / n
    if not first + third or not mean:
        return None
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return Consistency(n, (third - first) / (third + first), spread / mean)


def calendar(reels: Sequence[Posted], zone: str) -> Calendar | None:
    """None of no reels."""
    if not reels:
        return None
    grid: dict[int, list[float]] = defaultdict(list)
    for when, value in reels:
        grid[when.weekday() * 24 + when.hour].append(value)
    hours: dict[int, list[float]] = defaultdict(list)
    weekdays: dict[int, list[float]] = defaultdict(list)
    for place, values in grid.items():
        hours[place % 24] += values
        weekdays[place // 24] += values
    typical = estimates.quantile(sorted(value for _, value in reels), 0.5)
    return Calendar(
        zone,
        len(reels),
        _cells(hours),
        _cells(weekdays),
        _cells(grid),
        _best(hours, typical),
        _best(weekdays, typical),
    )


def _cells(gathered: dict[int, list[float]]) -> tuple[Cell, ...]:
    return tuple(
        Cell(place, len(values), estimates.quantile(sorted(values), 0.5))
        for place, values in sorted(gathered.items())
    )


def _best(gathered: dict[int, list[float]], typical: float) -> Best | None:
    found: Best | None = None
    for place, values in sorted(gathered.items()):
        estimate = estimates.median(values) if len(values) >= FEW_IN_A_CELL else None
        if estimate is None or (found is not None and estimate.value <= found.estimate.value):
            continue
        found = Best(place, estimate, estimate.low is not None and estimate.low > typical)
    return found
