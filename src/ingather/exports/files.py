"""Records as a file: its format by its ending, whole or not at all, with its size and SHA-256."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import File
from ingather.domain.records import Record
from ingather.exports import aside, csv_file, feed, json_file
from ingather.exports.columns import Layout

ENDINGS = (".csv", ".xlsx", ".json", ".jsonl", ".parquet", ".csv.gz", ".json.gz", ".jsonl.gz")

Rows = AsyncIterator[Sequence[Record]]
Write = Callable[[Any, Iterable[Sequence[Record]]], None]


class Format(Struct, frozen=True):
    """A format that exists. kind: csv, xlsx, json, jsonl or parquet; text ones may be gzipped."""

    kind: str
    gzipped: bool = False

    def __str__(self) -> str:
        return f"{self.kind}.gz" if self.gzipped else self.kind

    @property
    def streams(self) -> bool:
        """Whether it can be written to standard output."""
        return self.kind in ("csv", "json", "jsonl")


def format_of(path: str, explicit: str | None = None) -> Format:
    """The format that a path's ending names, or that `explicit` names ("csv", ".csv", "csv.gz").

    An explicit format goes before the ending, but `.gz` at the end of the path still counts.
    Standard output, "-", is CSV. Raises UnknownFileEnding.
    """
    name = "" if path == "-" else Path(path).name.lower()
    squeezed = name.endswith(".gz")
    if explicit is not None:
        ending = "." + explicit.lower().removeprefix(".")
        if squeezed and not ending.endswith(".gz"):
            ending += ".gz"
    elif path == "-":
        ending = ".csv"
    else:
        ending = "".join(Path(name).suffixes[-2:] if squeezed else Path(name).suffixes[-1:])
    if ending not in ENDINGS:
        known = " ".join(ENDINGS)
        raise errors.UnknownFileEnding(
            f"No format belongs to the ending {ending}." if ending else f"{path} has no ending.",
            hint=f"These exist: {known}",
        )
    kind, _, gz = ending[1:].partition(".")
    return Format(kind, gzipped=bool(gz))


async def save(
    path: str | Path,
    fmt: Format,
    rows: Rows,
    *,
    columns: Layout,
    envelope: Mapping[str, object],
    raw_csv: bool = False,
) -> File:
    """Write all rows to a file that appears whole or not at all; rows are closed in any case.

    What was at `path` stays until the new file is safe on disk, and for good when anything fails.
    `sha256` is of the bytes as they are on disk. Raises StorageFull, UnwritablePath, StoreError,
    and what the rows raise.
    """
    target = _absolute(path)
    write = _writer(fmt, columns, envelope, raw_csv)

    def work(batches: feed.Feed) -> aside.Tally:
        with aside.written(target) as out:
            write(out, batches)
        return out

    done, count = await feed.consume(rows, work)
    return _file(str(target), fmt, done, count)


def check_streams(fmt: Format) -> None:
    """Raise BadInput for formats that make no sense on standard output."""
    if not fmt.streams:
        raise errors.BadInput(
            f"A .{fmt} file cannot be written to standard output.",
            hint="Name a file, or choose csv, json or jsonl.",
        )


async def pour(
    out: BinaryIO,
    fmt: Format,
    rows: Rows,
    *,
    columns: Layout,
    envelope: Mapping[str, object],
    raw_csv: bool = False,
) -> File:
    """Write all rows to an open stream, in any format: the same bytes as `save` writes, as they
    come.

    The answer's path is "-". Raises StorageFull, BrokenPipeError when the reader has gone.
    """
    write = _writer(fmt, columns, envelope, raw_csv)

    def work(batches: feed.Feed) -> aside.Tally:
        tally = aside.Tally(out.write)
        with aside.poured():
            write(tally, batches)
            out.flush()
        return tally

    done, count = await feed.consume(rows, work)
    return _file("-", fmt, done, count)


async def check_writable(path: str | Path, *, receipt: bool = True) -> None:
    """Raise what `save` would raise at once, before an hour is spent on fetching rows; and
    `save_receipt`, unless none is written."""
    await asyncio.to_thread(aside.probe, _absolute(path))
    if receipt:
        await asyncio.to_thread(aside.probe, _receipt_of(path))


async def save_receipt(file_path: str | Path, receipt: Mapping[str, object]) -> str:
    """Write `FILE.receipt.json` beside a file, whole or not at all; its absolute path."""
    target = _receipt_of(file_path)
    text = msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n"

    def work() -> None:
        with aside.written(target) as out:
            out.write(text)

    await asyncio.to_thread(work)
    return str(target)


def _file(path: str, fmt: Format, tally: aside.Tally, rows: int) -> File:
    return File(path=path, format=str(fmt), size_bytes=tally.size, rows=rows, sha256=tally.sha256)


def _receipt_of(path: str | Path) -> Path:
    return _absolute(f"{path}.receipt.json")


def _absolute(path: str | Path) -> Path:
    return Path(path).absolute()


def _writer(fmt: Format, columns: Layout, envelope: Mapping[str, object], raw_csv: bool) -> Write:
    write = _plain_writer(fmt.kind, columns, envelope, raw_csv)
    return _gzipped(write) if fmt.gzipped else write


def _plain_writer(
    kind: str, columns: Layout, envelope: Mapping[str, object], raw_csv: bool
) -> Write:
    """The function that writes this format; what only one format needs is imported for it alone."""
    match kind:
        case "csv":
            return lambda out, rows: csv_file.write(out, rows, columns, raw=raw_csv)
        case "json":
            return lambda out, rows: json_file.write(out, rows, columns, envelope)
        case "jsonl":
            return json_file.write_lines
        case "xlsx":
            from ingather.exports import xlsx_file

            return lambda out, rows: xlsx_file.write(out, rows, columns)
        case "parquet":
            from ingather.exports import parquet_file

            return lambda out, rows: parquet_file.write(out, rows, columns, envelope)
    raise errors.UnknownFileEnding(f"No format is called {kind}.")


def _gzipped(write: Write) -> Write:
    """The same, squeezed; without a name or a time, so that equal rows give equal bytes."""
    import gzip

    def squeeze(out: Any, rows: Iterable[Sequence[Record]]) -> None:
        # Half the time of level 6, for three bytes more in a hundred.
        with gzip.GzipFile(
            filename="", mode="wb", fileobj=out, mtime=0, compresslevel=4
        ) as squeezed:
            write(squeezed, rows)

    return squeeze
