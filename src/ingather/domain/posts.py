"""What people write when they mean a post, read without asking anybody; and a post of one's own.

Instagram has three names for one post: the Graph media id (17 or 18 digits, known to the API
alone), the shortcode of its address, and the number that the shortcode spells in base64url
(usually 19 digits). The API finds a post by the first only.
"""

import re
from itertools import pairwise
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from ingather import errors

EXAMPLES = (
    "Give the address of the post (https://www.instagram.com/p/CtZs0Y3v2lx/), its shortcode "
    "(CtZs0Y3v2lx) or its media id (17895695668004550)."
)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_CODE = re.compile(r"[A-Za-z0-9_-]{5,64}")
_PERMALINK = re.compile(r"https://www\.instagram\.com/(?:p|reel|tv)/([A-Za-z0-9_-]{5,64})/")
_NUMBER = re.compile(r"([0-9]{10,20})(?:_[0-9]{1,20})?")
_BESIDE = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u2060\ufeff<>\"'`,;"
_KINDS = ("p", "reel", "reels", "tv")
_HOSTS = ("instagram.com", "instagr.am")
_PRIVATE_TAIL = 28
_MAX_MEDIA_ID = 10**18


class Post(Struct, frozen=True, kw_only=True, rename="camel"):
    """A post of one's own, as `ingather posts` lists it (Graph API, /{account}/media).

    timestamp: byte for byte as the source gave it. comments_count: replies included.
    media_product_type: FEED, REELS, STORY or AD; media_type calls a reel VIDEO.
    """

    id: str
    shortcode: str | None = None
    permalink: str | None = None
    timestamp: str | None = None
    caption: str | None = None
    comments_count: int | None = None
    comments_enabled: bool | None = None
    media_type: str | None = None
    media_product_type: str | None = None
    username: str | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """A post as somebody named it: exactly one of media_id and shortcode is known.

    number: the number that the shortcode was worked out from, None where it was written out.
    """

    media_id: str | None = None
    shortcode: str | None = None
    number: str | None = None

    def describe(self) -> str:
        """How the words were read, for messages."""
        if self.media_id:
            return f"the media id {self.media_id}"
        if self.number:
            return f"the number {self.number} of shortcode {self.shortcode}"
        return f"the shortcode {self.shortcode}"


def number_of(shortcode: str) -> int:
    """The number a shortcode spells: CtZs0Y3v2lx is 3123724930722523505."""
    number = 0
    for letter in shortcode:
        number = number * 64 + _VALUES[letter]
    return number


def shortcode_of(number: int) -> str:
    """The shortcode that spells a number."""
    letters = []
    while number > 0:
        number, value = divmod(number, 64)
        letters.append(_ALPHABET[value])
    return "".join(reversed(letters)) or _ALPHABET[0]


def shortcode_in(address: str | None) -> str | None:
    """The shortcode in a permalink, None where there is none."""
    if address and (usual := _PERMALINK.fullmatch(address)):
        return _public(usual[1])  # what the platform writes, at a tenth of the cost
    try:
        return read(address).shortcode if address else None
    except errors.BadInput:
        return None


def read(words: str) -> Reading:
    """Read a media id, a shortcode, a number or an address.

    A bare number of up to 18 digits is a media id, a longer one spells a shortcode. Raises
    UnreadablePost, and UnresolvableShare for a /share/ link.
    """
    said = words.strip(_BESIDE)
    if number := _NUMBER.fullmatch(said):
        return _numbered(number[1], spelled="_" in said)
    if said.startswith("@") and "/" not in said:
        _unreadable(words, f"{said[:40]} is an account, not a post.")
    if "/" in said or ":" in said or "." in said:
        return _addressed(words, said.lstrip("@"))
    if 9 <= len(said) <= 11 + _PRIVATE_TAIL and _CODE.fullmatch(said):
        code = _public(said)
        if len(code) <= 11 and number_of(code) < 2**63:
            return Reading(shortcode=code)
    _unreadable(words)


def _numbered(digits: str, *, spelled: bool = False) -> Reading:
    """A number alone; with an account's number behind it (1_2) it always spells a shortcode."""
    number = int(digits)
    if number < _MAX_MEDIA_ID and not spelled:
        return Reading(media_id=digits)
    if number >= 2**63:
        _unreadable(digits)
    return Reading(shortcode=shortcode_of(number), number=digits)


def _public(code: str) -> str:
    """The shortcode proper: posts of private accounts carry 28 letters more in their address."""
    return code[:-_PRIVATE_TAIL] if len(code) > _PRIVATE_TAIL + 5 else code


def _addressed(words: str, said: str) -> Reading:
    try:
        parts = urlsplit(said if "://" in said else f"https://{said.lstrip('/')}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        _unreadable(words)
    if parts.scheme == "instagram":
        asked = _NUMBER.fullmatch(parse_qs(parts.query).get("id", [""])[0])
        if host == "media" and asked:
            return _numbered(asked[1], spelled=True)
        _unreadable(words)
    if parts.scheme not in ("http", "https") or not _is_instagram(host):
        _unreadable(words, "It is not an address at instagram.com.")
    path = [step for step in unquote(parts.path).split("/") if step]
    if path and path[0].lower() == "share":
        raise errors.UnresolvableShare(
            hint="Open it in a browser and copy the address that the browser then shows."
        )
    for kind, code in pairwise(path[:3]):
        if kind.lower() in _KINDS and code != "audio" and _CODE.fullmatch(code):
            return Reading(shortcode=_public(code))
    if path and path[0].lower() == "stories":
        _unreadable(words, "Stories have no comments.")
    _unreadable(words)


def _is_instagram(host: str) -> bool:
    return host in _HOSTS or host.endswith(tuple(f".{name}" for name in _HOSTS))


def _unreadable(words: str, why: str = "") -> NoReturn:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in words.strip()[:80])
    said = f"“{shown}” is neither a media id, a shortcode nor the address of a post or reel."
    raise errors.UnreadablePost(said, hint=f"{why} {EXAMPLES}".strip())
