"""An extraction in a process of its own: `python -m benchmarks.list_job '{...}'`, JSON out.

Takes {"url", "folder", "database"}: the followers of one account into the folder's SQLite, or into
the PostgreSQL of that address, without a file.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.job import cpu
from benchmarks.peers.run import peak_mb
from ingather.assembly import World
from ingather.cli.run import runner
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.features.extraction import Wanted
from ingather.settings import Settings


def world(folder: Path, url: str = "", database: str | None = None) -> World:
    return World(
        Settings(
            data_dir=folder,
            database=folder / "ingather.db",
            postgres_url=database,
            hiker_key="none",
            hiker_url=url,
        )
    )


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    async with world(Path(asked["folder"]), asked["url"], asked.get("database")) as here:
        started, used = time.perf_counter(), cpu()
        words = ("followed",)
        feature = here.extractions("followers", "hiker", words)
        fetcher = feature.fetcher()
        wanted = Wanted(kind="followers", words=words, path="-", fresh=True)
        job = await feature.start(wanted, fetcher)
        job = await feature.run(job, fetcher, stop=Stop(), watch=Unwatched())
        assert job.status == "done", job
        found = {"wall": time.perf_counter() - started, "cpu": cpu() - used}
    return {**found, "rows": job.counters.appended, "peak_mb": peak_mb(), "job": job.id}


if __name__ == "__main__":
    with runner() as loop:
        print(json.dumps(loop.run(main(json.loads(sys.argv[1])))))
