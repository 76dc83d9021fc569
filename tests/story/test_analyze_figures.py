"""One analysis in five places: terminal, page, JSON, CSV and workbook, and worked out once more."""

import csv
import io
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median, quantiles, stdev
from zoneinfo import ZoneInfo

import openpyxl
import pytest

ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture
def analyse(cli):
    """Analyse an account into a file; what the terminal says."""

    def run(name: str) -> str:
        return cli("analyze", "reels120", "--tz", "Europe/Berlin", "-o", name).out

    return run


@pytest.fixture
def told(analyse, cli) -> dict:
    """What the JSON file has."""
    analyse("reels.json")
    return json.loads((cli.folder / "reels.json").read_bytes())


def posted(reel: dict) -> datetime:
    return datetime.fromisoformat(reel["datePosted"])


def compared(told: dict) -> list[dict]:
    """The reels that count: the account's own, two days old, and their views told."""
    at = datetime.fromisoformat(told["analysis"]["at"])
    return [
        reel
        for reel in told["reels"]
        if not reel["collaboration"]
        and at - posted(reel) >= timedelta(days=2)
        and reel["views"] is not None
    ]


def test_the_figures_are_those_of_the_reels(told) -> None:
    """Whoever works them out from the reels of the JSON file, in plain Python, has the same."""
    found, reels = told["analysis"], compared(told)
    views = [reel["views"] for reel in reels]
    same = dict.fromkeys(("rel", "abs"), 1e-9)
    assert found["typical"]["value"] == median(views)
    assert found["typical"]["n"] == len(views) > 50
    by_views = [reel["engagementRate"] for reel in reels if reel["engagementRate"] is not None]
    for reel in reels:
        if reel["likes"] is not None and reel["views"]:
            assert reel["engagementRate"] == (reel["likes"] + reel["comments"]) / reel["views"]
    followers = told["profile"]["followersCount"]
    engaged = [reel["engagement"] / followers for reel in reels if reel["engagement"] is not None]
    rates = {rate["by"]: rate for rate in found["rates"]}
    for by, each in (("views", by_views), ("followers", engaged)):
        assert rates[by]["rate"]["value"] == pytest.approx(median(each), **same)
        assert rates[by]["reels"] == len(each)
    twentieths = quantiles(views, n=20, method="inclusive")
    bounds = [found["tiers"][name] for name in ("viralFrom", "highFrom", "averageFrom")]
    assert bounds == pytest.approx([twentieths[place] for place in (18, 14, 4)], **same)
    assert found["tiers"]["counts"] == dict(Counter(reel["tier"] for reel in reels))
    first, third = twentieths[4], twentieths[14]
    assert found["consistency"]["dispersion"] == pytest.approx(
        (third - first) / (third + first), **same
    )
    assert found["consistency"]["variation"] == pytest.approx(stdev(views) / mean(views), **same)
    hours, weeks = defaultdict(list), defaultdict(list)
    for reel in reels:
        when = posted(reel).astimezone(ZONE)
        hours[when.hour].append(reel["views"])
        weeks[when.date() - timedelta(days=when.weekday())].append(reel["views"])
    assert {cell["place"]: cell["median"] for cell in found["calendar"]["hours"]} == {
        hour: median(each) for hour, each in hours.items()
    }
    points = {point["start"]: point["median"] for point in found["weekly"]["points"]}
    assert points == {day.isoformat(): median(each) for day, each in weeks.items()}
    starts = [date.fromisoformat(start) for start in points]
    slopes = [
        (points[late.isoformat()] - points[early.isoformat()]) / ((late - early).days / 7)
        for early in starts
        for late in starts
        if early < late
    ]
    assert found["weekly"]["slope"] == pytest.approx(median(slopes), **same)


def test_every_place_says_the_same_numbers(told, analyse, cli) -> None:
    """A figure is written alike in the terminal and on the page, both are those of the file, and
    each cell of CSV and workbook is that of JSON; what nobody told is empty."""
    found, terminal = told["analysis"], analyse("reels.html")
    page = (cli.folder / "reels.html").read_text("utf-8")
    analyse("reels.xlsx")
    book = openpyxl.load_workbook(cli.folder / "reels.xlsx")
    typical = found["typical"]
    said = f"{typical['value']:,.0f}"
    between = [f"{typical[end]:,.0f}" for end in ("low", "high")]
    assert f"{said} ({between[0]} to {between[1]}, n={typical['n']})" in terminal
    assert f"<dd>{said}</dd>" in page
    assert f"between {between[0]} and {between[1]}, on {typical['n']} reels" in page
    for rate in found["rates"]:
        if rate["rate"] is None:
            continue
        said = f"{rate['rate']['value']:.2%}"
        name = f"Engagement by {rate['by']}"
        assert f"{name:<24} {said} (n={rate['reels']})" in terminal
        assert f"<dt>{name}</dt><dd>{said}</dd>" in page
    for tier, count in found["tiers"]["counts"].items():
        assert f"{tier.capitalize()} reels".ljust(24) + f" {count:>6,}" in terminal
        assert f"<td>{tier}</td>" in page
    per_week = f"{found['cadence']['perWeek']:.1f}"
    assert f"{per_week} times a week" in terminal
    assert f"<dd>{per_week} a week</dd>" in page
    sheet = {row[0]: row[1:] for row in book["Summary"].iter_rows(values_only=True)}
    assert sheet["median views"][:4] == (
        *(typical[name] for name in ("value", "low", "high", "n")),
    )
    for rate in found["rates"]:
        value = rate["rate"]["value"] if rate["rate"] else "not enough"
        assert sheet[f"engagement by {rate['by']}"][0] == value
        assert sheet[f"engagement by {rate['by']}"][3] == rate["reels"]
    for tier, count in found["tiers"]["counts"].items():
        assert sheet[tier][0] == count
    words = [row[0] for row in book["Hashtags"].iter_rows(min_row=2, values_only=True)]
    assert words == [each["word"] for each in found["hashtags"]["lifts"]]
    analyse("reels.csv")
    _, _, table = (cli.folder / "reels.csv").read_bytes().decode("utf-8-sig").partition("\r\n\r\n")
    reels, lines = told["reels"], list(csv.DictReader(io.StringIO(table)))
    head, *cells = book["Reels"].iter_rows(values_only=True)
    assert len(lines) == len(cells) == len(reels)
    for reel, line, row in zip(reels, lines, cells, strict=True):
        in_book = dict(zip(head, row, strict=True))
        for name in ("views", "likes", "comments", "engagement", "engagementRate", "duration"):
            number = reel[name]
            assert line[name] == ("" if number is None else str(number)), name
            assert in_book[name] == (number if number is None else pytest.approx(number)), name
        assert in_book["tier"] == reel["tier"]
        assert line["tier"] == (reel["tier"] or "")
        assert in_book["datePosted"] == posted(reel).astimezone(UTC).replace(tzinfo=None)
