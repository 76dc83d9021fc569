"""Pages of a claimed job on their way into the store: one after the other, each of them once."""

from ingather import errors, points
from ingather.engine.lease import Lease
from ingather.ports import Batch, Claim, Clock, Leases, Outcome

PATIENCE = 20.0
"""Seconds for which a store that does not answer is asked again, within the lease."""


class Commits:
    """Commits of one claim. counters: those of the job after the last of them."""

    def __init__(self, claim: Claim, lease: Lease, leases: Leases, clock: Clock) -> None:
        self._job_id = claim.job.id
        self._lease = lease
        self._leases = leases
        self._clock = clock
        self._sequence = claim.job.sequence
        self.counters = claim.job.counters

    async def commit(self, batch: Batch) -> Outcome:
        """The next page."""
        outcome = await self._surely(self._sequence + 1, batch)
        points.reach("committed")
        self._sequence += 1
        self.counters = outcome.counters
        return outcome

    async def last(self, batch: Batch) -> Outcome:
        """What came of the last page, whoever committed it; nothing is written. batch: any."""
        return await self._surely(self._sequence, batch)

    async def _surely(self, sequence: int, batch: Batch) -> Outcome:
        """Commit, again with the same sequence while the store does not answer."""
        since, wait = self._clock.monotonic(), 0.1
        while True:
            try:
                return await self._leases.commit(self._job_id, self._lease.fence, sequence, batch)
            except errors.StoreUnavailable:
                if self._clock.monotonic() + wait - since > PATIENCE:
                    raise
                await self._clock.sleep(wait)
                wait = min(2.0, wait * 2)
