"""`ingather extract` cut short, in every way that a user may meet, and gone on with."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from ingather.sandbox.hiker_world import post_pk


@pytest.fixture
def whole(new_program):
    """What a run that nothing disturbed gives for the same words: its file and its receipt."""

    def run(*words: object) -> tuple[bytes, dict]:
        undisturbed = new_program("undisturbed")
        said = undisturbed(*words, "--json")
        assert said.code == 0, said.err
        return undisturbed.bytes("f.csv"), said.receipt

    return run


COUNTED = ("fetched", "kept", "filtered", "duplicates", "uniqueUsers", "pages", "ended", "complete")


def same(receipt: dict, other: dict) -> bool:
    return {name: receipt[name] for name in COUNTED} == {name: other[name] for name in COUNTED}


def test_a_budget_of_calls_pauses_and_the_same_command_goes_on(program, outside, whole):
    """--max-calls pauses with exit code 3 and without a file, having made no more calls than
    that; run again and again it ends with the file of an undisturbed run."""
    words = ("extract", "followers", "flat480", "--yes", "-o", "f.csv")
    file, receipt = whole(*words)
    codes = []
    while not codes or codes[-1] == 3:
        before = outside.control()["hiker_billed"]
        said = program(*words, "--max-calls", 4, "--json")
        assert outside.control()["hiker_billed"] - before <= 4
        assert (program.folder / "f.csv").exists() == (said.code == 0)
        codes.append(said.code)
        assert len(codes) < 6, said.err
    assert codes[0] == 3
    assert program.bytes("f.csv") == file
    assert same(said.receipt, receipt)
    assert len(program.jobs()) == 1


def test_cursors_that_the_service_forgets_cost_one_more_pass(program, outside, whole):
    """A list whose cursor HikerAPI no longer takes when the job is resumed is read from its
    beginning once more: every row is there, once, and the receipt tells of the second pass."""
    words = ("extract", "followers", "flat480", "--yes", "-o", "f.csv")
    file, _ = whole(*words)
    assert program(*words, "--max-calls", 4).code == 3
    outside.control(kill_cursors=True)
    said = program(*words, "--json")
    assert said.code == 0, said.err
    assert program.bytes("f.csv") == file
    told = {name: said.receipt[name] for name in ("passes", "gap", "ended", "duplicates")}
    assert told == {"passes": 2, "gap": 0, "ended": "end_of_list", "duplicates": 150}


def test_a_budget_of_calls_holds_between_targets(program, outside):
    """Many targets of one page each, and bad ones among them, do not outrun the budget."""
    names = [f"flat{size}" for size in range(20, 40)] + [f"missing{n}" for n in range(20)]
    said = program(
        "extract", "followers", *names, "--yes", "--max-calls", 6, "--json", "-o", "f.csv"
    )
    assert (said.code, said.json["reason"]) == (3, "budget")
    assert outside.control()["hiker_billed"] <= 6
    said = program("jobs", "resume", said.json["id"], "--json")
    assert said.code == 3
    assert outside.control()["hiker_billed"] <= 12


def test_a_look_up_that_takes_the_last_call_is_kept(program, outside, whole):
    """One call a run is enough for a list of targets: a look-up, then a page, and so on."""
    words = ("extract", "followers", "flat20", "flat21", "--yes", "-o", "f.csv")
    file, receipt = whole(*words)
    for run in range(1, 5):
        before = outside.control()["hiker_billed"]
        said = program(*words, "--max-calls", 1, "--json")
        assert outside.control()["hiker_billed"] - before == 1
        assert said.code == (3 if run < 4 else 0), said.err
    assert program.bytes("f.csv") == file
    assert said.receipt["kept"] == receipt["kept"]


@pytest.mark.parametrize("cost", ["nan", "inf", "-inf", "-1", "0"])
def test_a_cost_that_is_no_sum_is_refused(program, cost):
    """Not a number, without end, below zero: bad usage, said in a sentence."""
    said = program("extract", "followers", "flat400", "--yes", "--max-cost", cost)
    assert (said.code, said.err.count("Traceback")) == (2, 0)
    assert f"“{cost}” is no sum of money." in " ".join(said.err.split())


def test_the_accounts_rate_is_kept(program, outside):
    """Calls go to HikerAPI no faster than the account allows, on the terminal too, and through the
    limiter that it shares with workers."""
    outside.control(hiker_rate=8)
    said = program("extract", "followers", "flat600", "--yes", "-o", "f.csv")
    assert said.code == 0, said.err
    with contextlib.closing(sqlite3.connect(program.folder / "data" / "ingather.db")) as db:
        ((counted,),) = db.execute("SELECT count(*) FROM limiter_calls")
    assert counted > 0


@pytest.mark.parametrize("budget", [("--max-cost", "0"), ("--max-calls", "1")])
def test_a_budget_that_buys_nothing_is_refused(program, outside, budget):
    """What pays for no row is told as bad input, and nothing is spent."""
    said = program("extract", "followers", "flat400", "--yes", "-o", "f.csv", *budget)
    assert said.code == 2, said.err
    assert outside.control()["hiker_billed"] == 0
    assert program.jobs() == []


def test_two_calls_are_a_look_up_and_a_page(program, outside):
    """The look-up counts before the first page is asked for."""
    said = program(
        "extract", "followers", "flat400", "--yes", "--json", "-o", "f.csv", "--max-calls", "2"
    )
    assert (said.code, said.json["reason"]) == (3, "budget")
    assert outside.control()["hiker_billed"] == 2


def test_the_estimate_is_a_span_and_no_sum_is_nothing(program, outside):
    """Where the size of a page is left open, the estimate says from and to; less than a cent is
    called that."""
    outside.control(hiker_requests=1_000_000)
    said = program("extract", "followers", "flat400", "--yes", "-o", "f.csv", "--max-calls", 2)
    assert "400 rows declared: about 4 to 8 calls" in said.err
    assert "less than 0.01" in said.err and " 0.00" not in said.err


def test_a_budget_of_money_pauses(program, outside):
    """--max-cost is turned into units at the account's own price."""
    left = outside.control(hiker_requests=1_000_000)["hiker_requests"]
    price = 916.3235 / left
    said = program("extract", "followers", "flat480", "--yes", "--json", "-o", "f.csv",
                   "--max-cost", f"{price * 4.5:.9f}")  # fmt: skip
    assert (said.code, said.json["reason"]) == (3, "budget")
    assert outside.control()["hiker_billed"] <= 4


def test_a_budget_of_money_counts_look_ups_that_fail(program, outside):
    """A list of accounts that cannot be read costs a look-up each, and --max-cost holds all the
    same: what was billed is counted, page or no page."""
    left = outside.control(hiker_requests=1_000_000)["hiker_requests"]
    price = 916.3235 / left
    names = [f"private{number}" for number in range(1, 31)]
    said = program("extract", "followers", *names, "--yes", "--json", "-o", "f.csv",
                   "--max-cost", f"{price * 5.5:.9f}")  # fmt: skip
    assert (said.code, said.json["reason"]) == (3, "budget"), said.err
    billed = outside.control()["hiker_billed"]
    assert billed <= 5
    assert said.receipt["units"] == billed


@pytest.mark.parametrize("point", ["committed:3:kill", "parsed:4:kill", "file_written:1:kill"])
def test_a_killed_extraction_goes_on_with_the_same_command(program, whole, point):
    """kill -9 in mid-job, then the same command: the rows, the counts and the file's bytes are
    those of a run that nothing disturbed."""
    words = ("extract", "followers", "flat130", "missing1", "flat170", "--yes", "-o", "f.csv")
    words += ("--filter", "verified=no")
    file, receipt = whole(*words)
    killed = program(*words, INGATHER_TEST_POINT=point)
    assert killed.code == -9
    assert not (program.folder / "f.csv").exists()
    said = program(*words, "--json")
    assert said.code == 0, said.err
    assert hashlib.sha256(program.bytes("f.csv")).hexdigest() == receipt["file"]["sha256"]
    assert program.bytes("f.csv") == file
    assert same(said.receipt, receipt)
    assert len(program.jobs()) == 1


@pytest.mark.parametrize("at", [1, 3])
def test_first_per_user_is_right_across_a_kill(program, whole, at):
    """Whoever has had a first comment before the kill has no second first after it."""
    words = ("extract", "commenters", post_pk("flat", 90), "--yes", "-o", "f.csv")
    words += ("--filter", "first-per-user")
    file, receipt = whole(*words)
    assert program(*words, INGATHER_TEST_POINT=f"committed:{at}:kill").code == -9
    said = program(*words, "--json")
    assert program.bytes("f.csv") == file
    users = program.column("f.csv")
    assert len(set(users)) == len(users) < 90
    assert same(said.receipt, receipt)
    assert said.receipt["filtered"] == 90 - len(users)


def test_a_spent_balance_pauses_until_it_is_topped_up(program, outside, whole):
    """402 in mid-job: paused as no_balance with exit code 3, what came before is kept and can be
    saved; after topping up the same command ends with the undisturbed file."""
    words = ("extract", "followers", "flat230", "--yes", "-o", "f.csv")
    file, receipt = whole(*words)
    outside.control(hiker_requests=4)
    said = program(*words, "--json")
    assert (said.code, said.json["status"], said.json["reason"]) == (3, "paused", "no_balance")
    assert said.json["rows"] == 150
    assert "jobs resume" in said.err
    saved = program("jobs", "save", said.json["id"], "-o", "part.csv")
    assert (saved.code, len(program.rows("part.csv"))) == (0, 150)
    again = program("jobs", "resume", said.json["id"], "--json")
    assert (again.code, again.json["reason"]) == (3, "no_balance")
    outside.control(hiker_requests=None)
    said = program(*words, "--json")
    assert said.code == 0, said.err
    assert program.bytes("f.csv") == file
    assert same(said.receipt, receipt)


def test_a_job_is_resumed_under_other_limits(program, whole):
    """`jobs resume` takes more calls, other rows and another file in place of what the job was
    begun with, keeps the rest, and ends with the undisturbed file. What cannot be is refused, and
    changes nothing; so are limits for many jobs at once."""
    words = ("extract", "followers", "flat230", "--yes")
    file, _ = whole(*words, "-o", "f.csv")
    paused = program(*words, "--max", 60, "--max-calls", 2, "--json")
    job = paused.json["id"]
    assert (paused.code, paused.json["reason"], paused.json["rows"]) == (3, "budget", 50)
    for refused, why in (
        (("--max", 40), "has kept 50 rows already"),
        (("--max-calls", 1), "looks the target up"),
        (("--cap", 90), "Comment exports alone"),
        (("-o", "no/such/f.csv"), "no/such"),
        (("-o", "f.doc"), ".doc"),
    ):
        said = program("jobs", "resume", job, *refused)
        assert (said.code, why in said.err) == (2, True), said.err
    said = program("jobs", "resume", "--paused", "budget", "--max-calls", 9)
    assert (said.code, "of one job" in said.err) == (2, True)
    (same,) = program.jobs()
    assert (same["status"], same["rows"]) == ("paused", 50)
    said = program("jobs", "resume", job, "--max", 300, "--max-calls", 90, "-o", "g.csv", "--json")
    assert (said.code, said.json["rows"]) == (0, 230), said.err
    assert program.bytes("g.csv") == file
    said = program("jobs", "resume", job, "--max", 400)
    assert (said.code, "cannot be run again" in said.err) == (2, True)


def test_an_extraction_is_a_job_like_any_other(program):
    """`jobs` lists, shows, saves in another format and deletes it; deleted, it is gone."""
    made = program("extract", "reels", "flat60", "--yes", "--json", "-o", "f.csv").json
    (listed,) = program.jobs()
    assert (listed["id"], listed["kind"], listed["rows"]) == (made["id"], "reels", made["rows"])
    assert program("jobs", "list").out.count("reels") == 1
    shown = program("jobs", "show", made["id"][:6], "--json")
    assert shown.receipt["file"] == made["receipt"]["file"]
    assert "reels of @flat60" in program("jobs", "show", made["id"]).out
    saved = program("jobs", "save", made["id"], "-o", "-", "--format", "jsonl")
    lines = [json.loads(line) for line in saved.out.splitlines()]
    assert [line["mediaId"] for line in lines] == program.column("f.csv", "mediaId")
    assert program("jobs", "delete", made["id"], "--yes").code == 0
    assert program.jobs() == []
    assert program("jobs", "show", made["id"]).code == 2


def test_extractions_rest_in_sqlite_beside_comments_in_redis(new_program, outside, oracle, valkey):
    """With comment exports in Redis an extraction works as ever, is paused and goes on, and both
    are listed, shown and deleted by the same commands."""
    program = new_program(
        COMMENTS_STORE="redis",
        REDIS_URL=valkey,
        INSTAGRAM_GRAPH_URL=outside.graph_url,
        INSTAGRAM_ACCESS_TOKEN="sandbox-token",
    )
    post = oracle.flat(60)
    export = program("export", "comments", post, "--fresh", "--json", "-o", "c.csv").json
    words = ("extract", "followers", "flat230", "--yes", "--json", "-o", "f.csv")
    paused = program(*words, "--max-calls", 3)
    assert paused.code == 3, paused.err
    done = program("jobs", "resume", paused.json["id"], "--json")
    while done.code == 3:
        done = program("jobs", "resume", paused.json["id"], "--json")
    assert (done.code, done.json["rows"]) == (0, 230), done.err
    kinds = {job["id"]: job["kind"] for job in program.jobs()}
    assert kinds[export["id"]] == "comments"
    assert kinds[done.json["id"]] == "followers"
    for one in (export, done.json):
        assert program("jobs", "show", one["id"]).code == 0
        assert program("jobs", "delete", one["id"], "--yes").code == 0
    assert not {export["id"], done.json["id"]} & {job["id"] for job in program.jobs()}


def test_what_is_queued_was_agreed_to(program):
    """The same command on a job that waits for a worker takes it up; it does not ask again, and
    does not throw it away where nobody is there to answer."""
    program("extract", "followers", "flat20", "--no-wait", "--yes")
    (queued,) = program.jobs()
    said = program("extract", "followers", "flat20", "-o", "f.csv")
    assert said.code == 0, said
    assert [(job["id"], job["status"]) for job in program.jobs()] == [(queued["id"], "done")]


def test_ctrl_c_is_an_answer_to_the_estimate(program):
    """Whoever is asked whether to go on and presses Ctrl-C is out, and no job is left."""
    mine, theirs = os.openpty()
    words = [sys.executable, "-m", "ingather", "extract", "followers", "flat20", "-o", "f.csv"]
    with subprocess.Popen(
        words, cwd=program.folder, env=program.environ, stdin=theirs, stderr=subprocess.PIPE
    ) as asked:
        said = b""
        while b"Go on?" not in said:
            said += os.read(asked.stderr.fileno(), 1000)
        asked.send_signal(signal.SIGINT)
        try:
            assert asked.wait(20) == 1
        finally:
            asked.kill()
    os.close(mine)
    os.close(theirs)
    assert program.jobs() == []
