"""Names what draws giveaways: beacon, time stamps, and the features that use them."""

from functools import cached_property
from typing import TYPE_CHECKING

from ingather.ports import Beacon, Clock
from ingather.settings import Settings
from ingather.storage import Storage

if TYPE_CHECKING:
    from ingather.features.giveaway_draws import GiveawayDraws
    from ingather.features.giveaway_exports import Exports
    from ingather.features.giveaways import Giveaways
    from ingather.providers.http import Http
    from ingather.providers.tsa import TimeStamps


class Drawing(Storage):
    """The part of the world that draws."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings)
        self.clock = clock

    @cached_property
    def http(self) -> "Http":
        from ingather.providers.http import Http

        http = Http()
        self._closing.push_async_callback(http.close)
        return http

    def beacon(self, words: str | None = None) -> Beacon:
        """drand, sandbox, or file:ROUNDS.json; the first two as the world is, without words."""
        from ingather.providers import beacon

        return beacon.named(words, self.http, self.settings.drand_url, self.settings.sandbox)

    @cached_property
    def time_stamps(self) -> "TimeStamps | None":
        """The time-stamp authority; None where none is set."""
        from ingather.providers.tsa import TimeStamps

        url = self.settings.tsa_url
        return None if url is None else TimeStamps(self.http, url)

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
