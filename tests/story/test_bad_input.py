"""Somebody gets something wrong, or the machine does: one clear sentence, and nothing is lost."""

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import ingather


def at_most(size: int) -> str:
    """Python after which no file may be larger. No module is compiled any more, or one that is cut
    would stay behind for everybody."""
    return (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));"
        " sys.dont_write_bytecode = True"
    )


def refused(answer, *words: str) -> None:
    """One error, in so many words, that is no riddle."""
    errors = [line for line in answer.err.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1, answer
    for word in words:
        assert re.search(word, errors[0]), answer


@pytest.mark.parametrize(
    "post",
    [
        "no/such thing!",
        "https://example.org/p/CtZs0Y3v2lx/",
        "@baker",
        "https://www.instagram.com/stories/baker/1234567890/",
        "12",
    ],
)
def test_what_is_no_post_is_refused_with_an_example(cli, outside, post):
    """Words that name no post: exit 2, an example of what does, and no call at all."""
    answer = cli("export", "comments", post, "-o", "a.csv", code=2)
    refused(answer, "neither a media id, a shortcode nor the address", "CtZs0Y3v2lx")
    assert outside.control()["calls"]["total"] == 0


def test_a_share_link_is_refused_with_the_way_around(cli, outside):
    """A /share/ link cannot be resolved: it says how to get the address."""
    answer = cli("export", "comments", "https://www.instagram.com/share/p/BACabc123/", code=2)
    refused(answer, "hides the post's shortcode", "Open it in a browser")
    assert outside.control()["calls"]["total"] == 0


@pytest.mark.parametrize("post", ["17895695668004550", "CtZs0Y3v2lx"])
def test_a_foreign_private_or_deleted_post_gets_the_one_answer_there_is(cli, post):
    """The platform does not tell these apart, and neither is pretended: exit 1."""
    answer = cli("export", "comments", post, "-o", "a.csv", code=1)
    refused(answer, "gone, another account's, or private; the platform gives one answer", "posts")
    assert cli.jobs() == []


def test_a_post_nobody_commented_on_is_an_empty_file(cli, oracle):
    """Exit 0, a file with its header, and a note that says so."""
    answer = cli("export", "comments", oracle.posts["empty"], "-o", "a.csv")
    assert "This post has no comments; the file has only its header." in answer.err
    lines = (cli.folder / "a.csv").read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\r\n")
    assert lines == [b"commentId,userId,username,timestamp,likeCount,parentCommentId,text", b""]


def test_comments_that_are_turned_off_are_said_to_be(cli, oracle):
    """Exit 0, an empty file, and the reason."""
    answer = cli("export", "comments", oracle.posts["disabled"], "-o", "a.csv")
    assert "Comments are turned off on this post." in answer.err


def test_a_list_that_is_empty_against_its_count_is_explained(cli, oracle):
    """An app in development mode sees none of the comments that are counted: it says so."""
    answer = cli("export", "comments", oracle.posts["devmode"], "-o", "a.csv")
    assert "the app may be in development mode" in answer.err


def test_an_expired_token_says_what_to_do(cli, oracle):
    """A token that is no good from the start: exit 1, and what to do."""
    answer = cli("export", "comments", oracle.posts["small"], code=1,
                 environ={"INSTAGRAM_ACCESS_TOKEN": "EAAxyzNobodyKnowsThisOne"})  # fmt: skip
    refused(answer, "access token .*log in again", "ingather login", "INSTAGRAM_ACCESS_TOKEN")
    assert "EAAxyz" not in answer.err + answer.out


def test_no_token_names_the_three_ways(cli, outside, oracle):
    """No token and no --sandbox: exit 2, and the ways to go on."""
    answer = cli("export", "comments", oracle.posts["small"], code=2,
                 environ={"INSTAGRAM_ACCESS_TOKEN": ""})  # fmt: skip
    refused(answer, "no access token", "login", "INSTAGRAM_ACCESS_TOKEN", "--sandbox")
    assert outside.control()["calls"]["total"] == 0


@pytest.mark.parametrize(("path", "words"), [
    ("nowhere/a.csv", "folder .*nowhere does not exist"),
    ("folder", "is a folder"),
    ("file/a.csv", "is not a folder"),
    ("a.docx", r"No format belongs to the ending \.docx.*\.xlsx"),
    ("a", "no ending"),
])  # fmt: skip
def test_a_file_that_cannot_be_is_refused_before_anything_is_fetched(cli, outside, path, words):
    """An unwritable path or an unknown ending: exit 2, no call, no job."""
    (cli.folder / "folder").mkdir()
    (cli.folder / "file").write_text("here already")
    path = "folder" if path == "folder" else path
    words_given = ["-o", path] + (["--format", "csv"] if path == "folder" else [])
    answer = cli("export", "comments", "17895695668004550", *words_given, code=2)
    refused(answer, words)
    assert outside.control()["calls"]["total"] == 0
    assert cli.jobs() == []


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.parquet"])
def test_a_full_disk_keeps_the_rows_and_leaves_no_half_file(cli, outside, oracle, name):
    """No room for the file at the end: exit 3, every row is kept, what was there before stays, and
    with room again the same command only writes the file."""
    post = oracle.flat(4_000)
    words = ("export", "comments", post, "-o", name)
    cli(*words, code=-signal.SIGKILL, environ={"INGATHER_TEST_POINT": "committed:80:kill"})
    (cli.folder / name).write_text("from before")
    assert cli.job()["status"] == "csv_pending"  # and the list leaves the database tidied up

    # No room for a file of this size, but for the few words on the job's state.
    answer = cli(*words, before=at_most(60_000), code=3)
    refused(answer, "room|largest size", "Free some")
    assert (cli.folder / name).read_text() == "from before"
    assert not list(cli.folder.glob(".ingather-*"))
    before = outside.control()["calls"]["by_kind"]["comments"]
    answer = cli(*words, "--json")
    assert (answer.json["status"], answer.json["rows"]) == ("done", 4_000)
    assert outside.control()["calls"]["by_kind"]["comments"] == before


def test_a_database_without_room_pauses_and_goes_on(cli, oracle):
    """No room where the rows rest: exit 3, what was committed is kept, and with room again the
    same command goes on to the same file."""
    post = oracle.flat(4_000)
    cli("export", "comments", post, "-o", "whole.csv")
    cli("jobs", "delete", cli.job()["id"], "--yes")
    data = cli.folder / "other"
    environ = {"INGATHER_DATA_DIR": str(data)}
    words = ("export", "comments", post, "-o", "a.csv")
    answer = cli(*words, environ=environ, before=at_most(400_000), code=3)
    refused(answer, "no room left on the disk", "Free some")
    assert "Running:" not in answer.err
    assert not (cli.folder / "a.csv").exists()
    answer = cli(*words, environ=environ)
    assert "Going on with job" in answer.err
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "whole.csv").read_bytes()


def test_a_full_standard_output_says_where_the_rows_are(cli, oracle):
    """/dev/full: exit 1, one sentence, and the rows can still be saved."""
    with Path("/dev/full").open("wb") as full:
        answer = cli("export", "comments", oracle.flat(300), "-o", "-", out=full.fileno(), code=1)
    refused(answer, "no room", "jobs save")
    job = cli.job()
    cli("jobs", "save", job["id"], "-o", "a.jsonl")
    assert len((cli.folder / "a.jsonl").read_bytes().splitlines()) == 300


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_one_sentence(cli, oracle, unbuffered):
    """Tables, receipts and help too, whether they were to be written at once or at the end; what
    was collected is kept all the same."""
    environ = {"PYTHONUNBUFFERED": unbuffered}
    export = ("export", "comments", oracle.flat(30), "-o", "a.csv")
    for words in (export, ("jobs", "list"), ("jobs", "list", "--json"), ("--version",)):
        with Path("/dev/full").open("wb") as full:
            answer = cli(*words, out=full.fileno(), environ=environ, code=1)
        assert answer.err.endswith("Error: There is no room left for the output.\n")
        assert "Traceback" not in answer.err
    assert cli.job()["status"] == "done"
    assert (cli.folder / "a.csv").exists()


@pytest.mark.parametrize("damage", ["not a database", "header", "middle"])
def test_a_damaged_database_is_named_with_the_way_out(cli, oracle, damage):
    """A file that is no database, or no more: exit 1, its path, and what to do; it is not
    touched."""
    cli("export", "comments", oracle.mixed(700), "-o", "a.csv")
    path = cli.folder / "data" / "ingather.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    bytes_ = bytearray(path.read_bytes())
    if damage == "not a database":
        bytes_ = bytearray(b"this is a shopping list, " * 400)
    elif damage == "header":
        bytes_[0:100] = b"\0" * 100
    else:
        bytes_[4096:] = b"\xa5" * (len(bytes_) - 4096)
    path.write_bytes(bytes_)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    answer = cli("jobs", "list", code=1)
    refused(answer, "ingather.db is damaged|not a database", "Move it away")
    answer = cli("export", "comments", oracle.posts["small"], "-o", "b.csv", code=1)
    refused(answer, "ingather.db is damaged|not a database", "Move it away")
    assert path.read_bytes() == bytes(bytes_)


def test_a_damaged_record_is_left_out_of_the_list_and_named_when_asked_for(cli, oracle):
    """One job whose stored state cannot be read does not hide the others, and can be deleted."""
    cli("export", "comments", oracle.posts["small"], "-o", "a.csv")
    cli("export", "comments", oracle.posts["one"], "-o", "b.csv")
    newer, older = cli.jobs()
    with sqlite3.connect(cli.folder / "data" / "ingather.db") as connection:
        connection.execute(
            "UPDATE targets SET state = '{\"half'"
            " WHERE extraction = (SELECT number FROM extractions WHERE id = ?)",
            (older["id"],),
        )
    connection.close()
    assert [job["id"] for job in cli.jobs()] == [newer["id"]]
    answer = cli("jobs", "show", older["id"], code=1)
    refused(answer, "cannot be read", "jobs delete")
    cli("jobs", "delete", older["id"], "--yes")
    assert [job["id"] for job in cli.jobs()] == [newer["id"]]


def test_a_limit_that_lasts_is_told_in_a_sentence(cli, outside, oracle):
    """The very first call meets a limit of ten hours: exit 1 and no traceback."""
    outside.control(in_calls=[{"call": 1, "fault": "buc"}], regain_minutes=600)
    answer = cli("export", "comments", oracle.posts["small"], "-o", "a.csv", code=1)
    refused(answer, "limit is reached")


def test_a_data_folder_that_cannot_be_made_is_named(cli, oracle):
    """A file in the place of the data folder: exit 2, and the setting to change."""
    (cli.folder / "taken").write_text("a file")
    answer = cli("export", "comments", oracle.posts["small"], code=2,
                 environ={"INGATHER_DATA_DIR": str(cli.folder / "taken")})  # fmt: skip
    refused(answer, "data folder", "INGATHER_DATA_DIR")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_standard_streams_may_be_closed(cli, oracle, closed):
    """Started without standard input, output or both, as some supervisors do, it does its work."""
    line = f"exec {sys.executable} -m ingather export comments {oracle.posts['one']} -o a.csv"
    ended = subprocess.run(["sh", "-c", f"{line} {closed}"], cwd=cli.folder, env=cli.environ)
    assert ended.returncode == 0
    assert (cli.folder / "a.csv").exists()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_result_is_not_lost_in_silence_where_standard_output_is_closed(cli, oracle, unbuffered):
    """`-o -` and --json are refused before anything is fetched, and a key before it is made; a list
    that was to be printed ends with exit code 1 and one sentence; words about a file or a draw go
    to standard error."""

    def closed(*words):
        line = " ".join([sys.executable, "-m", "ingather", *words, ">&-"])
        environ = cli.environ | {"PYTHONUNBUFFERED": unbuffered}
        how = {"cwd": cli.folder, "env": environ, "capture_output": True, "text": True}
        return subprocess.run(["sh", "-c", f"exec {line}"], **how)

    for word in ("-", "/dev/stdout"):
        ended = closed("export", "comments", oracle.posts["one"], "-o", word)
        assert (ended.returncode, "is closed. Name a file" in ended.stderr) == (2, True)
    assert cli.jobs() == []
    ended = closed("export", "comments", oracle.posts["one"], "-o", "a.csv")
    assert (ended.returncode, "Done: 1 comment" in ended.stderr) == (0, True)
    job = cli.job()["id"]
    saved = closed("jobs", "save", job, "-o", "-")
    assert (saved.returncode, "is closed. Name a file" in saved.stderr) == (2, True)
    again = ("export", "comments", oracle.posts["one"], "-o", "b.csv", "--json")
    for words in (("jobs", "show", job, "--json"), again):
        ended = closed(*words)
        assert (ended.returncode, "output is closed." in ended.stderr) == (2, True), words
    assert [each["id"] for each in cli.jobs()] == [job]
    made = closed("keys", "create", "k")
    assert (made.returncode, "a key is shown once" in made.stderr) == (2, True)
    assert cli("keys", "list", "--json").json == []
    for words in (("jobs", "list"), ("jobs", "show", job)):
        ended = closed(*words)
        assert ended.returncode == 1, words
        assert ended.stderr.endswith("is closed, so what was to stand there is lost.\n")
        assert "Traceback" not in ended.stderr
    drawn = closed("draw", job, "--protocol", "1", "-o", "draw.json")
    assert (drawn.returncode, "Winner" in drawn.stderr) == (0, True), drawn.stderr


def test_a_network_that_is_not_there_is_told_at_once(cli):
    """Whoever has no network learns so from the first try, not from minutes of silence."""
    away = {"INSTAGRAM_GRAPH_URL": "http://127.0.0.1:1"}
    words = ("export", "comments", "CtZs0Y3v2lx", "-o", "a.csv", "--budget", "0.5")
    answer = cli(*words, code=3, environ=away)
    assert answer.err.count("127.0.0.1 accepts no connection. Asking again") == 1


def test_doctor_shows_no_parameter_of_an_address(cli):
    """What `doctor` prints can be shown to others: of an address nothing that may be a secret."""
    answer = cli("doctor", environ={"TSA_URL": "https://stamps.example/tsa?key=hush"})
    assert "https://stamps.example/tsa" in answer.out
    assert "hush" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("jobs", "list", "--limit", "9" * 20), "--limit"),
        (("giveaways", "list", "--limit", "9" * 20), "--limit"),
        (("sandbox", "--port", "{port}"), "Nothing can listen at port"),
        (("demo", "--folder", "/dev/null/demo"), "The folder /dev/null/demo cannot be made"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(cli, outside, words, said):
    """A number beyond every list, a port in use, a folder that cannot be: exit 2, no traceback."""
    port = outside.graph_url.rpartition(":")[2].partition("/")[0]
    answer = cli(*(word.format(port=port) for word in words), code=2)
    refused(answer, said)


@pytest.mark.parametrize(
    "words",
    [
        ("export", "comments", "CtZs0Y3v2lx", "-o", "f\udcff.csv"),
        ("jobs", "show", "\udcff"),
        ("extract", "followers", "my\udcff.zip"),
        ("keys", "create", "\udcff"),
    ],
)
def test_what_is_no_text_is_refused(cli, words):
    """Names in another alphabet's bytes could be kept nowhere: they are refused before anything is
    done."""
    refused(cli(*words, code=2), "is no text in UTF-8")
    assert cli.jobs() == []


def test_a_folder_that_is_gone_is_said(cli):
    """Whoever stands in a folder that was deleted is told so in a sentence."""
    gone = cli.folder / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); sys.argv = ['ingather', 'jobs', 'list'];"
        " from ingather.__main__ import main; main()"
    )
    environ = cli.environ | {"PYTHONPATH": str(Path(ingather.__file__).parents[1])}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=gone, env=environ, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("Error: The folder that this was started in is gone.")
