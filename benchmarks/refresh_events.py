"""10,000 events at 0 ms through one consumer: what a refresh costs beside its source.

`python -m benchmarks.refresh_events [COUNT] [--store …] [--posts N]` prints accounts a second by
the clock, from the moment the consumer has its partitions, and the processor time that each account
cost: the consumer's, and that of the store's server and of Kafka beside it, each a process of its
own. "For each second of its core" is what one core does that has nothing else to do: a consumer is
one process on one core, so that of its line is what a core more brings where the store keeps up.
The source answers at once within the consumer's process. MongoDB is a server that speaks its
protocol, written in Python (secantusdb): where it is the one at work all the time, the clock
measures it and not us. Kafka is librdkafka's mock cluster; Redis (Valkey) holds cache and limits.
Lost is what is missing afterwards of accounts, log, history, cache and committed offsets.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import structlog
from msgspec import structs

from benchmarks import servers
from ingather.assembly import World
from ingather.assembly_refresh import Refreshing
from ingather.consumer.app import GROUP, TOPIC, Consumer
from ingather.consumer.metrics import Metrics
from ingather.domain.records import Media, Profile
from ingather.domain.refresh import Account
from ingather.features.refresh import CACHE_KEY
from ingather.features.refresh_sources import Route
from ingather.settings import load
from ingather.stores.kafka_link import KafkaLink

WHEN = "2026-11-20T10:00:00Z"
STORES = ("mongodb", "postgresql", "sqlite")


class Told:
    """A source that answers at once, with so many posts of each account."""

    name = limit_key = "graph"
    usage = None

    def __init__(self, posts: int) -> None:
        self._posts = posts

    async def profile(self, username: str) -> Profile:
        return Profile(
            user_id=_id(username), username=username, followers_count=4711, media_count=9,
            posts=tuple(_post(username, place) for place in range(self._posts)) or None,
        )  # fmt: skip


def _id(username: str) -> str:
    return "1784" + username[1:]


def _post(username: str, place: int) -> Media:
    code = f"D{username}{place:02d}"
    return Media(
        media_id=f"1789{username[1:]}{place:07d}", shortcode=code, media_type="REELS",
        permalink=f"https://www.instagram.com/reel/{code}/", username=username,
        timestamp=f"2026-11-{20 - place:02d}T12:00:00Z", like_count=100 + place, comment_count=3,
        play_count=4_000, caption=f"Part {place} of what {username} makes #reel @friend",
        hashtags=("reel",), mentions=("friend",), likes_hidden=False,
        plays_from="business_discovery.view_count",
    )  # fmt: skip


def mongo(pipe: Any, folder: str) -> None:
    """MongoDB's protocol, until the pipe is closed."""
    from secantus import SecantusDBServer

    server = SecantusDBServer(storage_path=folder, cache_size="256M", replica_set_name=None)
    server.start()
    pipe.send(server.uri.rstrip("/") + "/ratings")
    with contextlib.suppress(EOFError):
        pipe.recv()
    server.stop()


def kafka(pipe: Any, count: int) -> None:
    """A mock cluster with so many events, until the pipe is closed."""
    from confluent_kafka import Producer

    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    for number in range(count):
        told = {"accountId": f"u{number:06d}", "platform": "instagram", "scheduledAt": WHEN}
        producer.produce(TOPIC, json.dumps(told).encode())
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush(30)
    pipe.send(f"{broker.host}:{broker.port}")
    with contextlib.suppress(EOFError):
        pipe.recv()


@contextlib.contextmanager
def apart(server: Callable[..., None], *words: Any) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its address and process id."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=server, args=(theirs, *words))
    process.start()
    theirs.close()
    try:
        yield ours.recv(), process.pid or 0
    finally:
        ours.close()
        process.join(10)


def cpu(process: int | str) -> float:
    """Seconds of processor time of a process; of a folder's name, of the PostgreSQL in it."""
    if isinstance(process, int):
        found = [psutil.Process(process)]
    else:
        found = [each for each in psutil.process_iter() if process in _command(each)]
        found += [child for each in found for child in each.children()]
    times = [each.cpu_times() for each in found]
    return sum(each.user + each.system for each in times)


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        if process.name() == "postgres":
            return " ".join(process.cmdline())
    return ""


async def measure(count: int, posts: int, settings: Any, parts: dict[str, int | str]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    metrics = Metrics()
    async with World(settings) as world:
        refreshing = Refreshing(world, metrics)
        refreshing._routes = lambda: [Route(name="graph", voices=[Told(posts)], limit=10**9)]
        names = [f"u{number:06d}" for number in range(count)]
        await refreshing.accounts.add([Account(account_id=name, handle=name) for name in names])
        for name in names:
            await world.cache.put(CACHE_KEY.format(_id(name)), b"{}", ttl=3600)
        asked = time.monotonic()
        async with Consumer(settings.kafka, refreshing.work, metrics, at_once=256) as consumer:
            while not consumer.ready:
                await asyncio.sleep(0.001)
            begun, before = time.monotonic(), {part: cpu(of) for part, of in parts.items()}
            while _done(metrics) < count:
                await asyncio.sleep(0.02)
            took = time.monotonic() - begun
            used = {part: cpu(of) - before[part] for part, of in parts.items()}
        short = await _short(world, refreshing, names)
    short["offsets"] = count - committed(settings.kafka.servers)
    lost = ", ".join(f"{many} {what}" for what, many in short.items() if many) or "nothing"
    print(f"{count:,} events: {count / took:,.0f} accounts/s by the clock; lost: {lost}")
    print(f"  (after {begun - asked:.1f} s in which Kafka gave the group its partitions)")
    for part, seconds in used.items():
        rate = f"{count / seconds:,.0f} for each second of its core" if seconds else "too little"
        busy = f"at work {seconds / took:.0%} of the time"
        print(f"  CPU of {part}: {1000 * seconds / count:.2f} ms an account ({rate}), {busy}")


def _done(metrics: Metrics) -> float:
    """Messages that are done, however they ended."""
    name = "ingather_refresh_messages_total"
    told = (metric.samples for metric in metrics.registry.collect())
    return sum(one.value for samples in told for one in samples if one.name == name)


async def _short(world: World, refreshing: Refreshing, names: list[str]) -> dict[str, int]:
    """How many accounts, entries of the log, days and cached profiles are not there as they were
    told, and what lies among the dead letters."""
    accounts = refreshing.accounts
    told = [each for each in await accounts.list(limit=len(names)) if each.follower_count == 4711]
    logged = [each.account_id for each in await accounts.log(limit=2 * len(names))]
    days = [await accounts.history(name, limit=1) for name in names[:: max(1, len(names) // 100)]]
    cached = [await world.cache.get(CACHE_KEY.format(_id(name))) for name in names]
    return {
        "accounts": len(names) - len(told),
        "log entries": len(names) - len(set(logged)),
        "log entries too many": len(logged) - len(set(logged)),
        "days": sum(not day for day in days),
        "cached profiles": sum(b"4711" not in (each or b"") for each in cached),
        "to dead letters": await refreshing.events.dead_count(),
    }


def committed(address: str) -> int:
    """Messages whose offset the group has committed."""
    from confluent_kafka import Consumer as Reader
    from confluent_kafka import TopicPartition

    reader = Reader({"bootstrap.servers": address, "group.id": GROUP})
    try:
        parts = reader.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        found = reader.committed([TopicPartition(TOPIC, part) for part in parts], timeout=10)
        return sum(max(0, each.offset) for each in found)
    finally:
        reader.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refresh_events")
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--store", choices=STORES, default="mongodb")
    parser.add_argument("--posts", type=int, default=0, help="told with each account; 0 to 12")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="igb-")))
        redis = stack.enter_context(servers.valkey())
        address, broker = stack.enter_context(apart(kafka, asked.count))
        settings = structs.replace(
            load({}), data_dir=folder, database=folder / "i.db", kafka=KafkaLink(servers=address),
            redis_url=redis, cache_redis_url=redis,
        )  # fmt: skip
        parts: dict[str, int | str] = {"the consumer": psutil.Process().pid}
        if asked.store == "mongodb":
            url, server = stack.enter_context(apart(mongo, str(folder / "m")))
            settings = structs.replace(settings, mongodb_url=url)
            parts["the server in MongoDB's place"] = server
        elif asked.store == "postgresql":
            url = stack.enter_context(servers.postgres()) or ""
            settings = structs.replace(settings, postgres_url=url)
            parts["PostgreSQL"] = url.rpartition("=")[2]
        parts["the cluster in Kafka's place"] = broker
        asyncio.run(measure(asked.count, asked.posts, settings, parts))


if __name__ == "__main__":
    main()
