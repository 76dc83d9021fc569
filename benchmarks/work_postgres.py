"""What PostgreSQL costs: a job's rate beside SQLite's, and the claim of the next of many jobs."""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from msgspec import Struct

from benchmarks import measure, servers
from benchmarks.lines import Line, Run
from benchmarks.measure import Found, middle
from benchmarks.servers import Site
from ingather.cli.run import runner

WAITING = 100_000
CLAIMS = 1_000
RACES = 3
PROCESSES = 8

_FILL = """
WITH made AS (
    INSERT INTO extractions (id, extraction_type, owner, source, route, overview, options, progress,
        status, requested_at, tenant, due)
    SELECT 'job-' || n, 'followers', '{"instagramId":"1","username":"ann"}', 'hiker', 'v2',
        '{"count":1}', '{"sandbox":false}', '{}', 'pending',
        to_char(
            timestamp '2026-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'tenant-' || n % 10, 0
    FROM generate_series(1, $1::bigint) AS n
    RETURNING number, id, tenant
), turn AS (
    INSERT INTO turns SELECT DISTINCT tenant, 0 FROM made
)
INSERT INTO targets SELECT number, 0, '{"target":{"id":"' || id || '"}}' FROM made"""


def postgres(run: Run) -> Iterator[Line]:
    """7. 100,000 followers, 100,000 comments at 0 ms: PostgreSQL's rate over that of SQLite."""
    work, rows = "7 postgres", 10_000 if run.quick else 100_000
    turns = 1 if run.quick else 3
    with servers.postgres() as database, tempfile.TemporaryDirectory(prefix="igb-") as folder:
        if database is None:
            yield Line(work=work, who="PostgreSQL", figure=None, unit="", note="is not installed")
            return
        followers = Pair()
        for _ in range(turns):
            followers.sqlite.append(measure.extracted(rows, folder))
            followers.postgres.append(measure.extracted(rows, folder, database))
        yield against_sqlite(work, f"{rows:,} followers", rows, followers, "wall")
        comments = Pair()
        with Site(0) as site:
            measure.ingather(site, "memory", rows)  # the sandbox has made every page by then
            for _ in range(turns):
                comments.sqlite.append(measure.ingather(site, "sql", rows))
                found = measure.ingather(site, "postgres", rows, database=database)
                comments.postgres.append(found)
        yield against_sqlite(work, f"{rows:,} comments", rows, comments, "commits")


class Pair(Struct):
    """The runs of one work into each database."""

    sqlite: list[Found] = []
    postgres: list[Found] = []


def against_sqlite(work: str, what: str, rows: int, runs: Pair, seconds: str) -> Line:
    """The rate into PostgreSQL over the one into SQLite. seconds: the name of what they took."""
    lite, full = middle(runs.sqlite), middle(runs.postgres)
    for found in (lite, full):
        if "error" in found:
            return Line(work=work, who=what, figure=None, unit="", note=found["error"])
    ratio = lite[seconds] / full[seconds]
    rates = {"SQLite": rows / lite[seconds], "PostgreSQL": rows / full[seconds]}
    cpu = full["cpu"] / lite["cpu"]
    said = ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in rates.items())
    return Line(
        work=work,
        who=f"PostgreSQL, {what}",
        figure=ratio,
        unit="x SQLite's rate",
        goal=">= 0.6",
        met=ratio >= 0.6,
        more=rates | {"client CPU": cpu},
        note=f"{said}; client CPU {cpu:.2f} x",
    )


async def _fill(url: str, jobs: int) -> None:
    from ingather.stores.pg_link import PgLink

    link = PgLink(url)
    await link.all(_FILL, jobs)
    await link.all("ANALYZE extractions")
    await link.close()


async def _claims(url: str, count: int, gate: Any) -> tuple[list[str], list[float]]:
    from ingather.domain.job import Holder
    from ingather.stores.pg_link import PgLink
    from ingather.stores.pg_queue import PgQueue

    link = PgLink(url)
    queue, holder = PgQueue(link), Holder("host", 1, 0.0)
    await queue.next(holder, sources=["nobody"])  # connected, prepared
    won, took = [], []
    gate.wait(60)
    for _ in range(count):
        since = time.perf_counter()
        claim = await queue.next(holder, sources=["graph", "hiker"], lease=600.0)
        took.append(time.perf_counter() - since)
        if claim is not None:
            won.append(claim.job.id)
    await link.close()
    return won, took


def _worker(url: str, count: int, gate: Any, answers: Any) -> None:
    with runner() as loop:
        answers.put(loop.run(_claims(url, count, gate)))


def _race(url: str, processes: int) -> tuple[set[str], list[float]]:
    """The jobs that were won, and the seconds that each claim took."""
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(processes), context.Queue()
    words = (url, CLAIMS // processes, gate, answers)
    crew = [context.Process(target=_worker, args=words) for _ in range(processes)]
    for one in crew:
        one.start()
    told = [answers.get(timeout=120) for _ in crew]
    for one in crew:
        one.join()
    return {each for won, _ in told for each in won}, [each for _, took in told for each in took]


def claim(run: Run) -> Iterator[Line]:
    """8. 1,000 claims of 100,000 waiting jobs, by one process and by eight, three times each: the
    median."""
    work, jobs = "8 claim", 10_000 if run.quick else WAITING
    with servers.postgres() as url:
        if url is None:
            yield Line(work=work, who="PostgreSQL", figure=None, unit="", note="is not installed")
            return
        asyncio.run(_fill(url, jobs))
        for processes in (1, PROCESSES):
            races = [_race(url, processes) for _ in range(1 if run.quick else RACES)]
            won, claims = len(set[str]().union(*(each for each, _ in races))), CLAIMS * len(races)
            took = sorted(each for _, seconds in races for each in seconds)
            figure = median(took) * 1e3
            late = took[int(len(took) * 0.95)] * 1e3
            yield Line(
                work=work,
                who=f"PostgreSQL, {jobs:,} waiting, {processes} at once",
                figure=figure,
                unit="ms, median",
                goal="< 3",
                met=figure < 3 and won == claims,
                note=f"{won} jobs won by {claims} claims, 95 % within {late:.1f} ms",
            )
