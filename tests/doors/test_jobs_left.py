"""`ingather jobs` of what a worker on another machine runs, or ran until it died."""

import asyncio
import json

import pytest
from msgspec import structs
from typer.testing import CliRunner

from ingather.cli import app
from ingather.domain.job import AT_ONCE, Holder, Job
from ingather.engine import lease
from ingather.stores.sql_jobs import SqlStore
from ingather.stores.sql_link import SqliteLink

GONE = 2**22 + 1
"""A process id that no process has."""


class Elsewhere:
    """A job in the data of this machine, and the worker that holds it; `jobs` is typed here."""

    def __init__(self, job: Job, holder: Holder, folder) -> None:
        self.job = job
        self._holder = holder
        self._path = folder / "ingather.db"

    async def _with_store(self, work):
        link = SqliteLink(self._path)
        try:
            return await work(SqlStore(link))
        finally:
            await link.close()

    async def claim(self, holder: Holder | None = None) -> None:
        """It takes up the job."""

        async def work(store: SqlStore) -> None:
            await store.create(self.job)
            await store.claim(self.job.id, holder or self._holder)

        await self._with_store(work)

    async def die(self) -> None:
        """It dies, and its lease runs out."""
        await self._with_store(lambda store: store.beat(self.job.id, 1, lease=0))

    async def pause(self) -> None:
        await self._with_store(lambda store: store.ask(self.job.id, "pause"))

    def jobs(self, *words: str) -> str:
        """What `ingather jobs` says on both of its streams."""
        told = CliRunner().invoke(app, ["jobs", *words])
        assert told.exit_code == 0, told.output
        return told.output

    def told(self, *words: str) -> dict:
        found = json.loads(self.jobs(*words, "--json"))
        return found[0] if isinstance(found, list) else found


@pytest.fixture
def elsewhere(make, tmp_path, monkeypatch):
    """Begin a job that a worker of another machine runs; changes: those to the job."""
    monkeypatch.setenv("INGATHER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def begin(**changes: object) -> Elsewhere:
        return Elsewhere(make.job(**changes), make.holder, tmp_path)

    return begin


@pytest.mark.parametrize(
    ("due", "left"), [(None, "abandoned: its process has ended"), (AT_ONCE, "waiting for a worker")]
)
def test_a_worker_elsewhere_runs_its_job_as_long_as_its_lease(elsewhere, due, left):
    """list and show say running until the lease has run out; then that it is left, or, queued, that
    it waits for a worker, as of one of this machine whose process has died."""
    far = elsewhere(due=due)
    asyncio.run(far.claim())
    assert "running" in far.jobs("list")
    assert "Running: " in far.jobs("show", far.job.id)
    assert far.told("list")["alive"] is far.told("show", far.job.id)["alive"] is True
    asyncio.run(far.die())
    assert left in far.jobs("list")
    shown = far.jobs("show", far.job.id)
    assert "Stopped in the middle: " in shown
    assert ("Its process has ended. To go on: " in shown) is (due is None)
    told = far.told("show", far.job.id)
    assert (told["status"], told["alive"]) == ("running", False)
    assert far.told("list")["alive"] is False


def test_watching_ends_when_the_worker_elsewhere_has_died(elsewhere, monkeypatch):
    """As long as its lease runs the job is followed; then watch says where it stopped, and ends."""
    far, waited = elsewhere(), []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            await far.die()

    asyncio.run(far.claim())
    monkeypatch.setattr(asyncio, "sleep", sleep)
    said = far.jobs("watch", far.job.id)
    assert len(waited) == 2
    assert "Stopped in the middle: " in said
    assert "Its process has ended in the middle. To go on: " in said


def test_a_process_of_this_machine_tells_by_itself(elsewhere):
    """One that is dead left its job at once, though its lease still runs; one that lives goes on,
    though its lease has run out, as after a night in which the machine slept."""
    here = lease.this_process()
    dead = elsewhere()
    asyncio.run(dead.claim(structs.replace(here, pid=GONE)))
    assert "abandoned" in dead.jobs("list")
    assert dead.told("list")["alive"] is False
    slept = elsewhere()
    asyncio.run(slept.claim(here))
    asyncio.run(slept.die())
    assert slept.told("show", slept.job.id)["alive"] is True
    assert "Running: " in slept.jobs("show", slept.job.id)


def test_what_was_left_and_then_paused_is_paused(elsewhere):
    """Nobody began it since: neither its process nor its lease is spoken of, and watching ends."""
    far = elsewhere()
    asyncio.run(far.claim())
    asyncio.run(far.die())
    asyncio.run(far.pause())
    assert "paused (asked)" in far.jobs("list")
    said = far.jobs("watch", far.job.id)
    assert "Paused: " in said and "has ended in the middle" not in said
    assert far.told("list")["alive"] is None
