"""Names what can be asked for: the features, over the storage and the outside they are given."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from ingather import errors
from ingather.domain.job import Job
from ingather.domain.kinds import FILLED, WITH_INSIGHTS
from ingather.outside import Outside
from ingather.ports import Clock, Source
from ingather.settings import Settings, apart

if TYPE_CHECKING:
    from ingather.engine.quota import Limit
    from ingather.features.analyses import Reels
    from ingather.features.collection import Collection
    from ingather.features.comments import Comments
    from ingather.features.extraction import Extractions
    from ingather.features.giveaway_draws import GiveawayDraws
    from ingather.features.giveaway_exports import Exports
    from ingather.features.giveaways import Giveaways
    from ingather.features.rates import Rates
    from ingather.storage import Store


class SystemClock:
    """The real time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class World(Outside):
    """All that a door may ask for, in one place; `async with` closes what was opened.

    names, codes: ids and shortcodes by the short names of posts, which only the sandbox has.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        names: Mapping[str, str] | None = None,
        codes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(settings, clock or SystemClock())
        self.names = names or {}
        self._codes = codes or {}
        self._rate_holds = float("-inf")
        self._asking_rate = asyncio.Lock()

    async def __aenter__(self) -> "World":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    def named(self, source: str) -> Mapping[str, str]:
        """The sandbox's posts by their names, as a source knows them: HikerAPI has no ids of the
        Graph API."""
        return self._codes if source == "hiker" else self.names

    @cached_property
    def of_accounts(self) -> "World":
        """The world in which accounts are kept fresh: this one; beside a sandbox one that rests in
        a file of its own, for the accounts are real."""
        if not self.settings.sandbox:
            return self
        found = World(apart(self.settings), clock=self.clock)
        self.closing(found.__aexit__)
        return found

    @cached_property
    def exports(self) -> "Exports":
        """The exports that giveaways are drawn from."""
        from ingather.features.giveaway_exports import Exports

        return Exports(self.stores)

    @cached_property
    def drawing(self) -> "Giveaways":
        """Giveaways up to their draw (draw/1) or their commitment (draw/2)."""
        import os

        from ingather.features.giveaways import Giveaways

        return Giveaways(
            exports=self.exports,
            records=self.giveaways,
            draws=self.giveaways,
            secrets=self.secrets,
            clock=self.clock,
            random=os.urandom,
        )

    @cached_property
    def drawn(self) -> "GiveawayDraws":
        """Giveaways from their commitment on."""
        from ingather.features.giveaway_draws import GiveawayDraws

        return GiveawayDraws(
            records=self.giveaways, draws=self.giveaways, secrets=self.secrets, clock=self.clock
        )

    @cached_property
    def rates(self) -> "Rates":
        """The limits of calls that are set or known."""
        from ingather.features.rates import Rates

        settings = self.settings
        tokens = max(1, len(settings.access_tokens))
        return Rates(settings.calls_per_hour, app_id=settings.app_id, tokens=tokens)

    async def limits(self, source: Source) -> "Sequence[Limit]":
        """What the next call to a source has to fit in."""
        if source.name == "hiker" and self.settings.hiker_key is not None:
            await self._learn_rate()
        return self.rates.of(source)

    async def _learn_rate(self) -> None:
        """Ask what HikerAPI allows a second, now and then; asking is free."""
        from ingather.features.rates import AGAIN, KEPT

        if self.clock.monotonic() < self._rate_holds:
            return
        async with self._asking_rate:  # whoever calls meanwhile waits for the answer, too
            if self.clock.monotonic() < self._rate_holds:
                return
            try:
                self.rates.hiker = (await self.hiker("followers").balance()).rate
                self._rate_holds = self.clock.monotonic() + KEPT
            except errors.SourceError:
                self._rate_holds = self.clock.monotonic() + AGAIN

    @cached_property
    def comments(self) -> "Comments":
        return self._comments(self.store)

    def _comments(self, store: "Store") -> "Comments":
        from ingather.features.comments import Comments

        return Comments(
            jobs=store,
            leases=store,
            rows=store,
            limiter=self.limiter,
            clock=self.clock,
            source=lambda: self.graph,
            limits=self.limits,
        )

    def extractions(
        self, kind: str, source: str, words: Sequence[str], *, route: str | None = None
    ) -> "Extractions":
        """Extractions of one kind through one source (`features.voices` chooses it): graph, hiker
        or archive (words: its files). route: the way a job keeps."""
        from ingather.features.extraction import Extractions

        return Extractions(
            jobs=self.sql_store,
            leases=self.sql_store,
            rows=self.sql_store,
            limiter=self.limiter,
            clock=self.clock,
            source=cache(lambda: self._source(kind, source, words, route)),
            limits=self.limits,
        )

    def through(
        self, source: str, *, kind: str, words: Sequence[str], insights: bool
    ) -> "Extractions":
        """Extractions to begin at a source; insights are told by the Graph API alone."""
        route = WITH_INSIGHTS if insights and source == "graph" else None
        return self.extractions(kind, source, words, route=route)

    def analyses(self, source: str, *, route: str | None = None, fill: bool = False) -> "Reels":
        """Analyses of accounts' reels through one source; insights are told of one's own alone.
        fill: have gaps filled by HikerAPI, as a route that says so does."""
        from ingather.features.analyses import Reels
        from ingather.stores.sql_analyses import SqlAnalyses

        way = route.removesuffix(FILLED) if route else WITH_INSIGHTS if source == "graph" else None
        fill = (fill or (route or "").endswith(FILLED)) and source == "graph"
        return Reels(
            table=SqlAnalyses(self.sql),
            filler=(lambda: self.hiker("reels")) if fill else None,
            jobs=self.sql_store,
            leases=self.sql_store,
            rows=self.sql_store,
            limiter=self.limiter,
            clock=self.clock,
            source=cache(lambda: self._source("reels", source, (), way)),
            limits=self.limits,
        )

    def collection_of(self, job: Job) -> "Collection":
        """What runs and saves a job that exists."""
        if job.kind == "comments":
            return self._comments(self.store_of(job))
        if job.kind == "analysis":
            return self.analyses(job.source, route=job.route)
        words = (job.targets[0].words or "").split("\n")
        return self.extractions(job.kind, job.source, words, route=job.route)
