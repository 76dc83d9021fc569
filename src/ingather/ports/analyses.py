"""What watchers of an analysis see."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol

from ingather.domain.merging import Filled
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile

if TYPE_CHECKING:  # it brings NumPy with it, which no export needs
    from ingather.domain.reel_columns import Some


class Analyses(Protocol):
    """What watchers of an analysis see, and its rows in the seed's table. The job is the truth: all
    of this can be made again from it, and writing a page twice changes nothing."""

    async def begin(self, analysis_id: str, profile: Profile) -> None:
        """Keep the profile, once it is known; a row of its own stands for it until reels come."""
        ...

    async def add(self, analysis_id: str, reels: Sequence[Media], source: str) -> None:
        """Write further reels, each once, in one transaction, and who told their numbers: `source`
        where nothing else is said."""
        ...

    async def note(self, analysis_id: str, standing: Standing) -> None:
        """Tell how far it is."""
        ...

    async def fill(self, analysis_id: str, filled: Filled) -> None:
        """Tell what a second source has added so far, and what that has cost."""
        ...

    async def filled(self, analysis_id: str) -> Filled | None: ...

    async def close(self, analysis_id: str, status: str, error: str | None) -> None:
        """Write the seed's status (completed or failed) into every row."""
        ...

    async def profile(self, analysis_id: str) -> Profile | None: ...

    async def standing(self, analysis_id: str) -> Standing | None:
        """How far it was when that was last told."""
        ...

    def columns(self, analysis_id: str) -> AsyncIterator["Some"]:
        """The reels that its job has kept, in arrival order, as an analysis looks at them."""
        ...

    async def captions(self, analysis_id: str, places: Sequence[int]) -> Sequence[str | None]:
        """The captions of some of them. places: ascending, the first reel is 0."""
        ...
