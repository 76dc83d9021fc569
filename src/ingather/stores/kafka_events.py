"""Events of the refresh in Kafka: the topic, and the topic of dead letters beside it.

What was replayed is known by the offsets of a group of its own, so a dead letter is never deleted
and is replayed once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import structs

from ingather import errors
from ingather.domain.instants import iso
from ingather.domain.refresh import Event, Origin
from ingather.errors import IngatherError
from ingather.ports import Clock
from ingather.ports.refresh import DeadLetter
from ingather.stores.kafka_link import KafkaLink
from ingather.stores.sql_events import dead_letter

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

TOPIC: Final = "data-refresh-instagram"
DEAD: Final = "data-refresh-instagram-dlq"
_REPLAYERS: Final = "instagram-refresh-dlq"
_PATIENCE = 10.0
_UNHEARD: Final = logging.NullHandler()


class KafkaEvents:
    """ports.refresh.Events over one Kafka."""

    def __init__(self, link: KafkaLink, clock: Clock) -> None:
        # What went wrong is an error of ours, and said once: the library's own lines on it are
        # nobody's unless the process sets up a log for them.
        logging.getLogger("aiokafka").addHandler(_UNHEARD)
        self._link = link
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, events: Sequence[Event]) -> None:
        rows = [(event.account_id.encode(), msgspec.json.encode(event)) for event in events]
        await self._send(TOPIC, rows)

    async def bury(
        self, origin: Origin, value: bytes, failure: IngatherError, attempts: int
    ) -> None:
        letter = dead_letter("", origin, value, failure, attempts, iso(self._clock.now()))
        key = f"{origin.topic}:{origin.partition}:{origin.offset}".encode()
        await self._send(DEAD, [(key, msgspec.json.encode(letter))])

    async def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        async with self._reading() as consumer:
            found, _ = await _read(consumer, limit)
            return found

    async def replay(self, *, limit: int) -> int:
        async with self._reading() as consumer:
            found, ends = await _read(consumer, limit)
            await self._send(TOPIC, [(None, each.value.encode()) for each in found])
            if ends:
                await consumer.commit(ends)
            return len(found)

    async def dead_count(self) -> int:
        async with self._reading() as consumer:
            ends = await _ends(consumer)
            return sum([end - await consumer.position(part) for part, end in ends.items()])

    async def prune(self, *, before: float) -> int:
        return 0

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            with self._translating():
                await producer.stop()

    async def _send(self, topic: str, rows: Sequence[tuple[bytes | None, bytes]]) -> None:
        """On return every row is acknowledged by all replicas there are."""
        with self._translating():
            producer = await self._opened()
            sent = [await producer.send(topic, value, key=key) for key, value in rows]
            if sent:
                await asyncio.wait_for(asyncio.gather(*sent), _PATIENCE + 5)

    async def _opened(self) -> "AIOKafkaProducer":
        from aiokafka import AIOKafkaProducer

        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._link.arguments(),
                    acks="all",
                    request_timeout_ms=round(_PATIENCE * 1000),
                    linger_ms=5,
                )
                try:
                    await self._begin(producer)
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    @contextlib.asynccontextmanager
    async def _reading(self) -> "AsyncIterator[AIOKafkaConsumer]":
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(
            **self._link.arguments(),
            group_id=_REPLAYERS,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        with self._translating():
            try:
                await self._begin(consumer)
                parts = await self._partitions(DEAD)
                consumer.assign([TopicPartition(DEAD, part) for part in parts])
                yield consumer
            finally:
                await consumer.stop()

    async def _partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; none where there is no such topic yet."""
        from aiokafka.admin import AIOKafkaAdminClient

        admin = AIOKafkaAdminClient(**self._link.arguments())
        await admin.start()
        try:
            (told,) = await admin.describe_topics([topic])
        finally:
            await admin.close()
        return [part["partition"] for part in told["partitions"]]

    async def _begin(self, client: Any) -> None:
        """Start a client; where that fails, say why."""
        from aiokafka.errors import KafkaConnectionError

        try:
            await client.start()
        except KafkaConnectionError:
            await self._link.ask()
            raise

    def _translating(self) -> "_Translating":
        return _Translating(self._link.servers)


class _Translating:
    """Kafka's errors become ours."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, failure: BaseException | None, _: object) -> None:
        from aiokafka.errors import KafkaError

        if isinstance(failure, KafkaError | TimeoutError | OSError):
            raise errors.StoreUnavailable(
                f"The Kafka at {self._servers} does not answer ({type(failure).__name__})."
            ) from None


async def _read(
    consumer: "AIOKafkaConsumer", limit: int
) -> tuple[list[DeadLetter], dict[Any, int]]:
    """At most `limit` letters from where the group stands, and where it stands after them."""
    found: list[DeadLetter] = []
    stands: dict[Any, int] = {}
    last = await _ends(consumer)
    while len(found) < limit and last:
        told = await consumer.getmany(
            *last, timeout_ms=round(_PATIENCE * 1000), max_records=limit - len(found)
        )
        if not told:
            raise TimeoutError  # there is more, and it does not come
        for partition, records in told.items():
            for record in records:
                letter_id = f"{partition.partition}:{record.offset}"
                with contextlib.suppress(msgspec.DecodeError):
                    letter = msgspec.json.decode(record.value or b"", type=DeadLetter)
                    found.append(structs.replace(letter, id=letter_id))
            stands[partition] = await consumer.position(partition)
            if stands[partition] >= last[partition]:
                del last[partition]
    return sorted(found, key=lambda letter: letter.at), stands


async def _ends(consumer: "AIOKafkaConsumer") -> dict[Any, int]:
    """Where each partition ends that has not been read to its end."""
    parts = consumer.assignment()
    ends = await consumer.end_offsets(parts)
    return {part: end for part, end in ends.items() if await consumer.position(part) < end}
