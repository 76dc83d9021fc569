"""An analysis in the terminal: what matters in a screenful, with small bars."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingather.domain.analysis import Analysis
from ingather.domain.estimates import Estimate
from ingather.domain.job import File
from ingather.domain.kinds import CALLED
from ingather.domain.trends import Trend
from ingather.exports import reel_figures as figures
from ingather.exports.reel_files import Story, none_at_all
from ingather.exports.reel_files import as_json as story_json

_BAR = 24


def as_json(story: Story, file: File | None) -> str:
    """One object: id, receipt, file, profile and analysis."""
    told = json.loads(story_json(story))
    told.pop("reels")  # they are in the file
    told = {"id": story.receipt["exportId"], "status": story.receipt["status"], **told}
    told["file"] = None if file is None else file.path
    return json.dumps(told, ensure_ascii=False)


def summary(story: Story) -> Iterator[str]:
    """The lines."""
    found = story.analysis
    who = found.profile
    followers = "" if who.followers_count is None else f", {who.followers_count:,} followers"
    yield f"@{who.username}{followers}: {figures.reels(found.reels)}"
    if not found.reels:
        yield none_at_all(story.receipt)
        return
    yield (
        f"  {found.compared:,} compared"
        + (f", {found.young:,} younger than two days or without a time" if found.young else "")
        + (f", {found.left_out:,} made with others left out" if found.left_out else "")
    )
    yield _line(f"Typical {found.measure}", _figure(found.typical))
    for rate in found.rates:
        if rate.reels or rate.by != "reach":  # which only the owner is told
            yield _line(f"Engagement by {rate.by}", _rate(rate.rate))
    if found.hidden_likes:
        yield f"  Likes are hidden on {figures.reels(found.hidden_likes)}, and not counted as 0."
    yield from _tiers(found)
    for trend in (found.weekly, found.monthly):
        if trend is not None:
            yield _line(f"Trend by {trend.period}", _trend(trend, found.measure))
    if found.weekly is None and found.monthly is None:
        yield _line("Trend", "not enough weeks with reels in them")
    yield from _times(found)
    yield from _words(found)
    yield from _compared([found, *story.others])
    yield from _filled(story.receipt)
    if story.change is not None:
        change = story.change
        grown = f", {change.followers:+,} followers" if change.followers is not None else ""
        yield f"  Since {change.since[:16]}: {len(change.new):,} new reels{grown}"


def _filled(receipt: Mapping[str, Any]) -> Iterator[str]:
    """What a second source added, and why it did not add more."""
    for one in receipt["sources"][1:]:
        reels, units = one["reels"], one["units"]
        who = CALLED[one["source"]]
        yield f"  Gaps of {reels:,} reels were filled from {who}, for {units:,} units."
        if one["stopped"]:
            yield f"  Filling stopped: {one['stopped']}"


def _line(name: str, told: str) -> str:
    return f"  {name:<24} {told}"


def _tiers(found: Analysis) -> Iterator[str]:
    if found.tiers is None:
        yield _line("Tiers", "not enough reels")
        return
    for tier, count in found.tiers.counts.items():
        bar = "█" * round(_BAR * count / found.tiers.reels)
        yield _line(f"{tier.capitalize()} reels", f"{count:>6,}  {bar}")


def _times(found: Analysis) -> Iterator[str]:
    if found.cadence:
        yield _line("Posted", f"{found.cadence.per_week:.1f} times a week")
    if found.calendar is None:
        return
    hour, day = found.calendar.best_hour, found.calendar.best_weekday
    for word, best in (("hour", hour), ("weekday", day)):
        if best is None:
            yield _line(f"Best {word}", "not enough reels in any")
            continue
        name = f"{best.place:02}:00 {found.zone}" if word == "hour" else figures.DAYS[best.place]
        sure = "" if best.clear else ", which may be chance"
        yield _line(f"Best {word}", f"{name} ({best.estimate.n} reels{sure})")


def _words(found: Analysis) -> Iterator[str]:
    told = [
        each for each in found.hashtags.lifts if each.lift.low is not None and each.lift.low > 1
    ]
    if told:
        best = ", ".join(f"#{each.word} ×{each.lift.value:.1f} (n={each.n})" for each in told[:3])
        yield _line("Helping hashtags", best)
    elif found.hashtags.tested:
        yield _line("Hashtags", f"none of {found.hashtags.tested} clearly helps")


def _compared(accounts: Sequence[Analysis]) -> Iterator[str]:
    if len(accounts) < 2:
        return
    top = max((one.typical.value for one in accounts if one.typical), default=0)
    for one in accounts:
        bar = "█" * round(_BAR * one.typical.value / top) if top and one.typical else ""
        told = f"{figures.typical(one.typical):>10} {one.measure if one.typical else ''}"
        yield _line(f"@{one.profile.username}", f"{told}  {bar}".rstrip())


def _figure(estimate: Estimate | None) -> str:
    told = figures.typical(estimate)
    if estimate is None:
        return told
    if estimate.low is None or estimate.high is None:
        return f"{told} (n={estimate.n})"
    low, high = figures.number(estimate.low), figures.number(estimate.high)
    return f"{told} ({low} to {high}, n={estimate.n})"


def _rate(estimate: Estimate | None) -> str:
    told = figures.rate(estimate)
    return told if estimate is None else f"{told} (n={estimate.n})"


def _trend(trend: Trend, measure: str) -> str:
    words = {"up": "rising", "down": "falling", "flat": "no change that shows"}
    return f"{words[trend.direction]}: {trend.slope:+,.0f} {measure} a {trend.period}"
