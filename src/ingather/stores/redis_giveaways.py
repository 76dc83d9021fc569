"""Giveaways in Redis, in the seeds' key layout: thirty days, and two indexes by time."""

from collections.abc import Sequence
from datetime import datetime

from ingather.domain import giveaway
from ingather.domain.giveaway import GiveawayRecord
from ingather.stores.memory_giveaways import missing
from ingather.stores.redis_link import RedisLink

RECORD = "giveaway:"
POST_INDEX = "giveaway:index:post:"
PROFILE_INDEX = "giveaway:index:profile:"
ALL_INDEX = "giveaway:index:all"
"""Ours, beside the seeds' two."""

KEPT_MS = 30 * 86_400_000

_NEWEST = 10_000
"""Ids of an index looked at by one list; thirty days seldom hold more."""


class RedisGiveaways:
    """Giveaways over one Redis."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def keep(self, record: GiveawayRecord) -> None:
        number = record.giveaway_id
        score = int(datetime.fromisoformat(record.created_at).timestamp() * 1000)
        posts = [POST_INDEX + post.media_id for post in record.every_post]
        for index in (*posts, PROFILE_INDEX + record.profile_id, ALL_INDEX):
            # The index first: an id without a record is passed over, a record without is not found.
            await self._link.call("ZADD", index, score, number)
            await self._link.call("PEXPIRE", index, KEPT_MS)
        await self._link.call("SET", RECORD + number, giveaway.text(record), "PX", KEPT_MS)

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        text = None
        if not giveaway_id.startswith("index:"):
            text = await self._link.call("GET", RECORD + giveaway_id)
        if text is None:
            raise missing(giveaway_id)
        return giveaway.read(text)

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        index = ALL_INDEX
        if post is not None:
            index = POST_INDEX + post
        elif profile is not None:
            index = PROFILE_INDEX + profile
        ids = await self._link.call("ZREVRANGE", index, 0, _NEWEST - 1)
        if not ids:
            return []
        texts = await self._link.call("MGET", *(RECORD.encode() + each for each in ids))
        records = giveaway.readable(text for text in texts if text is not None)
        found = [
            record
            for record in records
            if profile in (None, record.profile_id) and tenant in (None, record.tenant)
        ]
        return found[offset : offset + limit]

    async def every_id(self) -> Sequence[str]:
        """The ids of all records, those that other programs wrote included."""
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, keys = await self._link.call(
                "SCAN", cursor, "MATCH", f"{RECORD}*", "COUNT", 1_000, "TYPE", "string"
            )
            found |= {key.decode().removeprefix(RECORD) for key in keys}
            if cursor == b"0":
                return sorted(found)
