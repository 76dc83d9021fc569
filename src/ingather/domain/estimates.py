"""Robust statistics of short, skewed samples: medians and what can be said about them. Pure.

Few reels make few figures: every function says None where its sample is too small to speak. All
intervals are at 95 %. Equal to NumPy's and SciPy's figures to 1e-9 (tests/unit/test_estimates.py).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from math import atanh, exp, inf, isfinite, lgamma, log, log1p, pi, sqrt, tanh
from statistics import NormalDist
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Values = Sequence[float] | NDArray[Any]

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
_Z = NormalDist().inv_cdf(1 - _TAIL)
_EXACT = 200
"""Up to this many values the ranks of a median's interval are computed from the binomial itself."""


class Estimate(Struct, frozen=True):
    """A figure, the interval it lies in, and the number of values that it rests on.

    low, high: None where the sample is too small for an interval.
    """

    value: float
    n: int
    low: float | None = None
    high: float | None = None


def quantile(ordered: Values, part: float) -> float:
    """The quantile of values in ascending order, between two of them by a straight line.

    Hyndman and Fan 1996, definition 7; NumPy's default. At least one value.
    """
    place = part * (len(ordered) - 1)
    below = int(place)
    if below + 1 >= len(ordered):
        return float(ordered[-1])
    low, high = float(ordered[below]), float(ordered[below + 1])
    return low + (high - low) * (place - below)


def median(values: Values) -> Estimate | None:
    """The median with an interval from order statistics (Conover 1999, 3.2); None of nothing.

    There is no interval of fewer than six values: not even their range is one.
    """
    n = len(values)
    if not n:
        return None
    ordered = np.sort(values)
    middle = quantile(ordered, 0.5)
    rank = _rank(n)
    if rank < 1:
        return Estimate(middle, n)
    return Estimate(middle, n, float(ordered[rank - 1]), float(ordered[n - rank]))


@lru_cache(maxsize=4096)
def _rank(n: int) -> int:
    """The place, from 1, of the value that is the interval's lower end; 0 where there is none."""
    if n > _EXACT:
        return int(n / 2 - _Z * sqrt(n) / 2)
    rank, cumulated = 0, 0.0
    while True:
        cumulated += exp(lgamma(n + 1) - lgamma(rank + 1) - lgamma(n - rank + 1) + n * log(0.5))
        if cumulated > _TAIL:
            return rank
        rank += 1


def deviation(ordered: Values) -> float:
    """The median absolute deviation from the median, of values in ascending order."""
    middle = quantile(ordered, 0.5)
    return quantile(np.sort(np.abs(np.asarray(ordered) - middle)), 0.5)


def grouped(keys: NDArray[np.int64], values: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """The values of each key, in the order in which they stand; the lowest key first.

    keys: from -32,768 to 32,767, which can be sorted by counting.
    """
    short = keys.astype(np.int16)
    order = short.argsort(kind="stable")
    ordered = short[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    found = ordered[starts].tolist()
    return dict(zip(found, np.split(values[order], starts[1:]), strict=True)) if found else {}


class Line(Struct, frozen=True):
    """value = intercept + slope x, with an interval of the slope; n points."""

    slope: float
    intercept: float
    low: float
    high: float
    n: int


def theil_sen(xs: Values, ys: Values) -> Line | None:
    """The median of the slopes between every two points (Theil 1950), with Sen's interval (1968).

    None where no two points differ in x. Time and memory grow with the square of the points.
    """
    n, x, y = len(xs), np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    one, other = np.triu_indices(n, 1)
    across, up = x[other] - x[one], y[other] - y[one]
    apart = across != 0
    slopes = up[apart] / across[apart]
    if not len(slopes):
        return None
    ties = sum(_tied(each) for each in (x, y))
    spread = sqrt(max(0.0, (n * (n - 1) * (2 * n + 5) - ties) / 18))
    low = max(round((len(slopes) - _Z * spread) / 2) - 1, 0)
    high = min(round((len(slopes) + _Z * spread) / 2), len(slopes) - 1)
    half = len(slopes) // 2
    slopes.partition(sorted({low, high, max(half - 1, 0), half}))  # all that is looked at below
    slope = quantile(slopes, 0.5)
    through = quantile(np.sort(y), 0.5) - slope * quantile(np.sort(x), 0.5)
    return Line(slope, through, float(slopes[low]), float(slopes[high]), n)


def _tied(values: NDArray[np.float64]) -> int:
    _, counts = np.unique(values, return_counts=True)
    return int((counts * (counts - 1) * (2 * counts + 5)).sum())


def spearman(xs: Values, ys: Values) -> Estimate | None:
    """Spearman's correlation of ranks, -1 to 1, with the interval of Bonett and Wright (2000).

    None for fewer than ten pairs, or where one side never changes.
    """
    n = len(xs)
    if n < 10:
        return None
    a, b = (_ranks(each) - (n + 1) / 2 for each in (xs, ys))
    covered, across, along = (float((c * d).sum()) for c, d in ((a, b), (a, a), (b, b)))
    if not across or not along:
        return None
    rho = max(-1.0, min(1.0, covered / sqrt(across * along)))
    if abs(rho) == 1.0:
        return Estimate(rho, n, rho, rho)
    half = _Z * sqrt((1 + rho * rho / 2) / (n - 3))
    return Estimate(rho, n, tanh(atanh(rho) - half), tanh(atanh(rho) + half))


def _ranks(values: Values) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the middle one of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return shared[which]


class Sums(Struct, frozen=True):
    """Count, sum and sum of squares of a sample."""

    n: int
    total: float
    squares: float

    @classmethod
    def of(cls, values: Values) -> "Sums":
        told = np.asarray(values, np.float64)
        return cls(len(told), float(told.sum()), float((told * told).sum()))

    def without(self, other: "Sums") -> "Sums":
        return Sums(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        """Of the sample; never below zero, as rounding may make it."""
        return max(0.0, (self.squares - self.total * self.total / self.n) / (self.n - 1))


def ratio(with_it: Sums, without_it: Sums) -> Estimate | None:
    """How many times as large a typical value is with something as without it.

    Of logarithms: the ratio of geometric means, with Welch's interval (1947). n: values with it.
    None where either side has fewer than two values or nothing varies.
    """
    if with_it.n < 2 or without_it.n < 2:
        return None
    a, b = with_it.variance / with_it.n, without_it.variance / without_it.n
    if a + b <= 0:
        return None
    gap = with_it.mean - without_it.mean
    freedom = (a + b) ** 2 / (a * a / (with_it.n - 1) + b * b / (without_it.n - 1))
    half = student(1 - _TAIL, freedom) * sqrt(a + b)
    return Estimate(exp(gap), with_it.n, exp(gap - half), exp(gap + half))


def student(part: float, freedom: float) -> float:
    """The quantile of Student's t, for a part above one half; freedom above 0."""
    t = NormalDist().inv_cdf(part)
    if freedom > 1e5:  # two terms of the expansion in 1/freedom (Abramowitz and Stegun 26.7.5)
        first = (t**3 + t) / 4
        return t + first / freedom + (5 * t**5 + 16 * t**3 + 3 * t) / 96 / freedom**2
    low, high = 0.0, inf
    for _ in range(200):
        wrong = _student_below(t, freedom) - part
        low, high = (t, high) if wrong < 0 else (low, t)
        slope = exp(
            lgamma((freedom + 1) / 2)
            - lgamma(freedom / 2)
            - log(freedom * pi) / 2
            - (freedom + 1) / 2 * log1p(t * t / freedom)
        )
        step = t - wrong / slope if slope else inf
        if not low < step < high or not isfinite(step):
            step = 2 * t if high == inf else (low + high) / 2
        if abs(step - t) <= 1e-13 * t:
            return step
        t = step
    return t


def _student_below(t: float, freedom: float) -> float:
    return 1 - _beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 1000):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + part * d or tiny)
            c = 1 + part / c or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * value


def largest(counts: Mapping[str, int], most: int, *, at_least: int) -> list[str]:
    """The words counted most often, the most frequent first and alike ones by name."""
    enough = ((-n, word) for word, n in counts.items() if n >= at_least)
    return [word for _, word in islice(sorted(enough), most)]
