"""The seeds' key layout, to the letter: what our records look like there, how long each key
lives, and records that another program wrote."""

import json
from uuid import uuid4

import pytest

from ingather import errors
from ingather.domain import export_record
from ingather.domain.job import File
from ingather.stores import redis_keys
from ingather.stores.redis_jobs import RedisStore
from ingather.stores.redis_link import RedisLink

DAY = 86_400_000
FOREVER = -1


@pytest.fixture
async def link(valkey):
    link = RedisLink(valkey)
    yield link
    await link.close()


@pytest.fixture
async def store(link):
    return RedisStore(link)


async def begun(store, make, rows):
    job = await store.create(make.job())
    claim = await store.claim(job.id, make.holder)
    await store.commit(job.id, claim.fence, 1, make.batch(job, rows))
    return job, claim


def lives(job) -> dict[str, int]:
    """The seeds' table of TTLs, and our keys beside it."""
    return {
        f"igexp:{job.id}": 7 * DAY,
        f"igexp:{job.id}:comments": 3 * DAY,
        f"igexp:{job.id}:dedupe:comments": 3 * DAY,
        f"igexp:{job.id}:hll:users": 3 * DAY,
        f"igexp:index:media:{job.target.id}": 14 * DAY,
        f"igexp:index:user:{job.owner.instagram_id}": 14 * DAY,
        f"igexp:{job.id}:job": 7 * DAY,
        f"igexp:{job.id}:cursors": 7 * DAY,
    }


async def test_names_and_types(link, store, make) -> None:
    """Every key has the seeds' name and type, and a job has no other keys."""
    job, _ = await begun(store, make, make.comments(3))
    types = {name: await link.call("TYPE", name) for name in lives(job)}
    names = [b"string", b"list", b"set", b"string", b"set", b"set", b"hash", b"set"]
    assert list(types.values()) == names
    found = set(await link.call("KEYS", f"igexp:{job.id}*"))
    assert found == {name.encode() for name in lives(job) if job.id in name}
    for index in (f"media:{job.target.id}", f"user:{job.owner.instagram_id}"):
        assert await link.call("SMEMBERS", f"igexp:index:{index}") == [job.id.encode()]
    ids = set(await link.call("SMEMBERS", f"igexp:{job.id}:dedupe:comments"))
    assert ids == {row.comment_id.encode() for row in make.comments(3)}
    assert await link.call("PFCOUNT", f"igexp:{job.id}:hll:users") == 3


async def test_nothing_expires_before_the_end(link, store, make) -> None:
    """While a job is pending, running, paused or waits for its file, none of its keys expires."""

    async def check(job) -> None:
        left = {name: await link.call("PTTL", name) for name in lives(job)}
        assert set(left.values()) <= {FOREVER, -2}  # -2: not there yet
        assert left[f"igexp:{job.id}"] == FOREVER

    await check(await store.create(make.job()))
    job, claim = await begun(store, make, make.comments(3))
    await check(job)
    await store.beat(job.id, claim.fence)
    await check(job)
    await store.settle(job.id, claim.fence, "paused", reason="budget")
    await check(job)
    claim = await store.claim(job.id, make.holder)
    last = make.batch(job, make.comments(3, start=3), end="end_of_list")
    await store.commit(job.id, claim.fence, 2, last)
    await check(job)


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
async def test_lives_begin_at_the_end(link, store, make, status) -> None:
    """At its end every key of a job gets the life that the seeds give it, and the job says when
    its rows will be gone."""
    job, claim = await begun(store, make, make.comments(3))
    ended = await store.settle(job.id, claim.fence, status)
    for name, life in lives(job).items():
        left = await link.call("PTTL", name)
        assert life - 60_000 < left <= life, name
    assert await link.call("EXISTS", f"igexp:index:open:{job.key}") == 0
    assert ended.expires_at == (await store.show(job.id)).expires_at
    assert ended.expires_at > ended.finished_at


async def test_cancel_of_an_idle_job_ends_it_too(link, store, make) -> None:
    """A job cancelled while nobody holds it begins to expire as well."""
    job = await store.create(make.job())
    await store.ask(job.id, "cancel")
    assert 6 * DAY < await link.call("PTTL", f"igexp:{job.id}") <= 7 * DAY


async def test_job_taken_up_again_stops_expiring(link, store, make) -> None:
    """A failed job that runs again keeps everything until its next end."""
    job, claim = await begun(store, make, make.comments(3))
    await store.settle(job.id, claim.fence, "failed")
    await store.claim(job.id, make.holder)
    for name in lives(job):
        assert await link.call("PTTL", name) == FOREVER, name
    assert (await store.show(job.id)).expires_at is None


async def test_expired_rows_are_not_an_empty_export(link, store, make) -> None:
    """After three days a finished job can be shown, and its rows are said to be gone."""
    job, claim = await begun(store, make, make.comments(3))
    await store.settle(job.id, claim.fence, "done")
    for name in redis_keys.of(job.id)[1:4]:
        await link.call("PEXPIRE", name, 0)
    assert (await store.show(job.id)).counters.appended == 3
    with pytest.raises(errors.StateLost, match="comments"):
        await store.slice(job.id, 0, 10)


async def test_expired_job_leaves_the_list(link, store, make) -> None:
    """After seven days a job is not found, and the list forgets it."""
    job, claim = await begun(store, make, make.comments(3))
    await store.settle(job.id, claim.fence, "done")
    for name in lives(job):
        await link.call("PEXPIRE", name, 0)
    with pytest.raises(errors.JobNotFound):
        await store.show(job.id)
    assert job.id not in [found.id for found in await store.list(limit=10_000)]
    assert await link.call("ZSCORE", redis_keys.JOBS, job.id) is None


async def test_record_is_what_python_would_write(link, store, make) -> None:
    """At every step the stored record is byte for byte the ExportRecord of the job, though a
    script fills in what it counted."""
    job = await store.create(make.job())
    key = f"igexp:{job.id}"

    async def check() -> dict:
        text = await link.call("GET", key)
        assert text == export_record.text(await store.show(job.id))
        return json.loads(text)

    assert (await check())["status"] == "pending"
    claim = await store.claim(job.id, make.holder)
    assert (await check())["status"] == "running"
    for page in range(4):
        cursor = f'[] {{}} "9007199254740993" 🪔 {page}'
        batch = make.batch(job, make.comments(60, start=50 * page), cursor_text=cursor)
        await store.commit(job.id, claim.fence, page + 1, batch)
        record = await check()
        assert record["igPaging"] == {"nextCursor": cursor}
        assert record["counters"]["appended"] == 60 + 50 * page
        assert record["counters"]["skippedDupes"] == 10 * page
    last = make.batch(job, [], cursor_text=None, end="end_of_list")
    await store.commit(job.id, claim.fence, 5, last)
    record = await check()
    assert (record["status"], record["igPaging"]) == ("csv_pending", {})
    file = File(path="/c.csv", format="csv", size_bytes=2**53 + 1, rows=210, sha256="00")
    await store.settle(job.id, claim.fence, "done", file=file)
    record = await check()
    assert (record["status"], record["file"]["sizeBytes"]) == ("done", 2**53 + 1)


async def test_paused_shows_as_running_and_cancelled_as_failed(link, store, make) -> None:
    """The record knows the seeds' five words only."""
    job = await store.create(make.job())
    await store.ask(job.id, "pause")
    assert json.loads(await link.call("GET", f"igexp:{job.id}"))["status"] == "running"
    await store.ask(job.id, "cancel")
    record = json.loads(await link.call("GET", f"igexp:{job.id}"))
    assert (record["status"], record["error"]["code"]) == ("failed", "cancelled")


async def test_rows_are_stored_as_normalized_comments(link, store, make) -> None:
    """Rows are the seeds' NormalizedComment: brackets, large numbers and emoji as they came."""
    texts = ["[]", "{}", "12345678901234567890", "🪔 half: \ufffd", "", '"']
    rows = [make.comment(n, text=text) for n, text in enumerate(texts)]
    rows.append(make.comment(9, parent_comment_id=rows[0].comment_id, like_count=2**53 + 1))
    job, _ = await begun(store, make, rows)
    found = [
        json.loads(text) for text in await link.call("LRANGE", f"igexp:{job.id}:comments", 0, -1)
    ]
    assert [row["text"] for row in found[:-1]] == texts
    assert list(found[0]) == ["commentId", "userId", "username", "timestamp", "likeCount", "text"]
    assert (found[-1]["likeCount"], found[-1]["parentCommentId"]) == (2**53 + 1, rows[0].comment_id)


SEED_RECORD = {
    "status": "done",
    "owner": {"instagramId": "17841400000000001", "username": "seed"},
    "post": {"mediaId": "17900000000000001", "permalink": "https://www.instagram.com/p/x/"},
    "igPaging": {"nextCursor": "QVFI"},
    "counters": {"fetched": 4, "appended": 3, "skippedDupes": 1, "uniqUsers": 2},
    "file": {"csvReady": False},
    "createdAt": "2031-01-01T00:00:00.000Z",
    "startedAt": "2031-01-01T00:00:01.000Z",
}
SEED_ROWS = [
    '{"commentId":"1","userId":"7","username":"a","timestamp":"2025-01-01T00:00:00+0000",'
    '"likeCount":0,"text":"hi []"}',
    '{"commentId":"2","username":"b","timestamp":"t","likeCount":1,"text":"half \\ud83d emoji"}',
    '{"commentId":"3","userId":"7","username":"a","timestamp":"t","likeCount":1,"text":"re",'
    '"parentCommentId":"1","_extra":{"x":[]}}',
]


@pytest.fixture
async def seeded(link):
    """Write a record as the seeds' program does: the record, the rows, the two indexes."""

    async def write(**changes: object) -> str:
        job_id = str(uuid4())
        key = f"igexp:{job_id}"
        listed = {"exportId": job_id, "list": {"key": f"{key}:comments"}}
        await link.call("SET", key, json.dumps(SEED_RECORD | listed | changes), "EX", 604_800)
        await link.call("RPUSH", f"{key}:comments", *SEED_ROWS)
        await link.call("EXPIRE", f"{key}:comments", 259_200)
        await link.call("SADD", "igexp:index:user:17841400000000001", job_id)
        return job_id

    return write


async def test_another_programs_export_can_be_read(store, seeded) -> None:
    """A record and its rows, written without any key of ours, are shown, listed and read."""
    job_id = await seeded()
    job = await store.show(job_id)
    assert (job.status, job.owner.username, job.target.id) == ("done", "seed", "17900000000000001")
    counted = job.counters
    assert (counted.fetched, counted.appended, counted.skipped_dupes, counted.uniq_users) == (
        4,
        3,
        1,
        2,
    )
    assert (job.targets[0].cursor, job.started_at) == ("QVFI", "2031-01-01T00:00:01.000Z")
    assert job.expires_at is not None
    rows = await store.slice(job_id, 0, 10)
    assert [row.text for row in rows] == ["hi []", "half \ufffd emoji", "re"]
    assert [row.user_id for row in rows] == ["7", None, "7"]
    assert rows[2].parent_comment_id == "1"
    assert await store.count(job_id) == 3
    assert job_id in [found.id for found in await store.list()]


@pytest.mark.parametrize("status", ["pending", "running", "csv_pending", "failed"])
async def test_another_programs_export_is_not_ours_to_run(store, seeded, make, status) -> None:
    """What another program began can be read in every status, and is neither claimed nor asked."""
    job_id = await seeded(status=status)
    assert (await store.show(job_id)).status == status
    for question in (store.claim(job_id, make.holder), store.ask(job_id, "cancel")):
        with pytest.raises((errors.StateLost, errors.BadInput)):
            await question
    await store.delete(job_id)
    with pytest.raises(errors.JobNotFound):
        await store.show(job_id)


async def test_another_programs_rows_that_are_gone(link, store, seeded) -> None:
    """Where its rows expired before its record, that is said."""
    job_id = await seeded()
    await link.call("DEL", f"igexp:{job_id}:comments")
    with pytest.raises(errors.StateLost):
        await store.slice(job_id, 0, 10)
