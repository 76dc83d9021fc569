"""The page of an analysis: what people wrote is text, and figures read as people read them."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pytest

from ingather.cli import reel_words
from ingather.domain import analysis, content, reel_columns, reel_rows
from ingather.domain.estimates import Estimate
from ingather.domain.records import Media, Profile
from ingather.exports import reel_charts, reel_figures
from ingather.exports.reel_files import Story
from ingather.exports.reel_page import page

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
RECEIPT = {
    "sources": [{"source": "graph", "calls": 2, "units": 0}],
    "partial": False,
    **dict.fromkeys(("why", "fetched", "kept", "filtered", "duplicates", "repairedTexts"), 0),
    **dict.fromkeys(("pages", "calls", "retries", "waitedSeconds", "startedAt"), 0),
    **dict.fromkeys(("finishedAt", "exportId", "program"), ""),
}


def before(days: int) -> str:
    return f"{AT - timedelta(days=3 + days):%Y-%m-%dT%H:%M:%SZ}"


def reels(count: int, **changes) -> list[Media]:
    return [
        Media(
            media_id=str(number),
            timestamp=before(number),
            **{"play_count": 100 + number, "like_count": 5, "comment_count": 1, **changes},
        )
        for number in range(count)
    ]


def analysed(of: list[Media], **profile) -> analysis.Analysis:
    chosen = analysis.choose(reel_columns.of(of), at=AT)
    terms = content.terms([], np.array([], np.int64))
    who = Profile(**{"user_id": "1", "username": "lamps", **profile})
    return analysis.analyse(who, chosen, terms, at=AT, zone=UTC, zone_name="UTC")


def story(of: list[Media], others=(), **profile) -> Story:
    found = analysed(of, **profile)
    rows = reel_rows.rows(found, of, "graph")
    return Story(analysis=found, rows=rows, receipt=RECEIPT, others=others)


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.names.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data) -> None:
        self.text.append(data)


def test_what_people_wrote_is_text() -> None:
    """Names, captions, tags and addresses of others make no element and no attribute."""
    given = reels(8, caption=HOSTILE, hashtags=(HOSTILE,), permalink=f"https://x/{HOSTILE}")
    others = [analysed([], username="other", full_name=HOSTILE)]
    found = Elements(page(story(given, others, full_name=HOSTILE, username="lamps")))
    assert not {"img", "script", "iframe"} & set(found.names)
    assert HOSTILE in found.text
    assert HOSTILE[:60].strip() in found.text


def test_a_name_from_right_to_left_keeps_to_itself() -> None:
    """It turns nothing that stands beside it."""
    assert "<bdi>محمد \u202e</bdi>" in page(story([], full_name="محمد \u202e"))


def test_one_reel_is_one_reel() -> None:
    """One is not many, and a bar beside which there is no other is no comparison."""
    told = page(story(reels(1, duration=20.0, caption="x")))
    assert "<b>1</b> reel<" in told
    assert "on 1 reel<" in told
    assert "1 reels" not in told
    assert "<h2>Length</h2>" not in told
    assert any("lamps: 1 reel" in line for line in reel_words.summary(story(reels(1))))


def test_who_has_nothing_to_compare_says_so() -> None:
    """Not enough is said without a unit, in the terminal as on the page."""
    compared = story(reels(2), [analysed([], username="bare")])
    told = page(compared)
    assert "<td>not enough</td>" in told
    assert "not enough views" not in told
    (line,) = [line for line in reel_words.summary(compared) if "@bare" in line]
    assert line.split() == ["@bare", "not", "enough"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.00%"),
        (0.0632, "6.32%"),
        (0.0000312, "0.0031%"),
        (184.6, "18,460.00%"),
        (0.001, "0.10%"),
    ],
)
def test_a_small_rate_is_not_none(value, said) -> None:
    """0.00% is said of nothing but zero."""
    assert reel_figures.percent(value) == said
    assert reel_figures.rate(Estimate(value, 5)) == said


def test_half_a_view_is_told() -> None:
    """The median of two small numbers is not rounded to one of them; of large ones it is."""
    assert [reel_figures.number(value) for value in (0, 2.5, 9, 12_345.5)] == [
        "0",
        "2.5",
        "9",
        "12,346",
    ]


def test_no_axis_goes_below_zero() -> None:
    """There are no fewer views than none, however wide the band of a trend is."""
    weeks = [
        Media(
            media_id=str(week), play_count=10 if week % 2 else 100_000, timestamp=before(7 * week)
        )
        for week in range(8)
    ]
    drawn = reel_charts.trend(analysed(weeks).weekly, "views")
    assert "−" not in "".join(Elements(drawn.wide).text)
