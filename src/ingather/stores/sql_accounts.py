"""Accounts in SQL. A refresh is one transaction: account, log and history, or none of them."""

from collections.abc import Sequence

import msgspec

from ingather import errors
from ingather.domain import refresh
from ingather.domain.instants import iso
from ingather.domain.refresh import Account, Day, LogEntry, Refreshed
from ingather.domain.refresh_posts import KEPT, Post
from ingather.ports.refresh import Totals
from ingather.stores import account_names, account_order, sql_posts
from ingather.stores.sql import Row, Sql

_COLUMNS = (
    "account_id, platform, handle, name, description, image_url, follower_count, instagram_data,"
    " last_data_refresh"
)
_DROPPED_AT_ONCE = 1_000
_FAILED = '%"outcome":"failed"%'
"""Only such an entry holds these words: within a text of JSON quotes are escaped."""


class SqlAccounts:
    """ports.refresh.Accounts over either database. keep: posts of each account at the most."""

    def __init__(self, sql: Sql, *, keep: int = KEPT) -> None:
        self._sql = sql
        self._keep = keep

    async def load(self, ids: Sequence[str]) -> dict[str, Account]:
        if not ids:
            return {}
        rows = await self._sql.all(
            f"SELECT {_COLUMNS} FROM accounts WHERE account_id IN ({_places(ids)})", *ids
        )
        return {row[0]: _account(row) for row in rows}

    async def save(self, done: Sequence[Refreshed]) -> None:
        accounts = [each.account for each in done if each.account is not None]
        async with self._sql.together() as inside:
            await _update(inside, accounts)
            there = await _there(inside, [each.account_id for each in accounts])
            told = [each for each in done if not each.account or each.account.account_id in there]
            posts = [(each.entry.account_id, post) for each in told for post in each.posts]
            await sql_posts.write(inside, posts, keep=self._keep)
            await _write_days(inside, [each.account for each in told if each.account])
            await _write_logs(inside, [each.entry for each in told])

    async def add(self, accounts: Sequence[Account]) -> int:
        new = 0
        async with self._sql.together() as inside:
            for each in accounts:
                wrote = await inside.run(
                    f"INSERT INTO accounts ({_COLUMNS}, refreshed_at)"
                    f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    each.account_id, each.platform, each.handle.lower(), each.name,
                    each.description, each.image_url, each.follower_count,
                    _json(each.instagram_data), each.last_data_refresh, _epoch(each),
                )  # fmt: skip
                new += wrote
                if not wrote and (refused := await _clash(inside, each)):
                    raise refused
        return new

    async def remove(self, account_id: str) -> bool:
        async with self._sql.together() as inside:
            await sql_posts.forget(inside, account_id)
            await inside.run("DELETE FROM account_history WHERE account_id = ?", account_id)
            await inside.run("DELETE FROM data_refresh_log WHERE account_id = ?", account_id)
            return await inside.run("DELETE FROM accounts WHERE account_id = ?", account_id) > 0

    async def find(self, handle: str) -> Account | None:
        row = await self._sql.one(
            f"SELECT {_COLUMNS} FROM accounts WHERE handle = ? ORDER BY account_id LIMIT 1",
            handle.lower(),
        )
        return None if row is None else _account(row)

    async def list(self, *, limit: int, after: str | None = None) -> list[Account]:
        rows = await self._sql.all(
            f"SELECT {_COLUMNS} FROM accounts WHERE account_id > ? ORDER BY account_id LIMIT ?",
            after or "", limit,
        )  # fmt: skip
        return [_account(row) for row in rows]

    async def claim(self, *, stale: float, until: float, limit: int) -> Sequence[Account]:
        async with self._sql.together() as inside:
            now = await inside.now()
            rows = await inside.all(
                f"SELECT {_COLUMNS} FROM accounts WHERE refreshed_at < ? AND not_before <= ?"
                " ORDER BY refreshed_at LIMIT ?",
                stale, now, limit * account_order.LOOKED_AT,
            )  # fmt: skip
            wanted = account_order.first([_account(row) for row in rows], limit)
            # Somebody else may have claimed one since it was read: the condition is asked again.
            return [
                each
                for each in wanted
                if await inside.run(
                    "UPDATE accounts SET not_before = ? WHERE account_id = ? AND not_before <= ?",
                    until, each.account_id, now,
                )
            ]  # fmt: skip

    async def scheduled(self, ids: Sequence[str], *, until: float) -> None:
        if ids:
            await self._sql.run(
                f"UPDATE accounts SET not_before = ? WHERE account_id IN ({_places(ids)})",
                until, *ids,
            )  # fmt: skip

    async def log(
        self, account_id: str | None = None, *, limit: int, failed: bool = False
    ) -> Sequence[LogEntry]:
        wanted = {"account_id = ?": account_id, "entry LIKE ?": _FAILED if failed else None}
        wanted = {words: value for words, value in wanted.items() if value is not None}
        which = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        values = wanted.values()
        rows = await self._sql.all(
            f"SELECT entry FROM data_refresh_log {which} ORDER BY at DESC, id LIMIT ?",
            *values, limit,
        )  # fmt: skip
        return [msgspec.json.decode(row[0], type=LogEntry) for row in rows]

    async def logged(self, entry_id: str) -> bool:
        found = await self._sql.one("SELECT 1 FROM data_refresh_log WHERE id = ?", entry_id)
        return found is not None

    async def posts(self, account_id: str, *, limit: int) -> Sequence[Post]:
        return await sql_posts.read(self._sql, account_id, limit=limit)

    async def history(self, account_id: str, *, limit: int) -> Sequence[Day]:
        rows = await self._sql.all(
            "SELECT day, followers, media, engagement FROM account_history WHERE account_id = ?"
            " ORDER BY day DESC LIMIT ?",
            account_id, limit,
        )  # fmt: skip
        return [Day(day=row[0], followers=row[1], media=row[2], engagement=row[3]) for row in rows]

    async def prune(self, *, log: float, history: float | None) -> int:
        dropped = await self._drop(
            "DELETE FROM data_refresh_log WHERE id IN"
            " (SELECT id FROM data_refresh_log WHERE at < ? ORDER BY at LIMIT ?)",
            iso(log),
        )
        if history is not None:
            dropped += await self._drop(
                "DELETE FROM account_history WHERE (account_id, day) IN"
                " (SELECT account_id, day FROM account_history WHERE day < ? ORDER BY day LIMIT ?)",
                iso(history)[:10],
            )
        return dropped

    async def totals(self) -> Totals:
        count = await self._sql.one("SELECT count(*) FROM accounts")
        never = await self._sql.one("SELECT count(*) FROM accounts WHERE refreshed_at = 0")
        oldest = await self._sql.one(
            "SELECT min(refreshed_at) FROM accounts WHERE refreshed_at > 0"
        )
        assert count is not None and never is not None and oldest is not None
        return Totals(accounts=count[0], never=never[0], oldest=oldest[0])

    async def now(self) -> float:
        return await self._sql.now()

    async def _drop(self, statement: str, before: str) -> int:
        """In batches, so that nobody waits long for the database."""
        dropped = 0
        while count := await self._sql.run(statement, before, _DROPPED_AT_ONCE):
            dropped += count
        return dropped


async def _clash(inside: Sql, wanted: Account) -> errors.BadInput | None:
    """Why an account that was not new could not be added; None where it had been there."""
    rows = await inside.all(
        f"SELECT {_COLUMNS} FROM accounts WHERE account_id = ? OR (handle = ? AND platform = ?)",
        wanted.account_id, wanted.handle.lower(), wanted.platform,
    )  # fmt: skip
    found = (account_names.clash(wanted, _account(row)) for row in rows)
    return next((each for each in found if each is not None), None)


async def _update(inside: Sql, accounts: Sequence[Account]) -> None:
    """What is not known leaves what is there."""
    await inside.many(
        "UPDATE accounts SET name = COALESCE(?, name), description = COALESCE(?, description),"
        " image_url = COALESCE(?, image_url), follower_count = COALESCE(?, follower_count),"
        " instagram_data = ?, last_data_refresh = ?, refreshed_at = ? WHERE account_id = ?",
        [
            (
                each.name, each.description, each.image_url, each.follower_count,
                _json(each.instagram_data), each.last_data_refresh, _epoch(each), each.account_id,
            )
            for each in accounts
        ],
    )  # fmt: skip


async def _write_logs(inside: Sql, entries: Sequence[LogEntry]) -> None:
    await inside.many(
        "INSERT INTO data_refresh_log (id, account_id, at, entry) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING",
        [
            (each.id, each.account_id, each.at, msgspec.json.encode(each).decode())
            for each in entries
        ],
    )  # fmt: skip


async def _write_days(inside: Sql, accounts: Sequence[Account]) -> None:
    days = [(each.account_id, refresh.day(each)) for each in accounts]
    await inside.many(
        "INSERT INTO account_history (account_id, day, followers, media, engagement)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, day) DO UPDATE SET"
        " followers = excluded.followers, media = excluded.media,"
        " engagement = COALESCE(excluded.engagement, account_history.engagement)",
        [
            (account_id, day.day, day.followers, day.media, day.engagement)
            for account_id, day in days
            if day
        ],
    )  # fmt: skip


async def _there(inside: Sql, ids: Sequence[str]) -> set[str]:
    """Which of the accounts there are: one that was removed is not written about."""
    if not ids:
        return set()
    rows = await inside.all(
        f"SELECT account_id FROM accounts WHERE account_id IN ({_places(ids)})", *ids
    )
    return {row[0] for row in rows}


def _account(row: Row) -> Account:
    return Account(
        account_id=row[0],
        platform=row[1],
        handle=row[2],
        name=row[3],
        description=row[4],
        image_url=row[5],
        follower_count=row[6],
        instagram_data=None if row[7] is None else msgspec.json.decode(row[7]),
        last_data_refresh=row[8],
    )


def _json(data: dict[str, object] | None) -> str | None:
    return None if data is None else msgspec.json.encode(data).decode()


def _epoch(account: Account) -> float:
    return refresh.seconds(account.last_data_refresh) or 0.0


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
