"""What is put into a file comes out of it again, in every format."""

import csv
import gzip
import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.records import Comment
from ingather.exports import csv_file, json_file, parquet_file
from ingather.exports.columns import COMMENTS
from ingather.exports.files import ENDINGS, format_of, save

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
    "_x0041_ _x000D_",
    " spaces ",
    "https://x.example/?a=1&b=2",
    "007",
    "1e5",
    "2024-01-02",
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


UNKNOWN = comment(
    99, None, user_id=None, username=None, timestamp=None, like_count=None, parent_comment_id=None
)
ROWS = [*(comment(i, text) for i, text in enumerate(HARD)), UNKNOWN]


async def batches(rows: Sequence[Comment], size: int = 7) -> AsyncIterator[Sequence[Comment]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def in_csv(rows: Sequence[Comment], *, raw: bool = False) -> bytes:
    out = io.BytesIO()
    csv_file.write(out, [rows], COMMENTS, raw=raw)
    return out.getvalue()


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def as_cells(row: Comment) -> list[str]:
    values = [getattr(row, column.attribute) for column in COMMENTS]
    return ["" if value is None else str(value) for value in values]


def test_csv_round_trip() -> None:
    """Every text comes back from a CSV by `unescape`, ids and counts as they are."""
    header, *rows = read_csv(in_csv(ROWS))
    assert header == list(COMMENTS.names)
    assert [[csv_file.unescape(cell) for cell in row] for row in rows] == list(map(as_cells, ROWS))
    assert [row[0] for row in rows] == [row.comment_id for row in ROWS]


def test_csv_has_what_excel_needs() -> None:
    """A CSV begins with a byte order mark and its rows end in CRLF; line breaks inside stay."""
    data = in_csv([comment(0, "a\nb"), comment(1, "")])
    assert data.startswith(b"\xef\xbb\xbfcommentId,userId,")
    assert data.endswith(b'""\r\n')
    assert data.count(b"\r\n") == 3
    assert b'"a\nb"' in data


def test_raw_csv_is_for_machines() -> None:
    """Raw CSV has no byte order mark and no escaping, and reads back without any help."""
    data = in_csv(ROWS, raw=True)
    assert data.startswith(b"commentId,")
    assert read_csv(data)[1:] == list(map(as_cells, ROWS))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELL_TEXT, CELL_TEXT, CELL_TEXT), max_size=4))
def test_csv_any_text(texts: list[tuple[str, str, str]]) -> None:
    """Arbitrary text in any text column survives, and no cell begins like a formula."""
    rows = [comment(i, a, username=b, user_id=c) for i, (a, b, c) in enumerate(texts)]
    cells = read_csv(in_csv(rows))[1:]
    assert [[csv_file.unescape(cell) for cell in row] for row in cells] == list(map(as_cells, rows))
    assert not [cell for row in cells for cell in row if is_live(cell)]


def is_live(cell: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula; said anew, apart from the code."""
    seen = cell.lstrip(" \u00a0\u2003\u3000\u200b\ufeff\v\f\x1c\x1d\x1e\x1f\x85")
    return bool(seen) and seen[0] in "=+-@\t\r\n\0＝＋－＠|%"


@pytest.mark.parametrize("trigger", list("=+-@\t\r\n\0＝＋－＠|%"))
@pytest.mark.parametrize("lead", ["", " ", "\u00a0\u3000", "\u200b", "\ufeff", "'", "''", "' "])
def test_every_trigger_is_escaped(lead: str, trigger: str) -> None:
    """Each trigger gets a quote in front, behind blanks and quotes too."""
    text = f"{lead}{trigger}1"
    assert csv_file.escape(text) == "'" + text
    assert csv_file.unescape("'" + text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("'=+- @\t\r\n\0＝a%|\u200b\u3000\"")) | st.text())
def test_unescape_is_exact(text: str) -> None:
    """unescape(escape(x)) == x for every x, and an escaped text is never live."""
    assert csv_file.unescape(csv_file.escape(text)) == text
    assert not is_live(csv_file.escape(text))


def test_no_first_character_is_forgotten() -> None:
    """The quick look at the first character sees every one that may stand before a trigger."""
    for point in range(sys.maxunicode + 1):
        if csv_file._LIVE(chr(point) + "="):
            assert chr(point) in csv_file._HEADS


def test_plain_texts_get_no_quote() -> None:
    """Texts that are no formula stay byte for byte what people wrote."""
    for text in ("hello", "'hello", "''", "a=1", "#tag", "❤️", "1+1", ""):
        assert csv_file.escape(text) == text


@pytest.mark.parametrize("ending", [".json", ".json.gz"])
async def test_json_round_trip(ending: str, tmp_path: Path) -> None:
    """A .json file is one object: the envelope, then the comments, one a line."""
    path = tmp_path / f"x{ending}"
    await save(path, format_of(str(path)), batches(ROWS), columns=COMMENTS, envelope={"kept": 32})
    data = gzip.decompress(path.read_bytes()) if ending.endswith("gz") else path.read_bytes()
    whole = json.loads(data)
    assert list(whole) == ["kept", "comments"]
    assert [c["text"] for c in whole["comments"]] == [row.text for row in ROWS]
    assert whole["comments"][0]["commentId"] == "179000000000000001"
    assert len(data.splitlines()) == len(ROWS) + 5


async def test_jsonl_round_trip(tmp_path: Path) -> None:
    """A .jsonl file is one comment a line, equal to the record it came from."""
    import msgspec

    path = tmp_path / "x.jsonl"
    await save(path, format_of(str(path)), batches(ROWS), columns=COMMENTS, envelope={})
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [msgspec.json.decode(line, type=Comment) for line in lines] == ROWS


def test_envelope_keeps_the_records_name_free() -> None:
    """An envelope with a key named like the records is refused, never written twice."""
    with pytest.raises(ValueError, match="comments"):
        json_file.write(io.BytesIO(), [], COMMENTS, {"comments": 1})


async def test_parquet_round_trip(tmp_path: Path) -> None:
    """Parquet keeps ids as strings, counts as integers, times as instants, and the envelope."""
    path = tmp_path / "x.parquet"
    await save(path, format_of("x.parquet"), batches(ROWS), columns=COMMENTS, envelope={"gap": 0})
    table = pq.read_table(path)
    assert str(table.schema.field("timestamp").type) == "timestamp[ms, tz=UTC]"
    assert str(table.schema.field("likeCount").type) == "int64"
    assert json.loads(table.schema.metadata[b"ingather"]) == {"gap": 0}
    got = table.to_pylist()
    assert [row["text"] for row in got] == [row.text for row in ROWS]
    assert [row["commentId"] for row in got] == [row.comment_id for row in ROWS]
    assert got[3]["timestamp"].isoformat() == "2025-03-04T05:00:03+00:00"
    assert all(value is None for name, value in got[-1].items() if name != "commentId")


def test_parquet_row_groups() -> None:
    """Rows of many batches become groups of one size, none lost between two of them."""
    rows = [comment(i) for i in range(25)]
    out = io.BytesIO()
    parquet_file.write(out, [rows[:3], rows[3:17], rows[17:]], COMMENTS, {}, group=10)
    file = pq.ParquetFile(out)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [10, 10, 5]
    assert file.read().column("commentId").to_pylist() == [row.comment_id for row in rows]


def test_parquet_refuses_what_it_has_no_place_for() -> None:
    """A time without an offset, or a count that is none, is an error that names its column, never
    a guess or a null."""
    with pytest.raises(errors.DamagedRecord, match="timestamp"):
        parquet_file.write(
            io.BytesIO(), [[comment(1, timestamp="2025-03-04T05:06:07")]], COMMENTS, {}
        )
    with pytest.raises(errors.DamagedRecord, match="likeCount"):
        parquet_file.write(io.BytesIO(), [[comment(1, like_count=1 << 63)]], COMMENTS, {})


@pytest.mark.parametrize("ending", ENDINGS)
async def test_equal_rows_give_equal_files(ending: str, tmp_path: Path) -> None:
    """However the rows are cut into batches, and whenever they are written, SHA-256 is the same."""
    sums = []
    for name, size in (("a", 3), ("b", 32)):
        path = tmp_path / f"{name}{ending}"
        rows = batches(ROWS, size)
        file = await save(path, format_of(path.name), rows, columns=COMMENTS, envelope={"k": 1})
        sums.append(file.sha256)
    assert sums[0] == sums[1]
    if ending.endswith(".gz"):
        assert path.read_bytes()[3:8] == bytes(5)  # no name, no time of day


@pytest.mark.parametrize("ending", ENDINGS)
async def test_empty_set(ending: str, tmp_path: Path) -> None:
    """No rows make a file that its readers open: with a header where the format has one."""
    path = tmp_path / f"x{ending}"
    file = await save(path, format_of(path.name), batches([]), columns=COMMENTS, envelope={"k": 1})
    assert file.rows == 0
    data = path.read_bytes()
    if ending.endswith(".gz"):
        data = gzip.decompress(data)
    match ending.split(".")[1]:
        case "csv":
            assert read_csv(data) == [list(COMMENTS.names)]
        case "xlsx":
            [sheet] = openpyxl.load_workbook(path)
            assert list(sheet.values) == [COMMENTS.names]
        case "json":
            assert json.loads(data) == {"k": 1, "comments": []}
        case "jsonl":
            assert data == b""
        case "parquet":
            assert pq.read_table(path).column_names == list(COMMENTS.names)
