"""The charts of an analysis, each with the numbers that it shows.

Shades are opacities of one colour, which everybody can tell apart.
"""

from collections.abc import Sequence
from datetime import date

from ingather.domain.analysis import Analysis
from ingather.domain.content import Against, Lifts
from ingather.domain.engagement import Tier
from ingather.domain.reel_rows import ReelRow
from ingather.domain.trends import Calendar, Trend
from ingather.exports import reel_figures as figures
from ingather.exports.chart import FAINT, INK, MAIN, Chart, draw
from ingather.exports.reel_figures import DAYS

MOST_DOTS = 1_000
MOST_WORDS = 15
_SHORT = {"labelExpr": "format(datum.value, datum.value < 1000 ? ',~g' : '~s')"}
_LOG = {"type": "log", "nice": False, "padding": 12}


def tiers(found: Analysis) -> Chart | None:
    """How many reels are in each tier."""
    told = found.tiers
    if told is None:
        return None
    bounds: dict[Tier, str] = {
        "viral": f"from {told.viral_from:,.0f}",
        "high": f"from {told.high_from:,.0f}",
        "average": f"from {told.average_from:,.0f}",
        "low": f"below {told.average_from:,.0f}",
    }
    numbers = [(name, bounds[name], told.counts[name]) for name in bounds]
    values = [{"tier": name, "reels": count} for name, _, count in numbers]
    y = {"field": "tier", "type": "nominal", "sort": None, "title": None}
    x = {"field": "reels", "type": "quantitative", "title": "reels", "axis": {"tickCount": 5}}
    spec = {
        "data": {"values": values},
        "encoding": {"x": x, "y": y},
        "layer": [
            {"mark": {"type": "bar", "color": MAIN}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "color": INK},
                "encoding": {"text": {"field": "reels"}},
            },
        ],
    }
    note = (
        f"By this account's own {told.measure}: the best 5 % are called viral, the next 20 % high,"
        " the lowest quarter low."
    )
    return draw("Tiers", note, spec, ("Tier", told.measure, "Reels"), numbers, 150)


def trend(found: Trend, measure: str) -> Chart:
    """Medians of the periods, the line through them and the band of its slope."""
    last = len(found.points) - 1
    first, end = found.fitted
    points = [
        {"start": point.start, "median": point.median, "n": point.n} for point in found.points
    ]
    span = _periods(found)
    middle = (first + end) / 2
    half = span / 2
    band = [
        {
            "start": found.points[0].start,
            "a": middle - half * found.low,
            "b": middle - half * found.high,
            "line": first,
        },
        {"start": found.points[last // 2].start, "a": middle, "b": middle, "line": None},
        {
            "start": found.points[last].start,
            "a": middle + half * found.low,
            "b": middle + half * found.high,
            "line": end,
        },
    ]
    short = found.period == "week" and span < 22
    axis = {"format": "%-d %b" if short else "%b %Y", "tickCount": 4, "labelOverlap": True}
    x = {"field": "start", "type": "temporal", "title": None, "axis": axis}
    spec = {
        "layer": [
            {
                "data": {"values": band},
                "mark": {"type": "area", "color": MAIN, "opacity": 0.18, "clip": True},
                "encoding": {
                    "x": x,
                    "y": {
                        "field": "a",
                        "type": "quantitative",
                        "title": f"median {measure}",
                        "axis": _SHORT,
                        "scale": {"domainMin": 0},  # there is nothing below, whatever the band says
                    },
                    "y2": {"field": "b"},
                },
            },
            {
                "data": {"values": [each for each in band if each["line"] is not None]},
                "mark": {"type": "line", "color": MAIN, "strokeWidth": 2, "clip": True},
                "encoding": {"x": x, "y": {"field": "line", "type": "quantitative"}},
            },
            {
                "data": {"values": points},
                "mark": {"type": "point", "color": INK, "filled": True, "size": 26},
                "encoding": {"x": x, "y": {"field": "median", "type": "quantitative"}},
            },
        ]
    }
    words = {"up": "rising", "down": "falling", "flat": "no change that shows"}
    relative = f" ({found.relative:+.1%} of the median)" if found.relative is not None else ""
    note = (
        f"{found.slope:+,.1f} {measure} a {found.period}{relative}, between {found.low:+,.1f} and"
        f" {found.high:+,.1f} with 95 % confidence: {words[found.direction]}. Rests on"
        f" {found.reels:,} reels in {len(found.points)} {found.period}s."
    )
    numbers = [(point.start, point.n, f"{point.median:,.0f}") for point in found.points]
    heads = (f"{found.period.capitalize()} from", "Reels", f"Median {measure}")
    return draw(f"Trend by {found.period}", note, spec, heads, numbers)


def _periods(found: Trend) -> float:
    """Periods from the first point to the last."""
    first, last = (date.fromisoformat(found.points[place].start) for place in (0, -1))
    if found.period == "week":
        return (last - first).days / 7
    return (last.year - first.year) * 12 + last.month - first.month


def calendar(found: Calendar, measure: str) -> Chart:
    """The median by weekday and hour."""
    values = [
        {"day": DAYS[cell.place // 24], "hour": cell.place % 24, "median": cell.median, "n": cell.n}
        for cell in found.grid
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "rect", "color": MAIN, "stroke": FAINT, "strokeWidth": 0.5},
        "encoding": {
            "x": {
                "field": "hour",
                "type": "ordinal",
                "title": f"hour, {found.zone}",
                "scale": {"domain": list(range(24))},
                "axis": {"values": [0, 6, 12, 18, 23], "labelAngle": 0},
            },
            "y": {
                "field": "day",
                "type": "ordinal",
                "title": None,
                "scale": {"domain": list(DAYS)},
            },
            "fillOpacity": {
                "field": "median",
                "type": "quantitative",
                "legend": None,
                "scale": {"type": "sqrt", "range": [0.08, 1]},
            },
        },
    }
    numbers = [
        (f"{DAYS[cell.place // 24]} {cell.place % 24:02}:00", cell.n, f"{cell.median:,.0f}")
        for cell in found.grid
    ]
    best = figures.best(found, measure)
    note = f"The stronger the colour, the higher the median of {measure}. {best}"
    heads = ("When", "Reels", f"Median {measure}")
    return draw("When reels are posted", note, spec, heads, numbers)


def scatter(rows: Sequence[ReelRow]) -> Chart | None:
    """Views against the rate of engagement, each reel a dot; at most a thousand of them."""
    told = [row for row in rows if row.views and row.engagement_rate]
    if len(told) < 2:
        return None

    def axis(field: str, title: str, form: str) -> dict[str, object]:
        log = {"scale": _LOG, "axis": {"format": form, "tickCount": 4}}
        return {"field": field, "type": "quantitative", "title": title, **log}

    step = -(-len(told) // MOST_DOTS)
    some = told[::step]
    values = [{"views": row.views, "rate": row.engagement_rate} for row in some]
    spec = {
        "data": {"values": values},
        "mark": {"type": "point", "color": MAIN, "filled": True, "opacity": 0.55, "size": 30},
        "encoding": {
            "x": axis("views", "views", "~s"),
            "y": axis("rate", "engagement by views", "~%"),
        },
    }
    note = f"{len(some):,} of {len(told):,} reels." if step > 1 else f"{len(told):,} reels."
    if none := sum(row.engagement_rate == 0 for row in rows):
        note += f" {none:,} without any engagement have no place on it."
    ordered = sorted(some, key=lambda row: -(row.views or 0))
    numbers = [
        (row.shortcode or row.reel_id, f"{row.views:,}", figures.percent(row.engagement_rate or 0))
        for row in ordered[:100]
    ]
    heads = ("Reel", "Views", "Engagement by views")
    return draw("Views against engagement", note, spec, heads, numbers)


def lifts(found: Lifts, title: str, measure: str) -> Chart | None:
    """Words by lift, each with its interval; 1 means that it makes no difference."""
    if not found.lifts:
        return None
    ends = found.lifts[:MOST_WORDS]
    if len(found.lifts) > MOST_WORDS:
        ends = (*found.lifts[: MOST_WORDS - 5], *found.lifts[-5:])
    values = [
        {
            "word": each.word[:24],
            "lift": each.lift.value,
            "low": each.lift.low,
            "high": each.lift.high,
        }
        for each in ends
    ]
    y = {"field": "word", "type": "nominal", "sort": None, "title": None}
    x = {"type": "quantitative", "scale": _LOG, "title": "times as much"}
    ticks = {"axis": {"tickCount": 4, "format": "~g"}}
    spec = {
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "rule", "color": FAINT, "strokeWidth": 2},
                "encoding": {"x": {"datum": 1, **x}},
            },
            {
                "mark": {"type": "rule", "color": MAIN, "strokeWidth": 2},
                "encoding": {"y": y, "x": {"field": "low", **x, **ticks}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "color": MAIN, "filled": True, "size": 60},
                "encoding": {"y": y, "x": {"field": "lift", **x}},
            },
        ],
    }
    note = (
        f"How many times as many {measure} reels with it typically get as those without, with its"
        f" interval; 1 is no difference. Compared: {found.tested} that enough reels carry. About"
        " one in twenty lies outside its interval by chance alone."
    )
    numbers = [
        (each.word, each.n, f"{each.lift.value:.2f}", f"{each.lift.low:.2f}–{each.lift.high:.2f}")
        for each in found.lifts
    ]
    height = 40 + 22 * len(values)
    return draw(title, note, spec, (title, "Reels", "Lift", "Between"), numbers, height)


def bands(found: Against, title: str, measure: str) -> Chart | None:
    """Medians of the bands of a property."""
    if len(found.bands) < 2:
        return None  # where all are alike there is nothing to compare
    values = [
        {"band": each.name, "median": each.estimate.value if each.estimate else None}
        for each in found.bands
    ]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": MAIN},
        "encoding": {
            "y": {"field": "band", "type": "nominal", "sort": None, "title": None},
            "x": {
                "field": "median",
                "type": "quantitative",
                "title": f"median {measure}",
                "axis": {"tickCount": 4, **_SHORT},
            },
        },
    }
    rho = found.correlation
    note = (
        "Too few reels for a correlation."
        if rho is None or rho.low is None or rho.high is None
        else f"Spearman's correlation {rho.value:+.2f}, between {rho.low:+.2f} and"
        f" {rho.high:+.2f}, on {figures.reels(rho.n)}."
    )
    numbers = [
        (each.name, each.n, f"{each.estimate.value:,.0f}" if each.estimate else "")
        for each in found.bands
    ]
    height = 60 + 26 * len(found.bands)
    return draw(title, note, spec, (title, "Reels", f"Median {measure}"), numbers, height)
