"""Giveaways and Draws in a database: the truth about both, and permanent."""

import base64
from collections.abc import Sequence

import msgspec

from ingather.domain import giveaway
from ingather.domain.draw_receipt import Anchor, Disqualified
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_draw import Draw, Head, LogLine, Note
from ingather.stores.memory_giveaways import missing
from ingather.stores.sql import Sql, Value

_KEEP = """
INSERT INTO giveaways (giveaway_id, profile_id, tenant, created_at, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (giveaway_id) DO UPDATE SET record = excluded.record
"""

_KEEP_POST = """
INSERT INTO giveaway_posts (media_id, giveaway_id) VALUES (?, ?)
ON CONFLICT (media_id, giveaway_id) DO NOTHING
"""

_LIST = """
SELECT record FROM giveaways WHERE {} ORDER BY created_at DESC, giveaway_id DESC LIMIT ? OFFSET ?
"""

_OF_POST = "giveaway_id IN (SELECT giveaway_id FROM giveaway_posts WHERE media_id = ?)"

_APPEND = """
INSERT INTO giveaway_draws (seq, prev, commit_hash, giveaway_id, committed_at, due_at, posts,
    commitment, sealed, anchors, disqualified, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (seq) DO NOTHING
"""

_DRAW = """
SELECT seq, prev, commit_hash, due_at, posts, commitment, sealed, anchors, signature, drawn_at,
    disqualified, version
FROM giveaway_draws WHERE giveaway_id = ?
"""

_MOVE = """
UPDATE giveaway_draws
SET anchors = ?, signature = ?, drawn_at = ?, disqualified = ?, version = version + 1
WHERE giveaway_id = ? AND version = ?
"""

_LOG = """
SELECT seq, prev, commit_hash, giveaway_id, committed_at, due_at, drawn_at FROM giveaway_draws
WHERE {} ORDER BY seq
"""

_TELL = """
INSERT INTO giveaway_audit (giveaway_id, number, at, who, action, detail)
SELECT ?, count(*) + 1, ?, ?, ?, ? FROM giveaway_audit WHERE giveaway_id = ?
"""


class SqlGiveaways:
    """Giveaways and Draws over one database."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def keep(self, record: GiveawayRecord) -> None:
        async with self._sql.together() as inside:
            await _keep(inside, record)

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        row = await self._sql.one("SELECT record FROM giveaways WHERE giveaway_id = ?", giveaway_id)
        if row is None:
            raise missing(giveaway_id)
        return giveaway.read(row[0])

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        asked = {_OF_POST: post, "profile_id = ?": profile, "tenant = ?": tenant}
        given = {where: value for where, value in asked.items() if value is not None}
        statement = _LIST.format(" AND ".join(given) or "1 = 1")
        rows = await self._sql.all(statement, *given.values(), limit, offset)
        return giveaway.readable(row[0] for row in rows)

    async def head(self) -> Head:
        row = await self._sql.one(
            "SELECT seq, commit_hash FROM giveaway_draws ORDER BY seq DESC LIMIT 1"
        )
        return Head(row[0], row[1]) if row else Head(0, None)

    async def add(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        values = (
            *(draw.seq, draw.prev, draw.commit, draw.giveaway_id, note.at, draw.due_at),
            *(_json(draw.posts), draw.text, base64.b64encode(draw.sealed).decode()),
            *(_json(draw.anchors), _json(draw.disqualified)),
        )
        return await self._write(_APPEND, values, record, note)

    async def draw(self, giveaway_id: str) -> Draw:
        row = await self._sql.one(_DRAW, giveaway_id)
        if row is None:
            raise missing(giveaway_id)
        seq, prev, commit, due_at, posts, text, sealed, *after = row
        anchors, signature, drawn_at, struck, version = after
        return Draw(
            giveaway_id=giveaway_id,
            seq=seq,
            prev=prev,
            text=text,
            commit=commit,
            due_at=due_at,
            posts=msgspec.json.decode(posts, type=tuple[str, ...]),
            sealed=base64.b64decode(sealed),
            anchors=msgspec.json.decode(anchors, type=tuple[Anchor, ...]),
            signature=signature,
            drawn_at=drawn_at,
            disqualified=msgspec.json.decode(struck, type=tuple[Disqualified, ...]),
            version=version,
        )

    async def move(self, draw: Draw, record: GiveawayRecord, note: Note) -> bool:
        values = (
            *(_json(draw.anchors), draw.signature, draw.drawn_at, _json(draw.disqualified)),
            *(draw.giveaway_id, draw.version),
        )
        return await self._write(_MOVE, values, record, note)

    async def _write(
        self, sql: str, values: Sequence[Value], record: GiveawayRecord, note: Note
    ) -> bool:
        """A draw, its giveaway and a line of its log, together; whether the draw was as it must
        be for that."""
        async with self._sql.together() as inside:
            if not await inside.run(sql, *values):
                return False
            await _keep(inside, record)
            await _tell(inside, record.giveaway_id, note)
            return True

    async def log(self, *, post: str | None = None) -> Sequence[LogLine]:
        values = () if post is None else (post,)
        rows = await self._sql.all(_LOG.format(_OF_POST if values else "1 = 1"), *values)
        return [
            LogLine(
                seq=seq,
                prev=prev,
                commit=commit,
                giveaway_id=giveaway_id,
                at=at,
                due_at=due_at,
                drawn=drawn_at is not None,
            )
            for seq, prev, commit, giveaway_id, at, due_at, drawn_at in rows
        ]

    async def tell(self, giveaway_id: str, note: Note) -> None:
        await _tell(self._sql, giveaway_id, note)

    async def told(self, giveaway_id: str) -> Sequence[Note]:
        rows = await self._sql.all(
            "SELECT at, who, action, detail FROM giveaway_audit WHERE giveaway_id = ?"
            " ORDER BY number",
            giveaway_id,
        )
        return [
            Note(at=at, who=who, action=action, detail=msgspec.json.decode(detail))
            for at, who, action, detail in rows
        ]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def _keep(inside: Sql, record: GiveawayRecord) -> None:
    await inside.run(
        _KEEP,
        *(record.giveaway_id, record.profile_id, record.tenant, record.created_at),
        giveaway.text(record).decode(),
    )
    for post in record.every_post:
        await inside.run(_KEEP_POST, post.media_id, record.giveaway_id)


async def _tell(inside: Sql, giveaway_id: str, note: Note) -> None:
    await inside.run(
        _TELL, giveaway_id, note.at, note.who, note.action, _json(note.detail), giveaway_id
    )
