"""Hashtags and mentions in what people write, in any alphabet."""

import re
import unicodedata
from functools import lru_cache
from itertools import takewhile

_TAGS = re.compile(r"(?<![\w&/])(?:[#＃][^\s#＃@＠]+)+")
"""Tags may follow each other without a space, but not a word, an entity or an address."""
_PLAIN = re.compile("[A-Za-z0-9_]+")
_TELL_NOTHING = "0123456789_"
_MENTION = re.compile(r"(?<![\w.+-])[@＠]([A-Za-z0-9._]{1,30})(?![A-Za-z0-9_])")
_JOINS = "_\u200c\u200d\ufe0f"
"""The underscore; and what holds letters of Persian and parts of one emoji together."""


def hashtags(text: str) -> tuple[str, ...]:
    """The hashtags of a text, as they are written and without #, each once.

    A tag has a letter or an emoji in it: `#1` is a number. Upper and lower case are one tag.
    """
    if "#" not in text and "＃" not in text:
        return ()
    found: dict[str, str] = {}
    for run in _TAGS.finditer(text):
        for part in run[0].replace("＃", "#").split("#"):
            key, tag = _tag(part)
            if tag:
                found.setdefault(key, tag)
    return tuple(found.values())


@lru_cache(maxsize=4096)
def _tag(part: str) -> tuple[str, str]:
    """The tag that a text without signs begins with, as it is compared and as it is written; empty
    ones where it begins with none. Remembered: accounts write the same ones again and again."""
    if part.isascii():
        plain = _PLAIN.match(part)
        tag = plain[0] if plain is not None and plain[0].strip(_TELL_NOTHING) else ""
        return tag.lower(), tag
    tag = part
    if not part.isalpha():
        tag = "".join(takewhile(_in_tag, part)).rstrip("\u200c\u200d")
        tag = tag if is_hashtag(tag) else ""
    return unicodedata.normalize("NFC", tag).casefold(), tag


def mentions(text: str) -> tuple[str, ...]:
    """The accounts that a text mentions, in lower case and without @, each once.

    An address of e-mail mentions nobody; a full stop at the end belongs to the sentence.
    """
    if "@" not in text and "＠" not in text:
        return ()
    names = (match[1].rstrip(".").lower() for match in _MENTION.finditer(text))
    return tuple(dict.fromkeys(name for name in names if name))


def is_hashtag(word: str) -> bool:
    """Whether a word, without #, can be a hashtag: letters, digits, _, emoji; not digits alone."""
    return all(map(_in_tag, word)) and any(_tells(letter) for letter in word)


def _in_tag(letter: str) -> bool:
    if letter.isascii():  # of which ^ and ` are counted among the signs that colour emoji
        return letter.isalnum() or letter == "_"
    return letter in _JOINS or letter.isalnum() or unicodedata.category(letter) in _TAG_KINDS


def _tells(letter: str) -> bool:
    return letter.isalpha() or unicodedata.category(letter) == "So"


_TAG_KINDS = frozenset({"Mn", "Mc", "So", "Sk", "Nd", "Nl"})
"""Vowel signs of Hindi and Thai, accents that stand apart, emoji and their colours."""
