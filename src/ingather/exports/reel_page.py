"""An analysis as one page that needs nothing beside itself: it opens offline, on a phone, in the
dark, and every chart has its numbers in a table under it."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from ingather.domain.analysis import Analysis
from ingather.domain.content import Group
from ingather.domain.estimates import Estimate
from ingather.domain.reel_rows import ReelRow
from ingather.exports import reel_charts as charts
from ingather.exports import reel_figures as figures
from ingather.exports import reel_receipt
from ingather.exports.chart import Chart
from ingather.exports.page_table import Html, table
from ingather.exports.reel_figures import NOT_ENOUGH
from ingather.exports.reel_files import Story, none_at_all

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def page(story: Story) -> str:
    """The whole page. Everything that people wrote is escaped; nothing is loaded or run."""
    found = story.analysis
    style = resources.files(__package__).joinpath("reel_page.css").read_text("utf-8")
    body = "".join(_sections(story))
    name = escape(found.profile.username)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Reels of @{name}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _sections(story: Story) -> Iterable[str]:
    found, rows = story.analysis, story.rows
    yield _header(found)
    if not found.reels:
        yield f"<p>{escape(none_at_all(story.receipt))}</p>"
        yield from _end(story)
        return
    yield _figures(found)
    if story.change is not None:
        yield _changes(story)
    drawn: Sequence[Chart | None] = (
        charts.tiers(found),
        charts.trend(found.weekly, found.measure) if found.weekly else None,
        charts.trend(found.monthly, found.measure) if found.monthly else None,
        charts.calendar(found.calendar, found.measure) if found.calendar else None,
        charts.scatter(rows),
        charts.lifts(found.hashtags, "Hashtags", found.measure),
        charts.lifts(found.mentions, "Mentions", found.measure),
        charts.bands(found.duration, "Length", found.measure),
        charts.bands(found.caption, "Caption", found.measure),
    )
    for chart in drawn:
        if chart is not None:
            yield _chart(chart)
    yield _groups("Topics", found.topics, found.measure)
    yield _groups("Kinds", found.formats, found.measure)
    by_id = {row.reel_id: row for row in rows}
    yield _reels("Best reels", [by_id[one] for one in found.top], found)
    yield _reels("Weakest reels", [by_id[one] for one in found.bottom], found)
    yield _outliers(found, by_id)
    yield from _end(story)


def _end(story: Story) -> Iterable[str]:
    if story.others:
        yield _comparison([story.analysis, *story.others])
    yield reel_receipt.section(story.receipt)


def _header(found: Analysis) -> str:
    who = found.profile
    told = [
        (who.followers_count, "followers"),
        (who.follows_count, "following"),
        (who.media_count, "posts"),
        (found.reels, "reel" if found.reels == 1 else "reels"),
    ]
    counts = " · ".join(f"<b>{n:,}</b> {word}" for n, word in told if n is not None)
    full = f"<p><bdi>{escape(who.full_name)}</bdi></p>" if who.full_name else ""
    young = f", {found.young:,} younger than two days or without a time" if found.young else ""
    left = f", {found.left_out:,} made with others left out" if found.left_out else ""
    return (
        f"<header><h1>Reels of @{escape(who.username)}</h1>{full}<p>{counts}</p>"
        f'<p class="faint">As of {escape(found.at[:16].replace("T", " "))} UTC. {found.compared:,}'
        f" compared{young}{left}."
        f" Times are those of {escape(found.zone)}.</p></header>"
    )


def _figures(found: Analysis) -> str:
    cards = [
        (f"Typical {found.measure}", figures.typical(found.typical), _between(found.typical)),
        *(
            (f"Engagement by {rate.by}", figures.rate(rate.rate), f"on {figures.reels(rate.reels)}")
            for rate in found.rates
            if rate.reels or rate.by != "reach"  # told of one's own reels alone
        ),
    ]
    if found.cadence:
        gap = found.cadence.gap
        cards.append(
            (
                "Posting",
                f"{found.cadence.per_week:.1f} a week",
                f"usually {gap.value:.1f} days apart, at most {found.cadence.longest_gap:.0f}",
            )
        )
    if found.consistency:
        cards.append(
            (
                "Dispersion",
                f"{found.consistency.dispersion:.2f}",
                f"0 is all alike, 1 is all different; on {figures.reels(found.consistency.n)}",
            )
        )
    if found.hidden_likes:
        cards.append(("Hidden likes", f"{found.hidden_likes:,}", "never counted as 0"))
    told = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(note)}</dd></div>"
        for name, value, note in cards
    )
    return f'<dl class="cards">{told}</dl>'


def _between(estimate: Estimate | None) -> str:
    if estimate is None:
        return "no reel tells it"
    if estimate.low is None or estimate.high is None:
        return f"on {figures.reels(estimate.n)}"
    low, high = figures.number(estimate.low), figures.number(estimate.high)
    return f"between {low} and {high}, on {figures.reels(estimate.n)}"


def _changes(story: Story) -> str:
    change = story.change
    assert change is not None
    lines = [f"{len(change.new):,} new, {len(change.gone):,} gone"]
    if change.followers is not None:
        lines.append(f"{change.followers:+,} followers")
    if change.typical is not None:
        lines.append(f"{change.typical:+,.0f} on the typical reel's {story.analysis.measure}")
    since = escape(change.since[:16].replace("T", " "))
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<section><h2>Since {since} UTC</h2><ul>{items}</ul></section>"


def _chart(chart: Chart) -> str:
    return (
        f"<section><h2>{escape(chart.title)}</h2><p>{escape(chart.note)}</p>"
        f'<figure><div class="wide">{chart.wide}</div><div class="narrow">{chart.narrow}</div>'
        f"</figure><details><summary>The numbers</summary>"
        f"{table(chart.heads, chart.numbers)}</details></section>"
    )


def _groups(title: str, groups: Sequence[Group], measure: str) -> str:
    if len(groups) < 2:
        return ""  # where all are alike there is nothing to compare
    lines = [
        (each.name, each.n, f"{each.part:.0%}", figures.typical(each.estimate)) for each in groups
    ]
    heads = (title, "Reels", "Of all", f"Median {measure}")
    return f"<section><h2>{title}</h2>{table(heads, lines)}</section>"


def _reels(title: str, rows: Sequence[ReelRow], found: Analysis) -> str:
    if not rows:
        return f"<section><h2>{title}</h2><p>{NOT_ENOUGH.capitalize()} reels.</p></section>"
    lines = [
        (
            _link(row),
            (row.date_posted or "")[:10],
            None if row.views is None else f"{row.views:,}",
            ("hidden" if row.likes_hidden else None) if row.likes is None else f"{row.likes:,}",
            None if row.comments is None else f"{row.comments:,}",
            None if row.engagement_rate is None else figures.percent(row.engagement_rate),
            row.tier,
        )
        for row in rows
    ]
    heads = ("Reel", "Posted", "Views", "Likes", "Comments", "Engagement by views", "Tier")
    return f"<section><h2>{title}</h2>{table(heads, lines)}</section>"


def _link(row: ReelRow) -> Html:
    words = " ".join((row.caption or "").split())[:60] or row.shortcode or row.reel_id
    if row.url is None or not row.url.startswith("https://"):
        return Html(escape(words))
    return Html(
        f'<a href="{escape(row.url)}" rel="noopener noreferrer" dir="auto">{escape(words)}</a>'
    )


def _outliers(found: Analysis, by_id: dict[str, ReelRow]) -> str:
    if not found.outliers:
        return ""
    lines = [
        (_link(by_id[each.reel_id]), _times(each.times), f"{each.score:+.1f}")
        for each in found.outliers[:20]
    ]
    heads = ("Reel", f"Of the median {found.measure}", "Modified z-score")
    return f"<section><h2>Out of the row</h2>{table(heads, lines)}</section>"


def _times(times: float) -> str:
    """A multiple of the median; a small one as the part of it that it is."""
    return f"{times:,.1f} ×" if times >= 0.1 or not times else f"1 / {1 / times:,.0f}"


def _comparison(accounts: Sequence[Analysis]) -> str:
    told = [rate.by for rate in accounts[0].rates if any(_rate(one, rate.by) for one in accounts)]
    lines = [
        (
            f"@{each.profile.username}",
            each.reels,
            None if each.profile.followers_count is None else f"{each.profile.followers_count:,}",
            f"{figures.typical(each.typical)} {each.measure}" if each.typical else NOT_ENOUGH,
            *(figures.rate(_rate(each, by)) for by in told),
            f"{each.cadence.per_week:.1f}" if each.cadence else NOT_ENOUGH,
        )
        for each in accounts
    ]
    rates = [f"Engagement by {by}" for by in told]
    heads = ("Account", "Reels", "Followers", "Typical", *rates, "A week")
    return f"<section><h2>Compared</h2>{table(heads, lines)}</section>"


def _rate(found: Analysis, by: str) -> Estimate | None:
    return next(rate.rate for rate in found.rates if rate.by == by)
