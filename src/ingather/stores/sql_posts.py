"""The latest posts of accounts that are kept fresh, in SQL; a part of SqlAccounts' transactions."""

from collections.abc import Sequence

import msgspec

from ingather.domain import refresh_posts
from ingather.domain.refresh_posts import Post
from ingather.stores.sql import Row, Sql, Value

_ROWS_AT_ONCE = 500
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?)"

Told = tuple[str, Post]
"""An account's id, and a post of it."""


async def write(inside: Sql, told: Sequence[Told], *, keep: int) -> None:
    """Write posts as they were told, and of each account no more than are kept, the newest.
    Insights stay where none are told."""
    rows = {(account_id, post.key): post for account_id, post in told}
    placed = list(rows.items())
    for start in range(0, len(placed), _ROWS_AT_ONCE):
        some = placed[start : start + _ROWS_AT_ONCE]
        values = [
            value for (account_id, key), post in some for value in _row(account_id, key, post)
        ]
        await inside.run(
            "INSERT INTO account_posts (account_id, post, posted_at, media, source, at, insights,"
            f" insights_at) VALUES {', '.join([_ROW] * len(some))}"
            " ON CONFLICT (account_id, post) DO UPDATE SET posted_at = excluded.posted_at,"
            " media = excluded.media, source = excluded.source, at = excluded.at,"
            " insights = COALESCE(excluded.insights, account_posts.insights),"
            " insights_at = COALESCE(excluded.insights_at, account_posts.insights_at)",
            *values,
        )
    ids = sorted({account_id for account_id, _ in rows})
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        some_ids = ids[start : start + _ROWS_AT_ONCE]
        places = ", ".join("?" * len(some_ids))
        await inside.run(
            "DELETE FROM account_posts WHERE (account_id, post) IN (SELECT account_id, post FROM"
            " (SELECT account_id, post, row_number() OVER (PARTITION BY account_id"
            " ORDER BY posted_at DESC, post) AS place FROM account_posts"
            f" WHERE account_id IN ({places})) AS placed WHERE place > ?)",
            *some_ids, keep,
        )  # fmt: skip


async def read(sql: Sql, account_id: str, *, limit: int) -> list[Post]:
    """Newest first."""
    rows = await sql.all(
        "SELECT media, source, at, insights, insights_at FROM account_posts WHERE account_id = ?"
        " ORDER BY posted_at DESC, post LIMIT ?",
        account_id, limit,
    )  # fmt: skip
    return [_post(row) for row in rows]


async def forget(inside: Sql, account_id: str) -> None:
    """Delete an account's posts."""
    await inside.run("DELETE FROM account_posts WHERE account_id = ?", account_id)


def _row(account_id: str, key: str, post: Post) -> tuple[Value, ...]:
    told, insights = refresh_posts.split(post)
    return (
        account_id, key, post.media.timestamp or "", _json(told), post.source, post.at,
        None if insights is None else _json(insights), post.insights_at,
    )  # fmt: skip


def _post(row: Row) -> Post:
    media, source, at, insights, insights_at = row
    return refresh_posts.joined(
        msgspec.json.decode(media),
        None if insights is None else msgspec.json.decode(insights),
        source=source,
        at=at,
        insights_at=insights_at,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
