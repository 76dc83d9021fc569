"""Hashtags and mentions in what people write, in any alphabet."""

import re
import unicodedata
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
            if tag := _tag(part):
                plain = tag.isascii()
                key = tag.lower() if plain else unicodedata.normalize("NFC", tag).casefold()
                found.setdefault(key, tag)
    return tuple(found.values())


def _tag(part: str) -> str:
    """The tag that a text without signs begins with; an empty one where it begins with none."""
    if part.isascii():
        plain = _PLAIN.match(part)
        return plain[0] if plain is not None and plain[0].strip(_TELL_NOTHING) else ""
    if part.isalpha():
        return part
    tag = "".join(takewhile(_in_tag, part)).rstrip("\u200c\u200d")
    return tag if is_hashtag(tag) else ""


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
