"""R14: a disk that fills up costs time, never a file."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from ingather import errors
from ingather.domain.records import Comment
from ingather.exports.columns import COMMENTS
from ingather.exports.files import (
    ENDINGS,
    Format,
    check_writable,
    format_of,
    pour,
    save,
    save_receipt,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's ways to fill a disk")


async def rows(pages: int = 20) -> AsyncIterator[Sequence[Comment]]:
    for number in range(pages):
        yield [
            Comment(
                comment_id=str(179_000_000_000_000_000 + number * 500 + i),
                user_id=str(hash((number, i)) % 10**17),
                username="ann",
                timestamp="2025-03-04T05:06:07Z",
                like_count=0,
                text=os.urandom(40).hex(),
            )
            for i in range(500)
        ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not mount or not umount:
        pytest.skip("mount is not installed")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_disk_full(ending: str, small_disk: Path) -> None:
    """On a full disk the old file survives, no cut one is seen, and the room is given back."""
    path = small_disk / f"x{ending}"
    fmt = format_of(path.name)
    old = await save(path, fmt, rows(1), columns=COMMENTS, envelope={})
    before = path.read_bytes()
    with pytest.raises(errors.StorageFull, match="no room left") as full:
        await save(path, fmt, rows(), columns=COMMENTS, envelope={})
    assert "Free some room" in str(full.value)
    assert path.read_bytes() == before
    assert len(before) == old.size_bytes
    assert list(small_disk.iterdir()) == [path]
    again = await save(path, fmt, rows(1), columns=COMMENTS, envelope={})
    assert again.rows == 500


async def test_full_disk_is_told_beforehand(small_disk: Path) -> None:
    """The check before a long fetch finds a full disk; a receipt finds it, too."""
    with pytest.raises(OSError, match="No space"), (small_disk / "ballast").open("wb") as ballast:
        ballast.write(b"x" * 1_000_000)
    with pytest.raises(errors.StorageFull):
        await check_writable(small_disk / "x.csv")
    with pytest.raises(errors.StorageFull):
        await save_receipt(small_disk / "x.csv", {"text": "x" * 10_000})
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
async def test_output_to_a_full_device(kind: str) -> None:
    """A stream into a full device is StorageFull, not a traceback."""
    with Path("/dev/full").open("wb", buffering=0) as out, pytest.raises(errors.StorageFull):
        await pour(out, Format(kind), rows(), columns=COMMENTS, envelope={})


async def test_the_device_itself_is_left_alone() -> None:
    """Saving to /dev/full is refused; the device is not replaced by a file."""
    with pytest.raises(errors.UnwritablePath):
        await save("/dev/full", Format("csv"), rows(), columns=COMMENTS, envelope={})
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("name", ["/dev/stderr", "/dev/fd/{}", "/proc/x.csv"])
async def test_an_open_file_of_a_process_is_no_place_for_a_file(name: str) -> None:
    """A pipe or a device by any of its names is refused as what it is, and a folder that is there
    is not said to be missing."""
    reading, writing = os.pipe()
    try:
        with pytest.raises((errors.UnwritablePath, errors.StoreError)) as refused:
            await check_writable(name.format(writing))
    finally:
        os.close(reading)
        os.close(writing)
    assert "does not exist" not in refused.value.message


async def test_the_receipt_has_its_place_before_anything_is_fetched(tmp_path: Path) -> None:
    """A name that leaves none for the receipt, or where a folder stands, is refused beforehand; so
    is a link into a folder that is not there, by that folder's name."""
    (tmp_path / "x.csv.receipt.json").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere" / "x.csv")
    for name, why in (
        ("x.csv", "x.csv.receipt.json is a folder"),
        ("n" * 250 + ".csv", "too long"),
        ("link.csv", f"The folder {tmp_path / 'nowhere'} does not exist"),
    ):
        with pytest.raises(errors.UnwritablePath, match=why):
            await check_writable(tmp_path / name)
    await check_writable(tmp_path / "x.csv", receipt=False)


LIMITED = """
import asyncio, resource, sys
sys.dont_write_bytecode = True  # or modules of others would be cut short on disk, for good
sys.path.insert(0, sys.argv[1])
from test_full_disk import COMMENTS, ENDINGS, errors, format_of, rows, save
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
async def main():
    for ending in ENDINGS:
        path = sys.argv[2] + "/x" + ending
        try:
            await save(path, format_of(path), rows(), columns=COMMENTS, envelope={})
        except errors.StorageFull as error:
            print(ending, error)
asyncio.run(main())
"""


def test_file_size_limit(tmp_path: Path) -> None:
    """A limit on the size of files is StorageFull in every format; the old files survive."""
    for ending in ENDINGS:
        (tmp_path / f"x{ending}").write_bytes(b"old")
    arguments = [str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True
    )
    told = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == list(ENDINGS)
    assert all("largest size" in line for line in told)
    assert done.stderr == ""
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        f"x{ending}": b"old" for ending in ENDINGS
    }
