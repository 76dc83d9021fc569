"""Somebody queues jobs and lets a worker run them."""

import csv
import signal
import time

import psutil
import pytest

ROWS = 700


@pytest.fixture
def queued(cli, oracle):
    """A queued export of so many comments, to a.csv."""
    return cli("export", "comments", oracle.mixed(ROWS), "--no-wait", "-o", "a.csv").out.strip()


@pytest.fixture
def worker(cli):
    """Start workers; they end with the test."""
    return lambda *words, **environ: cli.start("worker", *words, environ=environ)


@pytest.fixture
def stopped(until):
    """Wait until a worker has come to its test point."""
    return lambda one: until(lambda: psutil.Process(one.pid).status() == psutil.STATUS_STOPPED)


def rows(cli):
    with (cli.folder / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        return [row["commentId"] for row in csv.DictReader(file)]


def test_a_queued_job_waits_for_a_worker_and_is_done_by_it(cli, queued, oracle):
    """--no-wait prints the id and returns; a worker does the job and writes its file."""
    job = cli.job()
    assert (job["id"], job["status"], job["queued"], job["rows"]) == (queued, "pending", True, 0)
    assert "waiting for a worker" in cli("jobs", "list").out
    told = cli("worker", "--once").err
    assert "700 rows" in told
    job = cli.job()
    assert (job["status"], job["queued"], job["alive"]) == ("done", False, None)
    assert set(rows(cli)) == set(oracle.rows(oracle.mixed(ROWS)))


def test_without_a_file_it_is_saved_later(cli, oracle):
    """A job queued without -o ends done and makes no file; jobs save makes it."""
    job_id = cli("export", "comments", oracle.mixed(60), "--no-wait").out.strip()
    cli("worker", "--once")
    assert cli.job()["status"] == "done"
    assert [each.name for each in cli.folder.iterdir()] == ["data"]
    cli("jobs", "save", job_id, "-o", "a.csv")
    assert len(rows(cli)) == 60


def test_nobody_reads_standard_output_of_a_queued_job(cli, oracle):
    """--no-wait and -o - are refused together, before anything is begun."""
    answer = cli("export", "comments", oracle.mixed(60), "--no-wait", "-o", "-", code=2)
    assert "jobs save" in answer.err
    assert cli.jobs() == []


def test_a_job_of_the_command_line_is_left_to_it(cli, begun, oracle):
    """A worker does not touch what somebody runs, or ran, on a terminal."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    cli("worker", "--once")
    running.kill()
    cli("worker", "--once")
    job = cli.job()
    assert (job["status"], job["alive"], job["queued"]) == ("running", False, False)
    assert "abandoned" in cli("jobs", "list").out
    cli("jobs", "resume", job["id"], "--no-wait")
    cli("worker", "--once")
    assert cli.job()["status"] == "done"
    assert len(rows(cli)) == ROWS


def test_sigterm_gives_the_job_back(cli, queued, worker, outside, stopped):
    """SIGTERM during a slow page: the worker ends with 0 within seconds, the job waits again with
    what it has, and the next worker ends it without a row missing or twice."""
    first = worker(INGATHER_TEST_POINT="committed:3:stop")
    stopped(first)
    outside.control(latency_ms=8_000)
    first.send(signal.SIGCONT)
    time.sleep(0.3)
    since = time.monotonic()
    first.send(signal.SIGTERM)
    answer = first.ended()
    took = time.monotonic() - since
    assert answer.code == 0, answer
    assert took < 5
    job = cli.job()
    assert (job["status"], job["queued"], job["alive"]) == ("pending", True, None)
    assert 0 < job["rows"] < ROWS
    outside.control(latency_ms=0)
    cli("worker", "--once")
    assert cli.job()["status"] == "done"
    found = rows(cli)
    assert len(found) == len(set(found)) == ROWS


def test_a_second_signal_ends_at_once(cli, queued, worker, stopped):
    """Who cannot wait for the drain sends it again."""
    first = worker(INGATHER_TEST_POINT="committed:3:stop")
    stopped(first)
    first.send(signal.SIGTERM, signal.SIGINT, signal.SIGCONT)
    assert first.ended(within=3).code in (0, 130)


def test_a_killed_workers_job_goes_on_at_once(cli, queued, worker, stopped, until):
    """SIGKILL: another worker of this machine goes on within seconds, not after the lease."""
    first = worker(INGATHER_TEST_POINT="committed:3:stop")
    stopped(first)
    first.kill()
    assert "waiting for a worker" in cli("jobs", "list").out
    since = time.monotonic()
    second = worker()
    until(lambda: cli.job()["status"] == "done", within=10)
    assert time.monotonic() - since < 10
    second.send(signal.SIGTERM)
    assert second.ended().code == 0
    found = rows(cli)
    assert len(found) == len(set(found)) == ROWS


def test_a_dead_token_stops_the_waiting_jobs_of_its_account(cli, oracle, outside):
    """The first job that meets it is paused, and the others before they ask in vain; after a
    login, one command queues them all."""
    for count in (101, 102, 103):
        cli("export", "comments", oracle.mixed(count), "--no-wait")
    begun = outside.control(faults={"expired": 1.0})["calls"]["total"]
    cli("worker", "--once", "--jobs", "1")
    jobs = cli.jobs()
    assert [(job["status"], job["reason"]) for job in jobs] == [("paused", "needs_login")] * 3
    assert 0 < outside.control()["calls"]["total"] - begun <= 2
    outside.control(reset=True)
    cli("jobs", "resume", "--paused", "needs_login")
    cli("worker", "--once")
    assert {job["status"] for job in cli.jobs()} == {"done"}


def test_a_worker_gives_jobs_back_when_its_budget_is_spent(cli, queued, outside):
    """--budget: as from a timer, a job is taken further in slices until it is done."""
    outside.control(latency_ms=150)
    cli("worker", "--once", "--budget", "1")
    job = cli.job()
    assert (job["status"], job["queued"]) == ("pending", True)
    outside.control(latency_ms=0)
    cli("worker", "--once", "--budget", "30")
    assert cli.job()["status"] == "done"
