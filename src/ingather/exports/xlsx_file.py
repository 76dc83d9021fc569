"""An Excel workbook, streamed: ids and texts are text, counts are numbers, times are dates.

Written by hand in one pass, because rows arrive one batch at a time and nobody knows beforehand
whether they need a second sheet. A text is always a string cell (never a formula, never a link),
and bears the mark that keeps it one when somebody edits it. A list is its words with a blank
between two. Empty and unknown texts are both empty cells. The same rows give the same bytes.

Limits of Excel, and what becomes of them: 1,048,576 rows a sheet (the rest goes on in a second
one), 32,767 UTF-16 units a cell (cut, with a mark), no dates before 1900 or after 9999 (left as
text).
"""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite
from operator import attrgetter
from typing import Any

from ingather.domain.records import Record
from ingather.exports import xlsx_parts as parts
from ingather.exports.columns import Kind, Layout

ROWS = 1_048_575
"""Rows of a sheet, its header apart."""

CELL = 32_767
CUT = "… [cut]"

_SHEET_BYTES = 1 << 30  # beyond 2 GiB a member needs ZIP64, which some readers do not know
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_DAY = 86_400_000_000  # microseconds
_FIRST_DAY = 61  # 1 March 1900; before it Excel counts a day that never was
_LAST_DAY = 2_958_465  # 31 December 9999

_SPECIAL = re.compile("[&<>\0-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_RARE = re.compile("[\0-\x08\x0b-\x1f\ufffe\uffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

Cells = Callable[[str, int, list[Any]], list[str]]
"""(column's letter, number of the first row, values) -> the XML of its cells."""


def write(
    out: Any, batches: Iterable[Sequence[Record]], layout: Layout, *, rows: int = ROWS
) -> None:
    """Write the workbook. rows: of one sheet at the most."""
    # A third of the time of level 6 for a tenth more bytes.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as book:
        _part(book, "_rels/.rels", parts.ROOT)
        _part(book, "xl/styles.xml", parts.STYLES)
        title = layout.kind.capitalize()
        pending = _Pending(iter(batches))
        titles: list[str] = []
        while not titles or pending.more():
            titles.append(title if not titles else f"{title} {len(titles) + 1}")
            with book.open(f"xl/worksheets/sheet{len(titles)}.xml", "w") as sheet:
                _write_sheet(sheet, pending, layout, rows, first=len(titles) == 1)
        _part(book, "xl/workbook.xml", parts.workbook(titles))
        _part(book, "xl/_rels/workbook.xml.rels", parts.relations(len(titles)))
        _part(book, "[Content_Types].xml", parts.content_types(len(titles)))


def _part(book: zipfile.ZipFile, name: str, text: str) -> None:
    with book.open(name, "w") as part:  # not writestr, which would add the time of day
        part.write(text.encode())


class _Pending:
    """Batches that can be taken in part."""

    def __init__(self, batches: Iterator[Sequence[Record]]) -> None:
        self._batches = batches
        self._rest: Sequence[Record] = ()

    def more(self) -> bool:
        while not self._rest:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._rest = batch
        return True

    def take(self, most: int) -> Sequence[Record]:
        taken, self._rest = self._rest[:most], self._rest[most:]
        return taken


def _write_sheet(sheet: Any, pending: _Pending, layout: Layout, rows: int, *, first: bool) -> None:
    columns = [
        (parts.LETTERS[i], attrgetter(column.attribute), _CELLS[column.kind])
        for i, column in enumerate(layout)
    ]
    written = sheet.write(parts.sheet_head(layout, selected=first).encode())
    number = 1
    while number <= rows and written < _SHEET_BYTES and pending.more():
        batch = pending.take(rows - number + 1)
        table = [cells(letter, number + 1, list(map(get, batch))) for letter, get, cells in columns]
        lines = [
            f'<row r="{n}">' + "".join(row) + "</row>"
            for n, row in enumerate(zip(*table, strict=True), number + 1)
        ]
        written += sheet.write("".join(lines).encode())
        number += len(batch)
    sheet.write(parts.sheet_tail(layout, last=number).encode())


def _texts(style: int) -> Cells:
    space = "" if style == parts.ID else ' xml:space="preserve"'

    def cells(letter: str, first: int, values: list[Any]) -> list[str]:
        head, middle = f'<c r="{letter}', f'" s="{style}" t="inlineStr"><is><t{space}>'
        return [
            f"{head}{n}{middle}{text}</t></is></c>" if text else ""
            for n, text in enumerate(_as_xml(values), first)
        ]

    return cells


def _as_xml(values: list[str | None]) -> list[str]:
    """Texts as XML; what can be asked of the whole column at once is not asked of each cell."""
    texts = [value or "" for value in values]
    if len(max(texts, key=len)) * 2 > CELL:
        texts = list(map(cut, texts))
    joined = "".join(texts)
    if joined.isascii() and joined.isalnum():
        return texts
    escape = _SPECIAL.sub
    if _RARE.search(joined):
        return [escape(_escaped, text) for text in texts]
    return [
        escape(_escaped, text)
        if "&" in text or "<" in text or ">" in text or "_x" in text
        else text
        for text in texts
    ]


def _escaped(match: re.Match[str]) -> str:
    """XML's own marks as entities; what XML cannot hold as Excel's _xHHHH_ (ECMA-376, ST_Xstring),
    and a text that looks like that is kept from being read so."""
    found = match[0]
    if len(found) > 1:
        return "_x005F" + found
    return _ENTITIES.get(found) or f"_x{ord(found):04X}_"


def cut(text: str) -> str:
    """The text as far as a cell holds it; a mark tells where it was cut."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL:
        return text
    return units[: 2 * (CELL - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _ints(letter: str, first: int, values: list[Any]) -> list[str]:
    return [
        "" if value is None else f'<c r="{letter}{n}"><v>{value}</v></c>'
        for n, value in enumerate(values, first)
    ]


def _floats(letter: str, first: int, values: list[Any]) -> list[str]:
    """Measures; what is no number has no cell, for Excel would not open the file."""
    return _ints(letter, first, [one if one is None or isfinite(one) else None for one in values])


def _bools(letter: str, first: int, values: list[Any]) -> list[str]:
    return [
        "" if value is None else f'<c r="{letter}{n}" t="b"><v>{value:d}</v></c>'
        for n, value in enumerate(values, first)
    ]


def _lists(letter: str, first: int, values: list[Any]) -> list[str]:
    return _texts(parts.TEXT)(letter, first, [value and " ".join(value) for value in values])


def _times(letter: str, first: int, values: list[Any]) -> list[str]:
    cells = []
    for n, value in enumerate(values, first):
        serial = None if value is None else _serial(value)
        if serial is not None:
            cells.append(f'<c r="{letter}{n}" s="{parts.TIME}"><v>{serial}</v></c>')
        else:
            cells += _texts(parts.TEXT)(letter, n, [value])
    return cells


def _serial(value: str) -> str | None:
    """Days since Excel's day 0, in UTC; None for what is no instant, or not in Excel's calendar."""
    try:
        since = datetime.fromisoformat(value) - _EPOCH
    except (ValueError, TypeError):  # no time, or one that does not tell its offset
        return None
    if not _FIRST_DAY <= since.days <= _LAST_DAY:
        return None
    microseconds = since.seconds * 1_000_000 + since.microseconds
    fraction = (microseconds * 10**12 + _DAY // 2) // _DAY  # integers: floats cost twice the time
    return f"{since.days}.{fraction:012d}"


_CELLS: dict[Kind, Cells] = {
    "id": _texts(parts.ID),
    "text": _texts(parts.TEXT),
    "url": _texts(parts.TEXT),
    "list": _lists,
    "int": _ints,
    "float": _floats,
    "bool": _bools,
    "time": _times,
}
