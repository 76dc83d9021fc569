"""FastStream's side of the consumer: the topic, the group, and batches handed to the pump."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from ingather import errors
from ingather.consumer.metrics import Metrics
from ingather.consumer.pump import Pump, settled
from ingather.features.refresh_work import Work
from ingather.stores.kafka_link import KafkaLink

if TYPE_CHECKING:
    from faststream.message import StreamMessage

TOPIC: Final = "data-refresh-instagram"
GROUP: Final = "instagram-refresh"
_BATCH = 500
_WAIT_MS = 200
_ANSWER = 3.0
"""Seconds after which a Kafka that was asked something does not answer."""
_log = structlog.get_logger("ingather.consumer")


class Consumer:
    """Reads the topic from where the group stands, for as long as the context lasts.

    patience: seconds that a drain gives to what is under way.
    """

    def __init__(
        self,
        link: KafkaLink,
        work: Work,
        metrics: Metrics,
        *,
        at_once: int = 64,
        patience: float = 10.0,
        hold_after: float = 5.0,
        session_ms: int = 10_000,
    ) -> None:
        self._link = link
        self._metrics = metrics
        self._patience = patience
        self._answers = False
        self.pump = Pump(
            work.do, waiting=lambda: metrics.waiting, at_once=at_once, hold_after=hold_after
        )
        self.hurry = self.pump.hurry
        self._broker = KafkaBroker(
            link.servers,
            security=link.faststream(),
            consumer_only=True,
            apply_types=False,
            logger=None,
            client_id="ingather",
        )
        self._subscriber = self._broker.subscriber(
            TOPIC,
            group_id=GROUP,
            batch=True,
            max_records=_BATCH,
            batch_timeout_ms=_WAIT_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            listener=self.pump,
            decoder=_raw,
            title="data-refresh-instagram",
            description="An account is due: {accountId, platform, scheduledAt}.",
        )(self._batch)

    async def __aenter__(self) -> "Consumer":
        """Begin to join the group: `ready` says when partitions are ours."""
        self._guard = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drain: nothing new, what is under way to its end, offsets, and out of the group."""
        _log.info("draining")
        await self.pump.drain(self._patience)
        self._guard.cancel()
        await settled(self._guard, self._patience)
        await self._leave()
        _log.info("stopped")

    async def _join(self) -> None:
        """Join the group, for as long as it takes: Kafka may come up after us."""
        wait = 0.5
        while True:
            try:
                await self._broker.start()
            except KafkaError as failure:
                _log.warning("kafka does not answer", error=await self._why(failure), wait=wait)
                await self._leave()
                await asyncio.sleep(wait)
                wait = min(30.0, wait * 2)
                continue
            self.pump.consumer = self._inner
            self._answers = True
            return

    async def _why(self, failure: KafkaError) -> str:
        try:
            await self._link.ask()
        except errors.StoreUnavailable as told:
            return str(told)
        return type(failure).__name__

    async def _leave(self) -> None:
        """Out of the group; a group that does not answer is left without a word."""
        await settled(asyncio.create_task(self._broker.stop()), self._patience)

    async def _stay(self) -> None:
        """Join the group, and join again where aiokafka has given it up, as after an answer it did
        not expect: it would never read another message, and never say so."""
        await self._join()
        while True:
            await asyncio.sleep(1.0)
            coordinator = getattr(self._inner, "_coordinator", None)
            task = getattr(coordinator, "_coordination_task", None)
            if task is not None and task.done():
                _log.warning("the group was lost; joining again")
                await self._leave()
                await self._join()

    @property
    def ready(self) -> bool:
        """Whether Kafka answers and partitions are assigned to us; another consumer may have them
        all."""
        return self._answers and self._inner is not None and bool(self._inner.assignment())

    async def measure(self) -> None:
        """Ask Kafka how far behind we are, whether or not messages come, and tell the metrics."""
        try:
            async with asyncio.timeout(_ANSWER):
                lag = await self._lag()
        except (KafkaError, TimeoutError, errors.StoreUnavailable):
            self._answers = False
        else:
            self._answers = True
            self._metrics.behind(lag)
        self._metrics.answers.set(self._answers)

    async def _lag(self) -> dict[str, int]:
        """How many messages of each of our partitions are not done."""
        consumer = self._inner
        ours = list(consumer.assignment()) if consumer is not None else []
        if not ours:
            await self._link.ask()
            return {}
        first, last, *done = await asyncio.gather(
            consumer.beginning_offsets(ours),
            consumer.end_offsets(ours),
            *(consumer.committed(part) for part in ours),
        )
        return {
            str(part.partition): last[part] - (first[part] if at is None else at)
            for part, at in zip(ours, done, strict=True)
        }

    @property
    def _inner(self) -> Any:
        return self._broker.subscribers[0].consumer  # type: ignore[attr-defined]

    async def _batch(self, records: tuple[Any, ...]) -> None:
        self.pump.consumer = self._inner
        await self.pump.run(records)


async def _raw(message: "StreamMessage[Any]") -> Any:
    """The messages as they came: what is wrong with one is ours to say."""
    return message.raw_message
