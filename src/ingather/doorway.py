"""What the HTTP door keeps of its own, built of the world: keys, webhooks, answers given again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from ingather.domain.job import Job
from ingather.engine.meanwhile import meanwhile
from ingather.features.keys import Keys
from ingather.features.webhooks import Webhooks

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.stores.sql_answers import SqlAnswers


class Doorway:
    """The part of a world that only the HTTP door, and the commands about it, have to do with."""

    def __init__(self, world: "World") -> None:
        self._world = world

    @cached_property
    def keys(self) -> Keys:
        """Who may come in."""
        from ingather.stores.sql_keys import SqlKeys

        return Keys(SqlKeys(self._world.sql), self._world.clock)

    @cached_property
    def answers(self) -> "SqlAnswers":
        """What creations were answered with, by their Idempotency-Key."""
        from ingather.stores.sql_answers import SqlAnswers

        return SqlAnswers(self._world.sql)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Who is told of a job's end."""
        from ingather.providers.callback import Callback
        from ingather.stores.sql_webhooks import SqlWebhooks

        private = self._world.settings.webhook_private
        return Webhooks(
            SqlWebhooks(self._world.sql),
            lambda: self._world.secrets,
            Callback(private=private).post,
            self._find,
            self._world.clock,
            private=private,
        )

    @asynccontextmanager
    async def delivering(
        self, sent: Callable[[int], None] = lambda count: None
    ) -> AsyncIterator[None]:
        """Deliver webhooks meanwhile. sent: told how many went out."""
        async with meanwhile(self.webhooks.run(sent)):
            yield

    async def _find(self, kind: str, job_id: str, targets: int) -> Job:
        store = self._world.store if kind == "comments" else self._world.sql_store
        return await store.show(job_id, targets=targets)
