"""Events of the refresh in SQL, where there is no Kafka: a queue that outlives its readers."""

from collections.abc import Sequence
from uuid import uuid4

import msgspec
from msgspec import Struct

from ingather.domain.instants import iso
from ingather.domain.refresh import Event, Origin
from ingather.errors import IngatherError
from ingather.ports.refresh import DeadLetter
from ingather.stores.sql import Sql

TOPIC = "queue"


class Taken(Struct, frozen=True):
    """A message that was taken, and has to be finished or will be given again."""

    id: str
    body: bytes
    origin: Origin


class SqlEvents:
    """ports.refresh.Events over either database. A message is taken for a while, and given to
    somebody else where it is not finished by then."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def publish(self, events: Sequence[Event]) -> None:
        async with self._sql.together() as inside:
            await _put(
                inside, [(_name(each), msgspec.json.encode(each).decode()) for each in events]
            )

    async def take(self, *, limit: int, lease: float) -> list[Taken]:
        """The oldest messages that nobody has."""
        free = "SELECT 1 FROM refresh_queue WHERE not_before <= ? LIMIT 1"
        if await self._sql.one(free, await self._sql.now()) is None:
            return []  # most of the time; a transaction would be for nothing
        async with self._sql.together() as inside:
            now = await inside.now()
            rows = await inside.all(
                "SELECT id, event, takes FROM refresh_queue WHERE not_before <= ?"
                " ORDER BY not_before, queued_at, id LIMIT ?",
                now, limit,
            )  # fmt: skip
            return [
                Taken(row[0], row[1].encode(), Origin(TOPIC, 0, row[2] + 1))
                for row in rows
                if await inside.run(
                    "UPDATE refresh_queue SET not_before = ?, takes = takes + 1"
                    " WHERE id = ? AND not_before <= ?",
                    now + lease, row[0], now,
                )
            ]  # fmt: skip

    async def keep(self, ids: Sequence[str], *, lease: float) -> None:
        """Hold messages for longer."""
        if ids:
            now = await self._sql.now()
            await self._sql.run(
                f"UPDATE refresh_queue SET not_before = ? WHERE id IN ({_places(ids)})",
                now + lease, *ids,
            )  # fmt: skip

    async def finish(self, ids: Sequence[str]) -> None:
        """Messages are done."""
        if ids:
            await self._sql.run(f"DELETE FROM refresh_queue WHERE id IN ({_places(ids)})", *ids)

    async def waiting(self) -> int:
        """Messages that are not done."""
        row = await self._sql.one("SELECT count(*) FROM refresh_queue")
        assert row is not None
        return int(row[0])

    async def bury(
        self, origin: Origin, value: bytes, failure: IngatherError, attempts: int
    ) -> None:
        at = iso(await self._sql.now())
        letter = dead_letter(uuid4().hex, origin, value, failure, attempts, at)
        await self._sql.run(
            "INSERT INTO refresh_dead (id, letter, at) VALUES (?, ?, ?)",
            letter.id, msgspec.json.encode(letter).decode(), at,
        )  # fmt: skip

    async def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        rows = await self._sql.all("SELECT letter FROM refresh_dead ORDER BY at, id LIMIT ?", limit)
        return [msgspec.json.decode(row[0], type=DeadLetter) for row in rows]

    async def dead_count(self) -> int:
        row = await self._sql.one("SELECT count(*) FROM refresh_dead")
        assert row is not None
        return int(row[0])

    async def prune(self, *, before: float) -> int:
        return await self._sql.run("DELETE FROM refresh_dead WHERE at < ?", iso(before))

    async def replay(self, *, limit: int) -> int:
        async with self._sql.together() as inside:
            rows = await inside.all(
                "SELECT id, letter FROM refresh_dead ORDER BY at, id LIMIT ?", limit
            )
            letters = [msgspec.json.decode(row[1], type=DeadLetter) for row in rows]
            await _put(inside, [(uuid4().hex, letter.value) for letter in letters])
            for row in rows:
                await inside.run("DELETE FROM refresh_dead WHERE id = ?", row[0])
        return len(rows)


def dead_letter(
    letter_id: str,
    origin: Origin,
    value: bytes,
    failure: IngatherError,
    attempts: int,
    at: str,
) -> DeadLetter:
    """What is kept of a message that could not be processed."""
    return DeadLetter(
        id=letter_id,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        error=str(failure),
        code=failure.code,
        attempts=attempts,
        value=value.decode("utf-8", "replace").replace("\0", "\ufffd"),
        at=at,
    )


def _name(event: Event) -> str:
    """One of the schedule waits once for each account: a scheduler that died before it could say
    that it had published comes again. What somebody asks for is done after that moment, and so has
    a name of its own."""
    return uuid4().hex if event.again else f"scheduled:{event.account_id}"


async def _put(inside: Sql, messages: Sequence[tuple[str, str]]) -> None:
    """messages: the id and the text of each; an id that waits already stays as it is."""
    now = await inside.now()
    for number, (message_id, body) in enumerate(messages):
        await inside.run(
            "INSERT INTO refresh_queue (id, event, queued_at) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            message_id, body, now + number * 1e-6,
        )  # fmt: skip


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
