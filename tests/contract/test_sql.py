"""What every database gives to the rooms beside the jobs: stores.sql.Sql."""

import asyncio

import pytest

from ingather import errors


@pytest.fixture(params=["postgres", "sqlite"])
async def link(request, tmp_path):
    if request.param == "sqlite":
        from ingather.stores.sql_link import SqliteLink

        link = SqliteLink(tmp_path / "ingather.db")
    else:
        from ingather.stores.pg_link import PgLink

        link = PgLink(request.getfixturevalue("postgres"))
    yield link
    await link.close()


@pytest.fixture
async def sql(link):
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_link import SqliteLink

    sql = SqliteSql(link) if isinstance(link, SqliteLink) else PostgresSql(link)
    await sql.run("DROP TABLE IF EXISTS things")
    await sql.run("CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER)")
    return sql


async def test_rows_come_back(sql) -> None:
    """What was written is read; a statement tells how many rows it touched."""
    assert await sql.run("INSERT INTO things VALUES (?, ?), (?, ?)", "a", 1, "b", None) == 2
    assert await sql.all("SELECT name, size FROM things ORDER BY name") == [("a", 1), ("b", None)]
    assert await sql.one("SELECT size FROM things WHERE name = ?", "c") is None
    assert await sql.one("DELETE FROM things WHERE name = ? RETURNING size", "a") == (1,)


async def test_together_is_whole_or_not_at_all(sql) -> None:
    """An error within a transaction leaves nothing of it, and nobody reads half of it."""
    with pytest.raises(KeyError):
        async with sql.together() as inside:
            await inside.run("INSERT INTO things VALUES ('a', 1)")
            raise KeyError
    assert await sql.all("SELECT * FROM things") == []

    async def both(name: str) -> None:
        async with sql.together() as inside:
            row = await inside.one("SELECT count(*) FROM things")
            await asyncio.sleep(0)
            await inside.run("INSERT INTO things VALUES (?, ?)", name, row[0])

    await asyncio.gather(*(both(f"n{number}") for number in range(20)))
    sizes = await sql.all("SELECT size FROM things ORDER BY size")
    assert sizes == [(number,) for number in range(20)]


async def test_cancelled_while_it_begins_leaves_no_transaction(sql) -> None:
    """A task cancelled at any moment of `together` leaves the database free for the next."""

    async def write() -> None:
        async with sql.together() as inside:
            await inside.run("INSERT INTO things VALUES ('a', 1)")
            await asyncio.sleep(3600)

    for turns in range(6):
        task = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await sql.all("SELECT * FROM things") == []
    assert await sql.run("INSERT INTO things VALUES ('a', 1)") == 1


async def test_a_refused_row_is_our_error(sql) -> None:
    """What a constraint refuses is an error of the store, not of its driver."""
    await sql.run("INSERT INTO things VALUES ('a', 1)")
    with pytest.raises(errors.StoreError):
        await sql.run("INSERT INTO things VALUES ('a', 2)")
    async with sql.together() as inside:
        with pytest.raises(errors.StoreError):
            await inside.run("INSERT INTO things VALUES ('a', 2)")


async def test_a_statement_for_many_rows(sql) -> None:
    """All of them are written, or none is; within a transaction what was written before stays."""
    await sql.many("INSERT INTO things VALUES (?, ?)", [("a", 1), ("b", 2)])
    await sql.many("INSERT INTO things VALUES (?, ?)", [])
    async with sql.together() as inside:
        await inside.run("INSERT INTO things VALUES ('c', 3)")
        with pytest.raises(errors.StoreError):
            await inside.many("INSERT INTO things VALUES (?, ?)", [("d", 4), ("a", 5)])
    with pytest.raises(errors.StoreError):
        await sql.many("INSERT INTO things VALUES (?, ?)", [("e", 4), ("a", 5)])
    assert await sql.all("SELECT * FROM things ORDER BY name") == [("a", 1), ("b", 2), ("c", 3)]
