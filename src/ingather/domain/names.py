"""What people write when they mean an account or a hashtag, read without asking anybody."""

import re
import unicodedata
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from ingather import errors
from ingather.domain import text

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._]{0,28}[a-z0-9_])?")
_BESIDE = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u2060\ufeff<>\"'`,;"
_HOSTS = ("instagram.com", "instagr.am")
_NO_ACCOUNTS = (
    "p", "reel", "reels", "tv", "stories", "explore", "accounts", "direct", "share", "about",
    "developer", "legal", "web", "api",
)  # fmt: skip
"""First steps of addresses at instagram.com that name no account."""


def username(words: str) -> str:
    """The account that is meant by @name, name or the address of a profile, in lower case.

    Raises UnreadableName.
    """
    said = words.strip(_BESIDE)
    path = _path(said)
    name = said.removeprefix("@")
    if path is not None:
        steps = path[1:] if path[:1] == ["_u"] else path
        name = steps[0] if steps else ""
        if name.lower() in _NO_ACCOUNTS:
            name = ""
    name = name.lower()
    if not _NAME.fullmatch(name) or ".." in name:
        _unreadable(words, "is not the name of an account.", "Give @natgeo or natgeo.")
    return name


def hashtag(words: str) -> str:
    """The hashtag that is meant by #word, word or its address, without # and in lower case.

    Raises UnreadableName; the platform reads no other signs, and no _ or . at the end.
    """
    said = words.strip(_BESIDE)
    path = _path(said)
    if path is not None:
        tagged = path[:2] == ["explore", "tags"] and len(path) > 2
        said = path[2] if tagged else "/"
    word = unicodedata.normalize("NFC", said.removeprefix("#").removeprefix("＃")).lower()
    if not text.is_hashtag(word) or word.endswith("_") or len(word) > 150:
        _unreadable(
            words,
            "is not a hashtag.",
            "Give one word of letters, digits and _ such as #sourdough, with no _ at its end.",
        )
    return word


def _path(said: str) -> list[str] | None:
    """The steps of an address at instagram.com; None where it is no such address."""
    if "/" not in said:
        return None
    try:
        parts = urlsplit(said if "://" in said else f"https://{said.lstrip('/')}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return []
    ours = host in _HOSTS or host.endswith(tuple(f".{name}" for name in _HOSTS))
    if parts.scheme not in ("http", "https") or not ours:
        return []
    return [step for step in unquote(parts.path).split("/") if step]


def _unreadable(words: str, why: str, hint: str) -> NoReturn:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in words.strip()[:80])
    raise errors.UnreadableName(f"“{shown}” {why}", hint=hint)
