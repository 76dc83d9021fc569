"""Names where things rest: SQLite or PostgreSQL, Redis beside it; each is opened on first use."""

import contextlib
from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol, cast

from ingather import errors
from ingather.domain.job import Job
from ingather.ports import Cache, Jobs, Leases, Limiter, Queue, Rows
from ingather.settings import Settings

if TYPE_CHECKING:
    from ingather.features.moving import Moved
    from ingather.stores.pg_link import PgLink
    from ingather.stores.redis_link import RedisLink
    from ingather.stores.sql import Sql
    from ingather.stores.sql_giveaways import SqlGiveaways
    from ingather.stores.sql_link import SqliteLink


class Store(Jobs, Leases, Rows, Protocol):
    """Where jobs and their rows rest."""


class Storage:
    """The part of the world that outlives it. `_closing` closes what was opened."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._closing = contextlib.AsyncExitStack()
        self._stayed = set[str]()

    @cached_property
    def _sqlite(self) -> "SqliteLink":
        from ingather.stores.sql_link import SqliteLink

        make_folder(self.settings)
        link = SqliteLink(self.settings.database)
        self._closing.push_async_callback(link.close)
        return link

    @cached_property
    def _postgres(self) -> "PgLink | None":
        """The PostgreSQL that DATABASE_URL names; None where SQLite is in its place."""
        if self.settings.postgres_url is None:
            return None
        from ingather.stores.pg_link import PgLink

        link = PgLink(self.settings.postgres_url)
        self._closing.push_async_callback(link.close)
        return link

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed at the end."""
        self._closing.push_async_callback(close)

    @cached_property
    def sql(self) -> "Sql":
        """The database as the rooms beside the jobs speak to it."""
        if self._postgres is not None:
            from ingather.stores.pg_sql import PostgresSql

            return PostgresSql(self._postgres)
        from ingather.stores.sql import SqliteSql

        return SqliteSql(self._sqlite)

    async def revisions(self) -> tuple[str | None, str]:
        """Which revision the database is of (None: there are no tables yet), and which is current.
        Nothing is changed."""
        from ingather.stores import revisions

        return await (self._postgres or self._sqlite).revision(), revisions.head()

    async def migrate(self) -> None:
        """Bring the database up to date, as whatever opens it first does."""
        await self.sql.now()

    @property
    def database(self) -> str:
        """Where the database is, in words that hold no password."""
        if self._postgres is not None:
            return f"PostgreSQL at {self._postgres.place}"
        return str(self.settings.database)

    @cached_property
    def _redis(self) -> "RedisLink":
        from ingather.stores.redis_link import RedisLink

        assert self.settings.redis_url is not None
        jobs_rest_there = self.settings.comments_store == "redis"
        link = RedisLink(self.settings.redis_url, keeps_jobs=jobs_rest_there)
        self._closing.push_async_callback(link.close)
        return link

    @cached_property
    def _cache_redis(self) -> "RedisLink":
        from ingather.stores.redis_link import RedisLink

        if self.settings.cache_redis_url in (None, self.settings.redis_url):
            return self._redis
        assert self.settings.cache_redis_url is not None
        link = RedisLink(self.settings.cache_redis_url, keeps_jobs=False)
        self._closing.push_async_callback(link.close)
        return link

    @cached_property
    def store(self) -> Store:
        """Where comment exports rest."""
        if self.settings.comments_store == "redis":
            from ingather.stores.redis_jobs import RedisStore

            return RedisStore(self._redis)
        return self.sql_store

    @cached_property
    def sql_store(self) -> Store:
        """Where extractions rest, and comment exports too unless they do so in Redis."""
        if self.settings.retention is None:
            return self._sql_jobs
        from ingather.stores.retention import Retained

        seconds = self.settings.retention * 86_400.0
        return cast("Store", Retained(self._sql_jobs, self.sql, seconds=seconds))

    @cached_property
    def _sql_jobs(self) -> Store:
        if self._postgres is not None:
            from ingather.stores.pg_jobs import PgStore

            return PgStore(self._postgres)
        from ingather.stores.sql_jobs import SqlStore

        return SqlStore(self._sqlite)

    @property
    def resting_place(self) -> str:
        """Where comment exports rest, in words that hold no password."""
        return "Redis" if self.settings.comments_store == "redis" else self.database

    def found(self, job: Job, store: Store) -> None:
        """Note where a job was found: a comment export stays in the database when later ones begin
        to rest in Redis."""
        if job.kind == "comments" and store is not self.store:
            self._stayed.add(job.id)

    def store_of(self, job: Job) -> Store:
        """Where a job rests, one that was found or is new."""
        by_kind = self.store if job.kind == "comments" else self.sql_store
        return self.sql_store if job.id in self._stayed else by_kind

    @property
    def stores(self) -> list[Store]:
        """Every store that may hold jobs."""
        return list(dict.fromkeys((self.store, self.sql_store)))

    @cached_property
    def _sql_queue(self) -> Queue:
        if self._postgres is not None:
            from ingather.stores.pg_queue import PgQueue

            return PgQueue(self._postgres)
        from ingather.stores.sql_queue import SqlQueue

        return SqlQueue(self._sqlite)

    @cached_property
    def queues(self) -> list[Queue]:
        """The waiting jobs of every store."""
        queues: list[Queue] = [self._sql_queue]
        if self.settings.comments_store == "redis":
            from ingather.stores.both_queues import Stayed
            from ingather.stores.redis_jobs import RedisStore
            from ingather.stores.redis_queue import RedisQueue

            assert isinstance(self.store, RedisStore)
            note = partial(self.found, store=self.sql_store)
            queues = [Stayed(self._sql_queue, note), RedisQueue(self._redis, self.store)]
        return queues

    def queue_of(self, job: Job) -> Queue:
        """The queue that a job waits in."""
        return self.queues[0 if self.store_of(job) is self.sql_store else -1]

    async def moved_from_redis(self) -> tuple["Moved", "Moved"]:
        """Carry exports and giveaways from Redis into the database. Raises BadSetting."""
        from ingather.features import moving
        from ingather.stores.redis_giveaways import RedisGiveaways
        from ingather.stores.redis_jobs import RedisStore
        from ingather.stores.sql_adopt import SqlAdopted
        from ingather.stores.sql_giveaways import SqlGiveaways

        if self.settings.redis_url is None:
            raise errors.BadSetting(
                "There is no Redis to carry anything over from.", hint="Set REDIS_URL to it."
            )
        source = RedisStore(self._redis)
        exports = await moving.exports(source, self.sql_store, SqlAdopted(self.sql))
        records = RedisGiveaways(self._redis)
        return exports, await moving.giveaways(records, SqlGiveaways(self.sql))

    @cached_property
    def giveaways(self) -> "SqlGiveaways":
        """Records of giveaways and the log of their commitments; a copy of the records in Redis,
        where there is one."""
        if self.settings.redis_url is not None:
            from ingather.stores.both_giveaways import BothGiveaways
            from ingather.stores.redis_giveaways import RedisGiveaways

            return BothGiveaways(self.sql, RedisGiveaways(self._redis))
        from ingather.stores.sql_giveaways import SqlGiveaways

        return SqlGiveaways(self.sql)

    @cached_property
    def limiter(self) -> Limiter:
        if self.settings.redis_url is not None:
            from ingather.stores.redis_limits import RedisLimiter

            return RedisLimiter(self._redis)
        if self._postgres is not None:
            from ingather.stores.pg_cache import PgLimiter

            return PgLimiter(self._postgres)
        from ingather.stores.sql_cache import SqlLimiter

        return SqlLimiter(self._sqlite)

    @cached_property
    def cache(self) -> Cache:
        if self.settings.cache_redis_url is not None:
            from ingather.stores.redis_cache import RedisCache

            return RedisCache(self._cache_redis)
        if self._postgres is not None:
            from ingather.stores.pg_cache import PgCache

            return PgCache(self._postgres)
        from ingather.stores.sql_cache import SqlCache

        return SqlCache(self._sqlite)


def make_folder(settings: Settings) -> None:
    for folder in (settings.data_dir, settings.database.parent):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as failure:
            raise errors.UnwritablePath(
                f"The data folder {folder} cannot be made: {failure.strerror}.",
                hint="Set INGATHER_DATA_DIR to a folder that you may write to.",
            ) from None
