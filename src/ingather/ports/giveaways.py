"""Giveaways, their draws, and the randomness these wait for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ingather.domain.giveaway import GiveawayRecord

if TYPE_CHECKING:  # they bring cryptography with them, which no export needs
    from ingather.domain.beacon import Chain
    from ingather.domain.giveaway_draw import Draw, Head, LogLine, Note


class Giveaways(Protocol):
    """The records of giveaways, as everybody may read them (seed data-models.md)."""

    async def keep(self, record: GiveawayRecord) -> None:
        """Store a record, in the place of the one with its id."""
        ...

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        """The record; raises GiveawayNotFound, DamagedRecord."""
        ...

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        """Newest first: of a post (media id), of a profile (Instagram id), of a tenant, of all.
        Records that cannot be read are left out."""
        ...


class Draws(Protocol):
    """The draws of draw/2: a log of commitments that only grows, and how each draw stands."""

    async def head(self) -> "Head":
        """The newest commitment of this installation."""
        ...

    async def add(self, draw: "Draw", record: GiveawayRecord, note: "Note") -> bool:
        """Append a commitment, with its record. False where another was appended meanwhile: the
        number of this one is taken, and nothing was written."""
        ...

    async def draw(self, giveaway_id: str) -> "Draw":
        """How the draw stands; raises GiveawayNotFound."""
        ...

    async def move(self, draw: "Draw", record: GiveawayRecord, note: "Note") -> bool:
        """Store anchors, the beacon's answer and disqualifications. What was committed is never
        written again. False where somebody else moved it meanwhile, and nothing was written."""
        ...

    async def log(self, *, post: str | None = None) -> Sequence["LogLine"]:
        """Every commitment, oldest first; of one post, or all."""
        ...

    async def tell(self, giveaway_id: str, note: "Note") -> None:
        """Append to what is told of a giveaway."""
        ...

    async def told(self, giveaway_id: str) -> Sequence["Note"]:
        """All that was done to a giveaway, in its order."""
        ...


class Beacon(Protocol):
    """Randomness that nobody can choose, at moments known beforehand."""

    chain: "Chain"

    async def round(self, number: int) -> bytes | None:
        """The verified signature of a round; None while it is not there yet, and then one waits.
        Raises BeaconUnavailable, BeaconFalse."""
        ...
