"""What reels say of an account, against figures worked out another way."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec import structs
from scipy import stats

from ingather.domain import content, engagement, reel_columns, trends
from ingather.domain.analysis import Analysis, Chosen, analyse, change, choose, tier
from ingather.domain.engagement import Measured
from ingather.domain.records import Media, Profile

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
LAMPS = Profile(user_id="1784", username="lamps", followers_count=20_000)


def reels(count: int, seed: int = 1, **changes) -> list[Media]:
    """Reels every 17 hours, the newest three days old."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        when = AT - timedelta(days=3, hours=17 * number)
        views = round(dice.lognormvariate(8, 1))
        reel = Media(
            media_id=f"3{number:09d}",
            timestamp=when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration=dice.uniform(5, 100),
            caption="lamp " * dice.randrange(60),
            play_count=views,
            like_count=views // dice.randrange(8, 30),
            comment_count=dice.randrange(40),
            hashtags=tuple(dice.sample(["Lamp", "light", "home", "diy", "Étude"], 2)),
        )
        made.append(structs.replace(reel, **changes))
    return made


def chosen(of: list[Media], **words) -> Chosen:
    return choose(reel_columns.of(of), at=AT, **words)


def analysed(of: list[Media], **words) -> Analysis:
    found = chosen(of, **words)
    untagged = content.untagged(found.told, found.tags)
    terms = content.terms([of[place].caption for place in untagged], untagged)
    return analyse(LAMPS, found, terms, at=AT, zone=BERLIN, zone_name="Europe/Berlin")


def told(of: list[Media]) -> Measured:
    """All of them, by their views."""
    reels = reel_columns.of(of)
    return engagement.measured(reels, np.arange(len(reels)), "views")


def clocks(*times: str, zone=BERLIN):
    return reel_columns.on_clocks(np.array(list(map(reel_columns.seconds, times))), zone)


def test_the_figures_are_numpys() -> None:
    """Medians, rates, tiers, dispersion and lifts agree with NumPy and SciPy to 1e-9."""
    given = reels(300)
    found = analysed(given)
    views = np.array([reel.play_count for reel in given], float)
    engaged = np.array([reel.like_count + reel.comment_count for reel in given], float)
    near = {"rel": 1e-9}
    assert found.typical.value == pytest.approx(np.median(views), **near)
    by = {rate.by: rate.rate.value for rate in found.rates if rate.rate}
    assert by["views"] == pytest.approx(np.median(engaged / views), **near)
    assert by["followers"] == pytest.approx(np.median(engaged / 20_000), **near)
    assert "reach" not in by
    viral, high, average = np.quantile(views, (0.95, 0.75, 0.25))
    assert found.tiers.viral_from == pytest.approx(viral, **near)
    counts = found.tiers.counts
    assert counts["viral"] == (views >= viral).sum()
    assert counts["high"] == ((views >= high) & (views < viral)).sum()
    assert counts["low"] == (views < average).sum()
    tiers = [tier(found, reel) for reel in given]
    assert {name: tiers.count(name) for name in counts} == counts
    first, third = np.quantile(views, (0.25, 0.75))
    assert found.consistency.dispersion == pytest.approx((third - first) / (third + first), **near)
    assert found.consistency.variation == pytest.approx(stats.variation(views, ddof=1), **near)
    lift = next(each for each in found.hashtags.lifts if each.word == "diy")
    logs, carries = np.log1p(views), np.array(["diy" in reel.hashtags for reel in given])
    interval = stats.ttest_ind(logs[carries], logs[~carries], equal_var=False).confidence_interval()
    expected = logs[carries].mean() - logs[~carries].mean()
    assert lift.n == carries.sum()
    assert lift.lift.value == pytest.approx(np.exp(expected), **near)
    assert lift.lift.low == pytest.approx(np.exp(interval.low), **near)
    assert lift.lift.high == pytest.approx(np.exp(interval.high), **near)
    scores = 0.6745 * (logs - np.median(logs)) / stats.median_abs_deviation(logs)
    assert {each.reel_id for each in found.outliers} == {
        reel.media_id for reel, score in zip(given, scores, strict=True) if abs(score) > 3.5
    }


def test_the_trend_is_that_of_weekly_medians() -> None:
    """Weeks begin on Monday in the zone asked for, and a week without reels keeps its place."""
    given = [reel for reel in reels(200) if not "2026-09-07" <= reel.timestamp[:10] < "2026-09-21"]
    found = analysed(given).weekly
    weeks: dict = {}
    for reel in given:
        day = datetime.fromisoformat(reel.timestamp).astimezone(BERLIN).date()
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(reel.play_count)
    starts = sorted(weeks)
    xs = [(start - starts[0]).days / 7 for start in starts]
    expected = stats.theilslopes([np.median(weeks[start]) for start in starts], xs, 0.95)
    assert [point.start for point in found.points] == [str(start) for start in starts]
    assert found.slope == pytest.approx(expected.slope, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((expected.low_slope, expected.high_slope))
    assert found.direction == "flat"


def test_a_rise_is_called_one() -> None:
    """Where the whole interval of the slope lies above 0, the trend is up, and so the other way."""
    rising = [
        structs.replace(reel, play_count=100_000 - 300 * number)
        for number, reel in enumerate(reels(200))
    ]
    assert analysed(rising).weekly.direction == "up"
    assert analysed(rising).monthly.direction == "up"
    falling = [structs.replace(reel, play_count=200_000 - reel.play_count) for reel in rising]
    assert analysed(falling).weekly.direction == "down"


def test_hours_are_those_of_the_zone() -> None:
    """A reel of 23:30 UTC on a Sunday was posted on Monday in Berlin, at half past midnight."""
    found = trends.calendar(clocks(*["2026-11-15T23:30:00Z"] * 6), np.full(6, 5.0), "Europe/Berlin")
    assert [(cell.place, cell.n) for cell in found.hours] == [(0, 6)]
    assert found.best_weekday.place == 0
    assert not found.best_weekday.clear


def test_a_night_that_is_an_hour_longer_is_no_longer_gap() -> None:
    """The time between two reels is what has passed, whatever was done to the clocks meanwhile."""
    times = ["2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", "2026-10-26T12:00:00Z"]
    posted = [reel_columns.seconds(time) for time in [*times, "2026-10-27T12:00:00Z"]]
    found = trends.cadence(np.array(posted), BERLIN)
    assert (found.per_week, found.longest_gap) == (7.0, 1.0)
    assert found.last_posted == "2026-10-27T13:00:00+01:00"


def test_few_reels_name_no_best_hour() -> None:
    """Five reels in an hour are the least that it takes; a median of fewer is chance."""
    when = clocks(*["2026-11-15T23:30:00Z"] * 4, zone=UTC)
    assert trends.calendar(when, np.full(4, 5.0), "UTC").best_hour is None


def test_clocks_are_put_on_within_a_day() -> None:
    """On the day that summer time ends each reel has the hour that its clock showed; times are
    taken in any offset, and a day without a change is asked about as a whole."""
    times = ["2026-10-25T00:30:00Z", "2026-10-25T02:59:59+02:00", "2026-10-25T01:00:00Z"]
    assert [second // 3_600 % 24 for second in clocks(*times)] == [2, 2, 2]
    assert [second // 3_600 % 24 for second in clocks("2026-10-25T02:00:00Z")] == [3]
    given = reels(400)
    expected = [
        datetime.fromisoformat(reel.timestamp).astimezone(BERLIN).replace(tzinfo=UTC).timestamp()
        for reel in given
    ]
    assert clocks(*(reel.timestamp for reel in given)).tolist() == expected


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "2026-01-31T12:00:00+02:00",
        "2026-01-31T12+05:00Z",
        "2026-02-30T12:00:00Z",
        "0000-00-00T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2026-01-31T12:00:00Z ",
        "٢٠٢٦-01-31T12:00:00Z",
    ],
)
def test_times_are_read_together_as_they_are_alone(odd) -> None:
    """One that is written in another way, or is none, changes nothing for the others."""
    alike = [f"20{year}-12-{day}T23:59:{day}Z" for year in range(10, 99) for day in (10, 31)]
    for times in (alike, [*alike, odd], [odd, odd], []):
        alone = np.array(list(map(reel_columns.seconds, times)), float)
        np.testing.assert_array_equal(reel_columns.moments(times), alone)


def test_nothing_is_no_zero() -> None:
    """Hidden likes and unknown views are left out of every figure, and counted as left out."""
    given = [
        structs.replace(reel, like_count=None, play_count=None) if number % 2 else reel
        for number, reel in enumerate(reels(100))
    ]
    found = analysed(given)
    assert found.hidden_likes == 50
    assert found.views.n == found.likes.n == 50
    assert found.typical.n == 50
    assert found.typical.value == np.median([reel.play_count for reel in given[::2]])
    assert next(rate for rate in found.rates if rate.by == "views").reels == 50


def test_without_views_engagement_is_measured() -> None:
    """An account whose views nobody tells is measured by likes and comments, which is said."""
    found = analysed(reels(40, play_count=None))
    assert found.measure == "engagement"
    assert found.tiers.measure == "engagement"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_reels_say_so(count) -> None:
    """Where there is too little to say, there is None and no number."""
    found = analysed(reels(count))
    assert found.reels == count
    assert found.tiers is found.weekly is found.monthly is found.cadence is None
    assert found.consistency is None
    assert found.outliers == ()
    assert found.hashtags.tested == 0
    assert found.duration.correlation is None


def test_young_reels_are_listed_and_not_compared() -> None:
    """A reel of this morning has not had its time: it is counted apart."""
    young = reels(1, timestamp="2026-11-21T08:00:00Z", play_count=10)
    found = analysed([*young, *reels(50)[1:]])
    assert (found.reels, found.compared, found.young) == (50, 49, 1)
    assert young[0].media_id not in found.top + found.bottom
    assert tier(found, young[0]) is None
    assert tier(found, reels(50)[1]) is not None


def test_collaborations_count_where_told_so() -> None:
    """A reel made with others is the account's own only if the user says that it is."""
    given = [*reels(30), *reels(5, seed=2, coauthors=("other",))]
    assert analysed(given).left_out == 5
    assert analysed(given, collaborations=True).left_out == 0
    assert tier(analysed(given), given[-1]) is None
    assert tier(analysed(given, collaborations=True), given[-1]) is not None


def test_top_and_bottom_never_share_a_reel() -> None:
    """Of seven reels four are the top and three the bottom, the worst first."""
    found = analysed(reels(7))
    assert len(found.top) == 4
    assert len(found.bottom) == 3
    assert not set(found.top) & set(found.bottom)
    by_id = {reel.media_id: reel.play_count for reel in reels(7)}
    assert by_id[found.bottom[0]] == min(by_id.values())


def test_bands_hold_their_upper_end() -> None:
    """Fifteen seconds are of the first band, a hundredth more of the second."""
    given = [reel for length in (15.0, 15.01, 91.0) for reel in reels(1, duration=length)]
    groups = content.durations(told(given)).bands
    assert [(group.name, group.n) for group in groups] == [
        ("0–15 s", 1),
        ("15–30 s", 1),
        ("over 90 s", 1),
    ]


def test_spellings_of_a_hashtag_are_one() -> None:
    """Case and composed accents make no other word; the first spelling is shown."""
    given = [
        structs.replace(reel, play_count=number + 1)
        for number, reel in enumerate(
            reels(6, hashtags=("Étude",))
            + reels(6, hashtags=("E\u0301TUDE",))
            + reels(6, hashtags=())
        )
    ]
    measured = told(given)
    found = content.lifts(measured, content.Carried(measured, measured.reels.hashtags))
    assert [(each.word, each.n) for each in found.lifts] == [("Étude", 12)]


def test_a_signature_is_no_topic() -> None:
    """A tag on nearly all reels tells none from another; the caption's words may."""
    given = [
        Media(
            media_id=str(number),
            hashtags=("brand",),
            caption=f"{word} @friend #brand x",
            play_count=1,
        )
        for number, word in enumerate(["kitchen"] * 10 + ["garden,"] * 8 + ["no"] * 2)
    ]
    measured = told(given)
    tags = content.Carried(measured, measured.reels.hashtags)
    untagged = content.untagged(measured, tags)
    terms = content.terms([given[place].caption for place in untagged], untagged)
    groups = content.topics(measured, tags, content.Carried(measured, terms))
    assert [(group.name, group.n) for group in groups] == [
        ("kitchen", 10),
        ("garden", 8),
        ("other", 2),
    ]


def test_any_reels_can_be_analysed() -> None:
    """Nothing that a source may leave out, or give alike, raises."""
    dice = random.Random(7)
    for _ in range(300):
        given = [
            Media(
                media_id=str(number),
                timestamp=dice.choice([None, "no time", "2026-01-01T00:00:00Z", "2026-11-20"]),
                duration=dice.choice([None, 0.0, 7.5]),
                play_count=dice.choice([None, 0, 0, 3]),
                like_count=dice.choice([None, 0, 1]),
                comment_count=dice.choice([None, 0]),
                caption=dice.choice([None, "", "  ", "#", "@a word wordy wordy"]),
                hashtags=dice.choice([(), ("a",), ("a", "b")]),
            )
            for number in range(dice.randrange(60))
        ]
        found = analysed(given)
        assert found.compared + found.young == found.reels


def test_a_change_names_what_is_new() -> None:
    """New and vanished reels, and what the others have gained."""
    before = reels(30)
    after = [
        structs.replace(before[2], play_count=before[2].play_count + 70),
        *before[3:],
        *reels(32)[30:],
    ]
    found = change(analysed(after), chosen(after), chosen(before), LAMPS, "2026-11-20")
    assert found.new == (reels(32)[30].media_id, reels(32)[31].media_id)
    assert found.gone == (before[0].media_id, before[1].media_id)
    assert found.grown == ((before[2].media_id, 70),)
    assert found.followers == 0


def test_engagement_is_never_half_a_sum() -> None:
    """Where likes are hidden, comments alone are not the engagement."""
    assert engagement.engagement(Media(media_id="1", like_count=None, comment_count=4)) is None
    assert engagement.engagement(Media(media_id="1", like_count=0, comment_count=4)) == 4
    assert (
        engagement.engagement(
            Media(media_id="1", like_count=2, comment_count=4, total_interactions=9)
        )
        == 9
    )
    given = reel_columns.of([Media(media_id="1", like_count=1, comment_count=1, play_count=0)])
    assert engagement.rates(given, np.arange(1), 0)[0].reels == 0
