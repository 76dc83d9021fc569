"""The cap keeps exactly as many rows as it says, and is told as the reason only where it cut.

R19 of the reliability plan.
"""

import pytest

CAP = 5_000


@pytest.mark.parametrize("kind", ["flat", "mixed"])
@pytest.mark.parametrize("rows", [4_999, 5_000, 5_001, 6_000])
async def test_a_cap_keeps_the_smaller_number_and_says_so_only_when_it_cut(
    bench, oracle, kind, rows
):
    """min(n, cap) rows are kept; the reason is cap exactly when there were more."""
    post = getattr(oracle, kind)(rows)
    job = await bench.export(post)
    kept = await bench.kept(job)
    assert len(kept) == min(rows, CAP)
    assert kept.items() <= oracle.rows(post).items()
    assert (job.status, job.reason) == ("done", "cap" if rows > CAP else "end_of_list")
    assert (job.counters.refused > 0) == (rows > CAP)
    assert bench.calls <= CAP // 50 + 16


@pytest.mark.parametrize("cap", [1, 49, 50, 51, 99, 100, 101, 120])
@pytest.mark.parametrize("fault", [None, "overlap", "repeat"])
async def test_a_cap_within_after_or_at_the_edge_of_a_page(bench, oracle, cap, fault):
    """Wherever in a page the cap falls, and whatever comes twice, the first rows are kept."""
    post = oracle.flat(100)
    bench.played.control(paging={"*": [fault] if fault else []})
    job = await bench.export(post, cap=cap)
    assert list(await bench.kept(job)) == list(oracle.rows(post))[:cap]
    assert job.reason == ("cap" if cap < 100 else "end_of_list")


async def test_a_limit_below_the_cap_is_called_a_limit(bench, oracle):
    """What the user asked for is told apart from the safety cap; where both agree it is the cap."""
    post = oracle.flat(100)
    below = await bench.export(post, cap=80, limit=60)
    assert (below.reason, below.counters.appended) == ("limit", 60)
    same = await bench.export(post, cap=60, limit=60)
    assert (same.reason, same.counters.appended) == ("cap", 60)


async def test_a_cap_counts_replies(bench, oracle):
    """Replies are rows like all others, within one thread too."""
    job = await bench.export(oracle.posts["deep"], cap=200)
    assert (job.reason, job.counters.appended) == ("cap", 200)
    assert job.counters.replies >= 190
