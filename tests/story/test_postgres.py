"""Somebody keeps everything in PostgreSQL: DATABASE_URL is all that changes."""

import json

import pytest


@pytest.fixture
def cli(cli, make_database):
    cli.environ["DATABASE_URL"] = make_database()
    return cli


def test_an_export_and_its_going_on_over_postgres(cli, begun, oracle):
    """An export that is killed in the middle goes on from PostgreSQL, and the file is whole; no
    SQLite file is made."""
    post = oracle.mixed(430)
    begun(post, "-o", "a.csv").kill()
    answer = cli("export", "comments", post, "-o", "a.csv")
    assert "Done: 430 comments" in answer.out
    receipt = json.loads((cli.folder / "a.csv.receipt.json").read_bytes())
    assert (receipt["kept"], receipt["duplicates"], receipt["ended"]) == (430, 0, "end_of_list")
    assert cli.job()["status"] == "done"
    cli("jobs", "save", cli.job()["id"], "-o", "b.csv")
    assert (cli.folder / "a.csv").read_bytes() == (cli.folder / "b.csv").read_bytes()
    assert not list((cli.folder / "data").glob("*.db"))


def test_an_extraction_over_postgres(cli):
    """A list of accounts is extracted into PostgreSQL, listed and deleted like any other job."""
    words = ("--sandbox", "extract", "followers", "@lighthouse", "--max", "120", "--yes")
    answer = cli(*words[1:], words[0], "-o", "f.jsonl")
    assert len((cli.folder / "f.jsonl").read_bytes().splitlines()) == 120, answer
    (job,) = cli.jobs()
    assert (job["kind"], job["status"]) == ("followers", "done")
    cli("jobs", "delete", job["id"], "--yes")
    assert cli.jobs() == []


def test_doctor_names_the_server_and_no_secret(cli):
    """`doctor` says where jobs rest without the password in the address."""
    told = cli("doctor")
    assert "PostgreSQL at " in told.out
    url = cli.environ["DATABASE_URL"].replace("ingather@", "ingather:hunter2@")
    for words, code in ((("doctor",), 0), (("migrate", "--check"), 0)):
        answer = cli(*words, code=code, environ={"DATABASE_URL": url})
        assert "hunter2" not in answer.out + answer.err


def test_a_server_that_is_not_there_is_said_in_one_sentence(cli):
    """Nobody at the address, or no such database: one sentence names the place and what to do, and
    no password."""
    nowhere = "postgresql://ann:hunter2@127.0.0.1:1/jobs"
    answer = cli("jobs", "list", code=1, environ={"DATABASE_URL": nowhere})
    assert "PostgreSQL at 127.0.0.1:1/jobs cannot be reached" in answer.err
    absent = cli.environ["DATABASE_URL"].replace("ingather_test_", "absent_")
    refused = cli("jobs", "list", code=2, environ={"DATABASE_URL": absent})
    assert "DATABASE_URL" in refused.err
    assert "hunter2" not in answer.err + refused.err


def test_migrate_says_how_the_database_stands(cli):
    """`migrate --check` changes nothing; `migrate` makes the tables, and then nothing is left."""
    assert "has no tables yet" in cli("migrate", "--check", code=1).err
    assert "up to date now" in cli("migrate").err
    assert "is up to date" in cli("migrate", "--check").err


def test_exports_in_postgres_beside_a_redis(cli, valkey, oracle):
    """COMMENTS_STORE=sql keeps exports in PostgreSQL although there is a Redis, as long as
    INGATHER_RETENTION says, and the list says until when."""
    cli.environ |= {"REDIS_URL": valkey, "COMMENTS_STORE": "sql", "INGATHER_RETENTION": "30"}
    cli("export", "comments", oracle.mixed(120), "-o", "a.csv")
    job = cli.job()
    assert job["finishedAt"] < job["expiresAt"]
    del cli.environ["REDIS_URL"]
    assert cli.job()["id"] == job["id"]
