"""Hashtags, mentions and names, in every alphabet that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain import names, text


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("", ()),
        ("no tags", ()),
        ("#bread and #Butter", ("bread", "Butter")),
        ("#SecretsOfTheBees is on @DisneyPlus.", ("SecretsOfTheBees",)),
        ("#one#two", ("one", "two")),
        ("#zürich, #パン! (#خبز) #공구.", ("zürich", "パン", "خبز", "공구")),
        ("#हिंदी #ภาษาไทย", ("हिंदी", "ภาษาไทย")),
        ("#love❤️ #👨‍👩‍👧 ok", ("love❤️", "👨‍👩‍👧")),
        ("#1 #2026 #3d", ("3d",)),
        ("#Bread #bread #BREAD", ("Bread",)),
        ("a#b &#39; https://example.org/#part", ()),
        ("#bread_lover's", ("bread_lover",)),
        ("＃全角", ("全角",)),
        ("# space #", ()),
        ("#_", ()),
        ("#caf\u00e9 #cafe\u0301", ("caf\u00e9",)),
    ],
)
def test_hashtags(caption, found):
    """Tags end where their letters end, have a letter in them, and count once."""
    assert text.hashtags(caption) == found


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("", ()),
        ("with @DisneyPlus and @hulu.", ("disneyplus", "hulu")),
        ("@a.b_c1, @a.b_c1", ("a.b_c1",)),
        ("mail me@example.org or me.too+x@example.org", ()),
        ("(@natgeo) “@nasa”", ("natgeo", "nasa")),
        ("これ@natgeo", ()),
        ("@", ()),
        ("@...", ()),
        (f"@{'a' * 31}", ()),
        ("@one@two", ("one",)),
        ("＠natgeo", ("natgeo",)),
    ],
)
def test_mentions(caption, found):
    """Accounts are named once, in lower case, without the full stop of the sentence."""
    assert text.mentions(caption) == found


@given(st.text())
def test_any_text_is_read(caption):
    """No text breaks the reading, and what is found was written there."""
    for tag in text.hashtags(caption):
        assert tag in caption
        assert text.is_hashtag(tag)
    for name in text.mentions(caption):
        assert name in caption.lower()


@pytest.mark.parametrize(
    "words",
    [
        "natgeo",
        "@natgeo",
        " @NatGeo ",
        "https://www.instagram.com/natgeo/",
        "http://instagram.com/natgeo?hl=en",
        "instagram.com/natgeo/reels/",
        "https://m.instagram.com/_u/natgeo",
        '"natgeo",',
    ],
)
def test_accounts_are_read_from_what_people_write(words):
    """@name, name and the address of a profile name the same account."""
    assert names.username(words) == "natgeo"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "@",
        "two words",
        "a/b",
        "https://example.org/natgeo",
        "https://www.instagram.com/",
        "https://www.instagram.com/p/CtZs0Y3v2lx/",
        "https://www.instagram.com/explore/tags/bread/",
        "nätgeo",
        "a" * 31,
        ".dot",
        "dot.",
        "do..t",
        "na&user_id=1",
        "na\r\nx-access-key: 1",
        "https://[",
    ],
)
def test_what_is_no_account_is_refused(words):
    """Whatever could not be the name of an account is refused before anybody is asked."""
    with pytest.raises(errors.UnreadableName):
        names.username(words)


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        ("#Bread", "bread"),
        ("bread", "bread"),
        ("공구", "공구"),
        ("#zu\u0308rich", "z\u00fcrich"),
        ("bread_lover", "bread_lover"),
        ("https://www.instagram.com/explore/tags/bread/", "bread"),
        ("https://www.instagram.com/explore/tags/%E3%83%91%E3%83%B3", "パン"),
    ],
)
def test_hashtags_are_read_from_what_people_write(words, tag):
    """#word, word and the address of a hashtag name the same tag, composed and in lower case."""
    assert names.hashtag(words) == tag


@pytest.mark.parametrize(
    "words",
    ["", "#", "##dog", "sea_", "sea_.", "tanjung..", "#공구.", "two words", "a/b", "2026", "a&b=c"],
)
def test_what_is_no_hashtag_is_refused(words):
    """The signs that the service does not read are refused before anybody is asked."""
    with pytest.raises(errors.UnreadableName):
        names.hashtag(words)


@given(st.text())
def test_any_words_are_read_or_refused(words):
    """Names are read or refused with UnreadableName, and nothing else happens."""
    for read in (names.username, names.hashtag):
        try:
            found = read(words)
        except errors.UnreadableName:
            continue
        assert found
        assert not set(found) & set("/?&#%= \r\n\0")


@given(st.text(alphabet="#aB1_ ^`&/@.é", max_size=30))
def test_plain_texts_are_read_as_any_other(words) -> None:
    """A text of ASCII alone gives the tags that it gives beside another letter."""
    plain = "".join(letter for letter in words if letter.isascii())
    assert text.hashtags(plain) == text.hashtags(plain + " é")
