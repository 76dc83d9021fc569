"""Answers that are given again: what an Idempotency-Key was answered with, in SQL."""

from ingather import errors
from ingather.stores.sql import Sql

KEPT = 86_400.0
"""Seconds for which an answer is given again."""
ABANDONED = 120.0
"""Seconds after which a request that never ended is begun anew: its process is dead."""

_BEGIN = """
INSERT INTO api_answers (owner, name, digest, begun) VALUES (?, ?, ?, ?)
ON CONFLICT (owner, name) DO NOTHING
"""
_FIND = "SELECT digest, begun, status, answer FROM api_answers WHERE owner = ? AND name = ?"
_SWEEP = "DELETE FROM api_answers WHERE begun < ? OR (status IS NULL AND begun < ?)"
_KEEP = "UPDATE api_answers SET status = ?, answer = ? WHERE owner = ? AND name = ?"
_DROP = "DELETE FROM api_answers WHERE owner = ? AND name = ? AND status IS NULL"


class SqlAnswers:
    """The first answer to each owner's names, for a day."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def begin(self, owner: str, name: str, digest: str) -> tuple[int, str] | None:
        """None: the request is new, and now under way. Else the status and body that it was
        answered with. Raises KeyReused for another request, KeyInUse while the first runs."""
        now = await self._sql.now()
        await self._sql.run(_SWEEP, now - KEPT, now - ABANDONED)
        if await self._sql.run(_BEGIN, owner, name, digest, now):
            return None
        row = await self._sql.one(_FIND, owner, name)
        if row is None:  # the first one failed between our two statements
            raise errors.KeyInUse
        known, _, status, answer = row
        if known != digest:
            raise errors.KeyReused
        if status is None:
            raise errors.KeyInUse
        return int(status), str(answer)

    async def keep(self, owner: str, name: str, status: int, answer: str) -> None:
        await self._sql.run(_KEEP, status, answer, owner, name)

    async def drop(self, owner: str, name: str) -> None:
        """The request failed, so that it may be sent again under the same name."""
        await self._sql.run(_DROP, owner, name)
