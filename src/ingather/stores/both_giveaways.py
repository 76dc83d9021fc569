"""Giveaways in a database and in Redis: the database is the truth, Redis a copy for others.

A giveaway that the database holds stands, whether or not Redis could be written: to call it failed
would have somebody commit to it a second time. What Redis missed is written at the next change.
"""

import contextlib
from collections.abc import Sequence

from ingather import errors
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_draw import Draw, Note
from ingather.ports import Giveaways
from ingather.stores.sql import Sql
from ingather.stores.sql_giveaways import SqlGiveaways


class BothGiveaways(SqlGiveaways):
    """Giveaways and Draws of the database, copied to Redis; reads what is in Redis alone too."""

    def __init__(self, sql: Sql, copy: Giveaways) -> None:
        super().__init__(sql)
        self._copy = copy

    async def keep(self, record: GiveawayRecord) -> None:
        await super().keep(record)
        await self._copied(record)

    async def add(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        added = await super().add(draw, record, note)
        if added:
            await self._copied(record)
        return added

    async def move(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        moved = await super().move(draw, record, note)
        if moved:
            await self._copied(record)
        return moved

    async def _copied(self, record: GiveawayRecord) -> None:
        with contextlib.suppress(errors.StoreError):
            await self._copy.keep(record)

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        try:
            return await super().show(giveaway_id)
        except errors.GiveawayNotFound:
            return await self._copy.show(giveaway_id)

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        upto = offset + limit
        copies = await self._copy.list(post=post, profile=profile, tenant=tenant, limit=upto)
        ours = await super().list(post=post, profile=profile, tenant=tenant, limit=upto)
        found = {each.giveaway_id: each for each in (*copies, *ours)}
        newest = sorted(
            found.values(), key=lambda each: (each.created_at, each.giveaway_id), reverse=True
        )
        return newest[offset:upto]
