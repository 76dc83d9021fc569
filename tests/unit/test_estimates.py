"""The statistics against an independent computation: NumPy and SciPy."""

import random
from math import log

import numpy as np
import pytest
from scipy import stats

from ingather.domain import estimates
from ingather.domain.estimates import Sums

SAMPLES = [
    [3.0],
    [1.0, 2.0],
    [5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    *(
        [random.Random(seed).lognormvariate(8, 1.5) for _ in range(size)]
        for seed, size in enumerate((3, 6, 7, 12, 61, 199, 200, 201, 1_000))
    ),
    [float(random.Random(9).randrange(5)) for _ in range(50)],
]


def close(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("values", SAMPLES, ids=len)
def test_quantiles_are_numpys(values) -> None:
    """Every quantile is NumPy's default one."""
    for part in (0.0, 0.05, 0.25, 0.5, 0.9, 0.95, 1.0):
        assert close(estimates.quantile(sorted(values), part), np.quantile(values, part))
    assert close(estimates.deviation(sorted(values)), stats.median_abs_deviation(values))


@pytest.mark.parametrize("n", [6, 7, 10, 20, 50, 199, 200])
def test_a_medians_interval_is_the_binomials(n) -> None:
    """Below 201 values the interval is the narrowest symmetric one that covers at least 95 %."""
    values = [float(number) for number in range(1, n + 1)]
    found = estimates.median(values)
    rank = round(found.low)
    assert found.high == n + 1 - rank
    assert 1 - 2 * stats.binom.cdf(rank - 1, n, 0.5) >= 0.95
    assert 1 - 2 * stats.binom.cdf(rank, n, 0.5) < 0.95


def test_few_values_have_a_median_and_no_interval() -> None:
    """Five values say what is in their middle, and not how sure that is; none say nothing."""
    assert estimates.median([4.0, 1.0, 2.0, 9.0, 3.0]) == estimates.Estimate(3.0, 5)
    assert estimates.median([]) is None


@pytest.mark.parametrize("seed", range(8))
def test_the_line_is_scipys(seed) -> None:
    """Slope, intercept and interval are those of scipy.stats.theilslopes, ties included."""
    dice = random.Random(seed)
    n = dice.choice((3, 8, 20, 60))
    xs = [float(x) for x in sorted(dice.sample(range(200), n))]
    ys = [float(dice.randrange(40)) if seed % 2 else dice.gauss(0, 5) + x / 3 for x in xs]
    found, expected = estimates.theil_sen(xs, ys), stats.theilslopes(ys, xs, 0.95)
    assert close(found.slope, expected.slope)
    assert close(found.intercept, expected.intercept)
    assert close(found.low, expected.low_slope)
    assert close(found.high, expected.high_slope)


def test_one_moment_has_no_slope() -> None:
    """Points that do not differ in time tell no trend."""
    assert estimates.theil_sen([2.0, 2.0], [1.0, 5.0]) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_correlation_is_scipys(seed) -> None:
    """Spearman's rho is SciPy's, ties included, and lies in its interval."""
    dice = random.Random(seed)
    xs = [float(dice.randrange(12)) for _ in range(40)]
    ys = [x * dice.random() for x in xs]
    found = estimates.spearman(xs, ys)
    assert close(found.value, stats.spearmanr(xs, ys).statistic)
    half = stats.norm.ppf(0.975) * np.sqrt((1 + found.value**2 / 2) / 37)
    assert close(found.low, np.tanh(np.arctanh(found.value) - half))
    assert found.low < found.value < found.high


def test_what_never_changes_correlates_with_nothing() -> None:
    """A side of one value, or too few pairs, give no figure."""
    assert estimates.spearman([1.0] * 12, [float(n) for n in range(12)]) is None
    assert estimates.spearman([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize("freedom", [0.7, 1.0, 1.5, 2.0, 4.3, 11.0, 97.5, 5_000.0, 2e7])
@pytest.mark.parametrize("part", [0.6, 0.9, 0.975, 0.9995])
def test_students_quantiles_are_scipys(part, freedom) -> None:
    """From fewer than one degree of freedom to as good as normal."""
    assert estimates.student(part, freedom) == pytest.approx(stats.t.ppf(part, freedom), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_ratio_is_welchs(seed) -> None:
    """The ratio of geometric means and its interval are those of Welch's test on logarithms."""
    dice = random.Random(seed)
    a = [dice.lognormvariate(1, 1) for _ in range(dice.randrange(2, 30))]
    b = [dice.lognormvariate(0.5, 2) for _ in range(dice.randrange(2, 200))]
    sides = [Sums.of([log(value) for value in side]) for side in (a, b)]
    found = estimates.ratio(*sides)
    test = stats.ttest_ind(np.log(a), np.log(b), equal_var=False)
    interval = test.confidence_interval(0.95)
    assert found.value == pytest.approx(np.exp(np.mean(np.log(a)) - np.mean(np.log(b))), rel=1e-9)
    assert found.low == pytest.approx(np.exp(interval.low), rel=1e-9)
    assert found.high == pytest.approx(np.exp(interval.high), rel=1e-9)
    assert found.n == len(a)
