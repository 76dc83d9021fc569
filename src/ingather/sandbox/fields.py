"""Field expansion as the Graph API reads it: `a,b{c,d},e.limit(5).after(x){f}`."""

from functools import lru_cache

from msgspec import Struct

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DEEPEST = 6


class Malformed(ValueError):
    """The expression cannot be read; the message names the character."""


class Field(Struct, frozen=True):
    """One asked-for field: its arguments, and what is asked of what it leads to.

    inner: None where no braces were given. source: the text within the braces, as it came.
    """

    name: str
    args: dict[str, str] = {}
    inner: "tuple[Field, ...] | None" = None
    source: str = ""


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Field, ...]:
    """Read a whole `fields=` value; an empty one asks for nothing; Malformed where it is none."""
    if not text.strip():
        return ()
    reader = _Reader(text)
    found = reader.several(0)
    if reader.at < len(text):
        raise reader.wrong("end of string")
    return found


class _Reader:
    """A recursive descent over one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, expected: str) -> Malformed:
        got = self.text[self.at] if self.at < len(self.text) else "end of string"
        return Malformed(
            f'Syntax error "Expected {expected} instead of "{got}"." at character {self.at}: '
            f"{self.text}"
        )

    def several(self, depth: int) -> tuple[Field, ...]:
        if depth > _DEEPEST:
            raise Malformed("Field expansion is nested too deeply")
        found: dict[str, Field] = {}
        while True:
            one = self.one(depth)
            found[one.name] = one
            if self._peek() != ",":
                return tuple(found.values())
            self.at += 1

    def one(self, depth: int) -> Field:
        name = self._word()
        args: dict[str, str] = {}
        inner: tuple[Field, ...] | None = None
        source = ""
        while True:  # arguments may stand before the braces or after them
            match self._peek():
                case ".":
                    self.at += 1
                    key = self._word()
                    args[key] = self._argument()
                case "{" if inner is None:
                    self.at += 1
                    start = self.at
                    inner = self.several(depth + 1)
                    if self._peek() != "}":
                        raise self.wrong('"}"')
                    source = self.text[start : self.at]
                    self.at += 1
                case _:
                    return Field(name, args, inner, source)

    def _peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at] if self.at < len(self.text) else ""

    def _word(self) -> str:
        self._peek()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in _NAME:
            self.at += 1
        if start == self.at:
            raise self.wrong("a field name")
        return self.text[start : self.at]

    def _argument(self) -> str:
        if self._peek() != "(":
            raise self.wrong('"("')
        end = self.text.find(")", self.at)
        if end < 0:
            self.at = len(self.text)
            raise self.wrong('")"')
        value = self.text[self.at + 1 : end].strip()
        self.at = end + 1
        return value
