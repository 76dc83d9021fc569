"""A real server on loopback, over stores of its own, with the sandbox as the outside."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingather import errors
from ingather.assembly import World
from ingather.domain.job import Job
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.settings import Settings, load

CRON = "timer-secret-of-the-tests"


class Api:
    """A server in a thread with a loop of its own; `call` runs something there."""

    def __init__(self, settings: Settings, names: dict[str, str], rate: int = 100_000) -> None:
        self._settings = settings
        self._names = names
        self._rate = rate
        self._stop = Stop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._keys: dict[str, str] = {}

    async def _serve(self) -> None:
        from ingather.api import app

        self.loop = asyncio.get_running_loop()
        async with World(self._settings, names=self._names) as self.world:
            built = app.build(self.world, rate=self._rate)
            self.door = built.state.door
            await app.serve(self.world, "127.0.0.1", 0, self._stop, app=built, ready=self._ready)

    def _ready(self, url: str) -> None:
        self.url = url
        self._up.set()

    def start(self) -> "Api":
        self._thread.start()
        assert self._up.wait(20)
        return self

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.request, "asked")
        self._thread.join(20)
        assert not self._thread.is_alive()

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def key(self, owner: str) -> str:
        """A key of this owner."""
        if owner not in self._keys:
            self._keys[owner] = self.call(self.door.keys.create("tests", owner))[1]
        return self._keys[owner]

    def client(self, owner: str = "ann") -> httpx.Client:
        """A client that comes with a key of this owner; None for no key."""
        headers = {"Authorization": f"Bearer {self.key(owner)}"} if owner else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def run(self, job_id: str) -> Job:
        """Run a job to its end, as a worker would."""
        return self.call(self._run(job_id))

    async def _run(self, job_id: str) -> Job:
        for store in self.world.stores:
            try:
                job = await store.show(job_id)
            except errors.JobNotFound:
                continue
            collection = self.world.collection_of(job)
            return await collection.run(job, collection.fetcher(), stop=Stop(), watch=Unwatched())
        raise AssertionError("no such job")


@pytest.fixture
def new_api(tmp_path: Path, outside: Any) -> Iterator[Callable[..., Api]]:
    """Servers over data of their own; settings: those that differ."""
    from ingather.sandbox.options import TOKEN

    begun: list[Api] = []

    def make(*, rate: int = 100_000, **settings: str) -> Api:
        pointed = {
            "INGATHER_DATA_DIR": str(tmp_path / "data"),
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
            "INSTAGRAM_WEB_URL": outside.web_url,
            "INSTAGRAM_ACCESS_TOKEN": TOKEN,
            "HIKERAPI_KEY": "sandbox-key",
            "HIKERAPI_URL": outside.hiker_url,
            "CRON_SECRET": CRON,
        }
        names = {post["name"]: post["id"] for post in _posts(outside)}
        api = Api(load(pointed | settings), names, rate).start()
        begun.append(api)
        return api

    yield make
    for api in begun:
        api.end()


def _posts(outside: Any) -> list[dict[str, str]]:
    from ingather.sandbox.world import World as Played

    return [{"name": post.name, "id": post.id} for post in Played(1).named]


@pytest.fixture
def api(new_api: Callable[..., Api]) -> Api:
    """A server over SQLite."""
    return new_api()


@pytest.fixture
def ann(api: Api) -> Iterator[httpx.Client]:
    """A client of an owner."""
    with api.client("ann") as client:
        yield client


@pytest.fixture
def bob(api: Api) -> Iterator[httpx.Client]:
    """A client of another owner."""
    with api.client("bob") as client:
        yield client


@pytest.fixture
def nobody(api: Api) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=api.url, trust_env=False) as client:
        yield client
