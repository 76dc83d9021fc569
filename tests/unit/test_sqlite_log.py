"""SQLite's log is folded into the file beside those who write, and does not grow without end."""

import asyncio
import sqlite3
import threading

import pytest

from ingather.stores import sql_link
from ingather.stores.sql_link import SqliteLink

ROW = "x" * 20_000


@pytest.fixture
async def link(tmp_path, monkeypatch):
    monkeypatch.setattr(sql_link, "_LONG", 20)
    link = SqliteLink(tmp_path / "ingather.db")
    await link.write(lambda found: found.execute("CREATE TABLE things (row TEXT)"))
    yield link
    await link.close()


async def fill(link, count):
    """Write so many rows of 20 kB, as a job would that gives way to others."""
    for _ in range(count):
        await link.write(lambda found: found.execute("INSERT INTO things VALUES (?)", (ROW,)))
        await asyncio.sleep(0.0005)


def log(tmp_path):
    return (tmp_path / "ingather.db-wal").stat().st_size


async def test_the_log_begins_anew_while_rows_are_written(link, tmp_path):
    """Eight megabytes of rows pass through a log of a fraction of that; every one of them rests."""
    await fill(link, 400)
    assert log(tmp_path) < 4_000_000
    await link.close()
    with sqlite3.connect(tmp_path / "ingather.db") as found:
        assert found.execute("SELECT count(*), min(row) FROM things").fetchone() == (400, ROW)
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_who_reads_for_long_holds_up_nobody(link, tmp_path):
    """While somebody reads what was there an hour ago the log grows, and rows are written all the
    same; then it begins anew."""
    reader = sqlite3.connect(tmp_path / "ingather.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM things").fetchone() == (0,)
    await fill(link, 100)
    long = log(tmp_path)
    assert long > 100 * len(ROW)
    assert reader.execute("SELECT count(*) FROM things").fetchone() == (0,)
    reader.close()
    await fill(link, 100)
    assert log(tmp_path) < 2 * long
    assert await link.run(
        lambda found: found.execute("SELECT count(*) FROM things").fetchone()
    ) == (200,)


async def test_the_disk_is_waited_for_elsewhere(link, monkeypatch):
    """What is folded at a time is folded in a thread, one fold after the other."""
    where, at_once = [], []
    fold = SqliteLink._fold_most

    def noted(self):
        where.append(threading.current_thread())
        at_once.append(1)
        fold(self)
        at_once.pop()
        assert not at_once

    monkeypatch.setattr(SqliteLink, "_fold_most", noted)
    await fill(link, 100)
    await link.close()
    assert len(where) >= 3
    assert threading.main_thread() not in where
