"""Rows of a job as a file: `python -m benchmarks.rows_out WHO ENDING FOLDER JOB`, JSON out.

WHO is `ingather`, which reads them out of the folder's SQLite, or `alone`: what people would write
the same rows with, which has them all in memory before the clock starts.
"""

import asyncio
import csv
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.job import cpu
from benchmarks.list_job import world
from benchmarks.peers.run import peak_mb
from ingather.domain.records import Record
from ingather.exports.columns import USERS
from ingather.exports.files import format_of, save

VALUES = attrgetter(*(column.attribute for column in USERS))
Rows = Sequence[Record]


def csv_writer(path: Path, rows: Rows, values: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(values)


def msgspec_lines(path: Path, rows: Rows, values: list[tuple[Any, ...]]) -> None:
    with path.open("wb") as out:
        out.write(msgspec.json.Encoder().encode_lines(rows))


def pyarrow_table(path: Path, rows: Rows, values: list[tuple[Any, ...]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = dict(zip(USERS.names, zip(*values, strict=True), strict=True))
    pq.write_table(pa.table(columns), path, compression="zstd")


def xlsxwriter_rows(path: Path, rows: Rows, values: list[tuple[Any, ...]]) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet()
    for number, row in enumerate(values):
        sheet.write_row(number, 0, row)
    book.close()


ALONE: dict[str, tuple[str, Callable[[Path, Rows, list[tuple[Any, ...]]], None]]] = {
    "csv": ("csv.writer", csv_writer),
    "jsonl": ("msgspec", msgspec_lines),
    "parquet": ("pyarrow", pyarrow_table),
    "xlsx": ("xlsxwriter, constant memory", xlsxwriter_rows),
}
"""By ending: what writes it alone."""


async def ours(path: Path, folder: Path, job: str) -> dict[str, float]:
    async with world(folder) as here:
        await here.sql_store.slice(job, 0, 1)  # opens the database
        started, used = time.perf_counter(), cpu()
        rows = here.sql_store.stream(job)
        await save(str(path), format_of(path.name), rows, columns=USERS, envelope={})
        return {"wall": time.perf_counter() - started, "cpu": cpu() - used}


async def alone(path: Path, folder: Path, job: str) -> dict[str, float]:
    rows: list[Record] = []
    async with world(folder) as here:
        async for batch in here.sql_store.stream(job):
            rows += batch
    values, (_, write) = list(map(VALUES, rows)), ALONE[path.suffix[1:]]
    started, used = time.perf_counter(), cpu()
    write(path, rows, values)
    return {"wall": time.perf_counter() - started, "cpu": cpu() - used}


if __name__ == "__main__":
    who, ending, name, job = sys.argv[1:]
    path = Path(name) / f"{who}.{ending}"
    if who == "ingather":
        gc.set_threshold(50_000, 20, 20)  # as its command line has it
    found = asyncio.run((ours if who == "ingather" else alone)(path, Path(name), job))
    print(json.dumps({**found, "peak_mb": peak_mb(), "size": path.stat().st_size}))
    path.unlink()
