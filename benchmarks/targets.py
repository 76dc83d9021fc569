"""The work of many targets in one job: what a page costs among thousands, with no network."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.job import cpu
from benchmarks.lines import Line, Run
from ingather.domain.job import Job, Options, Owner, Target, TargetState
from ingather.domain.page import Page
from ingather.domain.records import User
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.engine.worker import Worker
from ingather.stores.memory import MemoryLimiter

PAGES = 1_000
FEW, MANY, MOST = 1_000, 10_000, 100_000


class _Clock:
    now, monotonic, sleep = staticmethod(time.time), staticmethod(time.monotonic), asyncio.sleep


class _Lists:
    """A source of one page of fifty accounts a target, which asks for a stop after so many."""

    name = route = limit_key = "none"

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._pages = 0

    def under(self, turns: object) -> "_Lists":
        return self

    def take_units(self) -> int:
        return 0

    async def resolve(self, words: str) -> Target:
        return Target(id=words, username=words)

    async def fetch(self, target: Target, cursor: str | None, **_: object) -> Page:
        first = self._pages * 50
        self._pages += 1
        if self._pages == PAGES:
            self._stop.request("budget")
        people = (User(user_id=str(n), username=f"somebody{n}") for n in range(first, first + 50))
        return Page(list(people), None)


async def _measured(store: Any, count: int) -> dict[str, float]:
    """Processor seconds of this process: to create a job of so many targets, to claim it, and for
    each of its first pages."""
    words = (f"somebody.{n}" for n in range(count))
    job = Job(
        id=f"job-of-{count}",
        kind="followers",
        owner=Owner("1", "somebody"),
        source="none",
        route="none",
        targets=tuple(TargetState(target=Target(id=""), words=word) for word in words),
        options=Options(cap=2**31 - 1),
        created_at="2026-11-01T00:00:00.000Z",
    )
    began, stop, clock = cpu(), Stop(), _Clock()
    await store.create(job)
    created = cpu()
    worker = Worker(store, store, store, clock)
    claim = await store.claim(job.id, _me())
    claimed = cpu()
    source: Any = _Lists(stop)
    fetcher = Fetcher(source, Gate(MemoryLimiter(clock), clock), clock, policy=Policy())

    async def finish(job: Job) -> None:
        return None

    job = await worker.run(job, fetcher, finish, stop=stop, watch=Unwatched(), claim=claim)
    pages = job.counters.pages
    return {
        "create": created - began,
        "claim": claimed - created,
        "page": (cpu() - claimed) / pages,
    }


def _me() -> Any:
    from ingather.engine import lease

    return lease.this_process()


async def _on_sqlite(count: int) -> dict[str, float]:
    from ingather.stores.sql_jobs import SqlStore
    from ingather.stores.sql_link import SqliteLink

    with tempfile.TemporaryDirectory(prefix="igb-") as folder:
        link = SqliteLink(Path(folder) / "ingather.db")
        await link.run(lambda connection: None)
        try:
            return await _measured(SqlStore(link), count)
        finally:
            await link.close()


async def _on_postgres(url: str, count: int) -> dict[str, float]:
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_link import PgLink

    link = PgLink(url)
    try:
        await link.all("SELECT 1")
        return await _measured(PgStore(link), count)
    finally:
        await link.close()


def targets(run: Run) -> Iterator[Line]:
    """7. A page of a job of 10,000 targets, client CPU, over a page of one of 1,000."""
    few = min((asyncio.run(_on_sqlite(FEW)) for _ in range(3)), key=lambda each: each["page"])
    many = min((asyncio.run(_on_sqlite(MANY)) for _ in range(3)), key=lambda each: each["page"])
    yield _line("SQLite", few, many)
    if not run.quick:
        most = asyncio.run(_on_sqlite(MOST))
        who = f"Ingather, SQLite, {MOST:,} created"
        yield Line(work="7 targets", who=who, figure=most["create"], unit="s", more=most)
    with servers.postgres() as url:
        if url is None:
            yield Line(work="7 targets", who="PostgreSQL", figure=None, unit="", note="not there")
            return
        few, many = (asyncio.run(_on_postgres(url, count)) for count in (FEW, MANY))
    yield _line("PostgreSQL", few, many)


def _line(store: str, few: dict[str, float], many: dict[str, float]) -> Line:
    ratio = many["page"] / few["page"]
    more = {f"{name} of {MANY}": seconds for name, seconds in many.items()}
    return Line(
        work="7 targets",
        who=f"Ingather, {store}, {MANY:,} over {FEW:,}",
        figure=ratio,
        unit="x",
        goal="<= 1.3",
        met=ratio <= 1.3,
        more=more,
        note=f"{many['page'] * 1e6:.0f} us a page; created in {many['create']:.2f} s",
    )
