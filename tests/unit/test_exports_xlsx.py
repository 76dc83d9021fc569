"""An XLSX holds what it was given, as text, numbers and dates, and LibreOffice agrees."""

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape as xlsx_unescape

from ingather.domain.records import Comment
from ingather.exports import csv_file, xlsx_file
from ingather.exports.columns import COMMENTS

HARD = [
    "two\nlines",
    "windows\r\nlines",
    "old\rmac",
    "❤️ 👨‍👩‍👧 🇩🇪",
    "שלום عليكم \u200f!",
    "=cmd()",
    '=HYPERLINK("http://x.example","click")',
    "@friend look",
    "+49 30 1234",
    "-1",
    " \t=1+1",
    "'=1",
    "''",
    "'",
    '"',
    'she said "hi", left',
    ",",
    "a,b;c\td",
    "＝1+1",
    "|pipe",
    "%percent",
    "<b>&amp;</b> ]]>",
    "snake_x and _x00",
    " spaces ",
    "https://x.example/?a=1&b=2",
    "bell\x07 and \x1b",
    "\ufeffbom",
    "x" * 2_200,
]

CELL_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def comment(number: int, text: str | None = "hello", **changes: object) -> Comment:
    fields: dict[str, object] = {
        "comment_id": str(179_000_000_000_000_001 + number),
        "user_id": str(17_841_400_000_000_003 + number % 7),
        "username": f"user.{number % 7}_",
        "timestamp": f"2025-03-04T05:{number // 60 % 60:02}:{number % 60:02}Z",
        "like_count": number % 5,
        "parent_comment_id": None if number % 3 else "179000000000000001",
        "text": text,
    }
    return Comment(**(fields | changes))  # type: ignore[arg-type]


ROWS = [comment(i, text) for i, text in enumerate(HARD)]


def in_xlsx(records: Sequence[Comment], **options: int) -> io.BytesIO:
    out = io.BytesIO()
    xlsx_file.write(out, [records[:5], (), records[5:]], COMMENTS, **options)
    return out


def read_xlsx(file: io.BytesIO | Path) -> list[list[list[object]]]:
    """Sheets of rows of values; texts as Excel would show them."""
    book = openpyxl.load_workbook(file)
    return [
        [[xlsx_unescape(v) if isinstance(v, str) else v for v in row] for row in sheet.values]
        for sheet in book
    ]


def test_xlsx_keeps_what_looks_like_its_own_marks() -> None:
    """Text that looks like Excel's _xHHHH_ is not read as one, and digits stay text."""
    texts = ["_x0041_ _x000D_", "007", "1e5", "2024-01-02", "\ufffe\uffff"]
    [sheet] = read_xlsx(in_xlsx([comment(i, text) for i, text in enumerate(texts)]))
    assert [row[6] for row in sheet[1:]] == texts


def test_xlsx_round_trip() -> None:
    """XLSX keeps ids and texts as text, counts as numbers and times as dates, in UTC."""
    [sheet] = read_xlsx(in_xlsx(ROWS))
    assert sheet[0] == list(COMMENTS.names)
    for row, got in zip(ROWS, sheet[1:], strict=True):
        assert got[0] == row.comment_id
        assert got[4] == row.like_count
        assert got[6] == (row.text or None)
    assert str(sheet[4][3]) == "2025-03-04 05:00:03"


def test_xlsx_times_are_utc() -> None:
    """An offset is converted; what tells no offset, or is not in Excel's calendar, stays text."""
    beyond = ["1850-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    times = ["2025-03-04T01:00:00+02:00", "2025-03-04T01:00:00", *beyond, "soon"]
    [sheet] = read_xlsx(in_xlsx([comment(i, timestamp=t) for i, t in enumerate(times)]))
    assert [str(row[3]) for row in sheet[1:]] == ["2025-03-03 23:00:00", *times[1:]]


@settings(max_examples=60, deadline=None)
@given(st.lists(CELL_TEXT, max_size=4))
def test_xlsx_any_text(texts: list[str]) -> None:
    """Arbitrary text is a string cell in a workbook that a strict reader can read."""
    rows = [comment(i, text) for i, text in enumerate(texts)]
    book = openpyxl.load_workbook(file := in_xlsx(rows))
    cells = [row[6] for row in book.active.iter_rows(min_row=2)]
    assert all(cell.data_type in ("s", "inlineStr", "n") for cell in cells)
    assert [row[6] for row in read_xlsx(file)[0][1:]] == [text or None for text in texts]


def test_xlsx_has_a_frozen_header_and_no_formula() -> None:
    """The header stays in sight, no part of the workbook knows of formulas or links."""
    file = in_xlsx(ROWS)
    book = openpyxl.load_workbook(file)
    assert book.active.freeze_panes == "A2"
    assert book.active.title == "Comments"
    xml = zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml
    assert b"hyperlink" not in xml


def test_xlsx_goes_on_in_a_second_sheet() -> None:
    """Rows beyond a sheet's limit are in the next one, under a header of its own."""
    rows = [comment(i) for i in range(23)]
    sheets = read_xlsx(in_xlsx(rows, rows=10))
    assert [len(sheet) for sheet in sheets] == [11, 11, 4]
    assert all(sheet[0] == list(COMMENTS.names) for sheet in sheets)
    assert [row[0] for sheet in sheets for row in sheet[1:]] == [row.comment_id for row in rows]
    assert [len(sheet) for sheet in read_xlsx(in_xlsx(rows[:20], rows=10))] == [11, 11]


@pytest.mark.parametrize("text", ["x" * 32_768, "😍" * 16_384, "a" + "😍" * 20_000])
def test_xlsx_cuts_with_a_mark(text: str) -> None:
    """A text longer than a cell is cut between characters and says so; the longest fits whole."""
    [sheet] = read_xlsx(in_xlsx([comment(1, text), comment(2, "y" * 32_767)]))
    got = sheet[1][6]
    assert isinstance(got, str)
    assert got.endswith("… [cut]")
    assert 32_760 <= len(got.encode("utf-16-le")) // 2 <= 32_767
    assert text.startswith(got.removesuffix("… [cut]"))
    assert sheet[2][6] == "y" * 32_767


def test_libreoffice_agrees(tmp_path: Path) -> None:
    """LibreOffice finds no formula in our CSV and XLSX, and the same ids and texts as we wrote."""
    soffice = shutil.which("soffice")
    if not soffice:
        pytest.skip("LibreOffice (soffice) is not installed")
    # LibreOffice takes control characters out and makes every line end a line feed.
    rows = [row for row in ROWS if not {"\r", "\x07"} & set(row.text or "")]
    with (tmp_path / "fromcsv.csv").open("wb") as out_csv:
        csv_file.write(out_csv, [rows], COMMENTS)
    (tmp_path / "fromxlsx.xlsx").write_bytes(in_xlsx(rows).getvalue())
    out = tmp_path / "out"
    # 44: comma, 34: quote, 76: UTF-8; each column as text (2), as who imports with care does, save
    # the text itself, which is left to LibreOffice's own judgement (1), formulas included.
    how = "CSV:44,34,76,1,1/2/2/2/3/2/4/1/5/1/6/2/7/1,,false,true"
    environment = {**os.environ, "HOME": str(tmp_path)}
    command = [soffice, f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", "xlsx", "--outdir", str(out), f"--infilter={how}"]
    subprocess.run(
        [*command, str(tmp_path / "fromcsv.csv")],
        check=True, timeout=90, capture_output=True, env=environment,
    )  # fmt: skip
    command.pop()
    subprocess.run(
        [*command, str(tmp_path / "fromxlsx.xlsx")],
        check=True, timeout=90, capture_output=True, env=environment,
    )  # fmt: skip
    for name, restore in (("fromcsv", csv_file.unescape), ("fromxlsx", lambda text: text)):
        book = openpyxl.load_workbook(out / f"{name}.xlsx")
        cells = list(book.active.iter_rows(min_row=2, max_row=len(rows) + 1))
        assert [c for row in cells for c in row if c.data_type == "f"] == []
        assert [row[0].value for row in cells] == [row.comment_id for row in rows]
        texts = [xlsx_unescape(str(row[6].value)) for row in cells]
        assert [restore(text) for text in texts] == [row.text for row in rows]
