"""Names the concretes of the refresh: where accounts rest, where events wait, who is asked."""

from functools import cached_property
from typing import TYPE_CHECKING

from ingather.assembly import World
from ingather.ports.refresh import Accounts, Events, Lister, Voice, Watcher

if TYPE_CHECKING:
    from ingather.features.refresh import Refresher
    from ingather.features.refresh_keep import Keep
    from ingather.features.refresh_more import Extras
    from ingather.features.refresh_sources import Route, Sources
    from ingather.features.refresh_work import Work
    from ingather.stores.sql_events import SqlEvents


class Refreshing:
    """The refresh's part of a world, each built on first use; the world closes it."""

    def __init__(self, world: World, watcher: Watcher, *, limit: int | None = None) -> None:
        self._world = world
        self._watcher = watcher
        self._limit = limit

    @cached_property
    def accounts(self) -> Accounts:
        """MongoDB where MONGODB_URL is set, else SQL."""
        keep = self._world.settings.refresh_media_kept
        if self._world.settings.mongodb_url is not None:
            from ingather.stores.mongo_accounts import MongoAccounts
            from ingather.stores.mongo_link import MongoLink

            link = MongoLink(self._world.settings.mongodb_url)
            self._world.closing(link.close)
            return MongoAccounts(link, keep=keep)
        from ingather.stores.sql_accounts import SqlAccounts

        return SqlAccounts(self._world.sql, keep=keep)

    @cached_property
    def queue(self) -> "SqlEvents":
        """The queue in the store, for where there is no Kafka."""
        from ingather.stores.sql_events import SqlEvents

        return SqlEvents(self._world.sql)

    @cached_property
    def events(self) -> Events:
        """Kafka where KAFKA_BOOTSTRAP_SERVERS is set, else the queue."""
        link = self._world.settings.kafka
        if link is None:
            return self.queue
        from ingather.stores.kafka_events import KafkaEvents

        events = KafkaEvents(link, self._world.clock)
        self._world.closing(events.close)
        return events

    @cached_property
    def sources(self) -> "Sources":
        from ingather.features.refresh_sources import Sources

        return Sources(
            self._routes(),
            limiter=self._world.limiter,
            clock=self._world.clock,
            watcher=self._watcher,
        )

    @cached_property
    def refresher(self) -> "Refresher":
        from ingather.features.refresh import Refresher

        return Refresher(
            self.accounts, self.sources, self.extras, self._world.cache, self._world.clock
        )

    @cached_property
    def extras(self) -> "Extras":
        """Latest posts that do not come with profiles, and insights of one's own accounts."""
        from ingather.features.refresh_more import Extras, Share, Wanted

        settings, limiter = self._world.settings, self._world.limiter
        insights = Share(limiter, "insights", calls=settings.refresh_insights_per_hour)
        listers: list[Lister] = []
        if settings.refresh_hiker_media and settings.hiker_key is not None:
            listers.append(self._world.hiker("posts"))
        return Extras(
            Wanted(
                posts=settings.refresh_media,
                of_account="profile" in settings.refresh_insights,
                of_posts="media" in settings.refresh_insights,
            ),
            listers=listers,
            insiders=self._world.graphs_own(insights) if settings.refresh_insights else (),
            limiter=limiter,
            clock=self._world.clock,
            watcher=self._watcher,
        )

    @property
    def keep(self) -> "Keep":
        """How long log, dead letters and history are kept."""
        from ingather.features.refresh_keep import DAY, Keep

        settings = self._world.settings
        history = settings.history_days
        return Keep(settings.refresh_log_days * DAY, None if history is None else history * DAY)

    @property
    def share(self) -> int:
        """Calls of an hour, by all tokens: as many accounts are scheduled in one."""
        from ingather.features.refresh_sources import LIMIT

        limit = self._limit or self._world.settings.calls_per_hour or LIMIT
        return limit * max(1, len(self._world.graphs()))

    @cached_property
    def work(self) -> "Work":
        from ingather.features.refresh_work import Work

        return Work(self.refresher, self.events, self._world.clock, self._watcher)

    def _routes(self) -> "list[Route]":
        from ingather.features.refresh_sources import LIMIT, Route

        limit = self._limit or self._world.settings.calls_per_hour or LIMIT
        routes = []
        if graphs := self._world.graphs(posts=self._world.settings.refresh_media):
            routes.append(Route(name="graph", voices=graphs, limit=limit, opening=2))
        routes.append(Route(name="page", voices=[self._world.page], limit=limit))
        if self._world.settings.hiker_key is not None:
            voices: list[Voice] = [self._world.hiker("posts")]
            # The service allows fifteen calls a second; what it costs is the owner's to bound.
            routes.append(Route(name="hiker", voices=voices, limit=10, window=1.0))
        return routes
