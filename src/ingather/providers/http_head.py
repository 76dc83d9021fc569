"""The head of an HTTP/1.1 answer, read strictly (RFC 9112): what is doubtful is refused.

A client that guesses where a doubtful answer ends may take one answer's bytes for the next one's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

MOST_HEAD: Final = 64 * 1024
"""Bytes that the head of an answer may have, with those of interim answers (1xx) before it."""

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
_FIELDS = re.compile(rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)*")
_LENGTH = re.compile(r"[0-9]{1,18}")
_NO_BODY = (204, 304)


class Broken(Exception):
    """The answer is not HTTP as it is written down. Its words are ours and quote nothing."""


class Headers(Mapping[str, str]):
    """Names in any case; of a name that came more than once, the first value."""

    __slots__ = ("_found",)

    def __init__(self, found: dict[str, str]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Head(Struct, frozen=True, gc=False):
    """What a head says. length: bytes of the body, None where it is chunked or ends with the
    connection. keep: whether the connection may be used again."""

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    keep: bool


def read(raw: bytes) -> Head:
    """The head without the empty line that ends it. Raises Broken."""
    first = _STATUS.match(raw)
    if first is None:
        raise Broken("no HTTP status")
    if not _FIELDS.fullmatch(raw, first.end()):
        # A name that is none, a folded line, a bare CR, LF or NUL.
        raise Broken("a header that is none")
    found: dict[str, str] = {}
    for line in raw[first.end() :].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if found.setdefault(name, value) != value and name in _FRAMING:
            raise Broken("two lengths")
    return _head(int(first[2]), first[1] == b"1", found)


_FRAMING: Final = ("content-length", "transfer-encoding")


def _head(status: int, modern: bool, found: dict[str, str]) -> Head:
    length, coding = found.get("content-length"), found.get("transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != "chunked" or not modern:
            raise Broken("a length that is doubtful")
    elif length is not None and not _LENGTH.fullmatch(length):
        raise Broken("a length that is none")
    bodiless = status < 200 or status in _NO_BODY
    told = found.get("connection", "").lower()
    ends = coding is None and length is None and not bodiless
    return Head(
        status=status,
        headers=Headers(found),
        length=0 if bodiless else None if length is None else int(length),
        chunked=coding is not None and not bodiless,
        keep=not ends and "close" not in told and (modern or "keep-alive" in told),
    )
