"""Patterns find what Python's `re` finds, in time that grows with the text alone."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingather.domain.pattern import Pattern, PatternError

ATOMS = st.sampled_from(
    [
        *("a", "b", "é", " ", "7", "_", "{", "a{x}", "", "\n", ".", "^", "$"),
        *(r"\d", r"\w", r"\W", r"\s", r"\b", r"\B", r"\.", r"\n"),
        *("[ab]", "[^a]", r"[a-c\d]", "[-a]", "[]a]"),
    ]
)
TIMES = st.sampled_from(["", "", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{0}"])


def _grouped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.tuples(inner, TIMES).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
    return (
        one | st.lists(inner, max_size=3).map("".join) | st.lists(inner, min_size=1).map("|".join)
    )


PATTERNS = st.recursive(ATOMS, _grouped, max_leaves=8)


@settings(max_examples=600, deadline=None)
@given(PATTERNS, st.lists(st.text(st.sampled_from("aabcé7_ .\n{x}-]")), max_size=5))
def test_like_re(pattern: str, texts: list[str]) -> None:
    """Wherever both understand a pattern, both find it in the same texts."""
    try:
        ours = Pattern(pattern)
    except PatternError:
        return
    theirs = re.compile(pattern.replace("$", r"\Z"))
    for text in texts:
        # re takes \B for false in an empty text until 3.14; a place without letters is no edge.
        if text or r"\B" not in pattern:
            assert ours.found(text) == bool(theirs.search(text)), (pattern, text)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*b", "(a*)*b", "a+a+a+a+b", "(.*)(.*)(.*)x$", r"(\w+\s?)*!"]
)
def test_no_pattern_is_slow(pattern: str) -> None:
    """Patterns that hang other machines for years take milliseconds."""
    began = time.process_time()
    Pattern(pattern).found("a" * 10_000 + "?")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("pattern", "position", "why"),
    [
        ("a(b", 1, "never closed"),
        ("ab)", 2, "closes nothing"),
        ("[ab", 0, "never closed"),
        ("a**", 2, "nothing to repeat"),
        ("+a", 0, "nothing to repeat"),
        ("a++", 2, "possessive"),
        ("(?=a)", 0, "only"),
        (r"(a)\1", 3, "not understood"),
        ("ab\\", 2, "nothing follows"),
        ("a{3,2}", 1, "ends before"),
        ("a{999}", 1, "more than 200"),
        ("[z-a]", 0, "ends before"),
        ("(a{99}){99}", 11, "too long"),
        ("((((){99}){99}){99}){99}", 24, "too long"),
        ("a" * 201, 200, "longer than 200"),
    ],
)
def test_errors_say_where_and_why(pattern: str, position: int, why: str) -> None:
    """What is not understood is named with its place."""
    with pytest.raises(PatternError, match=why) as caught:
        Pattern(pattern)
    assert caught.value.position == position


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from(r"ab()[]{}|*+?\^$.-,12dwb") | st.characters(), max_size=30))
def test_any_text_is_a_pattern_or_an_error(pattern: str) -> None:
    """No pattern ends in anything but an answer or a PatternError within the pattern."""
    try:
        Pattern(pattern, fold=str.casefold).found("ab12 x")
    except PatternError as error:
        assert 0 <= error.position <= len(pattern)


def test_folding() -> None:
    """With folding, literals and ranges meet texts that were folded likewise."""
    assert Pattern("STRASSE", fold=str.casefold).found("straße".casefold())
    assert Pattern("ß", fold=str.casefold).found("ss")
    assert Pattern("[A-C]x", fold=str.casefold).found("bx")
    assert not Pattern("[A-C]x").found("bx")
