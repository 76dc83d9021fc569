"""Exports are cheap: to import, and in memory however many rows there are."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_imports_stay_cheap() -> None:
    """Importing the room loads none of what only one format needs."""
    code = "import sys, ingather.exports.files as f; print([m for m in ('pyarrow', 'zipfile', "
    code += "'psutil', 'gzip') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


MEMORY = """
import asyncio, resource, sys
import msgspec
from ingather.domain.records import Comment
from ingather.exports.columns import COMMENTS
from ingather.exports.files import format_of, save
page = msgspec.json.encode([
    Comment(
        comment_id=str(179_000_000_000_000_001 + i), user_id=str(178_414_000_000_000 + i % 999),
        username=f"user.{i}", timestamp="2025-03-04T05:06:07Z", like_count=i % 7,
        text=f"text {i} " * 8,
    )
    for i in range(1000)
])
fresh = msgspec.json.Decoder(list[Comment]).decode
async def rows(count):
    for _ in range(count // 1000):
        yield fresh(page)
async def main():
    path = sys.argv[1]
    for count in map(int, sys.argv[2:]):
        await save(path, format_of(path), rows(count), columns=COMMENTS, envelope={})
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize(
    ("ending", "few", "many"),
    [
        ("csv", 20_000, 200_000),
        ("jsonl", 20_000, 200_000),
        ("json.gz", 20_000, 120_000),
        ("xlsx", 20_000, 80_000),
        ("parquet", 60_000, 300_000),
    ],
)
def test_memory_does_not_grow_with_the_rows(
    ending: str, few: int, many: int, tmp_path: Path
) -> None:
    """Many times the rows need no more memory, in any format."""
    command = [sys.executable, "-c", MEMORY, str(tmp_path / f"x.{ending}"), str(few), str(many)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    assert after - before <= (16 if ending == "parquet" else 4)
