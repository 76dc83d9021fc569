"""Filters keep what they say, whatever their order, and say where they cannot be read."""

import contextlib
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingather import errors
from ingather.domain import filters
from ingather.domain.filter_kinds import fold
from ingather.domain.filters import Sieve, parse
from ingather.domain.records import Comment, Media, Record, User

GREY = "https://x.example/44884218_345707102882519_2446069589734326272_n.jpg?x=1"


def comment(text: str | None = "hi", **changes: Any) -> Comment:
    fields = {
        "comment_id": "17900000000000001",
        "user_id": "9",
        "username": "ann",
        "timestamp": "2025-03-04T05:06:07Z",
        "like_count": 3,
        "text": text,
    }
    return Comment(**(fields | changes))


def user(**changes: Any) -> User:
    return User(**({"user_id": "9", "username": "ann"} | changes))


def media(**changes: Any) -> Media:
    return Media(**({"media_id": "1", "username": "ann"} | changes))


def keeps(words: str | list[str], record: Record, **options: Any) -> bool:
    return Sieve(parse([words] if isinstance(words, str) else words), **options).keep(record)


@pytest.mark.parametrize(
    ("words", "text", "kept"),
    [
        ("text~=WIN", "I want to win!", True),
        ("text~=straße", "STRASSE 5", True),
        ("text~=ｗｉｎ", "win", True),
        ("text~=win", "w\u200bi\u00adn", True),
        ("text~=❤", "so ❤️", True),
        ("text~=❤️", "so ❤", True),
        ("text~=café", "cafe\u0301", True),
        ("text~=win", "lose", False),
        ("text!~=win", "lose", True),
        ("text!~=win", "WIN", False),
        ("text~= a b ", "A B C", True),
        ("text~=/x/", "x", False),
        (r"text=/^code \d{3}$/", "CODE 123", True),
        (r"text=/^code \d{3}$/", "code 1234", False),
        (r"text!=/\bspam\b/", "no spam", False),
        (r"text!=/\bspam\b/", "spammer", True),
        ("text=/É/", "cafe\u0301", True),
        ("mentions>=2", "@ann and @bob", True),
        ("mentions>=2", "@ann and @ann", False),
        ("mentions=0", "nobody a@b.example", True),
        ("mentions~=@Ann,bob", "hey @ann!", True),
        ("mentions~=ann", "hey @annie", False),
        ("mentions!~=ann", "hey @ann", False),
        ("mentions!~=ann", "hey", True),
        ("hashtags>0", "#lamp", True),
    ],
)
def test_texts(words: str, text: str, kept: bool) -> None:
    """Texts are compared as readers see them, in comments and captions alike."""
    assert keeps(words, comment(text)) is kept
    assert keeps(words, media(caption=text)) is kept


@pytest.mark.parametrize(
    ("words", "record", "kept"),
    [
        ("likes>=3", comment(), True),
        ("likes>3", comment(), False),
        ("likes=2..4", comment(), True),
        ("likes=..2", comment(), False),
        ("likes=3..", comment(), True),
        ("likes<3", comment(), False),
        ("likes=1.5k", comment(like_count=1_500), True),
        ("likes<=1m", comment(like_count=1_000_000), True),
        ("plays>=10k", media(play_count=10_000), True),
        ("comments<5", media(comment_count=4), True),
        ("user=ann,bob", comment(username="Ann"), True),
        ("user!=ann", comment(), False),
        ("user!=@bob.txt", comment(), True),
        ("private=yes", user(is_private=True), True),
        ("private=no", user(is_private=True), False),
        ("verified=no", user(is_verified=False), True),
        ("picture=yes", user(profile_pic_url="https://x.example/a.jpg"), True),
        ("picture=yes", user(profile_pic_url=GREY), False),
        ("picture=no", user(profile_pic_url=""), True),
        ("views>=10", media(play_count=10), True),
        ("duration<=30", media(duration=30.0), True),
        ("duration<=30", media(duration=30.4), False),
        ("duration=10..20", media(duration=19.9), True),
        ("type=reels,Video", media(media_type="REELS"), True),
        ("type!=album", media(media_type="CAROUSEL_ALBUM"), False),
        ("date=2025-03-04", comment(), True),
        ("date=2025-03", comment(), True),
        ("date=2025", comment(), True),
        ("date>2025-03-04", comment(), False),
        ("date>=2025-03-04", comment(), True),
        ("date<=2025-03-04", comment(), True),
        ("date<2025-03-04", comment(), False),
        ("date=2025-03-01..2025-03-04", comment(), True),
        ("date=2025-03-04T06:06:07+01:00", comment(), True),
        ("date=2025-12", comment(timestamp="2025-12-31T23:59:59Z"), True),
    ],
)
def test_fields(words: str, record: Record, kept: bool) -> None:
    """Bounds are included where they are said to be, names have no case, days are in UTC."""
    assert keeps(words, record, sets={"@bob.txt": ["bob"]}) is kept


ASKING = [
    *("text~=a", "text=/a/", "mentions>=0", "mentions~=ann", "hashtags=0", "likes<5", "plays>=0"),
    *("followers=..9", "comments<=9", "user=ann", "private=no", "verified=no", "picture=no"),
    *("type=image", "date<2030", "first-per-user", "duration<=9", "duration>=0"),
]
EXCLUDING = ["text!~=a", "text!=/a/", "mentions!~=ann", "user!=ann", "type!=image"]
NOTHING = [
    comment(None, user_id=None, username=None, timestamp=None, like_count=None),
    User(user_id=None, username=None),
    Media(media_id=None),
]


@pytest.mark.parametrize("record", NOTHING)
def test_the_unknown(record: Record) -> None:
    """What nobody told passes nothing that asks for something, and all that only excludes."""
    assert not [words for words in ASKING if keeps(words, record)]
    assert all(keeps(words, record) for words in EXCLUDING)


def test_a_filter_is_read_whatever_its_case() -> None:
    """Who types VERIFIED=Yes means verified=yes."""
    assert parse(["VERIFIED=Yes", "First-Per-User"]) == parse(["verified=yes", "first-per-user"])


@pytest.mark.parametrize(
    ("words", "letter", "why"),
    [
        ("", 1, "nothing is called"),
        ("likess>=2", 1, "did you mean likes?"),
        ("duration<30", 9, "knows = >= <="),
        (" colour=red", 2, "known are text, user"),
        ("likes", 6, "one of = !="),
        ("likes>=", 8, "nothing stands behind"),
        ("likes>=two", 8, "no whole number"),
        ("likes>=1.2345k", 8, "no whole number"),
        ("likes~=2", 6, "knows = >= <= > <"),
        ("likes=2..x", 10, "“x” is no whole number"),
        ("likes>=2..3", 6, "goes with = alone"),
        ("likes=5..2", 7, "no number is like that"),
        ("likes<0", 7, "no number is like that"),
        ("likes=..", 7, "at least one end"),
        ("text=win", 6, "between slashes"),
        ("text=/a(b/", 8, "never closed"),
        ("text~=\u200b", 7, "no reader"),
        ("text~=a\0b", 8, "no letter of any text"),
        ("user=ann,b b", 10, "no username"),
        ("user=@", 6, "name of a file"),
        ("user=job:a/b", 6, "id of a job"),
        ("private=maybe", 9, "yes or no"),
        ("type=reels,story", 12, "types are"),
        ("date=2025-02-30", 6, "no date"),
        ("date=2025-03..2025-01", 6, "ends before it begins"),
        ("date=2025..9999", 12, "no date"),
        ("first-per-user=yes", 15, "nothing follows"),
    ],
)
def test_errors_say_where_and_why(words: str, letter: int, why: str) -> None:
    """A filter that cannot be read is named, with the letter and the reason."""
    with pytest.raises(errors.BadInput) as caught:
        parse(["likes>=1", words])
    assert f"at letter {letter}: " in caught.value.message
    assert why in caught.value.message


@settings(max_examples=400, deadline=None)
@given(st.lists(st.text() | st.text(st.sampled_from("likestxuer=!~<>/.,@:-0123k ()[*\\"))))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """No words end in anything but filters or BadInput."""
    with contextlib.suppress(errors.BadInput):
        Sieve(parse(words), sets={})


NAMES = st.lists(st.text(st.sampled_from("abc._1"), min_size=1, max_size=9), min_size=1).map(
    ",".join
)
DATES = st.dates().filter(lambda day: day.year < 9999).map(str) | st.datetimes().map(
    lambda moment: f"{min(moment.year, 9998):04}" + moment.isoformat()[4:]
).filter(lambda text: "02-29" not in text)
VISIBLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Z", "M"]), min_size=1)
PATTERNS = st.sampled_from([r"wins?", r"^a|b/c$", r"[a-z]{2,}", "É+"])
WORDS = st.one_of(
    st.builds("text{}{}".format, st.sampled_from(["~=", "!~="]), VISIBLE),
    st.builds("text{}/{}/".format, st.sampled_from(["=", "!="]), PATTERNS),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["mentions", "hashtags", "followers", "likes", "plays", "comments"]),
        st.sampled_from(["=", ">=", "<=", ">"]),
        st.integers(0, 10**12),
    ),
    st.integers(0, 9).flatmap(lambda n: st.integers(n, 12).map(lambda m: f"likes={n}..{m}")),
    st.builds("mentions{}{}".format, st.sampled_from(["~=", "!~="]), NAMES),
    st.builds("user{}{}".format, st.sampled_from(["=", "!="]), NAMES),
    st.sampled_from(["user=@x y.txt", "user!=job:a-1", "private=yes", "verified=no", "picture=no"]),
    st.sampled_from(["type=reels,album", "type!=image", "first-per-user"]),
    st.builds("date{}{}".format, st.sampled_from(["=", ">=", "<=", ">", "<"]), DATES),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=6))
def test_round_trips(words: list[str]) -> None:
    """Words, data and JSON are three forms of one filter; each has a description."""
    found = parse(words)
    assert parse([filters.spell(one) for one in found]) == found
    assert filters.from_json(filters.to_json(found)) == found
    assert all(filters.describe(one) for one in found)


ROWS = st.lists(
    st.builds(
        comment,
        st.none() | st.sampled_from(["win @ann", "WIN #lamp", "lose @bob @ann", ""]),
        comment_id=st.integers(1, 30).map(str),
        user_id=st.none() | st.sampled_from(["1", "2"]),
        username=st.none() | st.sampled_from(["ann", "Bob"]),
        like_count=st.none() | st.integers(0, 4),
    ),
    max_size=12,
    unique_by=lambda row: row.comment_id,
)
SOME = st.lists(
    st.sampled_from(
        ["text~=win", "text!~=lose", "likes>=2", "mentions>=1", "user!=bob", "first-per-user"]
    ),
    max_size=4,
)


def sieved(words: list[str], rows: list[Comment]) -> list[Comment]:
    return list(filter(Sieve(parse(words)).keep, rows))


@settings(max_examples=300, deadline=None)
@given(SOME, ROWS, st.randoms())
def test_order_and_repetition_do_not_matter(
    words: list[str], rows: list[Comment], chance: random.Random
) -> None:
    """Filters in any order keep the same rows, and what was kept is kept again."""
    kept = sieved(words, rows)
    mixed = list(words)
    chance.shuffle(mixed)
    assert sieved(mixed, rows) == kept
    assert sieved(words, kept) == kept
    sieve = Sieve(parse(words))
    assert [row for row in rows if sieve.keep(row)] == [row for row in rows if sieve.keep(row)]


@settings(max_examples=300, deadline=None)
@given(SOME, ROWS, st.integers(0, 12), st.integers(0, 3))
def test_a_resumed_job_keeps_the_same(
    words: list[str], rows: list[Comment], cut: int, again: int
) -> None:
    """A sieve told the rows kept so far goes on as if it had never stopped, wherever the job was
    cut, and although rows before the cut are read once more."""
    first = sieved(words, rows[:cut])
    sieve = Sieve(parse(words))
    sieve.remember(first)
    second = [row for row in rows[max(0, cut - again) :] if sieve.keep(row)]
    assert first + [row for row in second if row not in first] == sieved(words, rows)


def test_first_of_each_user() -> None:
    """The first that passes the other filters counts, not the first of all; a user with an id is
    one with the same name without it, two ids of one name are two users."""
    rows = [
        comment("no", comment_id="1"),
        comment("win", comment_id="2"),
        comment("win again", comment_id="3", username="renamed"),
        comment("win", comment_id="4", user_id=None),
        comment("win", comment_id="5", user_id="10"),
        comment("win", comment_id="6", user_id=None, username=None),
    ]
    assert [row.comment_id for row in sieved(["first-per-user", "text~=win"], rows)] == ["2", "5"]


def test_a_name_that_cannot_be_read_is_not_passed_over() -> None:
    """An address names its account; a word that names nobody is told, since whoever it meant would
    otherwise be let in, or win."""
    there = "https://www.instagram.com/Carl.Otto/?hl=de\ninstagram.com/eve,'ann'"
    assert filters.names_in(there) == ("carl.otto", "eve", "ann")
    for spoilt in ("ann\n???\n", "ann, bob smith!", "https://example.com/bob", "ann@example.com"):
        with pytest.raises(errors.UnreadableName, match="is not the name of an account"):
            filters.names_in(spoilt)


def test_lists_of_names() -> None:
    """Files are taken into the filters before a job is stored; jobs are looked up by their id."""
    names = filters.names_in("\ufeffAnn, @bob # friends\n\nc.d;e\n# all\n")
    assert names == ("ann", "bob", "c.d", "e")
    found = parse(["user=@a.txt", "user!=job:7", "likes>0"])
    assert filters.references(found) == ("@a.txt", "job:7")
    fixed = filters.inlined(found, {"@a.txt": names})
    assert filters.references(fixed) == ("job:7",)
    assert Sieve(fixed, sets={"job:7": {"bob"}}).keep(comment())
    assert not Sieve(fixed, sets={"job:7": {"Ann"}}).keep(comment())
    with pytest.raises(errors.BadInput, match="job:7"):
        Sieve(fixed)
    with pytest.raises(errors.BadInput, match="no username"):
        filters.inlined(found, {"@a.txt": ()})


def test_untold() -> None:
    """Filters that nothing of a kind can pass are known before a call is spent."""
    found = parse(["likes>0", "followers>5", "user=ann", "date>2025", "type!=image", "private=no"])
    for kind, letters in ((User, [0, 1, 3]), (Comment, [1, 5]), (Media, [1, 5])):
        assert filters.untold(found, kind) == tuple(found[n] for n in letters)


def test_what_is_stored_is_checked() -> None:
    """Stored filters that are none are damage, never a crash."""
    for text in ("", "[{}]", '[{"type":"x"}]', "[" * 9_999):
        with pytest.raises(errors.DamagedRecord):
            filters.from_json(text)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """A folded text is not changed by folding."""
    assert fold(fold(text)) == fold(text)
