"""A source that pages badly: every export ends, by name, with all the rows there were to get.

R6, R7 and the goal G4 of the reliability plan.
"""

import math

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import Owner
from ingather.domain.page import Usage
from ingather.providers import graph_errors, graph_map

PAGE = 50
ROWS = 420  # nine pages of comments


def bound(cap: int) -> int:
    """Calls that no post may take more of (G4)."""
    return math.ceil(cap / PAGE) + 16


def edges_for(*faults: str) -> list[str]:
    """Both levels, save where the first replies, which come inside their comment in the true
    order, would not fit the others."""
    return ["comments"] if {"reverse", "shuffle"} & {*faults} else ["comments", "replies"]


@pytest.mark.parametrize("fault", ["overlap", "reverse", "shuffle", "repeat", "nextwithoutcursor"])
@pytest.mark.parametrize("kind", ["flat", "mixed"])
async def test_pages_that_repeat_overlap_or_mix_their_rows_give_each_row_once(
    bench, oracle, fault, kind
):
    """Rows that come twice, in another order or on two pages are kept once, and none is lost."""
    post = getattr(oracle, kind)(ROWS)
    bench.played.control(paging={"*": [fault]}, edges=edges_for(fault))
    job = await bench.export(post)
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert job.counters.skipped_dupes == job.counters.fetched - ROWS
    assert bench.calls <= bound(2 * ROWS if fault == "repeat" else ROWS)


@pytest.mark.parametrize(("fault", "period"), [("cycle1", 1), ("cycle2", 2), ("cycle7", 7)])
async def test_cursors_that_go_round_end_the_job_within_one_round(bench, oracle, fault, period):
    """A cursor seen before ends the job as cursor_loop, whatever the length of the round, with
    every row of the round."""
    post = oracle.flat(ROWS)
    bench.played.control(paging={"*": [fault]})
    job = await bench.export(post)
    assert (job.status, job.reason) == ("done", "cursor_loop")
    within_reach = list(oracle.rows(post))[: (period + 1) * PAGE]
    assert list(await bench.kept(job)) == within_reach
    assert bench.calls == period + 1


@pytest.mark.parametrize(("fault", "period"), [("cycle1", 1), ("cycle2", 2), ("cycle7", 7)])
async def test_a_loop_is_seen_by_a_job_that_was_cut_within_it(bench, oracle, fault, period):
    """The cursors seen rest with the job: a loop that a restart falls into ends it as well."""
    post = oracle.flat(ROWS)
    bench.played.control(paging={"*": [fault]})
    job = await bench.begin(post)
    runs = 0
    while job.status != "done":
        job = await bench.go_on(job, feature=one_page(bench))
        runs += 1
        assert runs <= period + 2
    assert job.reason == "cursor_loop"
    assert len(await bench.kept(job)) == (period + 1) * PAGE


class Reading:
    """Counts, whenever rows are read, the pages that were asked for by then beyond those that have
    been read."""

    def __init__(self, bench, monkeypatch):
        self.ahead, self._asked, self._read = [], set(), 0
        get, comments = bench.http.get, graph_map.comments

        def begin(url, **more):
            if "/comments?" in url:
                self._asked.add(url.partition("&after=")[2])
            return get(url, **more)

        def read(*words, **more):
            self._read += 1
            self.ahead.append(len(self._asked) - self._read)
            return comments(*words, **more)

        monkeypatch.setattr(bench.http, "get", begin)
        monkeypatch.setattr(graph_map, "comments", read)


async def test_the_next_page_is_on_its_way_before_rows_are_read(bench, oracle, monkeypatch):
    """One call is ahead while a page is read, save of the last one, and never a second."""
    reading = Reading(bench, monkeypatch)
    job = await bench.export(oracle.flat(ROWS))
    assert (job.status, job.counters.appended) == ("done", ROWS)
    assert reading.ahead == [1] * 8 + [0]


@pytest.mark.parametrize("why", ["cap", "since", "limit", "small"])
async def test_no_call_is_made_early_that_rows_may_make_vain(bench, oracle, monkeypatch, why):
    """Near the cap, where old rows end the list, while the limit is nearly used, or while pages
    are smaller than usual, a page is read before the next one is asked for."""
    post, wanted = oracle.flat(ROWS), {}
    if why == "since":
        await bench.export(post)
        wanted = {"since_last": True, "fresh": True}
    job = await bench.begin(post, cap=1_300 if why == "cap" else 5_000, **wanted)
    if why == "limit":
        monkeypatch.setattr(graph_errors, "usage", lambda headers: Usage(85))
    if why == "small":
        bench.played.control(in_calls=[{"call": 1, "fault": "reduce"}])
    reading = Reading(bench, monkeypatch)
    job = await bench.go_on(job)
    assert job.status == "done"
    assert set(reading.ahead[:4]) == {0}  # small pages grow again after four


async def test_the_same_rows_behind_ever_new_cursors_are_no_progress(bench, oracle):
    """Three pages running without an id that the job did not know end it as no_progress."""
    post = oracle.flat(ROWS)
    bench.played.control(paging={"*": ["samerows"]})
    job = await bench.export(post)
    assert (job.status, job.reason) == ("done", "no_progress")
    assert len(await bench.kept(job)) == PAGE
    assert job.counters.pages == 1 + 3
    assert bench.calls <= 1 + 3 + 1  # one page ahead


@pytest.mark.parametrize("call", [1, 2, 3, 4])
async def test_idle_pages_are_counted_across_a_cut(bench, oracle, call):
    """A job that is cut between pages without anything new ends where the uncut one does."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(paging={"*": ["samerows"]})
    for _ in range(call):
        job = await bench.go_on(job, feature=one_page(bench))
    if job.status != "done":
        job = await bench.go_on(job)
    assert (job.status, job.reason, job.counters.pages) == ("done", "no_progress", 4)


async def test_empty_pages_with_a_way_on_are_bounded_by_twenty(bench, oracle):
    """Twenty empty pages running end the job as no_progress, with what came before them."""
    post = oracle.flat(ROWS)
    bench.played.control(paging={"*": ["emptyforever"]})
    job = await bench.export(post)
    assert (job.status, job.reason) == ("done", "no_progress")
    assert len(await bench.kept(job)) == PAGE
    assert bench.calls == 1 + 20


async def test_empty_pages_in_the_middle_are_no_end(bench, oracle):
    """A few empty pages with a next are gone through: only a missing next is the end."""
    post = oracle.posts["gappy"]
    job = await bench.export(post)
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.reason, job.counters.appended) == ("end_of_list", 500)


async def test_a_post_that_counts_comments_and_lists_none_ended_early(bench, oracle):
    """Comments declared and none listed are called source_ended_early, not an empty post."""
    job = await bench.export(oracle.posts["devmode"])
    assert (job.status, job.reason) == ("done", "source_ended_early")
    assert job.counters.appended == 0


@pytest.mark.parametrize("name", ["empty", "disabled"])
async def test_a_post_without_comments_is_simply_at_its_end(bench, oracle, name):
    """Nothing declared and nothing listed is a whole export of nothing."""
    job = await bench.export(oracle.posts[name])
    assert (job.status, job.reason, job.counters.appended) == ("done", "end_of_list", 0)


async def test_comments_that_are_counted_and_never_listed_are_told_as_a_gap(bench, oracle):
    """Restricted writers' comments are missing from the list: the receipt says how many."""
    from ingather.domain import receipt

    post = oracle.posts["restricted"]
    job = await bench.export(post)
    assert await bench.kept(job) == oracle.rows(post)
    assert (job.reason, receipt.gap(job)) == ("end_of_list", 20)
    assert receipt.complete(job) is False


@pytest.mark.parametrize("call", range(2, 10))
async def test_a_cursor_that_dies_once_costs_one_restart_and_no_row(bench, oracle, call):
    """Wherever a cursor dies, the list is read once more from its beginning, everything known is
    passed over without being taken for a lack of progress, and the rest is collected."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": call, "fault": "deadcursor"}])
    job = await bench.go_on(job)
    assert list(await bench.kept(job)) == list(oracle.rows(post))
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert job.targets[0].passes == 2
    assert bench.calls == 9 + call  # the dead call, and the pages before it again


async def test_a_cursor_that_dies_among_replies_costs_no_row(bench, oracle):
    """Dying in the middle of a long thread begins that thread anew, not the post."""
    post = oracle.posts["deep"]
    job = await bench.begin(post)
    bench.played.control(in_calls=[{"call": 4, "fault": "deadcursor"}])
    job = await bench.go_on(job)
    assert await bench.kept(job) == oracle.rows(post)
    assert job.reason == "end_of_list"
    assert bench.calls <= math.ceil(503 / PAGE) + 8


async def test_cursors_that_always_die_fail_the_job_with_its_rows_kept(bench, oracle):
    """A second pass that gets no further than the first is the last: failed, by its code, with
    what was collected."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(faults={"deadcursor": 1.0})
    job = await bench.fails(job, errors.DeadCursor)
    assert (job.status, job.error.code) == ("failed", "dead_cursor")
    assert list(await bench.kept(job)) == list(oracle.rows(post))[:PAGE]
    assert bench.calls == 4


async def test_a_job_that_failed_by_dead_cursors_can_be_tried_again(bench, oracle):
    """Once cursors live again, resuming the failed job collects the rest."""
    post = oracle.flat(ROWS)
    job = await bench.begin(post)
    bench.played.control(faults={"deadcursor": 1.0})
    job = await bench.fails(job, errors.DeadCursor)
    bench.played.control(faults={})
    job = await bench.go_on(job)
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert await bench.kept(job) == oracle.rows(post)


@pytest.mark.parametrize(
    "faults",
    [
        ["repeat", "overlap"],
        ["samerows", "overlap"],
        ["overlap", "shuffle", "nextwithoutcursor"],
        ["cycle7", "reverse"],
        ["cycle2", "repeat"],
        ["emptyforever", "nextwithoutcursor"],
    ],
)
@pytest.mark.parametrize("kind", ["flat", "mixed"])
async def test_faults_that_come_together_end_as_well(bench, oracle, faults, kind):
    """Whatever comes together, on both levels, the export ends by a name, makes no more calls than
    G4 allows, and keeps no row twice and none that is not the post's."""
    post = getattr(oracle, kind)(ROWS)
    bench.played.control(paging={"*": faults}, edges=edges_for(*faults))
    job = await bench.export(post)
    kept, expected = await bench.kept(job), oracle.rows(post)
    assert kept.items() <= expected.items()
    assert job.status == "done"
    if job.reason == "end_of_list":
        assert kept == expected
    else:
        assert job.reason in ("cursor_loop", "no_progress")
    assert bench.calls <= bound(5_000)


def one_page(bench):
    """An export that pauses itself after its first page."""
    return bench.comments(store=OnePage(bench.store))


class OnePage:
    """A store at which somebody asks for a pause while each page is committed."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, job_id, *words):
        return structs.replace(await self._store.commit(job_id, *words), wish="pause")


@pytest.mark.parametrize(
    ("changed", "since"),
    [({}, True), ({"owner": Owner("1", "other")}, False), ({"kind": "commenters"}, False),
     ({"status": "cancelled"}, False)],
)  # fmt: skip
async def test_what_is_new_is_new_to_the_same_account(bench, oracle, changed, since):
    """An export of what is new goes on from a finished export of the same post by the same account,
    and from nothing else."""
    post = oracle.flat(20)
    last = await bench.export(post)
    kept = bench.store._kept[last.id]
    kept.job = structs.replace(kept.job, **changed)
    job = await bench.begin(post, since_last=True)
    assert job.options.since_job == (last.id if since else None)
