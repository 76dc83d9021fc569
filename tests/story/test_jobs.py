"""Somebody looks after their jobs."""

import json
import signal

import pytest

ROWS = 700


@pytest.fixture
def paused(cli, begun, oracle):
    """A job that Ctrl-C paused on its way."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    running.send(signal.SIGINT, signal.SIGCONT)
    assert running.ended().code == 130
    return cli.job()


def test_an_unknown_reason_is_refused(cli):
    """`jobs resume --paused` takes a reason that there is, and says which there are."""
    said = cli("jobs", "resume", "--paused", "bogus", code=2)
    assert "bogus" in said.err and "no_balance" in said.err and "needs_login" in said.err


def test_list_and_show_tell_of_a_job(cli, paused):
    """The list has one line for it, show its receipt; as JSON both have its id and status."""
    table = cli("jobs", "list").out
    assert paused["id"][:8] in table
    assert "paused (asked)" in table
    shown = cli("jobs", "show", paused["id"][:8], "--json").json
    assert (shown["id"], shown["status"]) == (paused["id"], "paused")
    assert shown["receipt"]["partial"] is True
    words = cli("jobs", "show", paused["id"]).out
    assert "Paused:" in words
    assert "you asked for it" in words


def test_what_is_there_can_be_saved_before_the_end(cli, paused):
    """save writes the rows so far, in any format, without a call, and calls it partial."""
    answer = cli("jobs", "save", paused["id"][:8], "-o", "part.jsonl")
    rows = (cli.folder / "part.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == paused["rows"]
    assert "partial" in answer.err
    receipt = json.loads((cli.folder / "part.jsonl.receipt.json").read_text("utf-8"))
    assert (receipt["partial"], receipt["status"]) == (True, "paused")
    piped = cli("jobs", "save", paused["id"], "-o", "-", "--format", "jsonl")
    assert piped.raw == (cli.folder / "part.jsonl").read_bytes()


def test_what_is_there_can_be_filtered_when_it_is_saved(cli, paused):
    """--filter writes only what passes, without a call, and the receipt names the filters; one that
    nothing can pass is refused."""
    whole = cli("jobs", "save", paused["id"], "-o", "-", "--format", "jsonl")
    liked = [line for line in whole.out.splitlines() if json.loads(line)["likeCount"] > 0]
    assert 0 < len(liked) < paused["rows"]
    words = ("jobs", "save", paused["id"], "--filter", "likes>0")
    assert cli(*words, "-o", "-", "--format", "jsonl").out.splitlines() == liked
    cli(*words, "-o", "liked.json")
    file = json.loads((cli.folder / "liked.json").read_text("utf-8"))
    assert (len(file["comments"]), file["filters"]) == (len(liked), ["likes>=1"])
    receipt = json.loads((cli.folder / "liked.json.receipt.json").read_text("utf-8"))
    assert (receipt["filters"], receipt["file"]["rows"]) == (["likes>=1"], len(liked))
    assert receipt["kept"] == paused["rows"]
    answer = cli("jobs", "save", paused["id"], "--filter", "plays>5", "-o", "x.csv", code=2)
    assert "No row of comments can pass plays>=6" in answer.err


def test_a_cancelled_job_is_over_and_keeps_its_rows(cli, paused):
    """cancel ends it for good: it cannot be resumed, what it collected can be saved."""
    cli("jobs", "cancel", paused["id"])
    assert cli.job()["status"] == "cancelled"
    answer = cli("jobs", "resume", paused["id"], code=2)
    assert "is cancelled and cannot be run again" in answer.err
    answer = cli("jobs", "save", paused["id"], "-o", "part.csv")
    assert (cli.folder / "part.csv").exists()
    assert "This is partial: the job is cancelled." in answer.err
    assert "To go on" not in answer.err


def test_what_is_over_starts_no_sandbox(cli):
    """A job of the sandbox that is done cannot be resumed, which is said before one is played."""
    cli("export", "comments", "demo", "--sandbox", "--max", 5, "-o", "demo.csv")
    answer = cli("jobs", "resume", cli.job()["id"], code=2)
    assert "is done and cannot be run again" in answer.err
    assert "Sandbox" not in answer.err


def test_no_id_is_no_job(cli, paused):
    """`jobs delete "$ID"` with a variable that has no value touches nothing, not even the only job
    there is."""
    answer = cli("jobs", "delete", "", "--yes", code=2)
    assert "There is no job without an id" in answer.err
    assert [job["id"] for job in cli.jobs()] == [paused["id"]]


def test_a_deleted_job_is_gone(cli, paused):
    """delete removes the job and its rows."""
    cli("jobs", "delete", paused["id"], "--yes")
    assert cli.jobs() == []
    answer = cli("jobs", "show", paused["id"], code=2)
    assert "There is no job" in answer.err


@pytest.mark.parametrize(("wish", "status", "code"), [("pause", "paused", 3),
                                                     ("cancel", "cancelled", 1)])  # fmt: skip
def test_a_running_job_hears_of_a_wish_at_its_next_page(cli, begun, oracle, wish, status, code):
    """pause and cancel from another terminal reach the process that runs the job."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    answer = cli("jobs", wish, cli.job()["id"])
    assert "after the page it is at" in answer.err
    running.send(signal.SIGCONT)
    assert running.ended().code == code
    job = cli.job()
    assert job["status"] == status
    assert 0 < job["rows"] < ROWS


def test_who_resumes_before_a_pause_is_granted_has_the_last_word(cli, begun, oracle):
    """pause and then resume while one page is under way: the job goes on where it runs."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    cli("jobs", "pause", cli.job()["id"])
    answer = cli("jobs", "resume", cli.job()["id"], code=1)
    assert "is forgotten" in answer.err and "is being run by process" in answer.err
    running.send(signal.SIGCONT)
    assert running.ended().code == 0
    assert (cli.job()["status"], cli.job()["rows"]) == ("done", ROWS)


def test_a_running_job_is_not_deleted(cli, begun, oracle):
    """delete leaves a job alone that a living process runs."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    answer = cli("jobs", "delete", cli.job()["id"], "--yes", code=1)
    assert "is being run by process" in answer.err
    running.send(signal.SIGINT, signal.SIGCONT)
    running.ended()
    assert cli.job()["rows"] > 0


@pytest.mark.parametrize("wish", ["pause", "cancel", "delete"])
def test_a_job_whose_process_was_killed_obeys_at_once(cli, begun, oracle, wish):
    """Nobody waits for a process that is dead: the wish is carried out now."""
    begun(oracle.mixed(ROWS), "-o", "a.csv").kill()
    job_id = cli.job()["id"]
    cli("jobs", wish, job_id, *(["--yes"] if wish == "delete" else []))
    if wish == "delete":
        assert cli.jobs() == []
    else:
        assert cli.job()["status"] == {"pause": "paused", "cancel": "cancelled"}[wish]


def test_watching_a_job_whose_process_was_killed_ends(cli, begun, oracle):
    """watch follows a job until it stops, and a dead process is a stop."""
    begun(oracle.mixed(ROWS), "-o", "a.csv").kill()
    cli("jobs", "watch", cli.job()["id"])


def test_watching_a_running_job_ends_with_it(cli, begun, oracle):
    """watch shows the receipt once the job is done."""
    running = begun(oracle.mixed(ROWS), "-o", "a.csv")
    watching = cli.start("jobs", "watch", cli.job()["id"])
    running.send(signal.SIGCONT)
    assert running.ended().code == 0
    answer = watching.ended()
    assert answer.code == 0
    assert "Done: 700 comments" in answer.out


def test_a_job_for_standard_output_that_is_queued_says_how_to_have_its_rows(cli, oracle):
    """Workers have no standard output of ours: the rows are saved once they are there."""
    point = {"INGATHER_TEST_POINT": "committed:1:kill"}
    cli("export", "comments", oracle.flat(120), "-o", "-", environ=point, code=-9)
    job = cli.job()["id"]
    said = cli("jobs", "resume", job, "--no-wait").err
    assert f"For a file, once it is done: ingather jobs save {job[:8]} -o FILE" in said
