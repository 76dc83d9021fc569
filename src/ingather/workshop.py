"""Workers built of the world: of its stores, its sources and its tokens."""

from typing import TYPE_CHECKING

from ingather import errors
from ingather.domain.job import Failure, Job
from ingather.engine.backoff import Policy
from ingather.engine.crew import Crew, Report
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.ports import Claim

if TYPE_CHECKING:
    from ingather.assembly import World


PATIENCE = Policy(longest_park=60.0)
"""A worker does not wait out a long limit with a job in its hands: it is given back until then."""


class Workshop:
    """Takes up the queued jobs of every store of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def crew(self, *, room: int, report: Report) -> Crew:
        """A crew that runs so many jobs at a time."""
        world = self._world
        return Crew(
            world.queues,
            world.store_of,
            self.run,
            world.clock,
            room=room,
            reach=world.reach,
            report=report,
            sandbox=world.settings.sandbox,
        )

    async def run(self, claim: Claim, stop: Stop) -> Job:
        """Take a job that was just claimed as far as it goes now. Raises as `Worker.run`."""
        try:
            collection = self._world.collection_of(claim.job)
            fetcher = collection.fetcher(PATIENCE)
        except errors.IngatherError as failure:
            await self._refused(claim, failure)
            raise
        return await collection.run(claim.job, fetcher, stop=stop, watch=Unwatched(), claim=claim)

    async def _refused(self, claim: Claim, failure: errors.IngatherError) -> None:
        """Give back a job whose source cannot even be built."""
        keyless = isinstance(failure, errors.NoToken)
        await self._world.store_of(claim.job).settle(
            claim.job.id,
            claim.fence,
            "paused" if keyless else "failed",
            reason="needs_login" if keyless else None,
            error=Failure(failure.message, failure.code),
        )


class Quiet:
    """A report to nobody."""

    def began(self, job: Job) -> None: ...

    def ended(self, job: Job) -> None: ...

    def failed(self, job: Job, error: Exception) -> None: ...

    def held_back(self, count: int, error: errors.IngatherError) -> None: ...

    def trouble(self, error: errors.IngatherError) -> None: ...

    def well_again(self) -> None: ...
