"""Rows: what was kept is read back in its order, byte for byte, at any time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingather.domain.records import Comment

TEXTS = [
    "",
    " ",
    "[]",
    "{}",
    "null",
    "[[],{}]",
    "9007199254740993",
    "123456789012345678901234567890",
    "1e308",
    "\ufffd",
    "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪",
    "\U0010ffff",
    'a "quoted" \\ back\\u0041slash',
    "line\nbreak\r\n\ttab",
    "\u2028\u2029\ufeff\u200f",
    "=1+1",
    "%s %d {0} :name $1 ?",
    "'; DROP TABLE jobs; --",
    "\x01\x1f\x7f",
    "é é",
]


async def test_arrival_order(backing, make, writer) -> None:
    """Rows come in the order of their pages and their place in it, whatever their ids."""
    work = await writer()
    order = [5, 3, 9, 1, 8, 2, 7]
    await work.page([make.comment(n) for n in order[:3]])
    await work.page([make.comment(n) for n in order[3:]])
    assert await work.rows() == [make.comment(n) for n in order]


async def test_slices(backing, make, writer) -> None:
    """A slice is the rows from an offset on, at most as many as asked for."""
    work = await writer()
    await work.page(make.comments(10))
    for offset, limit in ((0, 3), (3, 3), (8, 5), (10, 5), (99, 1), (0, 0), (5, 0), (0, 100)):
        found = await backing.rows.slice(work.job.id, offset, limit)
        assert list(found) == make.comments(10)[offset : offset + limit]
    assert await backing.rows.count(work.job.id) == 10


async def test_job_without_rows(backing, make) -> None:
    """A job that has nothing yet has no rows, which is no error."""
    job = await backing.jobs.create(make.job())
    assert list(await backing.rows.slice(job.id, 0, 10)) == []
    assert await backing.rows.count(job.id) == 0
    assert [batch async for batch in backing.rows.stream(job.id)] == []


@pytest.mark.parametrize("size", [1, 3, 10, 11])
async def test_stream_gives_all_in_batches(backing, make, writer, size) -> None:
    """A stream gives every row once, in batches of the size asked for."""
    work = await writer()
    await work.page(make.comments(10))
    batches = [list(batch) async for batch in backing.rows.stream(work.job.id, size=size)]
    assert [row for batch in batches for row in batch] == make.comments(10)
    assert all(len(batch) == size for batch in batches[:-1])


async def test_stream_while_another_commits(backing, make, writer) -> None:
    """Reading while rows arrive misses none of those there at the start, and repeats none."""
    work = await writer()
    await work.page(make.comments(6))
    found: list[Comment] = []
    async for batch in backing.rows.stream(work.job.id, size=2):
        found += batch
        if work.sequence < 4:
            await work.page(make.comments(3, start=100 * work.sequence))
    assert found[:6] == make.comments(6)
    assert found == (await work.rows())[: len(found)]
    assert len(found) >= 6


async def test_rows_can_be_read_whoever_holds_the_job(backing, make, writer) -> None:
    """Partial results can be read while it runs, when it is paused and when it failed."""
    work = await writer()
    await work.page(make.comments(2))
    assert await work.rows() == make.comments(2)
    await work.settle("paused", reason="budget")
    assert await work.rows() == make.comments(2)
    work.fence = (await backing.leases.claim(work.job.id, make.other)).fence
    await work.settle("failed", reason="refused")
    assert await work.rows() == make.comments(2)


async def test_texts_survive(backing, make, writer) -> None:
    """Every text comes back as it went in."""
    work = await writer()
    rows = [make.comment(n, text=text, username=text) for n, text in enumerate(TEXTS)]
    await work.page(rows, cursor_text='[] {} "9007199254740993" \\ 🪔')
    assert await work.rows() == rows
    cursor = (await backing.jobs.show(work.job.id)).targets[0].cursor
    assert cursor == '[] {} "9007199254740993" \\ 🪔'


async def test_unknown_stays_unknown(backing, make, writer) -> None:
    """None is neither 0 nor an empty text, nor the other way round."""
    work = await writer()
    nothing = Comment(
        comment_id="18000000000000001",
        user_id=None,
        username=None,
        timestamp=None,
        like_count=None,
        text=None,
    )
    empty = Comment(
        comment_id="18000000000000002",
        user_id="0",
        username="",
        timestamp="",
        like_count=0,
        parent_comment_id="18000000000000001",
        text="",
    )
    await work.page([nothing, empty])
    assert await work.rows() == [nothing, empty]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts=st.lists(st.none() | TEXT, max_size=12),
    likes=st.none() | st.integers(-(2**63), 2**63 - 1),
)
async def test_any_text_survives(backing, make, writer, texts, likes) -> None:
    """Whatever people write is read back as it was written."""
    work = await writer()
    rows = [make.comment(n, text=text, like_count=likes) for n, text in enumerate(texts)]
    await work.page(rows)
    assert await work.rows() == rows
