"""Analyses in a process of their own: `python -m benchmarks.reel_job '{...}'`, JSON out.

Takes {"url", "reels"}: reads an account of so many reels, and tells pages, calls and wall time to
the last commit. Takes {"rows"}: puts so many reels into SQLite, then analyses them in a process of
its own, and tells processor and wall time and peak memory of that.
"""

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import measure
from benchmarks.job import cpu
from benchmarks.peers.run import peak_mb
from benchmarks.servers import TOKEN
from ingather.assembly import World
from ingather.cli.run import runner
from ingather.domain.job import Counters, Job, Options, Owner, Target, TargetState
from ingather.domain.records import Media
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.features.analyses import Wanted
from ingather.settings import Settings
from ingather.stores import sql_records

ZONE = "Europe/Berlin"


class Clocked(Unwatched):
    """Notes when the latest page was committed."""

    pages, last = 0, 0.0

    def page(self, counters: object) -> None:
        self.pages += 1
        self.last = time.perf_counter()


async def read(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    settings = Settings(
        data_dir=folder,
        database=folder / "ingather.db",
        graph_url=asked["url"],
        access_tokens=(TOKEN,),
    )
    async with World(settings) as here:
        reels, watch = here.analyses("graph"), Clocked()
        for name, watched in (("reels50", Clocked()), (f"reels{asked['reels']}", watch)):
            begun = time.perf_counter()
            job = await reels.start(Wanted(username=name))
            job = await reels.run(job, reels.fetcher(), stop=Stop(), watch=watched)
    assert job.counters.appended == asked["reels"]
    return {"pages": watch.pages, "calls": job.counters.calls, "wall": watch.last - begun}


def made(rows: int) -> Iterator[Media]:
    """Reels of fourteen years, with five of three thousand hashtags each."""
    dice = random.Random(1)
    tags = [f"tag{number}" for number in range(3_000)]
    start = datetime(2012, 1, 1, tzinfo=UTC)
    for number in range(rows):
        when = start + timedelta(minutes=70 * number)
        yield Media(
            media_id=f"180{number:014d}",
            shortcode=f"DAb{number:08d}",
            permalink=f"https://www.instagram.com/reel/DAb{number:08d}/",
            media_type="REELS",
            timestamp=when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration=dice.uniform(3, 120),
            play_count=int(dice.lognormvariate(9, 1.3)),
            like_count=dice.randrange(1_000),
            comment_count=dice.randrange(100),
            caption=f"some words here and there about things #{tags[number % 3_000]}",
            hashtags=tuple(dice.choices(tags, k=5)),
            mentions=(tags[number % 50],),
            thumbnail_url=f"https://scontent.example/v/t51/{number:012d}_n.jpg?oh={'0' * 100}",
            likes_hidden=False,
            plays_from="play_count",
        )


async def fill(rows: int, folder: Path) -> None:
    async with World(Settings(data_dir=folder, database=folder / "ingather.db")) as here:
        job = Job(
            id="filled",
            kind="analysis",
            owner=Owner("", "lamps"),
            source="hiker",
            route="",
            targets=(TargetState(target=Target(id="1"), words="lamps"),),
            options=Options(),
            status="done",
            reason="end_of_list",
            counters=Counters(appended=rows),
            created_at="2026-11-01T00:00:00Z",
            finished_at="2026-11-01T00:00:00Z",
        )
        await here.sql_store.create(job)

        def put(connection: sqlite3.Connection) -> None:
            (number,) = connection.execute("SELECT number FROM extractions").fetchone()
            sql_records.add(connection, number, 0, list(made(rows)))

        await here._sqlite.write(put)


async def analyse(folder: Path) -> dict[str, Any]:
    async with World(Settings(data_dir=folder, database=folder / "ingather.db")) as here:
        reels = here.analyses("hiker")
        job, zone = await reels.show("filled"), ZoneInfo(ZONE)
        used, begun = cpu(), time.perf_counter()
        found = await reels.report(job, zone, ZONE)
        spent, wall = cpu() - used, time.perf_counter() - begun
    return {"reels": found.analysis.reels, "cpu": spent, "wall": wall, "peak_mb": peak_mb()}


async def main(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    if "url" in asked:
        return await read(asked, folder)
    if "folder" in asked:
        return await analyse(Path(asked["folder"]))
    await fill(asked["rows"], folder)
    again = json.dumps({"folder": str(folder)})
    return measure.run([sys.executable, "-m", "benchmarks.reel_job", again])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="igb-") as made_here, runner() as run:
        print(json.dumps(run.run(main(json.loads(sys.argv[1]), Path(made_here)))))
