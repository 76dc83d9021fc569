"""Leases.commit: a page is written whole, once, and counted exactly."""

from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.job import Counters, Options


async def test_page_is_written_whole(backing, make, writer) -> None:
    """Rows, cursor, counters, status and sequence move together."""
    work = await writer()
    batch = make.batch(work.job, make.comments(3), retries=2, parks=1, waited=9, repaired=4)
    outcome = await work.commit(1, batch)
    assert outcome.counters == Counters(
        fetched=3, appended=3, uniq_users=3, pages=1, calls=1, retries=2, parks=1, waited=9,
        repaired=4,
    )  # fmt: skip
    assert (outcome.new, outcome.appended, outcome.refused) == (3, 3, 0)
    assert (outcome.status, outcome.reason, outcome.wish) == ("running", None, None)
    job = await backing.jobs.show(work.job.id)
    assert (job.sequence, job.status, job.attempts) == (1, "running", 0)
    assert job.counters == outcome.counters
    assert job.targets == (batch.state,)
    assert await work.rows() == make.comments(3)


async def test_repeated_page_gives_its_stored_outcome(backing, make, writer) -> None:
    """A page committed again, its answer having been lost, changes nothing and answers the same."""
    work = await writer()
    await work.page(make.comments(3))
    batch = make.batch(work.job, make.comments(4, start=2), seen=("18009",), end="end_of_list")
    outcome = await work.commit(2, batch)
    before = await backing.jobs.show(work.job.id)
    for _ in range(3):
        assert await work.commit(2, batch) == outcome
    assert await backing.jobs.show(work.job.id) == before
    assert await work.rows() == make.comments(6)


async def test_gap_in_the_sequence_is_refused(backing, make, writer) -> None:
    """Only the next page, or the last one again, is taken."""
    work = await writer()
    await work.page(make.comments(1))
    await work.page(make.comments(1, start=1))
    before = await backing.jobs.show(work.job.id)
    for wrong in (0, 1, 4, 99):
        with pytest.raises(errors.LeaseLost):
            await work.commit(wrong, make.batch(work.job, make.comments(1, start=50)))
    assert await backing.jobs.show(work.job.id) == before
    assert await work.rows() == make.comments(2)


async def test_first_page_is_number_one(backing, make, writer) -> None:
    """A job that has no page yet has no page to repeat."""
    work = await writer()
    with pytest.raises(errors.LeaseLost):
        await work.commit(0, make.batch(work.job, make.comments(1)))
    assert await work.rows() == []


async def test_a_row_is_kept_once(backing, make, writer) -> None:
    """An id that an earlier page had is skipped and counted, and the first text stays."""
    work = await writer()
    await work.page(make.comments(5))
    changed = [make.comment(number, text="edited") for number in (3, 4)]
    outcome = await work.page([*changed, *make.comments(2, start=5)])
    assert (outcome.new, outcome.appended) == (2, 2)
    assert (outcome.counters.fetched, outcome.counters.skipped_dupes) == (9, 2)
    assert await work.rows() == make.comments(7)


async def test_rows_of_a_page_that_were_merged_count_as_duplicates(backing, make, writer) -> None:
    """Rows that the source sent twice in one answer are fetched twice and kept once."""
    work = await writer()
    outcome = await work.page(make.comments(3), fetched=5)
    assert (outcome.counters.fetched, outcome.counters.skipped_dupes) == (5, 2)


async def test_filtered_ids_count_as_seen(backing, make, writer) -> None:
    """A filtered id is new and counted once, is not kept, and keeps its row out later."""
    work = await writer()
    hidden = make.comment(7)
    outcome = await work.page(make.comments(2), seen=(hidden.comment_id, "18008"))
    assert (outcome.new, outcome.appended) == (4, 2)
    assert (outcome.counters.filtered, outcome.counters.fetched) == (2, 4)
    again = await work.page([], seen=(hidden.comment_id, "18008"))
    assert (again.new, again.counters.filtered) == (0, 2)
    assert again.counters.skipped_dupes == again.counters.fetched - 2 - again.counters.appended
    late = await work.page([hidden])
    assert (late.new, late.appended, late.counters.skipped_dupes) == (0, 0, 3)
    assert await work.rows() == make.comments(2)


async def test_page_without_news_ends_only_where_asked(backing, make, writer) -> None:
    """idle_end ends the job when no id was new, and `end` goes before it."""
    work = await writer()
    assert (await work.page(make.comments(2), idle_end="no_progress")).status == "running"
    filtered = await work.page([], seen=("18005",), idle_end="no_progress")
    assert (filtered.new, filtered.status) == (1, "running")
    both = await work.page(make.comments(2), end="end_of_list", idle_end="no_progress")
    assert both.reason == "end_of_list"
    idle = await work.page(make.comments(2), idle_end="no_progress")
    assert (idle.new, idle.status, idle.reason) == (0, "csv_pending", "no_progress")


async def test_empty_page_moves_the_cursor(backing, make, writer) -> None:
    """A page without rows is a page all the same."""
    work = await writer()
    outcome = await work.page([], cursor_text="next")
    assert (outcome.new, outcome.counters.pages, outcome.status) == (0, 1, "running")
    assert (await backing.jobs.show(work.job.id)).targets[0].cursor == "next"


async def test_last_page_has_no_cursor(backing, make, writer) -> None:
    """A cursor of None is kept as None and is not a cursor seen."""
    work = await writer()
    await work.page(make.comments(1), cursor_text=None, end="end_of_list")
    claim = await backing.leases.claim(work.job.id, make.holder, dead=work.fence)
    assert (claim.job.targets[0].cursor, claim.seen) == (None, set())


async def test_cursors_seen_are_all_told(backing, make, writer) -> None:
    """A claim tells every cursor of the job, so that a loop of any length is noticed."""
    work = await writer()
    batches = [make.batch(work.job, make.comments(1, start=n)) for n in range(7)]
    for sequence, batch in enumerate(batches, 1):
        await work.commit(sequence, batch)
    claim = await backing.leases.claim(work.job.id, make.holder, dead=work.fence)
    assert claim.seen == {batch.cursor for batch in batches}


@pytest.mark.parametrize("there", [4_999, 5_000, 5_001, 6_000])
async def test_cap_is_exact(backing, make, writer, there) -> None:
    """min(n, 5,000) rows are kept, and `cap` is said only where more existed."""
    work = await writer()
    for start in range(0, there, 1_000):
        rows = make.comments(min(1_000, there - start), start=start)
        last = start + 1_000 >= there
        outcome = await work.page(rows, end="end_of_list" if last else None)
        if outcome.reason:
            break
    assert outcome.counters.appended == min(there, 5_000)
    assert outcome.counters.refused == max(0, there - 5_000)
    assert outcome.reason == ("cap" if there > 5_000 else "end_of_list")
    assert outcome.status == "csv_pending"
    assert await work.rows() == make.comments(min(there, 5_000))
    error = abs(outcome.counters.uniq_users - min(there, 5_000)) / min(there, 5_000)
    assert error <= backing.uniq_tolerance


async def test_known_rows_at_the_cap_are_not_refused(backing, make, writer) -> None:
    """At the cap only a new row ends the job: those already kept are duplicates."""
    work = await writer(options=Options(limit=3))
    full = await work.page(make.comments(3))
    assert (full.status, full.refused) == ("running", 0)
    same = await work.page(make.comments(3))
    assert (same.status, same.refused, same.counters.skipped_dupes) == ("running", 0, 3)
    more = await work.page(make.comments(2, start=2))
    assert (more.status, more.reason, more.refused) == ("csv_pending", "limit", 1)
    assert (more.new, more.appended) == (1, 0)


async def test_refused_rows_are_not_forgotten_for_good(backing, make, writer) -> None:
    """A row that the limit kept out is taken once the limit is raised."""
    work = await writer(options=Options(limit=2))
    await work.page(make.comments(4))
    outcome = await work.page(make.comments(4), most=10)
    assert (outcome.appended, outcome.refused) == (2, 0)
    assert await work.rows() == make.comments(4)


async def test_limit_below_what_is_kept_takes_nothing(backing, make, writer) -> None:
    """A limit lowered below what is there keeps what is there."""
    work = await writer()
    await work.page(make.comments(5))
    outcome = await work.page(make.comments(2, start=5), most=3)
    assert (outcome.appended, outcome.refused, outcome.counters.appended) == (0, 2, 5)


async def test_unique_users_and_replies(backing, make, writer) -> None:
    """Users are counted once each, unknown ones not at all; replies are counted apart."""
    work = await writer()
    rows = [
        make.comment(
            n, user_id=("1", "2", "1", None)[n % 4], parent_comment_id="180" if n else None
        )
        for n in range(8)
    ]
    outcome = await work.page(rows)
    assert (outcome.counters.uniq_users, outcome.counters.replies) == (2, 7)


async def test_page_without_users(backing, make, writer) -> None:
    """Where the source names nobody, nobody is counted."""
    work = await writer()
    outcome = await work.page([make.comment(n, user_id=None, username=None) for n in range(3)])
    assert (outcome.appended, outcome.counters.uniq_users) == (3, 0)


async def test_large_page_is_one_page(backing, make, writer) -> None:
    """A page of 20,000 rows is written as one."""
    work = await writer(options=Options(cap=1_000_000))
    outcome = await work.page(make.comments(20_000))
    assert (outcome.appended, await backing.rows.count(work.job.id)) == (20_000, 20_000)


async def test_two_jobs_do_not_mix(backing, make, writer) -> None:
    """The same ids in two jobs are rows of both."""
    one, two = await writer(), await writer()
    await one.page(make.comments(3))
    outcome = await two.page(make.comments(5))
    assert (outcome.appended, outcome.counters.appended) == (5, 5)
    assert await one.rows() == make.comments(3)
    assert await two.rows() == make.comments(5)


PAGES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 30), unique=True, max_size=12),
        st.lists(st.integers(31, 40), unique=True, max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pages=PAGES, most=st.integers(0, 25))
async def test_any_pages_against_a_plain_model(backing, make, writer, pages, most) -> None:
    """Whatever the pages, rows and counters are those of a list and a set."""
    work = await writer()
    kept: list[int] = []
    seen: set[int] = set()
    for rows, filtered in pages:
        fresh = [n for n in rows if n not in seen]
        taken = fresh[: max(0, most - len(kept))]
        new = len(fresh) + len(set(filtered) - seen)
        kept += taken
        seen |= set(taken) | set(filtered)
        outcome = await work.page(
            [make.comment(n) for n in rows],
            seen=tuple(make.comment(n).comment_id for n in filtered),
            most=most,
        )
        assert (outcome.new, outcome.appended) == (new, len(taken))
        assert outcome.refused == len(fresh) - len(taken)
    assert await work.rows() == [make.comment(n) for n in kept]
    fetched = sum(len(rows) + len(filtered) for rows, filtered in pages)
    assert outcome.counters.fetched == fetched
    counted = outcome.counters
    parts = (counted.appended, counted.skipped_dupes, counted.filtered, counted.refused)
    assert sum(parts) == fetched


@pytest.mark.parametrize("backing", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("seconds", "late"), [(0.0, [16, 16, 4]), (0.019, [16, 16, 4]), (0.03, [])]
)
async def test_so_many_rows_are_late_at_the_most(writer, make, monkeypatch, seconds, late) -> None:
    """PostgreSQL answers pages that come fast before they are on the disk: so many rows in a row,
    each page counted as one more, then one is waited for and those before it with it. Pages that
    come slowly are waited for each."""
    from ingather.stores import pg_commit

    time, waited, advance = [100.0], [], pg_commit._advance

    async def noted(*words, sure=True, **how):
        waited.append(sure)
        return await advance(*words, sure=sure, **how)

    def monotonic() -> float:
        time[0] += seconds
        return time[0]

    assert pg_commit._MOST_LATE <= 4_000, "they are all kept in memory"
    monkeypatch.setattr(pg_commit, "_MOST_LATE", 32)
    monkeypatch.setattr(pg_commit, "monotonic", monotonic)
    monkeypatch.setattr(pg_commit, "_advance", noted)
    one = await writer()
    for number in range(40):
        await one.page([make.comment(number)])
    assert [len([*run]) for sure, run in groupby(waited) if not sure] == late
    assert len(waited) == len(await one.rows()) == 40


@pytest.mark.parametrize("backing", ["postgres"], indirect=True)
async def test_deleted_nothing_of_it_is_left(backing, make, writer) -> None:
    """PostgreSQL keeps no row, no id that was left out and no cursor of a deleted job."""
    one = await writer()
    await one.page([make.comment(1)], seen=["18000000000000002"])
    await one.settle("paused", reason="asked")
    link, tables = backing.jobs._link, ("comments", "left_out", "cursors_seen", "targets")
    asked = [f"SELECT count(*) FROM {table} WHERE extraction = $1" for table in tables]
    ((number,),) = await link.all("SELECT number FROM extractions WHERE id = $1", one.job.id)
    assert [(await link.one(each, number))[0] for each in asked] == [1, 1, 1, 1]
    await backing.jobs.delete(one.job.id)
    assert [(await link.one(each, number))[0] for each in asked] == [0, 0, 0, 0]
