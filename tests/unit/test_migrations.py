"""Databases of earlier versions become those of today, on either database."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import Failure, Target, TargetState
from ingather.domain.overview import Overview
from ingather.stores import revisions
from ingather.stores.pg_link import SCHEMA_LOCK, PgLink
from ingather.stores.sql_link import SqliteLink

COLUMNS = """
SELECT c.relname, c.relpersistence::text, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity::text, a.attcollation::regcollation::text,
    pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 3"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2, 3"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
OPTIONS = """
SELECT relname, reloptions FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"""


async def pg_shape(url: str) -> dict[str, list[tuple]]:
    """Tables, columns, types, defaults, constraints and indexes, whatever their order."""
    connection = await asyncpg.connect(url)
    asked = {"columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES, "with": OPTIONS}
    shape = {what: await connection.fetch(text) for what, text in asked.items()}
    await connection.close()
    return {what: [tuple(row) for row in rows] for what, rows in shape.items()}


def sqlite_shape(path) -> dict[str, object]:
    """Tables, columns, types, defaults, keys and indexes, whatever the order of columns."""
    connection = sqlite3.connect(path)

    def ask(text: str) -> list[tuple]:
        return connection.execute(text).fetchall()

    shape = {}
    for name, without_rowid, strict in ask(
        "SELECT name, wr, strict FROM pragma_table_list"
        " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'"
    ):
        columns = ask(
            f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{name}')"
        )
        indexes = []
        for index, unique, origin, partial in ask(
            f"SELECT name, \"unique\", origin, partial FROM pragma_index_list('{name}')"
        ):
            on = ask(f"SELECT name, \"desc\" FROM pragma_index_xinfo('{index}') WHERE key")
            text = ask(f"SELECT sql FROM sqlite_master WHERE name = '{index}'")
            where = str(text).partition(" WHERE ")[2].split() if partial else None
            told = index if origin == "c" else None
            indexes.append((told, unique, origin, where, on))
        keys = ask(
            f'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(\'{name}\')'
        )
        (text,) = ask(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")
        shape[name] = {
            "rowid": (without_rowid, strict),
            "columns": sorted(columns),
            "indexes": sorted(indexes, key=str),
            "keys": sorted(keys),
            "checks": str(text).upper().count("CHECK"),
        }
    shape["views"] = ask(
        "SELECT name, replace(sql, 'IF NOT EXISTS ', '') FROM sqlite_master WHERE type = 'view'"
    )
    connection.close()
    return shape


async def migrate(url: str, to: str) -> None:
    from ingather.stores.migrations import run

    await run.postgresql(lambda: asyncpg.connect(url), lock=SCHEMA_LOCK, to=to)


async def test_postgres_migrated_is_postgres_declared(make_database) -> None:
    """From the first revision up, step by step, PostgreSQL comes to the very tables that a new
    database has. Who changes schema/*.sql without a revision is told here (CONTRIBUTING.md)."""
    declared, migrated = make_database(), make_database()
    link = PgLink(declared)
    await link.one("SELECT 1")
    await link.close()
    for number in range(1, int(revisions.head()) + 1):
        await migrate(migrated, f"{number:04d}")
    assert await pg_shape(migrated) == await pg_shape(declared)


async def test_sqlite_migrated_is_sqlite_declared(tmp_path) -> None:
    """The same on SQLite."""
    from ingather.stores.migrations import run

    link = SqliteLink(tmp_path / "declared.db")
    await link.run(lambda connection: None)
    await link.close()
    connection = sqlite3.connect(tmp_path / "migrated.db", isolation_level=None)
    for number in range(1, int(revisions.head()) + 1):
        run.sqlite(connection, to=f"{number:04d}")
    assert connection.execute("PRAGMA user_version").fetchone() == (int(revisions.head()),)
    connection.close()
    assert sqlite_shape(tmp_path / "migrated.db") == sqlite_shape(tmp_path / "declared.db")


def first_sqlite(path) -> None:
    """A SQLite file of the version before there were revisions, with a job in it."""
    from importlib import import_module

    first = import_module("ingather.stores.migrations.versions.0001_jobs")
    connection = sqlite3.connect(path)
    connection.executescript(first.SQLITE + "; PRAGMA user_version = 1;" + JOB)
    connection.commit()
    connection.close()


JOB = """
INSERT INTO extractions (id, extraction_type, owner, source, route, targets, options, progress,
    status, requested_at)
VALUES ('old-job', 'comments', '{"instagramId":"1","username":"ann"}', 'graph', 'graph/facebook',
    '[{"target":{"id":"17900000000000001"}}]', '{}', '{"appended":1}', 'paused',
    '2026-11-01T00:00:00Z');
INSERT INTO comments (place, extraction, comment_id, text)
VALUES (4294967296, 1, '18000000000000001', 'old')"""


async def test_an_old_file_keeps_its_jobs(tmp_path) -> None:
    """A SQLite file of the first version opens as it is: its jobs and rows are there."""
    from ingather.stores.sql_jobs import SqlStore

    first_sqlite(tmp_path / "old.db")
    link = SqliteLink(tmp_path / "old.db")
    store = SqlStore(link)
    assert (await store.show("old-job")).status == "paused"
    assert [row.text for row in await store.slice("old-job", 0, 9)] == ["old"]
    await link.close()
    connection = sqlite3.connect(tmp_path / "old.db")
    assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(revisions.head(),)]
    connection.close()


OF_EACH_KIND = """
INSERT INTO extractions (id, extraction_type, owner, source, route, targets, options, progress,
    status, requested_at)
SELECT kind, kind, '{"instagramId":"1","username":"ann"}', 'graph', 'graph/facebook',
    '[{"target":{"id":"17900000000000001"}}]', '{}', '{"appended":' || kept || ',"filtered":1}',
    'paused', '2026-11-01T00:00:00Z'
FROM (SELECT 'comments' AS kind, 2 AS kept UNION ALL SELECT 'followers', 250
    UNION ALL SELECT 'reels', 1);
INSERT INTO comments VALUES
    (4294967296, 1, '18000000000000001', '5', 'ben', '2026-10-01T00:00:00Z', 3, NULL, 'é "x"'),
    (4294967297, 1, '~0a', NULL, 'cay', '2026-10-01T00:00:00Z', NULL, '18000000000000001', NULL);
INSERT INTO users
WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 249)
SELECT 2 * 4294967296 + n, 2, CASE n WHEN 0 THEN '@dee' ELSE 100 + n END, 'u' || n, '',
    1, NULL, NULL FROM n;
INSERT INTO media (place, extraction, media_id, duration, hashtags, mentions, more)
VALUES (12884901888, 3, '7', 1.5, '["a","b"]', '[]', '{"likes_hidden":true,"coauthors":["x"]}');
INSERT INTO left_out VALUES (1, '18000000000000009')"""


async def test_an_old_file_keeps_records_of_every_kind(tmp_path, make) -> None:
    """Rows of a SQLite file in which each had a row of its own read as they did, in their order;
    ids that were kept or left out are still known, and the job goes on after them."""
    from ingather.domain.records import Comment, Media, User
    from ingather.stores.migrations import run
    from ingather.stores.sql_jobs import SqlStore

    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    run.sqlite(connection, to="0008")
    connection.executescript(OF_EACH_KIND)
    connection.close()
    link = SqliteLink(tmp_path / "old.db")
    store = SqlStore(link)
    one = {"timestamp": "2026-10-01T00:00:00Z"}
    assert await store.slice("comments", 0, 9) == [
        Comment(
            comment_id="18000000000000001",
            user_id="5",
            username="ben",
            like_count=3,
            text='é "x"',
            **one,
        ),
        Comment(
            comment_id=None,
            user_id=None,
            username="cay",
            like_count=None,
            parent_comment_id="18000000000000001",
            text=None,
            **one,
        ),
    ]
    users = [User(user_id=str(100 + n), username=f"u{n}", full_name="") for n in range(250)]
    users[0] = User(user_id=None, username="u0", full_name="")
    read = [row async for rows in store.stream("followers", size=70) for row in rows]
    assert [row.is_private for row in read] == [True] * 250
    assert [(row.user_id, row.username) for row in read] == [
        (row.user_id, row.username) for row in users
    ]
    (reel,) = await store.slice("reels", 0, 9)
    assert reel == Media(
        media_id="7",
        duration=1.5,
        hashtags=("a", "b"),
        mentions=(),
        likes_hidden=True,
        coauthors=("x",),
    )
    claim = await store.claim("comments", make.holder)
    again = ("18000000000000001", "18000000000000009", "4")
    rows = [structs.replace(make.comment(n), comment_id=own) for n, own in enumerate(again)]
    done = await store.commit("comments", claim.fence, 1, make.batch(claim.job, rows))
    assert (done.appended, done.counters.appended) == (1, 3)
    await link.close()


async def test_records_can_be_asked_for_in_sql(tmp_path, make) -> None:
    """Whoever opens the file finds a view `records`, a row for each record of every job."""
    from ingather.stores.sql_jobs import SqlStore

    link = SqliteLink(tmp_path / "some.db")
    store = SqlStore(link)
    job = await store.create(make.job())
    claim = await store.claim(job.id, make.holder)
    rows = make.comments(3)
    await store.commit(job.id, claim.fence, 1, make.batch(claim.job, rows))
    found = await link.run(
        lambda connection: connection.execute(
            "SELECT position, json_extract(record, '$.commentId') FROM records WHERE job = ?",
            (job.id,),
        ).fetchall()
    )
    assert found == [(place, row.comment_id) for place, row in enumerate(rows)]
    await link.close()


async def test_an_old_postgres_keeps_its_jobs(make_database, make) -> None:
    """A PostgreSQL of the first version, which several processes open at once, keeps its jobs,
    which can be claimed and go on."""
    from ingather.stores.pg_jobs import PgStore

    url = make_database()
    await migrate(url, "0001")
    connection = await asyncpg.connect(url)
    await connection.execute(JOB)
    await connection.close()
    links = [PgLink(url) for _ in range(3)]
    found = await asyncio.gather(*(PgStore(link).show("old-job") for link in links))
    assert {job.counters.appended for job in found} == {1}
    store = PgStore(links[0])
    claim = await store.claim("old-job", make.holder)
    batch = make.batch(claim.job, make.comments(2, start=10))
    assert (await store.commit("old-job", claim.fence, 1, batch)).counters.appended == 3
    for link in links:
        await link.close()


async def test_a_file_older_than_users_and_media_opens(tmp_path) -> None:
    """The first files of all had no tables of users and media; they are made on the way."""
    from ingather.stores.sql_jobs import SqlStore

    first_sqlite(tmp_path / "old.db")
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript("DROP TABLE users; DROP TABLE media")
    connection.close()
    link = SqliteLink(tmp_path / "old.db")
    assert [row.text for row in await SqlStore(link).slice("old-job", 0, 9)] == ["old"]
    await link.close()


@pytest.mark.parametrize(
    ("trouble", "told", "said"),
    [
        ("BEGIN IMMEDIATE", errors.StoreUnavailable, "locked"),
        ("ALTER TABLE extractions ADD COLUMN tenant TEXT", errors.StoreError, "tenant"),
    ],
)
async def test_a_migration_that_fails_is_told(trouble, told, said, tmp_path, monkeypatch) -> None:
    """A file that cannot be brought up to date is an error of ours, and stays what it was."""
    monkeypatch.setattr("ingather.stores.sql_link._PATIENCE", 50)
    first_sqlite(tmp_path / "old.db")
    connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(trouble)
    link = SqliteLink(tmp_path / "old.db")
    with pytest.raises(told, match=said):
        await link.run(lambda _: None)
    assert connection.execute("SELECT count(*) FROM comments").fetchone() == (1,)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
    await link.close()


async def test_a_postgres_migration_that_fails_is_told(make_database) -> None:
    """The same on PostgreSQL."""
    url = make_database()
    await migrate(url, "0001")
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE media RENAME TO elsewhere")
    await connection.close()
    link = PgLink(url)
    with pytest.raises(errors.StoreError, match="media"):
        await link.one("SELECT 1")
    await link.close()


def test_two_processes_migrate_one_file(tmp_path) -> None:
    """Two processes that open an old file at once leave one that is whole."""
    first_sqlite(tmp_path / "old.db")
    code = (
        "import asyncio, sys\n"
        "from ingather.stores.sql_link import SqliteLink\n"
        "link = SqliteLink(sys.argv[1])\n"
        "print(asyncio.run(link.run(lambda c: c.execute('SELECT id FROM extractions').fetchall())))"
    )

    def opened(_: int) -> str:
        words = [sys.executable, "-c", code, str(tmp_path / "old.db")]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor() as pool:
        assert set(pool.map(opened, range(2))) == {"[('old-job',)]\n"}


async def test_new_databases_are_made_once(make_database) -> None:
    """Many who open an empty database at once make its tables once."""
    url = make_database()
    links = [PgLink(url) for _ in range(5)]
    await asyncio.gather(*(link.all("SELECT * FROM extractions") for link in links))
    assert await links[0].all("SELECT version_num FROM alembic_version") == [(revisions.head(),)]
    for link in links:
        await link.close()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_newer_database_is_left_alone(database, tmp_path, make_database) -> None:
    """A database that a newer ingather wrote is refused with a hint, and not touched."""
    if database == "sqlite":
        connection = sqlite3.connect(tmp_path / "new.db")
        connection.execute("PRAGMA user_version = 9000")
        connection.close()
        link = SqliteLink(tmp_path / "new.db")
        asked = link.run(lambda connection: None)
    else:
        url = make_database()
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32));"
            "INSERT INTO alembic_version VALUES ('9000')"
        )
        await connection.close()
        link = PgLink(url)
        asked = link.one("SELECT 1")
    with pytest.raises(errors.BadSetting, match="newer"):
        await asked
    await link.close()


def test_tables_of_every_room_fit_both_databases() -> None:
    """What is declared for PostgreSQL uses no word that means less there: REAL has 24 bits and
    INTEGER 32, which times and counts outgrow."""
    text = " ".join(
        line.partition("--")[0] for line in revisions.schema("postgresql").upper().splitlines()
    )
    for word, better in {"REAL": "DOUBLE PRECISION", "BLOB": "BYTEA", "AUTOINCREMENT": "-"}.items():
        assert f" {word}" not in text, f"{word}: say {better}, or give each database a file"


OLD_LIST = """
INSERT INTO extractions (id, extraction_type, owner, source, route, targets, options, progress,
    status, requested_at)
VALUES ('list', 'followers', '{"instagramId":"1","username":"ann"}', 'hiker', 'v2',
    '[{"target":{"id":"17"},"cursor":null,"passes":2,"words":"a \\"b\\" é","error":null,
        "ended":"limit"},
      {"target":{"id":""},"words":"c","error":{"message":"gone","code":"x"},"ended":"unreachable"},
      {"target":{"id":"19","declared":7},"cursor":"[1,2]","passes":1,"depth":3,"ended":null},
      {"target":{"id":""},"words":"d","ended":null}]',
    '{}', '{"appended":4}', 'running', '2026-11-01T00:00:00Z')"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_targets_of_an_old_job_become_rows(database, tmp_path, make_database, make) -> None:
    """A list that an earlier version began goes on in each target where it was."""
    from ingather.stores.migrations import run
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.sql_jobs import SqlStore

    link: SqliteLink | PgLink
    if database == "sqlite":
        connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
        run.sqlite(connection, to="0013")
        connection.executescript(JOB.partition(";")[0] + ";" + OLD_LIST)
        connection.close()
        link = SqliteLink(tmp_path / "old.db")
        store = SqlStore(link)
    else:
        url = make_database()
        await migrate(url, "0013")
        old = await asyncpg.connect(url)
        await old.execute(JOB.partition(";")[0] + ";" + OLD_LIST)
        await old.close()
        link = PgLink(url)
        store = PgStore(link)
    claim = await store.claim("list", make.holder)
    assert claim.job.targets == (
        TargetState(target=Target(id="17"), passes=2, words='a "b" é', ended="limit"),
        TargetState(
            target=Target(id=""), words="c", error=Failure("gone", "x"), ended="unreachable"
        ),
        TargetState(target=Target(id="19", declared=7), cursor="[1,2]", depth=3),
        TargetState(target=Target(id=""), words="d"),
    )
    listed = {job.id: job for job in await store.list()}
    assert listed["list"].overview == claim.job.overview
    assert claim.job.overview.ended == {"limit": 1, "unreachable": 1}
    assert listed["old-job"].overview == Overview(count=1)
    await link.close()


BROKEN = {
    "half": '[{"half',
    "object": '{"id":"1"}',
    "words": '[{"target":{"id":"1"}},"a"]',
    "none": "",
}


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_job_that_was_damaged_hinders_no_migration(
    database, tmp_path, make_database, make
) -> None:
    """A job whose targets could not be read is damaged afterwards, as it was before, and can be
    deleted; the others go on."""
    from ingather.stores.migrations import run
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.sql_jobs import SqlStore

    old = [OLD_LIST] + [OLD_LIST.replace("'list'", f"'{name}'") for name in BROKEN]
    broken = [f"UPDATE extractions SET targets = '{t}' WHERE id = '{n}'" for n, t in BROKEN.items()]
    link: SqliteLink | PgLink
    if database == "sqlite":
        connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
        run.sqlite(connection, to="0013")
        connection.executescript(";".join(old + broken))
        connection.close()
        link = SqliteLink(tmp_path / "old.db")
        store = SqlStore(link)
    else:
        url = make_database()
        await migrate(url, "0013")
        there = await asyncpg.connect(url)
        await there.execute(";".join(old + broken))
        await there.close()
        link = PgLink(url)
        store = PgStore(link)
    for name in BROKEN:
        with pytest.raises(errors.DamagedRecord):
            await store.show(name)
    assert [job.id for job in await store.list()] == ["list"]
    for name in BROKEN:
        await store.delete(name)
    assert len((await store.claim("list", make.holder)).job.targets) == 4
    await link.close()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_queued_job_with_damaged_options_hinders_no_migration(
    database, tmp_path, make_database, make
) -> None:
    """It is damaged afterwards, as it was before; workers take up the one behind it."""
    from ingather.stores.migrations import run
    from ingather.stores.pg_jobs import PgStore
    from ingather.stores.pg_queue import PgQueue
    from ingather.stores.sql_jobs import SqlStore
    from ingather.stores.sql_queue import SqlQueue

    old = ";".join((
        OLD_LIST, OLD_LIST.replace("'list'", "'half'"), "UPDATE extractions SET due = 0",
        "UPDATE extractions SET status = 'pending', options = '{\"sandbox\":false}'",
        "UPDATE extractions SET options = '{\"replies\":tr', priority = 5 WHERE id = 'half'",
    ))  # fmt: skip
    link: SqliteLink | PgLink
    if database == "sqlite":
        connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
        run.sqlite(connection, to="0008")
        connection.executescript(old)
        connection.close()
        link = SqliteLink(tmp_path / "old.db")
        store, queue = SqlStore(link), SqlQueue(link)
    else:
        url = make_database()
        await migrate(url, "0008")
        there = await asyncpg.connect(url)
        await there.execute(old)
        await there.close()
        link = PgLink(url)
        store, queue = PgStore(link), PgQueue(link)
    with pytest.raises(errors.DamagedRecord):
        await store.show("half")
    found = None
    while found is None:
        with contextlib.suppress(errors.DamagedRecord):  # it is told once, where it is met at all
            found = await queue.next(make.holder, sources=["hiker"])
            assert found is not None
    assert found.job.id == "list"
    await link.close()


TWICE = """
INSERT INTO accounts (account_id, platform, handle, refreshed_at) VALUES
    ('lena', 'instagram', 'lena', 300), ('77', 'instagram', 'lena', 100),
    ('78', 'instagram', 'lena', 200), ('t', 'tiktok', 'lena', 0), ('max', 'instagram', 'max', 5);
INSERT INTO account_history (account_id, day, followers) VALUES
    ('lena', '2026-11-01', 1), ('78', '2026-11-01', 2), ('77', '2026-11-02', 3);
INSERT INTO data_refresh_log (id, account_id, at, entry) VALUES
    ('a', 'lena', '', '{}'), ('b', '77', '', '{}'), ('c', '78', '', '{}'), ('d', 'max', '', '{}')"""
ONCE = (
    ("SELECT account_id FROM accounts ORDER BY 1", ["78", "max", "t"]),
    ("SELECT account_id || day || followers FROM account_history ORDER BY 1",
     ["782026-11-012", "782026-11-023"]),
    ("SELECT id || account_id FROM data_refresh_log ORDER BY 1", ["a78", "b78", "c78", "dmax"]),
)  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_name_kept_under_several_ids_becomes_one_account(
    database, tmp_path, make_database
) -> None:
    """One stays, an id that somebody gave before the name itself and then the one refreshed last,
    with the days and the log of all."""
    from ingather.stores.migrations import run

    before, after = NAMES_ARE_ONE - 1, NAMES_ARE_ONE
    if database == "sqlite":
        connection = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
        run.sqlite(connection, to=f"{before:04d}")
        connection.executescript(TWICE)
        run.sqlite(connection, to=f"{after:04d}")
        found = [[row[0] for row in connection.execute(asked)] for asked, _ in ONCE]
        connection.close()
    else:
        url = make_database()
        await migrate(url, f"{before:04d}")
        connection = await asyncpg.connect(url)
        await connection.execute(TWICE)
        await migrate(url, f"{after:04d}")
        found = [[row[0] for row in await connection.fetch(asked)] for asked, _ in ONCE]
        await connection.close()
    assert found == [told for _, told in ONCE]


NAMES_ARE_ONE = 10
"""The revision by which a name is one account's."""
