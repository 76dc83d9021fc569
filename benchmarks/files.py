"""Rows a second and peak memory of each export format, beside what people would use instead.

    python benchmarks/files.py [ROWS]        (default 1,000,000)

Each line runs in a process of its own, over the same comments made as it goes; the time to make
them is measured once and taken off.
"""

import asyncio
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from ingather.domain.records import Comment
from ingather.exports.columns import COMMENTS
from ingather.exports.files import format_of, save

TEXT = "love this so much 😍 where from? great, really “nice” @friend look at it"
WORDS = TEXT.split(" ")
SIZE = 1_000


def page() -> bytes:
    """A thousand comments as JSON: a twelfth mention somebody first, some have several lines."""
    rows = []
    for i in range(SIZE):
        text = " ".join(WORDS[(i * 7 + k * 5) % len(WORDS)] for k in range(2 + i % 13))
        text += "\nsecond line" * (i % 40 == 0) + ' "quoted"' * (i % 50 == 0) + f" {i}"
        parent = None if i % 4 else "179000000000000001"
        rows.append(
            Comment(
                comment_id=str(179_000_000_000_000_001 + i * 7919),
                user_id=str(17_841_400_000_000_003 + i * 104_729 % 9973),
                username=f"user.{i * 31 % 997}_x",
                timestamp=f"2025-03-{1 + i % 28:02}T05:{i % 60:02}:{i * 7 % 60:02}Z",
                like_count=i % 7,
                parent_comment_id=parent,
                text=("@" if i % 12 == 0 else "") + text,
            )
        )
    return msgspec.json.encode(rows)


def batches(rows: int) -> Iterator[list[Comment]]:
    data, fresh = page(), msgspec.json.Decoder(list[Comment]).decode
    for _ in range(rows // SIZE):
        yield fresh(data)


async def stream(rows: int) -> AsyncIterator[list[Comment]]:
    for batch in batches(rows):
        yield batch


def ours(ending: str) -> Callable[[Path, int], None]:
    def run(path: Path, rows: int) -> None:
        path = path.with_suffix(ending)
        fmt = format_of(path.name)
        asyncio.run(save(path, fmt, stream(rows), columns=COMMENTS, envelope={"kind": "comments"}))

    return run


VALUES = attrgetter(*(column.attribute for column in COMMENTS))


def csv_writer(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        for batch in batches(rows):
            writer.writerows(map(VALUES, batch))


def json_dumps(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        for batch in batches(rows):
            for row in batch:
                values = dict(zip(COMMENTS.names, VALUES(row), strict=True))
                out.write(json.dumps(values, ensure_ascii=False) + "\n")


def rust_xlsx(path: Path, rows: int) -> None:
    from datetime import datetime

    import rustpy_xlsxwriter

    def dicts() -> Iterator[dict[str, Any]]:
        for batch in batches(rows):
            for row in batch:
                values = dict(zip(COMMENTS.names, VALUES(row), strict=True))
                values["timestamp"] = datetime.fromisoformat(row.timestamp or "").replace(
                    tzinfo=None
                )
                yield values

    rustpy_xlsxwriter.write_worksheet(dicts(), str(path.with_suffix(".xlsx")), freeze_row=1)


def python_xlsx(path: Path, rows: int) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    number = 0
    for batch in batches(rows):
        for row in batch:
            sheet.write_row(number, 0, VALUES(row))
            number += 1
    book.close()


def nothing(path: Path, rows: int) -> None:
    for _ in batches(rows):
        pass


RUNS: dict[str, tuple[Callable[[Path, int], None], str | None]] = {
    "making the rows": (nothing, None),
    "csv.writer, not formula-safe": (csv_writer, None),
    "csv": (ours(".csv"), "csv.writer, not formula-safe"),
    "csv.gz": (ours(".csv.gz"), "csv.writer, not formula-safe"),
    "json.dumps lines": (json_dumps, None),
    "jsonl": (ours(".jsonl"), "json.dumps lines"),
    "json": (ours(".json"), "json.dumps lines"),
    "json.gz": (ours(".json.gz"), "json.dumps lines"),
    "parquet": (ours(".parquet"), None),
    "rustpy-xlsxwriter": (rust_xlsx, None),
    "xlsxwriter constant_memory": (python_xlsx, None),
    "xlsx": (ours(".xlsx"), "rustpy-xlsxwriter"),
}


def measure(name: str, rows: int) -> tuple[float, int]:
    """Seconds and peak MB of one run in a fresh process; (0, 0) where it cannot run."""
    done = subprocess.run(
        [sys.executable, __file__, str(rows), name], capture_output=True, text=True
    )
    if done.returncode:
        return 0.0, 0
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak)


def main() -> None:
    rows = min(int(sys.argv[1]), 1_048_000) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            RUNS[sys.argv[2]][0](Path(folder) / "x", rows)
            seconds = time.perf_counter() - start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    speeds: dict[str, float] = {}
    making = measure("making the rows", rows)[0]
    print(f"{rows:,} comments\n{'':30}{'rows/s':>12}{'peak MB':>10}   against")
    for name, (_, other) in RUNS.items():
        seconds, peak = measure(name, rows)
        if not seconds:
            print(f"{name:30}{'not installed':>12}")
            continue
        speeds[name] = rows / (seconds if name == "making the rows" else seconds - making)
        ratio = f"   {speeds[name] / speeds[other]:.2f} x {other}" if other in speeds else ""
        print(f"{name:30}{speeds[name]:>12,.0f}{peak:>10}{ratio}", flush=True)


if __name__ == "__main__":
    main()
