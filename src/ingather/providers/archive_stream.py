"""The entries of a JSON file that may be larger than memory, one after the other.

The files of an archive are a list of entries; or an object with such a list under one key; or,
where there is only one entry, that entry alone. A buffer of text is decoded entry by entry and
never holds more than one entry and a chunk.
"""

import codecs
import json
import zipfile
import zlib
from collections.abc import Generator
from typing import Any, NoReturn, Protocol

from ingather import errors

CHUNK = 1 << 18
MOST = 1 << 22
"""Characters of one entry; those of real archives have a few thousand."""

_OF_AN_ENTRY = frozenset((
    "timestamp", "media", "label_values", "fbid", "title", "string_list_data", "media_list_data",
    "string_map_data", "media_map_data", "creation_timestamp", "uri",
))  # fmt: skip
_BLANKS = " \t\r\n"
_AFTER = frozenset((*_BLANKS, ",", "]", "}"))


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def items(stream: Stream, name: str) -> Generator[Any, None, None]:
    """Every entry, in the file's order. name: of the file, for messages.

    Raises Refused where the bytes are damaged, cut short, no JSON, or an entry beyond all bounds.
    """
    text = _Text(stream, name)
    match text.peek():
        case "[":
            yield from _list(text)
        case "{":
            yield from _object(text)
        case _:
            text.fail("it is no list of entries")
    if text.peek():
        text.fail("something follows after its end")


def _list(text: "_Text") -> Generator[Any, None, None]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


def _object(text: "_Text") -> Generator[Any, None, None]:
    """The entries of every list in the object; or the object, where it is an entry itself."""
    text.take("{")
    if text.peek() == "}":
        text.take("}")
        return
    alone: dict[str, Any] | None = None
    first = True
    while True:
        key = text.value()
        text.take(":")
        if first and key in _OF_AN_ENTRY:
            alone = {}
        first = False
        if alone is not None:
            alone[str(key)] = text.value()
        elif text.peek() == "[":
            yield from _list(text)
        else:
            text.value()
        if text.take(",}") == "}":
            break
    if alone is not None:
        yield alone


class _Text:
    """What was read and not yet consumed."""

    def __init__(self, stream: Stream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no blank, "" at the end of the file."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _BLANKS:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more(CHUNK):
                return ""

    def take(self, expected: str) -> str:
        """Consume one of these characters."""
        found = self.peek()
        if not found or found not in expected:
            self.fail("it ends too early" if not found else "it is no JSON")
        self._at += 1
        return found

    def value(self) -> Any:
        """Consume one value. Whether it is whole is known only by trying: each attempt that fails
        reads twice as much more, so that trying stays cheap."""
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                # What follows tells whether a number is whole; all else has an end of its own.
                if not isinstance(value, int | float) or self._text[end : end + 1] in _AFTER:
                    break
                why = "it is no JSON"
            except json.JSONDecodeError:
                why = "it ends too early, or is no JSON"
            except (ValueError, RecursionError):
                self.fail("it is no JSON that anybody would write")
            if len(self._text) - self._at > MOST:
                self.fail("it is no JSON, or one of its entries is larger than any real one")
            if not self._more(size):
                self.fail(why)
            size *= 2
        self._at = end
        return value

    def _more(self, size: int) -> bool:
        """Read on, letting go of what is consumed; False at the end of the file."""
        if self._ended:
            return False
        try:
            data = self._stream.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            self.fail("its bytes are not those that were packed")
        except (OSError, ValueError, NotImplementedError, RuntimeError) as error:
            self.fail(f"it cannot be read ({error})")
        self._ended = not data
        self._text = self._text[self._at :] + self._utf8.decode(data, final=self._ended)
        self._at = 0
        return bool(data)

    def fail(self, why: str) -> NoReturn:
        raise errors.Refused(
            f"The file {self._name} of the archive is damaged: {why}.",
            hint="Download the archive again.",
        )
