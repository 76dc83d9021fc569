"""Field expansion, threads and ids of the sandbox."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather.sandbox import ids, texts
from ingather.sandbox.fields import Field, Malformed, parse
from ingather.sandbox.layout import FLAT, MIXED, Layout


def test_plain_fields():
    """Names separated by commas, spaces allowed."""
    assert [field.name for field in parse("id, text ,timestamp")] == ["id", "text", "timestamp"]


def test_nothing_asked():
    """An empty value asks for nothing."""
    assert parse("") == () == parse("  ")


def test_nesting():
    """Braces nest, and keep their source for next addresses."""
    (media,) = parse("media{id,children{media_type}}")
    assert media.source == "id,children{media_type}"
    assert media.inner == (Field("id"), Field("children", {}, (Field("media_type"),), "media_type"))


@pytest.mark.parametrize(
    "text",
    [
        "media.limit(5).after(QV-_=){id}",
        "media.after(QV-_=).limit(5){id}",
        "media{id}.limit(5).after(QV-_=)",
        "media.limit(5){id}.after(QV-_=)",
    ],
)
def test_arguments_in_any_order(text):
    """Arguments may come in any order, before the braces or after them."""
    (media,) = parse(text)
    assert media.args == {"limit": "5", "after": "QV-_="}
    assert media.inner == (Field("id"),)


def test_username_argument():
    """`business_discovery.username(u)` carries its user."""
    (found,) = parse("business_discovery.username(blue.bottle_1){id,media.limit(2){id}}")
    assert found.args == {"username": "blue.bottle_1"}


@pytest.mark.parametrize(
    "text", ["a,", ",a", "a{", "a{b", "a}", "a{}", "a.limit", "a.(5)", "a.b(1", "a b", "a{b}{c}"]
)
def test_malformed(text):
    """What is no expression is refused, not guessed at."""
    with pytest.raises(Malformed):
        parse(text)


def test_too_deep():
    """Nesting has a bound."""
    with pytest.raises(Malformed):
        parse("a{" * 50 + "a" + "}" * 50)


@given(st.text(alphabet="ab{},.()1 ", max_size=30))
def test_any_text_is_read_or_refused(text):
    """No text makes the parser fail in a way of its own."""
    with suppress(Malformed):
        parse(text)


@pytest.mark.parametrize(
    ("pk", "code"), [(3123724930722523505, "CtZs0Y3v2lx"), (0x3F, "_"), (64, "BA")]
)
def test_shortcodes(pk, code):
    """A shortcode is the pk in base64url; the first pair was recorded."""
    assert ids.shortcode(pk) == code
    assert ids.pk_of(code) == pk


@given(st.integers(0, 3000), st.sampled_from([FLAT, MIXED, (0, 500, 0), (0, 1, 0, 1, 0)]))
def test_threads_hold_every_row_once(total, pattern):
    """First comments and replies of all threads make exactly the total, each row found again."""
    layout = Layout(total, pattern)
    rows = [
        (thread, place)
        for thread in range(layout.threads)
        for place in range(layout.replies(thread) + 1)
    ]
    assert [layout.locate(number) for number in range(total)] == rows


@given(st.integers(0, (1 << 64) - 1))
def test_texts_are_made_of_any_bits(bits):
    """Any bits make a text, the same each time, that an encoder accepts."""
    assert texts.write(bits) == texts.write(bits)
    texts.write(bits).encode()


def test_names_are_unique():
    """No two users share a name, and each name is one that Instagram allows."""
    names = {texts.name(number) for number in range(20_000)}
    assert len(names) == 20_000
    assert all(len(name) <= 30 for name in names)
