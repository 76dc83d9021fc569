"""What a filter is: plain data that rests with a job, as JSON.

A filter asks something of one record. What the source did not tell (None) is unknown: it passes
no filter that asks for something (a number, a truth, a type, a date, a name in a list), whichever
way the question points; only what excludes (a text, a mention, a name, a type) lets it through.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct, structs

from ingather import errors

CountOf = Literal["mentions", "hashtags", "followers", "likes", "plays", "comments", "duration"]
FlagOf = Literal["private", "verified", "picture"]

_UNSEEN = dict.fromkeys(
    (0xAD, *range(0x200B, 0x2010), *range(0x2060, 0x2065), *range(0xFE00, 0xFE10), 0xFEFF)
)


class Text(Struct, frozen=True, tag="text"):
    """What somebody wrote: a comment's text, a post's caption, a user's full name."""

    op: Literal["contains", "excludes", "matches", "differs"]
    value: str


class Count(Struct, frozen=True, tag="count"):
    """least, most: both included, None for no bound. duration: seconds."""

    of: CountOf
    least: int | None = None
    most: int | None = None


class Mentions(Struct, frozen=True, tag="mentions"):
    """Any of these accounts is mentioned; without: none of them is."""

    names: tuple[str, ...]
    without: bool = False


class Users(Struct, frozen=True, tag="users"):
    """The username is one of these, or (without) none of them.

    reference: instead of names, "@file" or "job:ID", whose names are looked up elsewhere.
    """

    names: tuple[str, ...] = ()
    reference: str | None = None
    without: bool = False


class Flag(Struct, frozen=True, tag="flag"):
    of: FlagOf
    value: bool


class Types(Struct, frozen=True, tag="types"):
    """types: of IMAGE, VIDEO, CAROUSEL_ALBUM, REELS."""

    types: tuple[str, ...]
    without: bool = False


class Dates(Struct, frozen=True, tag="dates"):
    """since: the first second that passes. before: the first after it that does not; ISO 8601."""

    since: str | None = None
    before: str | None = None


class First(Struct, frozen=True, tag="first"):
    """Of each user the first record alone that passes all other filters."""


Filter = Text | Count | Mentions | Users | Flag | Types | Dates | First

_decoder = msgspec.json.Decoder(tuple[Filter, ...])


def to_json(filters: Iterable[Filter]) -> str:
    return msgspec.json.encode(tuple(filters)).decode()


def from_json(text: str | bytes) -> tuple[Filter, ...]:
    """Raises DamagedRecord for what `to_json` has not written."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise errors.DamagedRecord(f"The stored filters cannot be read: {error}.") from error


def fold(text: str) -> str:
    """Text without what no reader tells apart: case, width, ligatures, composition, and characters
    that cannot be seen (as in Unicode's NFKC_Casefold). The same in every language."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFD", text).translate(_UNSEEN).casefold()
    return unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKC", bare).translate(_UNSEEN).casefold()
    )


def references(filters: Iterable[Filter]) -> tuple[str, ...]:
    """The files ("@file") and jobs ("job:ID") whose usernames a Sieve will need."""
    found = [one.reference for one in filters if isinstance(one, Users) and one.reference]
    return tuple(dict.fromkeys(found))


def inlined(filters: Iterable[Filter], lists: Mapping[str, Collection[str]]) -> tuple[Filter, ...]:
    """The filters with these references replaced by their names. Raises BadInput for no names.

    To be done with files before a job is stored: a file may change while the job is paused.
    """
    return tuple(_inlined(one, lists) for one in filters)


def _inlined(one: Filter, lists: Mapping[str, Collection[str]]) -> Filter:
    if not isinstance(one, Users) or one.reference is None or one.reference not in lists:
        return one
    names = tuple(sorted({name.lower() for name in lists[one.reference]}))
    if not names:
        raise errors.BadInput(f"There is no username in {one.reference}.")
    return structs.replace(one, names=names, reference=None)
