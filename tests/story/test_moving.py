"""Somebody who kept exports in Redis moves into a database."""

import json


def test_exports_and_giveaways_move_from_redis_into_the_database(cli, oracle, start_valkey):
    """One command, as often as one likes; afterwards the database alone has them."""
    redis = {"REDIS_URL": start_valkey().url}
    post = oracle.mixed(120)
    job = cli("export", "comments", post, "-o", "a.csv", "--json", environ=redis).json["id"]
    moved = cli("migrate", "redis-to-sql", environ=redis)
    assert "exports: 1 carried over with 120 comments, 0 there before" in moved.err
    again = cli("migrate", "redis-to-sql", environ=redis)
    assert "exports: 0 carried over, 1 there before" in again.err
    assert [each["id"] for each in json.loads(cli("jobs", "list", "--json").out)] == [job]
    cli("jobs", "save", job, "-o", "b.csv")
    assert (cli.folder / "b.csv").read_bytes() == (cli.folder / "a.csv").read_bytes()
    assert "Set REDIS_URL" in cli("migrate", "redis-to-sql", code=2).err
    assert "There is no migration" in cli("migrate", "everything", code=2).err


def test_what_began_in_the_database_stays_there_when_redis_comes(cli, oracle, start_valkey):
    """Whoever turns Redis on can show, save, pause and resume every earlier export, and a worker
    finishes those that still wait, each where it rests."""
    done = cli("export", "comments", oracle.mixed(60), "-o", "a.csv", "--json").json["id"]
    begun = cli("export", "comments", oracle.mixed(80), "--no-wait", "--json").json["id"]
    cli.environ["REDIS_URL"] = start_valkey().url
    cli("jobs", "save", done[:13], "-o", "b.csv")
    assert (cli.folder / "b.csv").read_bytes() == (cli.folder / "a.csv").read_bytes()
    cli("jobs", "pause", begun)
    cli("jobs", "resume", begun, "--no-wait")
    cli("worker", "--once")
    assert cli("jobs", "show", begun, "--json").json["status"] == "done"
    cli("jobs", "save", begun, "-o", "c.csv")
    assert len((cli.folder / "c.csv").read_text(encoding="utf-8-sig").splitlines()) > 1
