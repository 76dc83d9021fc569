"""The reference of Giveaways and Draws: everything in this process, nothing survives it."""

from collections.abc import Sequence

from msgspec import structs

from ingather import errors
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_draw import Draw, Head, LogLine, Note


class MemoryGiveaways:
    """Giveaways and Draws."""

    def __init__(self) -> None:
        self._records: dict[str, GiveawayRecord] = {}
        self._log: list[Draw] = []
        self._notes: dict[str, list[Note]] = {}

    async def keep(self, record: GiveawayRecord) -> None:
        self._records[record.giveaway_id] = record

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        try:
            return self._records[giveaway_id]
        except KeyError:
            raise missing(giveaway_id) from None

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        found = [
            record
            for record in self._records.values()
            if (post is None or post in (each.media_id for each in record.every_post))
            and profile in (None, record.profile_id)
            and tenant in (None, record.tenant)
        ]
        found.sort(key=lambda record: (record.created_at, record.giveaway_id), reverse=True)
        return found[offset : offset + limit]

    async def head(self) -> Head:
        return Head(self._log[-1].seq, self._log[-1].commit) if self._log else Head(0, None)

    async def add(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        head = await self.head()
        if (draw.seq, draw.prev) != (head.seq + 1, head.commit):
            return False
        self._log.append(draw)
        await self.keep(record)
        await self.tell(draw.giveaway_id, note)
        return True

    async def draw(self, giveaway_id: str) -> Draw:
        for draw in self._log:
            if draw.giveaway_id == giveaway_id:
                return draw
        raise missing(giveaway_id)

    async def move(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        kept = await self.draw(draw.giveaway_id)
        if kept.version != draw.version:
            return False
        self._log[kept.seq - 1] = structs.replace(
            kept,
            anchors=draw.anchors,
            signature=draw.signature,
            drawn_at=draw.drawn_at,
            disqualified=draw.disqualified,
            version=kept.version + 1,
        )
        await self.keep(record)
        await self.tell(draw.giveaway_id, note)
        return True

    async def log(self, *, post: str | None = None) -> Sequence[LogLine]:
        return [
            LogLine(
                seq=draw.seq,
                prev=draw.prev,
                commit=draw.commit,
                giveaway_id=draw.giveaway_id,
                at=self._notes[draw.giveaway_id][0].at,
                due_at=draw.due_at,
                drawn=draw.signature is not None,
            )
            for draw in self._log
            if post is None or post in draw.posts
        ]

    async def tell(self, giveaway_id: str, note: Note) -> None:
        self._notes.setdefault(giveaway_id, []).append(note)

    async def told(self, giveaway_id: str) -> Sequence[Note]:
        return list(self._notes.get(giveaway_id, ()))


def missing(giveaway_id: str) -> errors.GiveawayNotFound:
    """The error for an id that is not there."""
    return errors.GiveawayNotFound(
        f"There is no giveaway {giveaway_id}.", hint="`ingather giveaways list` shows them."
    )
