"""Many workers, some of them killed, some frozen: one holds a job at a time, and nothing is lost.

R2, R4 and R5 of the reliability plan, and its goal G3.
"""

import os
import sqlite3

import pytest

from ingather.settings import load


@pytest.mark.slow
def test_jobs_outlive_workers_that_are_killed_at_random(workers, outside, oracle, ram, full):
    """Two workers and a handful of jobs, a SIGKILL at random moments: soon after the killing ends
    every job is done, its rows and its file are the oracle's, and each kill cost at most the page
    that was being written and the one read ahead."""
    seed = int.from_bytes(os.urandom(4))
    print("seed", seed)
    count, rows, seconds, shortest = (50, 2_000, 60.0, 0.05) if full else (4, 2_000, 2.5, 0.03)
    posts = [oracle.mixed(rows + number) for number in range(count)]
    outside.control(latency_ms=25)  # long enough for a fast machine to be killed as often
    crew = workers(play="storm", posts=posts, folder=str(ram), seconds=seconds, seed=seed,
                   workers=2, shortest=shortest)  # fmt: skip
    assert len(crew.line()["began"]) == count
    end = crew.line()
    assert end["codes"] == [0, 0]
    assert end["took"] <= 120
    pages = 0
    for post, job in zip(posts, end["jobs"], strict=True):
        assert (job["status"], job["reason"]) == ("done", "end_of_list")
        expected = oracle.rows(post)
        assert len(job["ids"]) == len(expected)
        assert set(job["ids"]) == set(expected)
        assert job["appended"] == len(expected)
        assert job["hash"] == job["sha256"]
        pages += job["pages"]
    kinds = outside.control()["calls"]["by_kind"]
    print(end["kills"], "kills")
    assert end["kills"] > 5
    assert kinds["comments"] + kinds["replies"] <= pages + 2 * end["kills"]


@pytest.mark.slow
def test_one_of_eight_processes_wins_a_job(workers, durable, oracle, ram, full):
    """Eight processes open the store and claim the same job in the same moment: exactly one wins,
    every time, and the others are told that it is busy."""
    rounds = 1_000 if full else 20
    posts = [oracle.flat(number) for number in range(1, rounds + 1)]
    crew = workers(play="race", posts=posts, folder=str(ram), workers=8)
    end = crew.line()
    assert end["codes"] == [0] * 8
    winners = sorted(at for won in end["won"] for at in won)
    assert winners == list(range(rounds))


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["claimed:1:stop", "called:3:stop", "parsed:2:stop",
                                  "committed:3:stop", "committed:last:stop", "heartbeat:1:stop",
                                  "finalised:1:stop"])  # fmt: skip
def test_a_frozen_worker_that_thaws_changes_nothing(
    workers, outside, durable, oracle, ram, dump, plan
):
    """SIGSTOP past the lease, another worker takes over, SIGCONT: not a row, not a word in the
    job's record, not a file is changed by the one that comes late, and it makes no call."""
    post = oracle.mixed(260)
    expected = oracle.rows(post)
    if "heartbeat" in plan:
        outside.control(latency_ms=60)
    crew = workers(play="freeze", post=post, folder=str(ram), plan=plan.replace("last", "6"))
    taken = crew.line()
    assert taken["refused"] == -1, "the lease was not respected"
    assert taken["told"]["status"] == "done"
    assert taken["told"]["fence"] == 2
    assert taken["told"]["counters"]["appended"] == len(expected)
    assert taken["told"]["counters"]["skipped_dupes"] == 0
    before = picture(durable, ram, dump)
    called = outside.control()["calls"]["total"]
    crew.tell("go on")
    late = crew.line()
    assert late["thawed"] == -1, "it should have ended with LeaseLost"
    assert not late["back"], "it wrote the file once more"
    assert outside.control()["calls"]["total"] == called
    assert picture(durable, ram, dump) == before


def picture(durable, folder, dump):
    """Everything that a worker may have changed."""
    files = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    if "REDIS_URL" in durable:
        import redis

        with redis.Redis.from_url(durable["REDIS_URL"]) as client:
            keys = sorted(client.scan_iter("igexp:*", count=1_000))
            return files, {key: client.dump(key) for key in keys}
    if "DATABASE_URL" in durable:
        return files, dump(durable["DATABASE_URL"])
    path = load(durable).database
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        dump = list(connection.iterdump())
    connection.close()
    return files, dump
