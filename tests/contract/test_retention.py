"""Comment exports in SQL are dropped so long after their end, where that is asked for."""

from datetime import datetime

import pytest

from ingather import errors
from ingather.domain.job import Target, TargetState


@pytest.fixture
def keep(backing):
    """The backing's store with a retention."""
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.retention import Retained
    from ingather.stores.sql import SqliteSql

    if backing.name not in ("sqlite", "postgres"):
        pytest.skip("only SQL has a retention")
    link = backing.jobs._link
    sql = SqliteSql(link) if backing.name == "sqlite" else PostgresSql(link)

    def keep(seconds, every=0.0):
        return Retained(backing.jobs, sql, seconds=seconds, every=every)

    return keep


async def ended(writer, make, **changes):
    work = await writer(**changes)
    await work.page(make.comments(3))
    return await work.settle("done", reason="end_of_list")


async def test_an_export_is_dropped_with_its_rows(backing, keep, writer, make) -> None:
    """After its time it is gone, rows and all, and not before; its end is told beforehand."""
    job = await ended(writer, make)
    store = keep(3_600)
    (told,) = (each for each in await store.list() if each.id == job.id)
    end = datetime.fromisoformat(told.expires_at) - datetime.fromisoformat(job.finished_at)
    assert end.total_seconds() == 3_600
    assert (await store.show(job.id)).expires_at == told.expires_at
    store = keep(0.02)
    await backing.elapse(0.04)
    assert job.id not in [each.id for each in await store.list()]
    with pytest.raises(errors.JobNotFound):
        await backing.rows.slice(job.id, 0, 1)


async def test_only_finished_exports_are_dropped(backing, keep, writer, make) -> None:
    """What is unfinished stays, and so do extractions, however old."""
    waiting = await backing.jobs.create(make.job())
    paused = await writer()
    await paused.settle("paused", reason="budget")
    work = await writer(kind="followers")
    await work.settle("done", reason="end_of_list")
    await backing.elapse(0.04)
    found = {each.id: each for each in await keep(0.02).list()}
    for each in (waiting, paused.job, work.job):
        assert found[each.id].expires_at is None


async def test_sweeps_are_rare(backing, keep, writer, make) -> None:
    """A store that was swept a moment ago is not searched again."""
    store = keep(0.02, every=3_600)
    await store.list()
    job = await ended(writer, make)
    await backing.elapse(0.04)
    assert job.id in [each.id for each in await store.list()]


async def test_few_targets_are_shown_through_a_retention(backing, keep, writer, make) -> None:
    """As many targets are shown and listed as are asked for, as without a retention."""
    targets = tuple(TargetState(target=Target(id=f"17{n}")) for n in range(3))
    job = await backing.jobs.create(make.job(targets=targets))
    store = keep(3_600)
    for count in range(4):
        brief = await backing.jobs.show(job.id, targets=count)
        assert len(brief.targets) == count
        assert await store.show(job.id, targets=count) == brief
        assert brief in await store.list(targets=count)
