"""Files of a job, written into the answer as they are made: the bytes of the command line's."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Query
from msgspec import Struct
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ingather.api.door import Door
from ingather.domain.filter_kinds import Filter
from ingather.domain.job import Job
from ingather.domain.records import Record
from ingather.exports import files
from ingather.features.collection import default_path, envelope, kept, layout

CHUNK = 2**16
PATIENCE = 120.0
"""Seconds for which a reader may take nothing at all."""
_WAITING = 2
"""Chunks that are made ahead of a slow reader."""

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
FORMATS = tuple(ending[1:] for ending in files.ENDINGS)

Form = Annotated[
    str, Query(alias="format", description="Of the file.", json_schema_extra={"enum": [*FORMATS]})
]
RawCsv = Annotated[
    bool, Query(alias="rawCsv", description="CSV for machines: no BOM, no escaping.")
]


class _Pipe(io.RawIOBase):
    """What a thread writes and the event loop reads. Writing waits for a slow reader, and raises
    BrokenPipeError when the reader is gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._buffer = bytearray()
        self._gone = False

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview", /) -> int:  # type: ignore[override]
        self._buffer += data
        if len(self._buffer) >= CHUNK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._gone:
            raise BrokenPipeError
        if self._buffer:
            chunk, self._buffer = bytes(self._buffer), bytearray()
            put = asyncio.run_coroutine_threadsafe(self._queue.put(chunk), self._loop)
            try:
                put.result(PATIENCE)
            except TimeoutError:
                put.cancel()
                raise BrokenPipeError from None

    async def end(self) -> None:
        await self._queue.put(None)

    async def chunk(self) -> bytes | None:
        """The next chunk; None at the end."""
        return await self._queue.get()

    def leave(self) -> None:
        """Nobody reads any more: whoever writes is let go, and told at the next write."""
        self._gone = True
        while not self._queue.empty():
            self._queue.get_nowait()


class Wanted(Struct, frozen=True):
    """A file that is asked for: of which job, in what form, with the rows that pass."""

    job: Job
    form: str
    chosen: tuple[Filter, ...]
    raw_csv: bool


async def download(door: Door, wanted: Wanted, rows: AsyncIterator[Sequence[Record]]) -> Response:
    """The file as an answer. Its first bytes are there before it begins, so that an error is told
    as one; a later one breaks the answer off, and no reader takes it for whole."""
    door.admit()
    job, chosen = wanted.job, wanted.chosen
    fmt = files.format_of("rows." + wanted.form)
    pipe = _Pipe(asyncio.get_running_loop())

    async def write() -> None:
        await files.pour(
            pipe,  # type: ignore[arg-type]
            fmt,
            kept(rows, job, chosen),
            columns=layout(job),
            envelope=envelope(job, chosen),
            raw_csv=wanted.raw_csv,
        )
        await pipe.end()

    task = asyncio.create_task(write())
    task.add_done_callback(lambda _: door.leave())
    door.keep(task)
    answer = _Download(pipe, task, headers(job, wanted.form), MEDIA_TYPES[fmt.kind])
    try:
        answer.first = await _next(pipe, task)
    except BaseException:
        answer.let_go()
        raise
    return answer


class _Download(StreamingResponse):
    """Chunks of a pipe; whatever becomes of the reader, the writer is let go at the end."""

    def __init__(
        self, pipe: _Pipe, task: asyncio.Task[None], headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(self._chunks(), headers=headers, media_type=media_type)
        self._pipe = pipe
        self._task = task
        self.first: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.let_go()

    def let_go(self) -> None:
        self._pipe.leave()
        self._task.cancel()

    async def _chunks(self) -> AsyncIterator[bytes]:
        chunk = self.first
        while chunk is not None:
            yield chunk
            chunk = await _next(self._pipe, self._task)


def headers(job: Job, form: str) -> dict[str, str]:
    """How a download is called: plain letters, whatever the job's targets are called."""
    name = default_path(job).replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    plain = "".join(letter if letter.isascii() else "_" for letter in name)
    found = {"Content-Disposition": f'attachment; filename="{plain}.{form}"'}
    if form.endswith(".gz"):
        found["Content-Type"] = "application/gzip"
    if job.status != "done":
        found["Ingather-Partial"] = "true"
    return found


async def _next(pipe: _Pipe, task: asyncio.Task[None]) -> bytes | None:
    """The next chunk, or the error that there will be none."""
    reading = asyncio.ensure_future(pipe.chunk())
    try:
        await asyncio.wait({reading, task}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            return reading.result()
        if (failure := task.exception()) is not None:
            raise failure
        return await reading
    finally:
        if not reading.done():
            reading.cancel()
