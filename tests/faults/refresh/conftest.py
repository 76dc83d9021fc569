"""Kafka for the refresh: librdkafka's own mock cluster, and a world around it."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from ingather.assembly import World
from ingather.assembly_refresh import Refreshing
from ingather.consumer.app import Consumer
from ingather.consumer.metrics import Metrics
from ingather.domain.records import Profile
from ingather.domain.refresh import Account, Event
from ingather.settings import load
from ingather.stores.kafka_link import KafkaLink

TOPIC, DEAD = "data-refresh-instagram", "data-refresh-instagram-dlq"
WHEN = "2026-11-20T10:00:00Z"
FULL = os.environ.get("INGATHER_FAULTS") == "full"
SESSION_MS = 10_000 if FULL else 1_500
"""After so long without a word the group gives a member up. The mock cluster waits nearly as long
whenever a group has lost a member, and every restart with it."""


class Cluster:
    """librdkafka's mock cluster (rdkafka_mock.h), of one broker. Made by its own functions, because
    only they can tell a new group not to wait three seconds for more members."""

    REBALANCE_MS = 200

    def __init__(self) -> None:
        from confluent_kafka import cimpl

        self._lib = ctypes.CDLL(cimpl.__file__)
        pointer = ctypes.c_void_p
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self._lib, name).restype = pointer
        self._lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        said = ctypes.create_string_buffer(200)
        conf = pointer(self._lib.rd_kafka_conf_new())
        level = (b"log_level", b"0")  # it would say that it has no servers, which it needs not
        self._lib.rd_kafka_conf_set(conf, *level, said, ctypes.c_size_t(200))
        self._client = pointer(self._lib.rd_kafka_new(0, conf, said, ctypes.c_size_t(200)))
        self._cluster = pointer(self._lib.rd_kafka_mock_cluster_new(self._client, 1))
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(
            self._cluster, ctypes.c_int32(self.REBALANCE_MS)
        )
        self.servers = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def moved_to(self, port: int) -> None:
        """Tell clients that the broker is at another port of this machine."""
        host = (b"127.0.0.1", ctypes.c_int32(port))
        self._lib.rd_kafka_mock_broker_set_host_port(self._cluster, ctypes.c_int32(1), *host)

    def away(self, gone: bool) -> None:
        """The broker is gone, with what it holds kept, or is back."""
        name = f"rd_kafka_mock_broker_set_{'down' if gone else 'up'}"
        getattr(self._lib, name)(self._cluster, ctypes.c_int32(1))

    def close(self) -> None:
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._client)


class Kafka:
    """A mock cluster with four partitions a topic, and what a test asks of it."""

    def __init__(self, cluster: Cluster) -> None:
        from confluent_kafka import Producer

        self.servers, self.moved_to, self.away = cluster.servers, cluster.moved_to, cluster.away
        self._producer = Producer({"bootstrap.servers": self.servers})

    def close(self) -> None:
        """Let the connection go, before the cluster ends."""
        del self._producer

    def send(self, *bodies: bytes, topic: str = TOPIC) -> None:
        for body in bodies:
            self._producer.produce(topic, body)
            self._producer.poll(0)
        assert self._producer.flush(20) == 0

    def dead(self) -> list[dict[str, object]]:
        """Every dead letter."""
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer({"bootstrap.servers": self.servers, "group.id": "test-reader"})
        found = []
        try:
            parts = self._producer.list_topics(DEAD, timeout=10).topics[DEAD].partitions
            for part in parts:
                _, end = reader.get_watermark_offsets(TopicPartition(DEAD, part), timeout=10)
                if end <= 0:
                    continue
                reader.assign([TopicPartition(DEAD, part, 0)])
                while len(batch := reader.consume(1, timeout=10)):
                    found.append(json.loads(batch[0].value()))
                    if batch[0].offset() == end - 1:
                        break
        finally:
            reader.close()
        return found

    def committed(self) -> int:
        """Messages of the topic that the group has committed, over all partitions."""
        from confluent_kafka import Consumer, TopicPartition

        reader = Consumer({"bootstrap.servers": self.servers, "group.id": "instagram-refresh"})
        try:
            parts = self._producer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
            found = reader.committed([TopicPartition(TOPIC, part) for part in parts], timeout=10)
            return sum(max(0, each.offset) for each in found)
        finally:
            reader.close()


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    cluster = Cluster()
    try:
        found = Kafka(cluster)
        yield found
        found.close()
    finally:
        cluster.close()


def event(account_id: str, *, platform: str = "instagram", at: str = WHEN) -> bytes:
    told = {"accountId": account_id, "platform": platform, "scheduledAt": at}
    return json.dumps(told).encode()


class Told:
    """A voice of the test's own: tells every account, and counts what it was asked."""

    name = "page"
    limit_key = "told"
    usage = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.before = None

    async def profile(self, username: str) -> Profile:
        self.asked.append(username)
        if self.before is not None:
            await self.before(username)
        return Profile(user_id=None, username=username, followers_count=1000 + len(username))


class Room:
    """A world with accounts in its store, whose one source is `voice`."""

    def __init__(self, settings, **clock) -> None:
        from ingather.features.refresh_sources import Route

        self.world = World(settings, **clock)
        self.metrics, self.voice = Metrics(), Told()
        self.parts = Refreshing(self.world, self.metrics)
        self.route = Route(name="page", voices=[self.voice], limit=1_000_000)
        self.parts._routes = lambda: [self.route]

    async def add(self, count: int) -> list[str]:
        ids = [f"a{number:05d}" for number in range(count)]
        await self.parts.accounts.add([Account(account_id=each, handle=f"u{each}") for each in ids])
        return ids

    async def refreshed(self) -> set[str]:
        """Accounts whose truth is written, and with it their log."""
        rows = await self.parts.accounts.list(limit=100_000)
        done = {each.account_id for each in rows if each.last_data_refresh}
        logged = [entry.account_id for entry in await self.parts.accounts.log(limit=100_000)]
        assert done <= set(logged)
        assert len(logged) == len(set(logged)), "a refresh is logged twice"
        return done


@pytest.fixture
async def room(tmp_path, kafka):
    settings = structs.replace(
        load({}, folder=tmp_path),
        data_dir=tmp_path,
        kafka=KafkaLink(servers=kafka.servers),
        database=sqlite_at(tmp_path),
    )
    found = Room(settings)
    async with found.world:
        yield found


def sqlite_at(folder: Path):
    return load({"DATABASE_URL": f"sqlite:///{folder}/ingather.db"}, folder=folder).database


def published(ids: list[str]) -> list[Event]:
    return [Event(each, "instagram", WHEN) for each in ids]


class Program:
    """`ingather consumer` as a process of its own, against the sandbox."""

    def __init__(
        self, command: Callable[..., Any], folder: Path, kafka: Kafka, outside, **test: str
    ) -> None:
        env = {
            **os.environ,
            "INGATHER_DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/ingather.db",
            "KAFKA_BOOTSTRAP_SERVERS": kafka.servers,
            "INSTAGRAM_WEB_URL": outside.web_url,
            "INSTAGRAM_GRAPH_URL": outside.graph_url,
        }
        for name in ("REDIS_URL", "MONGODB_URL", "INSTAGRAM_ACCESS_TOKEN", "HIKERAPI_KEY"):
            env.pop(name, None)
        env |= test
        before = (
            "from ingather.consumer.app import Consumer;"
            f" Consumer.__init__.__kwdefaults__['session_ms'] = {SESSION_MS}"
        )
        words = ["consumer", "--health-port", "0", "--limit", "100000", "--at-once", "4"]
        self._running = command(*words, folder=folder, environ=env, before=before)

    def wait(self, seconds: float = 60) -> int:
        return self._running.ended(within=seconds).code

    def ask_to_end(self) -> None:
        self._running.send(signal.SIGTERM)

    def end(self) -> int:
        self.ask_to_end()
        return self.wait()

    @property
    def said(self) -> str:
        return self._running.err

    def probe(self, path: str) -> int:
        """The status of /health or /ready."""
        (started,) = (json.loads(each) for each in self.said.splitlines() if "health_port" in each)
        with contextlib.closing(HTTPConnection("127.0.0.1", started["health_port"])) as way:
            way.request("GET", f"/{path}")
            return way.getresponse().status


@pytest.fixture
def program(command, tmp_path, kafka, outside) -> Callable[..., Program]:
    def start(**test: str) -> Program:
        return Program(command, tmp_path, kafka, outside, **test)

    return start


def until(told, seconds: float = 60.0) -> None:
    """Wait for something that a process is to do."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@contextlib.asynccontextmanager
async def consuming(room, **options):
    options = {"session_ms": SESSION_MS} | options
    async with Consumer(room.world.settings.kafka, room.parts.work, room.metrics, **options) as one:
        yield one


async def reaches(told, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = told()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.05)


def counted(room, outcome: str) -> int:
    value = room.metrics.registry.get_sample_value(
        "ingather_refresh_messages_total", {"outcome": outcome}
    )
    return int(value or 0)
