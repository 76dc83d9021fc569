"""A file is whole or not there, and every refusal says what to do."""

import asyncio
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from ingather import errors, points
from ingather.domain.records import Comment
from ingather.exports import aside
from ingather.exports.columns import COMMENTS
from ingather.exports.files import (
    ENDINGS,
    Format,
    check_streams,
    check_writable,
    format_of,
    pour,
    save,
    save_receipt,
)

CSV = Format("csv")


def page(start: int, size: int = 10) -> list[Comment]:
    return [
        Comment(
            comment_id=str(179_000_000_000_000_000 + start + i),
            user_id=None,
            username="ann",
            timestamp="2025-03-04T05:06:07Z",
            like_count=0,
            text=f"text {i}",
        )
        for i in range(size)
    ]


async def rows(pages: int = 3) -> AsyncIterator[Sequence[Comment]]:
    for number in range(pages):
        yield page(number * 10)


async def failing(error: BaseException) -> AsyncIterator[Sequence[Comment]]:
    yield page(0)
    raise error


@pytest.mark.parametrize(
    ("path", "explicit", "expected"),
    [
        ("a.csv", None, "csv"),
        ("/x/y.z/A.CSV", None, "csv"),
        ("a.xlsx", None, "xlsx"),
        ("a.b.json", None, "json"),
        ("a.jsonl", None, "jsonl"),
        ("a.parquet", None, "parquet"),
        ("a.csv.gz", None, "csv.gz"),
        ("a.json.GZ", None, "json.gz"),
        ("a.jsonl.gz", None, "jsonl.gz"),
        ("-", None, "csv"),
        ("-", "jsonl", "jsonl"),
        ("a.txt", "csv", "csv"),
        ("a.dat.gz", ".json", "json.gz"),
        ("a", "CSV.gz", "csv.gz"),
        ("a.txt", None, None),
        ("a", None, None),
        (".csv", None, None),
        ("a.gz", None, None),
        ("a.xlsx.gz", None, None),
        ("a.parquet.gz", None, None),
        ("a.csv", "xls", None),
        ("a.csv.", None, None),
        ("", None, None),
    ],
)
def test_format_of(path: str, explicit: str | None, expected: str | None) -> None:
    """The ending chooses the format; an unknown one is told which endings exist."""
    if expected is not None:
        assert str(format_of(path, explicit)) == expected
        return
    with pytest.raises(errors.UnknownFileEnding) as refused:
        format_of(path, explicit)
    assert all(ending in str(refused.value) for ending in ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_size_and_hash_are_of_the_file(ending: str, tmp_path: Path) -> None:
    """Size, SHA-256, rows and absolute path say what is on disk, and nothing else is beside it."""
    path = tmp_path / f"x{ending}"
    file = await save(path, format_of(path.name), rows(), columns=COMMENTS, envelope={})
    data = path.read_bytes()
    assert (file.path, file.format) == (str(path), ending[1:])
    assert (file.size_bytes, file.rows) == (len(data), 30)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".json", ".jsonl", ".json.gz"])
async def test_streams_write_the_same_bytes(ending: str, tmp_path: Path) -> None:
    """What goes to standard output equals the file byte for byte."""
    fmt = format_of(f"x{ending}")
    file = await save(tmp_path / "x", fmt, rows(), columns=COMMENTS, envelope={"a": 1})
    out = io.BytesIO()
    told = await pour(out, fmt, rows(), columns=COMMENTS, envelope={"a": 1})
    assert hashlib.sha256(out.getvalue()).hexdigest() == file.sha256 == told.sha256
    assert (told.path, told.rows) == ("-", 30)


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_binary_formats_do_not_stream(kind: str) -> None:
    """XLSX and Parquet to standard output are refused."""
    with pytest.raises(errors.BadInput, match="standard output"):
        check_streams(Format(kind))


async def test_broken_pipe_is_the_callers() -> None:
    """A reader that has gone is told as it is: `| head` is no fault."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as out, pytest.raises(BrokenPipeError):
        await pour(out, CSV, rows(), columns=COMMENTS, envelope={})


@pytest.mark.parametrize("error", [RuntimeError("store"), ConnectionResetError("redis")])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_failing_rows_leave_the_old_file(
    ending: str, error: Exception, tmp_path: Path
) -> None:
    """When reading rows fails, that error comes out as it is, and the old file stays."""
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"old")
    with pytest.raises(type(error), match=str(error)):
        await save(path, format_of(path.name), failing(error), columns=COMMENTS, envelope={})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


async def test_cancelling_leaves_the_old_file(tmp_path: Path) -> None:
    """A cancelled save returns when its file is let go, closes the rows and leaves nothing."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[Sequence[Comment]]:
        try:
            yield page(0)
            waiting.set()
            await asyncio.sleep(60)
        finally:
            closed.set()

    task = asyncio.create_task(save(path, CSV, slow(), columns=COMMENTS, envelope={}))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


async def test_many_files_at_once(tmp_path: Path) -> None:
    """Forty saves whose rows come out of the shared thread pool do not wait for each other."""

    async def pooled() -> AsyncIterator[Sequence[Comment]]:
        for number in range(3):
            yield await asyncio.to_thread(page, number * 10)

    saves = [
        save(tmp_path / f"{i}.csv", CSV, pooled(), columns=COMMENTS, envelope={}) for i in range(40)
    ]
    async with asyncio.timeout(10):
        files = await asyncio.gather(*saves)
    assert {file.sha256 for file in files} == {files[0].sha256}


@pytest.mark.parametrize("point", ["file_written", "file_renamed"])
async def test_interrupted_at_a_point(point: str, tmp_path: Path) -> None:
    """Before the renaming the old file is whole, after it the new one; never a third thing."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"old")
    points.arm(f"{point}:1:raise")
    try:
        with pytest.raises(points.PointReached):
            await save(path, CSV, rows(), columns=COMMENTS, envelope={})
    finally:
        points.arm(None)
    data = path.read_bytes()
    assert data == b"old" if point == "file_written" else data.count(b"\r\n") == 31
    assert list(tmp_path.iterdir()) == [path]


async def test_killed_writers_are_swept(tmp_path: Path) -> None:
    """What a killed writer left is removed by the next; that of living ones stays."""
    code = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_exports_files import *\n"
        "asyncio.run(save(sys.argv[2], CSV, rows(), columns=COMMENTS, envelope={}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "x.csv")],
        env={**os.environ, "INGATHER_TEST_POINT": "file_written:1:kill"},
    )
    assert done.returncode == -9
    [left] = tmp_path.iterdir()
    assert left.name.startswith(".ingather-")
    assert left.name.endswith(".part")
    living = tmp_path / f".ingather-{aside._HOST}-{os.getppid()}-1.part"
    elsewhere = tmp_path / ".ingather-00000000-999999999-1.part"
    forebear = tmp_path / f".ingather-{aside._HOST}-{os.getpid()}-0.part"  # a container's pid 1
    for path in (living, elsewhere, forebear):
        path.touch()
    await save(tmp_path / "x.csv", CSV, rows(), columns=COMMENTS, envelope={})
    assert set(tmp_path.iterdir()) == {tmp_path / "x.csv", living, elsewhere}


async def test_links_and_permissions_survive(tmp_path: Path) -> None:
    """A link stays a link to the new file, and a file closed to others stays closed."""
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.touch(mode=0o600)
    link.symlink_to(real)
    file = await save(link, CSV, rows(), columns=COMMENTS, envelope={})
    assert link.is_symlink()
    assert real.stat().st_size == file.size_bytes
    assert real.stat().st_mode & 0o777 == 0o600


async def refusal(path: Path) -> str:
    """The one message that the early check and the save both give."""
    told = []
    with pytest.raises(errors.UnwritablePath) as early:
        await check_writable(path)
    told.append(str(early.value))
    with pytest.raises(errors.UnwritablePath) as late:
        await save(path, CSV, rows(), columns=COMMENTS, envelope={})
    told.append(str(late.value))
    assert told[0] == told[1]
    return told[0]


async def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    """Missing folder, folder as file, file as folder, too long a name: each in plain words."""
    (tmp_path / "file").touch()
    assert "does not exist. Make it first" in await refusal(tmp_path / "no" / "x.csv")
    assert "is a folder. Name a file in it" in await refusal(tmp_path)
    assert "is not a folder" in await refusal(tmp_path / "file" / "x.csv")
    assert "too long" in await refusal(tmp_path / ("x" * 300 + ".csv"))


async def test_devices_are_not_replaced() -> None:
    """Renaming onto a device would destroy it for the whole machine; it is refused."""
    assert "-o -" in await refusal(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
async def test_no_permission(tmp_path: Path) -> None:
    """A folder that may not be written to is told before any row is fetched."""
    tmp_path.chmod(0o500)
    assert "permission" in await refusal(tmp_path / "x.csv")
    tmp_path.chmod(0o700)


def test_no_permission_in_words() -> None:
    """Permission denied, on whichever system, becomes a sentence with a way out."""
    told = aside.explain(PermissionError(13, "denied"), Path("/etc/x.csv"))
    assert isinstance(told, errors.UnwritablePath)
    assert "/etc/x.csv" in str(told)
    assert "folder of your own" in str(told)


async def test_check_leaves_nothing(tmp_path: Path) -> None:
    """A path that can be written is checked without a trace, and an old file stays as it is."""
    (tmp_path / "x.csv").write_bytes(b"old")
    await check_writable(tmp_path / "x.csv")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


async def test_receipt(tmp_path: Path) -> None:
    """The receipt lies beside its file, readable by people and programs."""
    told = await save_receipt(tmp_path / "x.csv", {"kept": 3, "gap": None})
    assert told == str(tmp_path / "x.csv.receipt.json")
    assert Path(told).read_text() == '{\n  "kept": 3,\n  "gap": null\n}\n'
