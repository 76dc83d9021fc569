"""Killed at every point where something has just been done, and gone on as if nothing had been.

R1 of the reliability plan, and its goal G1: INGATHER_FAULTS=full makes a thousand pairs of it.
"""

import json
import signal
import time

import pytest

from ingather import points

PER_PAGE = ("called", "parsed", "rows_written", "cursor_written", "committed")
PER_FILE = ("file_written", "file_renamed")
WITHIN_A_TRANSACTION = {"rows_written", "cursor_written"}
"""A Lua script is not left in the middle: Redis may not have these."""


def plans(pages: int) -> list[str]:
    """Every point, at each of its passings: once a page, twice at the end (the file and its
    receipt), once a run."""
    once = [f"{name}:1:kill" for name in ("claimed", "heartbeat", "finalised")]
    twice = [f"{name}:{nth}:kill" for name in PER_FILE for nth in (1, 2)]
    each = [f"{name}:{nth}:kill" for name in PER_PAGE for nth in range(1, pages + 1)]
    assert {plan.split(":")[0] for plan in once + twice + each} == set(points.OF_JOBS)
    return once + each + twice


def sizes(full: bool) -> list[int]:
    """Rows of the posts that are exported: one page of comments, or up to nine and some threads
    that go on elsewhere."""
    return [60, 180, 200, 260, 330, 370, 420, 470] * 5 if full else [260]


@pytest.mark.slow
def test_a_run_killed_anywhere_goes_on_as_if_nothing_had_been(workers, durable, oracle, ram, full):
    """SIGKILL at every named point of every page, then the same command: the rows, the counts and
    the files are those of the run that nothing disturbed; the dead one's lease is not waited for,
    and nothing of it is left lying about."""
    made, unreached, since = 0, set(), time.monotonic()
    posts = [oracle.mixed(rows + number) for number, rows in enumerate(sizes(full))]
    crew = workers(play="pairs", posts=posts, folder=str(ram))
    for post in posts:
        whole = crew.line()["whole"]
        assert (whole["status"], whole["reason"]) == ("done", "end_of_list")
        assert whole["counters"]["appended"] == len(oracle.rows(post))
        asked = plans(whole["counters"]["pages"]) if made < 1_000 else []
        crew.tell(json.dumps([plan for plan in asked if plan.split(":")[0] not in unreached]))
        while "over" not in (pair := crew.line()):
            if pair["ended"] == 0:
                unreached.add(pair["plan"].split(":")[0])
                continue
            check(pair, whole)
            made += 1
    assert unreached <= (WITHIN_A_TRANSACTION if "REDIS_URL" in durable else set())
    assert made >= (1_000 if full else 20)
    print(f"{made} pairs in {time.monotonic() - since:.1f} s")


def check(pair: dict, whole: dict) -> None:
    """One kill and what came after it, against the run that nothing disturbed."""
    assert pair["ended"] == signal.SIGKILL, pair
    assert pair["code"] == 0, pair
    told = pair["told"]
    for name in ("status", "reason", "counters", "hash", "hashes"):
        assert told[name] == whole[name], (name, pair)
    assert told["fence"] == 2, pair
    assert told["attempts"] <= 2, pair
    assert not told["held"], pair
    assert pair["took"] < 10, pair
    assert pair["left"] == [], pair
    # The first one left a file behind only where it had come so far as to have all of it.
    name, nth, _ = pair["plan"].split(":")
    whole_file = name in ("file_renamed", "finalised") or (name, nth) == ("file_written", "2")
    assert pair["whole_file"] == whole_file, pair
