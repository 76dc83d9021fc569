"""Figures of an analysis as people read them: the same in its page and in the terminal."""

from ingather.domain.estimates import Estimate

NOT_ENOUGH = "not enough"


def number(value: float) -> str:
    """A number of views or engagements; the half of a small one is told."""
    return f"{value:,.1f}" if abs(value) < 10 and value % 1 else f"{value:,.0f}"


def typical(estimate: Estimate | None) -> str:
    return NOT_ENOUGH if estimate is None else number(estimate.value)


def percent(value: float) -> str:
    """A part of one; what is less than a thousandth has two digits, for 0.00% would say none."""
    if 0 < abs(value) < 0.001:
        return f"{100 * value:.2g}%"
    return f"{value:,.2%}"


def rate(estimate: Estimate | None) -> str:
    return NOT_ENOUGH if estimate is None else percent(estimate.value)


def reels(count: int) -> str:
    return "1 reel" if count == 1 else f"{count:,} reels"
