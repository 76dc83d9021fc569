"""Comma-separated values that a spreadsheet may open: no cell of theirs can become a formula.

UTF-8 with a byte order mark (without it Excel reads the system's old code page), rows end in CRLF,
quotes as in RFC 4180, where they are needed. An unknown value is an empty cell, an empty text is
`""`. Line breaks inside a text are kept as they are, inside its quotes.

A text that a spreadsheet could take for a formula gets `'` in front; `unescape` takes it away
again, exactly. The promise holds where the file is read as what it is, separated by commas.

A truth is `true` or `false`; a list is its words with a blank between two, an empty one `""`.

Ids are bare digits, because programs read them. Excel rounds numbers beyond 15 digits when it
opens a CSV, and no way of writing them here prevents that without spoiling them for programs:
who opens ids in Excel takes `.xlsx`, where they are text.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from msgspec.structs import astuple

from ingather.domain.records import Record
from ingather.exports.columns import Kind, Layout

BOM = b"\xef\xbb\xbf"

_UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_TRIGGERS = "=+-@\t\r\n\0＝＋－＠|%"

_LIVE = re.compile(f"'*[\\s{_UNSEEN}]*[{re.escape(_TRIGGERS)}]").match
"""White space and what cannot be seen count as blanks: some programs drop them before they look
for a formula."""

_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_USUAL_TIME = b"0000-00-00T00:00:00Z"
_TO_LETTERS = bytes.maketrans(b"_.", b"aa")
_HEADS = frozenset(f"'{_TRIGGERS}{_UNSEEN}{_SPACES}")
"""First characters of which `_LIVE` may be true: looking one up is cheaper than a match."""


def escape(text: str) -> str:
    """The text, with `'` in front where it, less its own leading `'`s and blanks, begins with
    one of = + - @ TAB CR LF NUL ＝ ＋ － ＠ | %.

    Texts that begin with `'` before such a character get one more, so that the inverse is exact.
    """
    return "'" + text if text[:1] in _HEADS and _LIVE(text) else text


def unescape(cell: str) -> str:
    """The inverse: `unescape(escape(text)) == text` for every text."""
    return cell[1:] if cell[:1] == "'" and _LIVE(cell, 1) else cell


def write(
    out: Any, batches: Iterable[Sequence[Record]], layout: Layout, *, raw: bool = False
) -> None:
    """Write header and rows. raw: for machines, without byte order mark and without escaping."""
    if not raw:
        out.write(BOM)
    out.write((",".join(layout.names) + "\r\n").encode())
    cells: dict[Kind, Callable[[Sequence[Any]], Sequence[str]]] = {
        "id": _ids,
        "int": _ints,
        "float": _ints,
        "bool": _bools,
        "list": _raw_lists if raw else _lists,
        "time": _raw if raw else _times,
        "text": _raw if raw else _safe,
        "url": _raw if raw else _safe,
    }
    kinds = [(column.attribute, cells[column.kind]) for column in layout]
    for batch in batches:
        if not batch:
            continue
        told = zip(*map(astuple, batch), strict=True)
        fields = dict(zip(batch[0].__struct_fields__, told, strict=True))
        table = [kind(fields[name]) for name, kind in kinds]
        rows = map(",".join, zip(*table, strict=True))
        out.write("\r\n".join([*rows, ""]).encode("latin-1"))


def _ids(values: Sequence[str | None]) -> Sequence[str]:
    """Bare digits. One look at the whole column tells that no cell needs another."""
    if not any(values):
        return _safe(values) if "" in values else [""] * len(values)
    known = [value or "" for value in values] if None in values else cast("Sequence[str]", values)
    joined = "".join(known)
    if joined.isascii() and joined.encode().isdigit():
        return known
    return _safe(values)


def _times(values: Sequence[str | None]) -> Sequence[str]:
    """Times in the usual form need no second look."""
    if None not in values:
        known = cast("Sequence[str]", values)
        joined = "".join(known)
        usual = _USUAL_TIME * len(known)
        if joined.isascii() and joined.encode().translate(_TO_ZEROS) == usual:
            return known
    return _safe(values)


def _ints(values: Sequence[int | float | None]) -> Sequence[str]:
    if None in values:
        return ["" if value is None else str(value) for value in values]
    return list(map(str, values))


def _bools(values: Sequence[bool | None]) -> Sequence[str]:
    return ["" if value is None else "true" if value else "false" for value in values]


def _lists(values: Sequence[Sequence[str] | None]) -> Sequence[str]:
    return _safe([None if value is None else " ".join(value) for value in values])


def _raw_lists(values: Sequence[Sequence[str] | None]) -> Sequence[str]:
    return _raw([None if value is None else " ".join(value) for value in values])


def _plain(values: Sequence[str | None]) -> bool:
    """Whether every cell is a word such as a username: no formula, and nothing to quote."""
    if not all(values):
        return False
    joined = "".join(cast("Sequence[str]", values))
    return joined.isascii() and joined.encode().translate(_TO_LETTERS).isalnum()


def _safe(values: Sequence[str | None]) -> Sequence[str]:
    """Texts that are no formula, quoted where they need it (`escape`, written out)."""
    if _plain(values):
        return cast("Sequence[str]", values)
    return _raw(
        [
            "'" + value if value and value[0] in _HEADS and _LIVE(value) else value
            for value in values
        ]
    )


def _raw(values: Sequence[str | None]) -> Sequence[str]:
    """Texts as they are, quoted where they need it.

    As all cells are from here on, one character for each byte of UTF-8: put together as they are,
    one emoji would have every character of a whole row take four bytes.
    """
    cells: list[str] = []
    add = cells.append
    for text in values:
        if text is None:
            add("")
            continue
        value = text if text.isascii() else text.encode().decode("latin-1")
        if '"' in value:
            add('"' + value.replace('"', '""') + '"')
        elif "," in value or "\n" in value or "\r" in value or not value:
            add('"' + value + '"')
        else:
            add(value)
    return cells
