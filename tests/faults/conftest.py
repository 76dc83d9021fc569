"""What the fault tests share: one export on a bench in this process; the two durable backings, and
workers over them as processes of their own."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PASSWORD = "canary-password-of-the-database"
LONG = ("killed", "called", "claimed", "committed:last", "finalised")
"""What tests over PostgreSQL, whose like run over it too, have in their names."""
FULL = os.environ.get("INGATHER_FAULTS") == "full"


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether everything is asked for: INGATHER_FAULTS=full."""
    return FULL


@pytest.fixture
def ram(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed here is a process and not the power,
    and files that are synced a thousand times should not wait for a disk."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="ingather-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def jobs_valkey(start_valkey: Callable[..., Any]) -> Any:
    """The Redis of `durable`. One of its own: what other tests have queued there would be taken up
    too."""
    return start_valkey()


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def durable(request: pytest.FixtureRequest, ram: Path) -> dict[str, str]:
    """Settings of a store that outlives its process, one for each backing there is."""
    found = {"INGATHER_DATA_DIR": str(ram / "data")}
    if request.param == "redis":
        if find_spec("ingather.stores.redis_jobs") is None:
            pytest.skip("jobs do not rest in Redis yet")
        found["REDIS_URL"] = request.getfixturevalue("jobs_valkey").url
    if request.param == "postgres":
        if not FULL and any(words in request.node.name for words in LONG):
            pytest.skip("over PostgreSQL only with INGATHER_FAULTS=full: it takes its time")
        url = request.getfixturevalue("make_database")()
        found["DATABASE_URL"] = url.replace("ingather@", f"ingather:{PASSWORD}@")
    return found


@pytest.fixture
def dump() -> Callable[[str], dict[str, list[str]]]:
    """Every row of every table of a PostgreSQL, as text."""

    async def ask(url: str) -> dict[str, list[str]]:
        import asyncpg

        connection = await asyncpg.connect(url)
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        found = {
            name: [
                row[0] for row in await connection.fetch(f"SELECT t::text FROM {name} t ORDER BY 1")
            ]
            for (name,) in names
        }
        await connection.close()
        return found

    return lambda url: asyncio.run(ask(url))


@pytest.fixture
def told_by(command, tmp_path: Path) -> Callable[..., list[Any]]:
    """What processes print, as JSON, that run a script at the same time, each with words of its
    own as JSON on its standard input."""

    def run(script: str, words: Sequence[object]) -> list[Any]:
        path = tmp_path / "script.py"
        path.write_text(script)
        where = {"folder": tmp_path, "environ": dict(os.environ), "script": path}
        running = [command(given=json.dumps(each), **where) for each in words]
        return [one.ended(within=300).json for one in running]

    return run


class Workers:
    """A running `workers.py`: what it prints, line by line."""

    def __init__(self, command: Any, environ: dict[str, str], **plan: object) -> None:
        given, ours = os.pipe()
        theirs, out = os.pipe()
        environ = {**os.environ, **environ, "NO_PROXY": "*"}
        self._running = command(
            folder=HERE, environ=environ, given=given, out=out, script=HERE / "workers.py"
        )
        os.close(given)
        os.close(out)
        self._in, self._out = os.fdopen(ours, "w"), os.fdopen(theirs)
        self.tell(json.dumps(plan))

    def tell(self, line: str) -> None:
        self._in.write(line + "\n")
        self._in.flush()

    def line(self) -> dict:
        line = self._out.readline()
        assert line, self._running.ended()
        return json.loads(line)

    def close(self) -> None:
        self._in.close()
        answer = self._running.ended()
        assert answer.code == 0, answer
        self._out.close()


@pytest.fixture
def workers(command, outside, durable) -> Iterator[Callable[..., Workers]]:
    """Start worker processes over `durable` that read `outside`."""
    begun: list[Workers] = []

    def start(**plan: object) -> Workers:
        environ = durable | {
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
            "INSTAGRAM_ACCESS_TOKEN": "sandbox-token",
        }
        begun.append(Workers(command, environ, **plan))
        return begun[-1]

    yield start
    for one in begun:
        one.close()


class Bench:
    """A post's export in this process: a sandbox of its own, a store, and a clock that nobody has
    to wait for."""

    def __init__(self, played: Any, http: Any, store: Any, limiter: Any, clock: Any) -> None:
        self.played = played
        self.http = http
        self.store = store
        self.limiter = limiter
        self.clock = clock

    def source(self, **changes: Any) -> Any:
        from ingather.providers.graph import GraphSource

        asked = {"url": self.played.graph_url, "token": "sandbox-token"} | changes
        return GraphSource(self.http, **asked)

    def comments(self, **changes: Any) -> Any:
        from ingather.features.comments import Comments

        source = changes.pop("source", None) or self.source()
        store = changes.pop("store", self.store)
        parts = {"jobs": store, "leases": store, "rows": store, "limiter": self.limiter}
        return Comments(**parts, clock=self.clock, source=lambda: source, **changes)

    async def begin(self, post: str, *, cap: int = 5_000, **wanted: Any) -> Any:
        from ingather.features.comments import Wanted

        feature = self.comments()
        asked = Wanted(post=post, cap=cap, **{"path": "-"} | wanted)
        return await feature.start(asked, feature.fetcher())

    async def go_on(self, job: Any, feature: Any = None, stop: Any = None) -> Any:
        from ingather.engine.stop import Stop
        from ingather.engine.watch import Unwatched

        feature = feature or self.comments()
        return await feature.run(job, feature.fetcher(), stop=stop or Stop(), watch=Unwatched())

    async def export(self, post: str, **wanted: Any) -> Any:
        return await self.go_on(await self.begin(post, **wanted))

    async def fails(self, job: Any, error: type[Exception], **changes: Any) -> Any:
        """Run it into that error; the job as it stands then."""
        with pytest.raises(error):
            await self.go_on(job, **changes)
        return await self.store.show(job.id)

    async def rows(self, job: Any) -> list[Any]:
        return [row async for batch in self.store.stream(job.id) for row in batch]

    async def kept(self, job: Any) -> dict[str, tuple[str, str | None]]:
        """As the oracle tells it; no id twice."""
        rows = await self.rows(job)
        found = {row.comment_id: (row.text, row.parent_comment_id) for row in rows}
        assert len(found) == len(rows) == job.counters.appended
        return found

    @property
    def calls(self) -> int:
        """Calls for comments and replies that reached the sandbox."""
        kinds = self.played.control()["calls"]["by_kind"]
        return kinds.get("comments", 0) + kinds.get("replies", 0)


@pytest.fixture
async def bench(clock: Any) -> AsyncIterator[Bench]:
    from ingather.providers.http import Http
    from ingather.sandbox.options import Options
    from ingather.sandbox.server import serve
    from ingather.stores.memory import MemoryLimiter, MemoryStore

    http = Http()
    async with await serve(Options()) as played:
        yield Bench(played, http, MemoryStore(clock), MemoryLimiter(clock), clock)
        await http.close()
