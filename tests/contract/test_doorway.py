"""What the HTTP door keeps of its own, on either database."""

import asyncio
from types import SimpleNamespace
from uuid import uuid4

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.access import Key, Webhook
from ingather.features.keys import Keys
from ingather.features.webhooks import Webhooks
from ingather.providers.callback import DEADLINE
from ingather.stores.sql_answers import ABANDONED, SqlAnswers
from ingather.stores.sql_keys import SqlKeys
from ingather.stores.sql_webhooks import HELD, SqlWebhooks


@pytest.fixture(params=["postgres", "sqlite"])
async def sql(request, tmp_path):
    """A database with its tables."""
    if request.param == "sqlite":
        from ingather.stores.sql import SqliteSql
        from ingather.stores.sql_link import SqliteLink

        link = SqliteLink(tmp_path / "ingather.db")
        yield SqliteSql(link)
    else:
        from ingather.stores.pg_link import PgLink
        from ingather.stores.pg_sql import PostgresSql

        link = PgLink(request.getfixturevalue("postgres"))
        yield PostgresSql(link)
    await link.close()


async def test_a_key_opens_until_it_is_revoked(sql, clock) -> None:
    """Its text finds it, and whose it is; a revoked one is none, and is listed still."""
    keys = Keys(SqlKeys(sql), clock)
    made, text = await keys.create("laptop", "ann")
    found = await keys.holder(text)
    assert (found.id, found.owner, found.name) == (made.id, "ann", "laptop")
    assert await keys.holder(text[:-1]) is None
    assert await keys.holder(text.removeprefix("ing_")) is None
    await keys.revoke(made.id)
    assert await keys.holder(text) is None
    (listed,) = [key for key in await keys.list() if key.id == made.id]
    assert isinstance(listed, Key) and listed.revoked_at and listed.used_at
    clock.time += 60
    await keys.revoke(made.id)
    (again,) = [key for key in await keys.list() if key.id == made.id]
    assert again.revoked_at == listed.revoked_at, "it was revoked then, and not later"
    with pytest.raises(errors.BadInput):
        await keys.revoke("nothing")


async def test_an_answer_is_given_again(sql) -> None:
    """One request begins; the same one later gets its answer, another is refused, and one that
    comes meanwhile waits."""
    answers, name = SqlAnswers(sql), str(uuid4())
    assert await answers.begin("ann", name, "digest") is None
    with pytest.raises(errors.KeyInUse):
        await answers.begin("ann", name, "digest")
    with pytest.raises(errors.KeyReused):
        await answers.begin("ann", name, "another")
    await answers.keep("ann", name, 201, "made")
    assert await answers.begin("ann", name, "digest") == (201, "made")
    await answers.drop("ann", name)
    assert await answers.begin("ann", name, "digest") == (201, "made"), "an answer stays"
    assert await answers.begin("bob", name, "other") is None, "each owner has names of its own"
    await answers.drop("bob", name)
    assert await answers.begin("bob", name, "digest") is None, "what failed may be sent again"


async def test_a_request_whose_process_died_may_be_sent_again(sql) -> None:
    """After two minutes nobody waits for an answer that will not come."""
    answers, name = SqlAnswers(sql), str(uuid4())
    await answers.begin("ann", name, "digest")
    await sql.run("UPDATE api_answers SET begun = begun - ?", ABANDONED + 1)
    assert await answers.begin("ann", name, "digest") is None


async def test_a_webhook_is_taken_by_one(sql) -> None:
    """Of two couriers one has it for a minute; later, tried and ended are kept."""
    hooks, job = SqlWebhooks(sql), str(uuid4())

    async def taken() -> list[Webhook]:
        return [one for one in await hooks.take(50) if one.job == job]

    hook = Webhook(
        id=str(uuid4()), job=job, kind="comments", url="https://a/", secret=b"\0s", created_at="now"
    )
    assert await hooks.add(hook)
    assert await hooks.add(structs.replace(hook, url="https://b/")), "the one named last, unsent"
    (mine,) = await taken()
    assert (mine.secret, mine.url) == (b"\0s", "https://b/")
    assert await taken() == []
    await hooks.later(mine, -1)
    assert len(await taken()) == 1
    await hooks.tried(structs.replace(mine, attempts=1, status=500, error="It answered 500."), -1)
    assert not await hooks.add(structs.replace(hook, url="https://c/")), "one was sent already"
    (again,) = await taken()
    assert (again.attempts, again.status, again.error) == (1, 500, "It answered 500.")
    await hooks.tried(structs.replace(again, state="delivered", ended_at="then"), -1)
    assert await taken() == []
    assert (await hooks.of(job)).state == "delivered"
    await hooks.forget(job)
    assert await hooks.of(job) is None


async def test_who_waits_for_a_job_that_goes_on_keeps_nobody_waiting(sql) -> None:
    """However many webhooks wait for jobs that go on, one whose job has ended is taken at once."""
    hooks, ids = SqlWebhooks(sql), [str(uuid4()) for _ in range(40)]
    for number, job in enumerate(ids):
        status = (
            "done" if number == 39 else ("paused", "running", "pending", "csv_pending")[number % 4]
        )
        await sql.run(JOB, job, status)
        await hooks.add(
            Webhook(id=job, job=job, kind="followers", url="https://a/", secret=b"s", created_at="")
        )
    assert [hook.job for hook in await hooks.take(20) if hook.job in ids] == ids[39:]
    await sql.run("UPDATE extractions SET status = 'cancelled' WHERE id = ?", ids[0])
    assert [hook.job for hook in await hooks.take(20) if hook.job in ids] == ids[:1]
    for job in ids:
        await hooks.forget(job)
        await sql.run("DELETE FROM extractions WHERE id = ?", job)


JOB = """
INSERT INTO extractions (id, extraction_type, owner, source, route, overview, options, progress,
    status, requested_at)
VALUES (?, 'followers', '{"instagramId":"1","username":"ann"}', 'hiker', 'v2', '{"count":1}', '{}',
    '{}', ?, '2026-11-01T00:00:00Z')"""


@pytest.mark.parametrize(
    ("trouble", "state"),
    [(errors.StoreUnavailable("away"), "waiting"), (errors.StateLost("gone"), "failed")],
)
async def test_a_store_that_is_away_loses_no_message(sql, clock, trouble, state) -> None:
    """A webhook whose job cannot be read just now is looked at again; one whose job is lost is
    given up."""

    async def find(kind: str, job: str, targets: int):
        raise trouble

    hooks, job = SqlWebhooks(sql), str(uuid4())
    courier = Webhooks(hooks, None, None, find, clock)
    await hooks.add(
        Webhook(id=job, job=job, kind="comments", url="https://a/", secret=b"s", created_at="now")
    )
    await courier.round(500)
    assert (await hooks.of(job)).state == state
    await hooks.forget(job)


async def test_slow_receivers_are_told_side_by_side(sql, clock, make) -> None:
    """So the last of them are told while they are still ours: nobody else tells them as well."""
    hooks, jobs = SqlWebhooks(sql), {str(uuid4()): make.job(status="done") for _ in range(5)}
    running = str(uuid4())
    told, all_at_once = [], asyncio.Barrier(len(jobs))

    async def find(kind: str, job: str, targets: int):
        if job not in (*jobs, running):
            raise errors.StoreUnavailable
        return jobs.get(job) or make.job(status="running")

    async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        async with asyncio.timeout(10), all_at_once:
            told.append(headers["webhook-id"])
        return 200

    secrets = SimpleNamespace(unseal=lambda place, sealed: b"s" * 16)
    courier = Webhooks(hooks, lambda: secrets, post, find, clock)
    for job in (*jobs, running):
        await hooks.add(
            Webhook(id=job, job=job, kind="comments", url="https://a/", secret=b"s", created_at="x")
        )
    assert await courier.round(500) == len(jobs)
    await hooks.forget(running)
    assert sorted(told) == sorted(jobs)
    assert {(await hooks.of(job)).state for job in jobs} == {"delivered"}
    assert 2 * DEADLINE < HELD


async def test_a_webhook_that_cannot_be_noted_stops_no_other(sql, clock, make, monkeypatch) -> None:
    """What is away is told, after everything else was done."""
    hooks, jobs = SqlWebhooks(sql), [str(uuid4()) for _ in range(3)]
    for job in jobs:
        await hooks.add(
            Webhook(id=job, job=job, kind="comments", url="https://a/", secret=b"s", created_at="x")
        )
    tried = hooks.tried

    async def first_fails(hook: Webhook, seconds: float = 0.0) -> None:
        if hook.job == jobs[0]:
            raise errors.StoreUnavailable
        await tried(hook, seconds)

    async def lost(kind: str, job: str, targets: int):
        if job not in jobs:
            raise errors.StoreUnavailable
        raise errors.StateLost("gone")

    monkeypatch.setattr(hooks, "tried", first_fails)
    with pytest.raises(errors.StoreUnavailable):
        await Webhooks(hooks, None, None, lost, clock).round(500)
    assert [(await hooks.of(job)).state for job in jobs] == ["waiting", "failed", "failed"]
    for job in jobs:
        await hooks.forget(job)
