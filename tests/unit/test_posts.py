"""What people paste is read as the post they mean, and never as another."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain import posts
from ingather.domain.posts import Reading

CODE = "CtZs0Y3v2lx"
NUMBER = 3123724930722523505


def test_number_and_shortcode_are_the_same_name():
    """The recorded pair of number and shortcode maps both ways."""
    assert posts.number_of(CODE) == NUMBER
    assert posts.shortcode_of(NUMBER) == CODE


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_every_number_has_one_shortcode(number):
    """Any number survives the way to a shortcode and back."""
    assert posts.number_of(posts.shortcode_of(number)) == number


@pytest.mark.parametrize(
    "words",
    [
        CODE,
        f"  {CODE}\n",
        f"https://www.instagram.com/p/{CODE}/",
        f"https://www.instagram.com/p/{CODE}",
        f"http://instagram.com/p/{CODE}/?igsh=MzRlODBiNWFlZA==&img_index=3",
        f"https://www.instagram.com/reel/{CODE}/?utm_source=ig_web_copy_link",
        f"https://www.instagram.com/reels/{CODE}/",
        f"https://www.instagram.com/tv/{CODE}/",
        f"https://www.instagram.com/some.body_1/p/{CODE}/",
        f"https://www.instagram.com/@somebody/p/{CODE}/",
        f"https://www.instagram.com/somebody/reel/{CODE}/#comments",
        f"https://m.instagram.com/p/{CODE}/",
        f"HTTPS://WWW.INSTAGRAM.COM/p/{CODE}/",
        f"https://www.instagram.com:443/p/{CODE}/comments/",
        f"https://www.instagram.com//p//{CODE}//",
        f"www.instagram.com/p/{CODE}/",
        f"instagram.com/p/{CODE}",
        f"//instagram.com/p/{CODE}",
        f"instagr.am/p/{CODE}",
        f"<https://www.instagram.com/p/{CODE}/>",
        f'"https://www.instagram.com/p/{CODE}/",',
        f"@https://www.instagram.com/p/{CODE}/",
        f"\u200bhttps://www.instagram.com/p/{CODE}/\u00a0",
        f"https://www.instagram.com/%70/{CODE}/",
        f"https://www.instagram.com/p/{CODE}{'x' * 28}/",
        str(NUMBER),
        f"{NUMBER}_48123456789",
        f"instagram://media?id={NUMBER}",
        f"instagram://media?id={NUMBER}_48123456789",
    ],
)
def test_every_way_to_write_a_post_gives_its_shortcode(words):
    """Addresses of posts, reels and videos, shortcodes and numbers are all read."""
    assert posts.read(words).shortcode == CODE


@pytest.mark.parametrize("digits", ["17895695668004550", "90010498116233", "179999999999999999"])
def test_a_number_of_up_to_eighteen_digits_is_a_media_id(digits):
    """A bare number is taken for the API's own id where it can be one."""
    assert posts.read(digits) == Reading(media_id=digits)


def test_a_number_with_an_accounts_behind_it_spells_a_shortcode():
    """The app's own form, post_account, is never a media id, however short its number is."""
    for words in ("123456789012345678_48123", "instagram://media?id=123456789012345678"):
        assert posts.read(words).shortcode == posts.shortcode_of(123456789012345678)


def test_a_reading_says_how_the_words_were_read():
    """A message can say whether a number was taken for a media id or for a shortcode."""
    assert posts.read("17895695668004550").describe() == "the media id 17895695668004550"
    assert posts.read(CODE).describe() == f"the shortcode {CODE}"
    assert posts.read(str(NUMBER)).describe() == f"the number {NUMBER} of shortcode {CODE}"


@pytest.mark.parametrize("kind", ["p/", "reel/", "", "s/"])
def test_a_share_link_is_refused_with_the_way_out(kind):
    """A share link hides the shortcode, and the message says what to do."""
    with pytest.raises(errors.UnresolvableShare, match="Open it in a browser"):
        posts.read(f"https://www.instagram.com/share/{kind}_qGuCPE08")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "   ",
        "12345",
        "123456789012345678901",
        str(2**63),
        "hello",
        "@somebody",
        "@somebody.else",
        "somebody_ab",
        "https://www.instagram.com/",
        "https://www.instagram.com/somebody/",
        "https://www.instagram.com/p/",
        "https://www.instagram.com/p/abc/",
        "https://www.instagram.com/stories/somebody/3123724930722523505/",
        "https://www.instagram.com/explore/tags/bread/",
        "https://www.instagram.com/reels/audio/123456789/",
        f"https://evil.example/p/{CODE}/",
        f"https://instagram.com.evil.example/p/{CODE}/",
        f"https://notinstagram.com/p/{CODE}/",
        f"https://evil.example/?u=https://instagram.com/p/{CODE}/",
        f"ftp://instagram.com/p/{CODE}/",
        f"javascript://instagram.com/p/{CODE}/",
        "https://[broken/p/x",
        "https://www.instagram.com/p/Ct Zs0Y3v2lx/",
        "instagram://user?username=somebody",
        "../../etc/passwd",
        "\x00\x1b[31m",
    ],
)
def test_what_is_no_post_is_refused_with_examples(words):
    """Accounts, tags, stories and other sites are refused, and the message shows what would do."""
    with pytest.raises(errors.UnreadablePost) as caught:
        posts.read(words)
    assert "https://www.instagram.com/p/CtZs0Y3v2lx/" in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=60))
@example("https://[::1")
@example("instagram://media?id=1_2")
@example("http://instagram.com:99999/p/CtZs0Y3v2lx")
def test_any_words_are_read_or_refused(words):
    """No words crash the reading."""
    try:
        reading = posts.read(words)
    except errors.BadInput:
        return
    assert (reading.media_id is None) != (reading.shortcode is None)


@given(st.text("ABCDabcd0189-_/.:@?=&#% p", max_size=40))
def test_any_address_is_read_or_refused(tail):
    """No address crashes the reading, and a shortcode has only a shortcode's letters."""
    try:
        reading = posts.read(f"https://www.instagram.com/{tail}")
    except errors.BadInput:
        return
    assert set(reading.shortcode) <= set(posts._ALPHABET)
