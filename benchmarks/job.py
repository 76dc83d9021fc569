"""Exports of Ingather in a process of their own: `python -m benchmarks.job '{...}'`, JSON out.

Takes {"store", "url", "post", "rows", "jobs", "redis", "database", "file"}; tells rows, wall and
processor time after start-up (to the last commit, and to the last file), and peak memory.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from benchmarks.peers.run import peak_mb
from benchmarks.servers import TOKEN, flat
from ingather.assembly import World
from ingather.cli.run import runner
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.exports import csv_file, files  # noqa: F401 - imported before the clock starts
from ingather.features.comments import Comments, Wanted
from ingather.settings import Settings
from ingather.stores.memory import MemoryLimiter, MemoryStore


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Clocked(Unwatched):
    """Notes when the latest page was committed."""

    def __init__(self) -> None:
        self.pages = 0
        self.last = 0.0

    def page(self, counters: object) -> None:
        self.pages += 1
        self.last = time.perf_counter()


class MemoryWorld(World):
    """A world whose jobs and limits rest in this process."""

    @property
    def store(self) -> MemoryStore:  # type: ignore[override]
        return self.__dict__.setdefault("_memory", MemoryStore(self.clock))

    @property
    def limiter(self) -> MemoryLimiter:  # type: ignore[override]
        return self.__dict__.setdefault("_limits", MemoryLimiter(self.clock))


def world(asked: dict[str, Any], folder: Path) -> World:
    store = asked["store"]
    settings = Settings(
        data_dir=folder,
        database=folder / "ingather.db",
        postgres_url=asked.get("database") if store == "postgres" else None,
        graph_url=asked["url"],
        access_tokens=(TOKEN,),
        comments_store="redis" if store == "redis" else "sql",
        redis_url=asked.get("redis") if store == "redis" else None,
        cache_redis_url=asked.get("redis") if store == "redis" else None,
    )
    return (MemoryWorld if store == "memory" else World)(settings)


async def one(
    comments: Comments, asked: dict[str, Any], number: int, folder: Path, watch: Clocked
) -> int:
    """One export from its start to its file."""
    fetcher = comments.fetcher()
    path = str(folder / f"{number}.csv") if asked.get("file", True) else "-"
    wanted = Wanted(post=asked["post"], path=path, cap=asked["rows"] * 2, fresh=True)
    job = await comments.start(wanted, fetcher)
    job = await comments.run(job, fetcher, stop=Stop(), watch=watch)
    assert job.status == "done", structs.asdict(job)
    return job.counters.appended


async def main(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    async with world(asked, folder) as here:
        comments, watch = here.comments, Clocked()
        # Start-up: a whole export of one comment opens the connection, the database and the
        # scripts, and imports what is imported at its first use.
        await one(comments, {**asked, "post": flat(1), "rows": 1}, -1, folder, Clocked())
        begun: list[float] = []
        get = here.http.get

        def first(url: str, **more: Any) -> Any:
            """Notes the first call for comments, then is no longer in the way."""
            if "/comments?" in url:
                begun.append(time.perf_counter())
                here.http.get = get  # type: ignore[method-assign]
            return get(url, **more)

        here.http.get = first  # type: ignore[method-assign]
        started, used = time.perf_counter(), cpu()
        rows = await asyncio.gather(
            *(one(comments, asked, number, folder, watch) for number in range(asked["jobs"]))
        )
        ended, spent = time.perf_counter(), cpu() - used
    return {
        "rows": sum(rows),
        "pages": watch.pages,
        "wall": ended - started,
        "commits": watch.last - begun[0],
        "cpu": spent,
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="igb-", dir=os.environ.get("BENCH_DIR")) as name,
        runner() as loop,
    ):
        print(json.dumps(loop.run(main(json.loads(sys.argv[1]), Path(name)))))
