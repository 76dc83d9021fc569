"""API keys in SQL."""

from collections.abc import Sequence

from ingather.domain.access import Key
from ingather.stores.sql import Row, Sql

_COLUMNS = "id, name, owner, created_at, used_at, revoked_at"
_ADD = "INSERT INTO api_keys (id, name, owner, created_at, digest) VALUES (?, ?, ?, ?, ?)"
_REVOKE = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?"


class SqlKeys:
    """Keys, found by their digest."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def add(self, key: Key, digest: str) -> None:
        await self._sql.run(_ADD, key.id, key.name, key.owner, key.created_at, digest)

    async def by_digest(self, digest: str) -> Key | None:
        row = await self._sql.one(f"SELECT {_COLUMNS} FROM api_keys WHERE digest = ?", digest)
        return None if row is None else _key(row)

    async def list(self) -> Sequence[Key]:
        rows = await self._sql.all(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id")
        return [_key(row) for row in rows]

    async def revoke(self, key_id: str, at: str) -> bool:
        return await self._sql.run(_REVOKE, at, key_id) > 0

    async def used(self, key_id: str, at: str) -> None:
        await self._sql.run("UPDATE api_keys SET used_at = ? WHERE id = ?", at, key_id)


def _key(row: Row) -> Key:
    key_id, name, owner, created_at, used_at, revoked_at = row
    return Key(
        id=key_id,
        name=name,
        owner=owner,
        created_at=created_at,
        used_at=used_at,
        revoked_at=revoked_at,
    )
