"""Figures of an analysis as people read them: the same in its page and in the terminal."""

from ingather.domain.estimates import Estimate
from ingather.domain.trends import Calendar

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
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


def best(found: Calendar, measure: str) -> str:
    """The best hour and weekday in words, or why none is named."""
    said = []
    for word, one in (("hour", found.best_hour), ("weekday", found.best_weekday)):
        if one is None:
            said.append(f"Best {word}: not enough reels in any.")
            continue
        name = f"{one.place:02}:00" if word == "hour" else DAYS[one.place]
        sure = "clearly above the rest" if one.clear else "which may be chance"
        said.append(
            f"Best {word}: {name}, median {number(one.estimate.value)} {measure} on"
            f" {reels(one.estimate.n)}, {sure}."
        )
    return " ".join(said)
