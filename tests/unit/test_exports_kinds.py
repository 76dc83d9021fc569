"""Users and media keep their truths, lists and measures in every format."""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.records import Media, Record, User
from ingather.exports import csv_file
from ingather.exports.columns import COMMENTS, MEDIA, USERS, Layout
from ingather.exports.files import ENDINGS, format_of, pour, save

PEOPLE = [
    User(
        user_id="17841400000000003",
        username="ann",
        full_name='=Ann, "the" first',
        is_private=True,
        is_verified=False,
        profile_pic_url="https://x.example/a.jpg?b=1&c=2",
    ),
    User(user_id=None, username="bob", full_name="", is_private=False, is_verified=True),
    User(user_id=None, username=None),
]
POSTS = [
    Media(
        media_id="17900000000000001",
        shortcode="DAbCdEfGhIj",
        permalink="https://www.instagram.com/reel/DAbCdEfGhIj/",
        media_type="REELS",
        timestamp="2025-03-04T05:06:07Z",
        username="ann",
        like_count=0,
        comment_count=7,
        play_count=10_000_000_000,
        duration=12.345,
        caption="#lamp for @bob",
        hashtags=("lamp", "불빛"),
        mentions=("bob",),
        thumbnail_url="https://x.example/t.jpg?b=1&c=2",
        likes_hidden=False,
        is_pinned=True,
        coauthors=("bob", "cy"),
        plays_from="insights.views",
        reach=0,
        avg_watch_ms=8_431,
    ),
    Media(media_id=None, hashtags=(), mentions=()),
    Media(media_id=None),
]
CASES = [(USERS, PEOPLE), (MEDIA, POSTS)]
kinds = pytest.mark.parametrize(("layout", "rows"), CASES, ids=["users", "media"])


async def batches(rows: Sequence[Record]) -> AsyncIterator[Sequence[Record]]:
    for row in rows:
        yield [row]


async def saved(path: Path, layout: Layout, rows: Sequence[Record]) -> Path:
    await save(path, format_of(path.name), batches(rows), columns=layout, envelope={"k": 1})
    return path


def values(layout: Layout, row: Record) -> list[Any]:
    return [getattr(row, column.attribute) for column in layout]


def told(value: Any) -> str:
    """A value as a CSV tells it; said anew, apart from the code."""
    match value:
        case None:
            return ""
        case True | False:
            return "true" if value else "false"
        case tuple():
            return " ".join(value)
    return str(value)


@pytest.mark.parametrize("layout", [COMMENTS, USERS, MEDIA])
def test_every_column_is_a_field(layout: Layout) -> None:
    """Columns are the records' own JSON keys, so that all formats speak one language."""
    record = {"comments": None, "users": User, "media": Media}[layout.kind]
    if record is not None:
        names = {field.encode_name: field.name for field in msgspec.structs.fields(record)}
        assert {column.name: column.attribute for column in layout} == names


@kinds
@pytest.mark.parametrize("raw", [False, True])
def test_csv(layout: Layout, rows: list[Record], raw: bool) -> None:
    """A truth is true or false, a list its words, an unknown an empty cell."""
    out = io.BytesIO()
    csv_file.write(out, [rows], layout, raw=raw)
    text = out.getvalue().decode("utf-8-sig")
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    assert header == list(layout.names)
    clean = str if raw else csv_file.unescape
    assert [[clean(cell) for cell in line] for line in lines] == [
        [told(value) for value in values(layout, row)] for row in rows
    ]


def test_csv_tells_an_empty_list_from_an_unknown_one() -> None:
    """No hashtags is `""`, hashtags that nobody told are an empty cell."""
    out = io.BytesIO()
    csv_file.write(out, [POSTS[1:]], MEDIA, raw=True)
    rest = b"," * 13
    assert out.getvalue().splitlines()[1:] == [b',,,,,,,,,,,"",""' + rest, b"," * 12 + rest]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from('=+-@"a,\t|%'), min_size=1)).map(tuple)))
def test_no_list_is_a_formula(lists: list[tuple[str, ...]]) -> None:
    """A hashtag that begins like a formula is escaped, and comes back as it was."""
    out = io.BytesIO()
    csv_file.write(out, [[Media(media_id=None, hashtags=words) for words in lists]], MEDIA)
    lines = list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))[1:]
    cells = [line[11] for line in lines]
    assert [csv_file.unescape(cell) for cell in cells] == [" ".join(words) for words in lists]
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@|%")]


@kinds
async def test_parquet(layout: Layout, rows: list[Record], tmp_path: Path) -> None:
    """Parquet has truths, doubles and lists as such; unknown is null, never false or empty."""
    table = pq.read_table(await saved(tmp_path / "x.parquet", layout, rows))
    kinds = {"bool": "bool", "float": "double", "list": "list<element: string>", "int": "int64"}
    for column in layout:
        if column.kind in kinds:
            assert str(table.schema.field(column.name).type) == kinds[column.kind]
    for got, row in zip(table.to_pylist(), rows, strict=True):
        for column, value in zip(layout, values(layout, row), strict=True):
            expected = list(value) if isinstance(value, tuple) else value
            if column.kind == "time" and value is not None:
                assert got[column.name].isoformat() == value.replace("Z", "+00:00")
            else:
                assert got[column.name] == expected


@kinds
async def test_xlsx(layout: Layout, rows: list[Record], tmp_path: Path) -> None:
    """Excel has truths and measures as such, lists as text."""
    [sheet] = openpyxl.load_workbook(await saved(tmp_path / "x.xlsx", layout, rows))
    header, *lines = sheet.values
    lines += [(None,) * len(header)] * (len(rows) - len(lines))  # openpyxl drops blank rows
    assert header == layout.names
    assert sheet.title == layout.kind.capitalize()
    for cells, row in zip(lines, rows, strict=True):
        for column, cell, value in zip(layout, cells, values(layout, row), strict=True):
            if column.kind == "time" and value is not None:
                assert cell.isoformat() + "Z" == value
            else:
                expected = " ".join(value) if isinstance(value, tuple) else value
                assert cell == (None if expected == "" else expected)
                assert type(cell) is type(None if expected == "" else expected)


@kinds
@pytest.mark.parametrize("ending", [".json", ".jsonl"])
async def test_json(ending: str, layout: Layout, rows: list[Record], tmp_path: Path) -> None:
    """JSON gives each record back whole, under the name of its kind."""
    data = (await saved(tmp_path / f"x{ending}", layout, rows)).read_bytes()
    if ending == ".json":
        found = json.loads(data)[layout.kind]
    else:
        found = [json.loads(line) for line in data.splitlines()]
    assert msgspec.convert(found, list[type(rows[0])]) == rows  # type: ignore[misc]


@kinds
@pytest.mark.parametrize("ending", ENDINGS)
async def test_equal_rows_give_equal_files(
    ending: str, layout: Layout, rows: list[Record], tmp_path: Path
) -> None:
    """The same rows give the same bytes, in every format."""
    one = (await saved(tmp_path / f"a{ending}", layout, rows)).read_bytes()
    assert one == (await saved(tmp_path / f"b{ending}", layout, rows)).read_bytes()


HOSTILE = (
    st.none()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "\0", "=cmd()", "'=1", '"', "\r\n", "\u2028", "_x0041_", "\ufffe\uffff", "x" * 33_000]
    )
)
MOMENTS = (
    st.none()
    | st.text(max_size=5)
    | st.sampled_from(
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"]
    )
)
COUNTS = st.none() | st.integers()
HOSTILE_POSTS = st.builds(
    Media,
    media_id=HOSTILE,
    caption=HOSTILE,
    username=HOSTILE,
    timestamp=MOMENTS,
    like_count=COUNTS,
    duration=st.none() | st.floats(),
    is_pinned=st.none() | st.booleans(),
    hashtags=st.none() | st.tuples(HOSTILE.filter(lambda text: text is not None)),
)


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "xlsx", "parquet"])
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(HOSTILE_POSTS, max_size=3))
async def test_no_record_breaks_a_file(ending: str, rows: list[Media]) -> None:
    """Whatever a record holds, its file can be read again, with as many rows; or one sentence says
    what has no place in it."""
    out = io.BytesIO()
    try:
        await pour(out, format_of(f"x.{ending}"), batches(rows), columns=MEDIA, envelope={})
    except errors.DamagedRecord as refused:
        assert ending == "parquet" and refused.hint
        return
    data = out.getvalue()
    match ending:
        case "csv":
            text = io.StringIO(data.decode("utf-8-sig"), newline="")
            found = len(list(csv.reader(text))) - 1
        case "json":
            found = len(json.loads(data)["media"])
        case "jsonl":
            found = len([json.loads(line) for line in data.split(b"\n")[:-1]])
        case "xlsx":
            sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
            assert b"<v>nan" not in sheet and b"<v>inf" not in sheet and b"<v>-inf" not in sheet
            ElementTree.fromstring(sheet)
            found = sheet.count(b"<row ") - 1
        case "parquet":
            found = pq.ParquetFile(io.BytesIO(data)).metadata.num_rows
    assert found == len(rows)
