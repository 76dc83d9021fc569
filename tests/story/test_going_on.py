"""An export is interrupted, and somebody goes on with it."""

import json
import signal

import pytest

ROWS = 700


@pytest.fixture
def whole(cli, oracle):
    """The bytes of the file that nothing interrupts."""
    post = oracle.mixed(ROWS)
    cli("export", "comments", post, "-o", "whole.csv")
    cli("jobs", "delete", cli.job()["id"], "--yes")
    return (cli.folder / "whole.csv").read_bytes()


def test_the_same_command_goes_on_after_a_kill(cli, begun, outside, oracle, whole):
    """kill -9: it is not said to run, and how to go on is said. The same command goes on, waits for
    nobody, reads no page twice but those in flight, and the file is the same byte for byte."""
    post = oracle.mixed(ROWS)
    outside.control(reset=True)
    begun(post, "-o", "a.csv").kill()
    assert not (cli.folder / "a.csv").exists()
    shown = cli("jobs", "show", cli.job()["id"])
    assert "Stopped in the middle: " in shown.out and "To go on: ingather jobs resume" in shown.err
    answer = cli("export", "comments", post, "-o", "a.csv")
    assert "Going on with job" in answer.err
    assert (cli.folder / "a.csv").read_bytes() == whole
    receipt = json.loads((cli.folder / "a.csv.receipt.json").read_bytes())
    kinds = outside.control()["calls"]["by_kind"]
    assert kinds["comments"] + kinds.get("replies", 0) <= receipt["pages"] + 2


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 3)])
def test_a_signal_stops_at_the_next_page_and_says_how_to_go_on(
    cli, begun, outside, oracle, whole, name, code
):
    """Ctrl-C and SIGTERM keep everything so far, give the lease back at once, and print the
    command to go on with, which works."""
    post = oracle.mixed(ROWS)
    running = begun(post, "-o", "a.csv")
    running.send(getattr(signal, name), signal.SIGCONT)
    answer = running.ended(within=10)
    assert answer.code == code, answer
    job = cli.job()
    assert (job["status"], job["reason"]) == ("paused", "asked")
    assert 0 < job["rows"] < ROWS
    assert not (cli.folder / "a.csv").exists()
    line = f"ingather jobs resume {job['id'][:8]}"
    assert f"To go on: {line}" in answer.err
    cli(*line.split()[1:])
    assert (cli.folder / "a.csv").read_bytes() == whole


def test_a_second_ctrl_c_ends_at_once(cli, begun, outside, oracle):
    """Whoever presses it twice waits for nothing; what was committed stays, and the same command
    goes on."""
    post = oracle.mixed(ROWS)
    running = begun(post, "-o", "a.csv")
    running.send(signal.SIGCONT)
    outside.control(in_calls=[{"call": call, "fault": "hang"} for call in range(1, 9)])
    running.send(signal.SIGINT)
    running.send(signal.SIGINT)
    answer = running.ended(within=5)
    assert answer.code == 130, answer
    outside.control(schedule=[])
    cli("export", "comments", post, "-o", "a.csv")
    assert cli.job()["rows"] == ROWS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_post_is_looked_up_ends_it(cli, outside, oracle, until, number):
    """Before there is a job there is nothing to keep: it ends at once, in a sentence."""
    outside.control(latency_ms=1_500)
    running = cli.start("export", "comments", oracle.mixed(ROWS), "-o", "a.csv")
    until(lambda: outside.control()["calls"]["total"] >= 1)
    running.send(number)
    answer = running.ended(within=3)
    assert answer.code == (130 if number == signal.SIGINT else 3), answer
    assert cli.jobs() == []


def test_a_budget_stops_cleanly_and_is_gone_on_with(cli, outside, oracle, whole):
    """--budget spends so many seconds: exit 3, how to go on, no file; then the rest."""
    post = oracle.mixed(ROWS)
    outside.control(in_calls=[{"call": 8, "fault": "hang"}])
    answer = cli("export", "comments", post, "-o", "a.csv", "--budget", "2", code=3)
    job = cli.job()
    assert (job["status"], job["reason"]) == ("paused", "budget")
    assert 0 < job["rows"] < ROWS
    assert f"To go on: ingather jobs resume {job['id'][:8]}" in answer.err
    assert not (cli.folder / "a.csv").exists()
    cli("jobs", "resume", job["id"][:8])
    assert (cli.folder / "a.csv").read_bytes() == whole


def test_a_budget_covers_the_looking_up_too(cli, outside, oracle):
    """A platform that does not answer the first question spends the budget as well."""
    outside.control(latency_ms=1_500)
    answer = cli("export", "comments", oracle.flat(60), "-o", "a.csv", "--budget", "0.3", code=3)
    assert cli.jobs() == []
    assert "budget" in answer.err.lower() or "time" in answer.err.lower()


def test_a_second_process_on_the_same_job_is_told_who_runs_it(cli, begun, outside, oracle, whole):
    """Another terminal, the same command: one clear sentence, exit 1; the first one is not
    disturbed, and writes the file it was asked for."""
    post = oracle.mixed(ROWS)
    running = begun(post, "-o", "a.csv")
    answer = cli("export", "comments", post, "-o", "b.jsonl", code=1)
    assert f"is being run by process {running.pid}" in answer.err
    assert answer.err.count("Error:") == 1
    running.send(signal.SIGCONT)
    assert running.ended().code == 0
    assert (cli.folder / "a.csv").read_bytes() == whole
    assert not (cli.folder / "b.jsonl").exists()


def test_fresh_starts_anew_and_the_old_job_stays(cli, begun, outside, oracle):
    """--fresh leaves the unfinished export alone, which can still be resumed by its id."""
    post = oracle.mixed(ROWS)
    running = begun(post, "-o", "a.csv")
    running.send(signal.SIGINT, signal.SIGCONT)
    running.ended()
    old = cli.job()["id"]
    new = cli("export", "comments", post, "-o", "b.csv", "--fresh", "--json").json
    assert new["id"] != old
    assert new["rows"] == ROWS
    cli("jobs", "resume", old)
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "b.csv").read_bytes()


def test_a_dead_token_pauses_and_a_login_goes_on(cli, outside, oracle, whole):
    """The token dies mid-run: exit 3, one sentence, nothing asked of it again; with a token that
    lives the same command goes on."""
    post = oracle.mixed(ROWS)
    outside.control(in_calls=[{"call": 5, "fault": "expired"}])
    before = outside.control()["calls"]["total"]
    answer = cli("export", "comments", post, "-o", "a.csv", code=3)
    assert outside.control()["calls"]["total"] == before + 5
    assert "The access token has expired; log in again." in answer.err
    job = cli.job()
    assert (job["status"], job["reason"]) == ("paused", "needs_login")
    assert job["rows"] > 0
    outside.control(heal=True)
    cli("export", "comments", post, "-o", "a.csv")
    assert (cli.folder / "a.csv").read_bytes() == whole


def test_a_sandbox_job_goes_on_in_another_sandbox(cli, oracle):
    """--sandbox picks a new port each time, and the job goes on all the same."""
    words = ("export", "comments", "demo", "--sandbox", "-o", "a.jsonl")
    cli(*words, code=-signal.SIGKILL, environ={"INGATHER_TEST_POINT": "committed:9:kill"})
    answer = cli(*words, "--json")
    assert "Going on with job" in answer.err
    assert (answer.json["rows"], answer.json["receipt"]["duplicates"]) == (5_000, 0)


@pytest.mark.parametrize("fewer", ["--max", "--cap"])
def test_fewer_than_are_there_is_not_the_end_of_a_job(cli, begun, oracle, fewer):
    """Somebody who forgets the `--cap` of the first run, or asks for less than was kept, is told
    so: the job is not over for that, and the same command with more goes on."""
    post = oracle.mixed(700)
    words = ("export", "comments", post, "-o", "a.csv")
    begun(post, "-o", "a.csv").kill()
    kept = cli.job()["rows"]
    answer = cli(*words, fewer, kept - 1, code=2)
    assert f"has kept {kept:,} rows already" in answer.err and "--fresh" in answer.err
    assert cli.job()["rows"] == kept and not (cli.folder / "a.csv").exists()
    cli(*words)
    assert (cli.job()["reason"], cli.job()["rows"]) == ("end_of_list", 700)
