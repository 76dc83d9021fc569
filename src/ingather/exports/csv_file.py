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
from operator import attrgetter
from typing import Any

from ingather.domain.records import Record
from ingather.exports.columns import Kind, Layout

BOM = b"\xef\xbb\xbf"

_UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_TRIGGERS = "=+-@\t\r\n\0＝＋－＠|%"

_LIVE = re.compile(f"'*[\\s{_UNSEEN}]*[{re.escape(_TRIGGERS)}]").match
"""White space and what cannot be seen count as blanks: some programs drop them before they look
for a formula."""

_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
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
    cells: dict[Kind, Callable[[list[Any]], Sequence[str]]] = {
        "id": _ids,
        "int": _ints,
        "float": _ints,
        "bool": _bools,
        "list": _quoted_lists if raw else _lists,
        "time": _quoted if raw else _safe,
        "text": _quoted if raw else _safe,
        "url": _quoted if raw else _safe,
    }
    columns = [(attrgetter(column.attribute), cells[column.kind]) for column in layout]
    for batch in batches:
        if batch:
            table = [kind(list(map(get, batch))) for get, kind in columns]
            out.write(("\r\n".join(map(",".join, zip(*table, strict=True))) + "\r\n").encode())


def _ids(values: list[str | None]) -> Sequence[str]:
    """Bare digits. One look at the whole column tells that no cell needs another."""
    known = [value or "" for value in values]
    joined = "".join(known)
    if joined.isascii() and (joined.isdecimal() or not joined):
        return known
    return _safe(values)


def _ints(values: list[int | float | None]) -> Sequence[str]:
    return ["" if value is None else str(value) for value in values]


def _bools(values: list[bool | None]) -> Sequence[str]:
    return ["" if value is None else "true" if value else "false" for value in values]


def _lists(values: list[Sequence[str] | None]) -> Sequence[str]:
    return _safe([None if value is None else " ".join(value) for value in values])


def _quoted_lists(values: list[Sequence[str] | None]) -> Sequence[str]:
    return _quoted([None if value is None else " ".join(value) for value in values])


def _safe(values: list[str | None]) -> Sequence[str]:
    """Texts that are no formula, quoted where they need it (`escape`, `_quote`, written out)."""
    cells: list[str] = []
    add = cells.append
    for value in values:
        if value is None:
            add("")
            continue
        text = "'" + value if value[:1] in _HEADS and _LIVE(value) else value
        if '"' in text:
            add('"' + text.replace('"', '""') + '"')
        elif "," in text or "\n" in text or "\r" in text or not text:
            add('"' + text + '"')
        else:
            add(text)
    return cells


def _quoted(values: list[str | None]) -> Sequence[str]:
    return ["" if value is None else _quote(value) for value in values]


def _quote(text: str) -> str:
    if text and not any(mark in text for mark in '",\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'
