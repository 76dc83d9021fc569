"""Webhooks in SQL: what waits for a job's end, and what waits to be tried again."""

import base64
from collections.abc import Sequence

from ingather.domain.access import Webhook
from ingather.stores.sql import Row, Sql

HELD = 60.0
"""Seconds for which a webhook belongs to who took it; longer than a delivery takes."""

_COLUMNS = "id, job, kind, url, secret, state, attempts, due, status, error, created_at, ended_at"
_ADD = f"""
INSERT INTO webhooks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 'waiting', 0, ?, NULL, NULL, ?, NULL)
ON CONFLICT (job) DO UPDATE SET id = excluded.id, url = excluded.url, secret = excluded.secret,
due = excluded.due, created_at = excluded.created_at
WHERE webhooks.state = 'waiting' AND webhooks.attempts = 0
"""
_DUE = f"""
SELECT {", ".join(f"w.{name}" for name in _COLUMNS.split(", "))}
FROM webhooks w LEFT JOIN extractions e ON e.id = w.job
WHERE w.state = 'waiting' AND w.due <= ?
  AND coalesce(e.status, 'done') IN ('done', 'failed', 'cancelled')
ORDER BY w.due LIMIT ?
"""
"""Of a job that rests elsewhere only a look at it can tell whether it has ended."""
# Whoever moves `due` first has it: nobody else finds the value that was read.
_TAKE = "UPDATE webhooks SET due = ? WHERE id = ? AND due = ? AND state = 'waiting'"
_TRIED = """
UPDATE webhooks SET state = ?, attempts = ?, due = ?, status = ?, error = ?, ended_at = ?
WHERE id = ?
"""


class SqlWebhooks:
    """One webhook a job at the most: the one that was named last, until it is first sent."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def add(self, hook: Webhook) -> bool:
        """Whether it is taken: of those not yet sent the last holds, one that was sent stays."""
        sealed = base64.b64encode(hook.secret).decode()
        now = await self._sql.now()
        values = (hook.id, hook.job, hook.kind, hook.url, sealed, now, hook.created_at)
        return await self._sql.run(_ADD, *values) > 0

    async def of(self, job: str) -> Webhook | None:
        row = await self._sql.one(f"SELECT {_COLUMNS} FROM webhooks WHERE job = ?", job)
        return None if row is None else _hook(row)

    async def take(self, limit: int) -> Sequence[Webhook]:
        """Those that are due and wait for no job of this database, now ours for a minute."""
        now = await self._sql.now()
        found = [_hook(row) for row in await self._sql.all(_DUE, now, limit)]
        return [hook for hook in found if await self._sql.run(_TAKE, now + HELD, hook.id, hook.due)]

    async def later(self, hook: Webhook, seconds: float) -> None:
        """Look again after so many seconds."""
        due = await self._sql.now() + seconds
        await self._sql.run("UPDATE webhooks SET due = ? WHERE id = ?", due, hook.id)

    async def tried(self, hook: Webhook, seconds: float = 0.0) -> None:
        """How a try ended; where it still waits, it is due after so many seconds."""
        due = await self._sql.now() + seconds
        values = (hook.state, hook.attempts, due, hook.status, hook.error, hook.ended_at)
        await self._sql.run(_TRIED, *values, hook.id)

    async def forget(self, job: str) -> None:
        await self._sql.run("DELETE FROM webhooks WHERE job = ?", job)


def _hook(row: Row) -> Webhook:
    (hook_id, job, kind, url, sealed, state, attempts, due, status, error, created, ended) = row
    try:
        secret = base64.b64decode(sealed)
    except ValueError:  # it opens nothing, which is told when it is to be sent
        secret = b""
    return Webhook(
        id=hook_id,
        job=job,
        kind=kind,
        url=url,
        secret=secret,
        state=state,
        attempts=attempts,
        due=float(due),
        status=status,
        error=error,
        created_at=created,
        ended_at=ended,
    )
