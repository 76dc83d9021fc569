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
