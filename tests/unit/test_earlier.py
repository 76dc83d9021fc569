"""What an export of what is new takes from those before it."""

import pytest
from msgspec import structs

from ingather.domain.job import Options
from ingather.features import earlier
from ingather.stores.memory import MemoryStore


@pytest.fixture
def store(clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def exported(store, make):
    """A finished export of these rows; options: of its job."""

    async def export(*rows, **options):
        job = await store.create(make.job(options=Options(**options)))
        claim = await store.claim(job.id, make.holder)
        await store.commit(job.id, claim.fence, 1, make.batch(job, list(rows), end="end_of_list"))
        return await store.settle(job.id, claim.fence, "done")

    return export


@pytest.fixture
def said(make):
    """A comment of that day, or a reply to another one."""

    def make_one(number: int, day: int, to: int | None = None):
        row = make.comment(number, timestamp=f"2026-01-{day:02d}T00:00:00Z")
        parent = None if to is None else make.comment(to).comment_id
        return structs.replace(row, parent_comment_id=parent)

    return make_one


def ids(make, *numbers: int) -> set[str]:
    return {make.comment(number).comment_id for number in numbers}


async def test_a_late_reply_does_not_tell_how_far_the_comments_were_read(
    store, make, exported, said
) -> None:
    """The newest comment does; rows as new or newer are known, whatever came between them."""
    last = await exported(said(1, 5), said(2, 9, to=1), said(3, 6), said(4, 2))
    known = await earlier.before(store, store, last, look_back=False)
    assert known.comments == known.replies == "2026-01-06T00:00:00Z"
    assert set(known.ids) == ids(make, 2, 3)


async def test_looking_back_knows_the_replies_of_every_export_since_the_whole_one(
    store, make, exported, said
) -> None:
    """New to each of them is what none of them has."""
    whole = await exported(said(1, 1), said(2, 2), said(3, 2, to=1), said(4, 1, to=1))
    then = "2026-01-02T00:00:00Z"
    more = {"since_job": whole.id, "since_time": then, "since_ids": ("x",), "look_back": 9}
    last = await exported(said(5, 4), said(6, 3, to=1), said(7, 2, to=2), **more)
    known = await earlier.before(store, store, last, look_back=True)
    assert (known.comments, known.replies) == ("2026-01-04T00:00:00Z", then)
    assert set(known.ids) == ids(make, 3, 5, 6, 7)


async def test_looking_back_goes_on_where_the_whole_one_is_gone(
    store, make, exported, said
) -> None:
    """Its successor knows from where it went on, and what was there already."""
    then = "2026-01-02T00:00:00Z"
    more = {"since_job": "gone", "since_time": then, "since_ids": ("x",), "look_back": 9}
    last = await exported(said(5, 4), said(6, 3, to=1), said(7, 2, to=2), **more)
    known = await earlier.before(store, store, last, look_back=True)
    assert (known.comments, known.replies) == ("2026-01-04T00:00:00Z", then)
    assert set(known.ids) == ids(make, 5, 6, 7) | {"x"}


async def test_reading_again_is_estimated_from_what_is_kept(store, exported, said) -> None:
    """A page of threads, and a call for replies that do not come with theirs; nothing where the
    export before is gone."""
    rows = [said(1, 3), *(said(number, 3, to=1) for number in range(2, 62)), said(99, 1)]
    last = await exported(*rows)
    down_to = "2026-01-02T00:00:00Z"
    assert await earlier.rereading(store, store, last.id, down_to, 50) == 2
    assert await earlier.rereading(store, store, "gone", down_to, 50) == 0
