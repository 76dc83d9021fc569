"""What is typed for a giveaway becomes rules, moments and spans, or one clear sentence."""

import pytest

from ingather import errors
from ingather.cli import giveaway_options
from ingather.domain import filters, instants
from ingather.domain.giveaway_rules import Bonus, Rules

NOTHING = {
    "winners": 1,
    "alternates": 0,
    "unique_users": True,
    "unique_winners": True,
    "replies": True,
    "since": None,
    "until": None,
    "mentions": 0,
    "distinct_mentions": False,
    "keywords": None,
    "without_keywords": None,
    "hashtags": None,
    "without_hashtags": None,
    "bonus": None,
}


def test_rules_as_they_are_typed():
    """Every option has its rule; without any, users and winners are unique."""
    assert giveaway_options.rules(**NOTHING) == Rules(winners=1)
    typed = {
        "since": "2026-01-31T18:00+02:00",
        "hashtags": ["#win", "zwei"],
        "keywords": ["lamp"],
        "bonus": ["2:mentions>=5", "1: user=@loyal.txt"],
    }
    assert giveaway_options.rules(**NOTHING | typed) == Rules(
        winners=1,
        since="2026-01-31T16:00:00.000Z",
        hashtags=("win", "zwei"),
        keywords=("lamp",),
        bonus=(
            Bonus(2, filters.parse(["mentions>=5"])[0]),
            Bonus(1, filters.parse(["user=@loyal.txt"])[0]),
        ),
    )


@pytest.mark.parametrize(
    "typed",
    [
        {"since": "2026-01-31"},
        {"until": "tomorrow"},
        {"since": ""},
        {"until": ""},
        {"keywords": ["lamp", ""]},
        {"without_keywords": [" \u200d"]},
        {"until": "99999-01-01T00:00Z"},
        {"hashtags": ["two words"]},
        {"without_hashtags": ["#"]},
        {"bonus": ["many"]},
        {"bonus": ["x:mentions>=5"]},
        {"bonus": ["2:nothing=5"]},
    ],
)
def test_what_cannot_be_read_is_refused(typed):
    """One sentence, and what to write instead."""
    with pytest.raises(errors.BadInput):
        giveaway_options.rules(**NOTHING | typed)


@pytest.mark.parametrize(
    ("words", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (".5s", 0.5), ("1d", 86_400)]
)
def test_a_span_is_read(words, seconds):
    """Seconds, minutes, hours, days."""
    assert instants.span(words) == seconds


def test_a_span_says_its_unit():
    """A number alone is refused, with what to write: whoever looks back 7 thinks of days. Only what
    is called SECONDS, as a budget, takes it for that."""
    with pytest.raises(errors.BadInput, match="does not say of what") as refused:
        instants.span("7")
    assert "7d for days" in refused.value.hint
    assert instants.span("240", alone="s") == instants.span("4m", alone="s") == 240


@pytest.mark.parametrize("words", ["", "soon", "-5m", "5 weeks", "10mm", "1e9", "٣m"])
def test_what_is_no_span_is_refused(words):
    """Anything else is one clear sentence."""
    with pytest.raises(errors.BadInput, match="no span of time"):
        instants.span(words)


def test_a_span_beyond_the_calendar_is_refused():
    """A hundred years and no more: `99999999d` ago is no moment of any calendar."""
    assert instants.span("36500d") == 36_500 * 86_400
    with pytest.raises(errors.BadInput, match="a hundred years"):
        instants.span("99999999d")


@pytest.mark.parametrize("words", ["2026-01-31T18:00Z", "2026-01-31T19:00+01:00"])
def test_a_moment_tells_its_zone(words):
    """ISO 8601 with Z or an offset; without either it is refused, and not taken for UTC."""
    assert instants.iso(instants.read(words)) == "2026-01-31T18:00:00.000Z"
    with pytest.raises(errors.BadInput, match="in which time zone"):
        instants.read(words[:16])
