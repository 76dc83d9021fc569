"""Runs one job: claim it, keep the lease, read it to its end, finish it, give the lease back."""

from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import Struct, structs

from ingather import errors, points
from ingather.domain.job import MAX_ATTEMPTS, Counters, Failure, File, Job, Status
from ingather.engine.backoff import Fetcher
from ingather.engine.lease import Lease, take
from ingather.engine.step import Reader
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Watch
from ingather.ports import Claim, Clock, Jobs, Leases, Rows

TRY_AGAIN, STORE_AGAIN, FILE_AGAIN = 20.0, 10.0, 60.0
"""Seconds before workers try again: a source out of order (after the first attempt; longer after
each), a store that was away, a file that could not be written."""

SETTLE_PATIENCE = 8.0
"""Seconds for which a store that does not answer is asked to take a job back, within its lease."""

Finish = Callable[[Job], Awaitable[File | None]]
"""Makes the job's file once every row is in."""


class Verdict(Struct, frozen=True):
    """How a run leaves a job: its status, a reason or an error to store, an error to raise.

    again: seconds after which workers may take it up again; None: it is left to people.
    """

    status: Status
    reason: str | None = None
    error: Failure | None = None
    raises: errors.IngatherError | None = None
    again: float | None = None


class Worker:
    """What running a job takes, one job at a time or many at once."""

    def __init__(self, jobs: Jobs, leases: Leases, rows: Rows, clock: Clock) -> None:
        self._jobs = jobs
        self._leases = leases
        self._rows = rows
        self._clock = clock

    async def run(
        self,
        job: Job,
        fetcher: Fetcher,
        finish: Finish,
        *,
        stop: Stop,
        watch: Watch,
        claim: Claim | None = None,
    ) -> Job:
        """Run a job as far as it goes now, and give it back as it then stands.

        claim: a lease that was just won, where there is one. Raises JobBusy, StateLost,
        LeaseLost, and the error that ended this attempt; what was committed before stays, and the
        job says whether it can be resumed.
        """
        since = self._clock.monotonic()
        claim = claim or await take(job, self._jobs, self._leases)
        points.reach("claimed")
        watch.began(claim.job)
        fetcher.run_of(claim.job)
        lease = Lease(claim, self._leases, self._clock, stop, since=since)
        async with lease:
            reader = Reader(
                claim,
                lease,
                self._leases,
                self._rows,
                fetcher,
                self._clock,
                stop=stop,
                watch=watch,
            )
            verdict, file = await self._read(claim, reader), None
            if verdict.status == "csv_pending":
                verdict, file = await self._finish(claim, lease, finish)
        return await self._settle(claim, fetcher, verdict, file)

    async def _read(self, claim: Claim, reader: Reader) -> Verdict:
        job = claim.job
        try:
            if job.status == "csv_pending":
                return Verdict("csv_pending")
            if job.attempts > MAX_ATTEMPTS:
                raise _worn_out(job)
            await reader.run()
        except Stopped as stopped:
            return _stopped(stopped)
        except errors.IngatherError as failure:
            return _failed(failure, job.attempts)
        return Verdict("csv_pending")

    async def _finish(
        self, claim: Claim, lease: Lease, finish: Finish
    ) -> tuple[Verdict, File | None]:
        """Make the file. Whatever goes wrong here, every row is in: only the file is still due.

        Its name and format are those of the command that claimed the job: one that came meanwhile
        and found it busy may have left its own wishes in the record.
        """
        try:
            await lease.sure()
            job = await self._jobs.show(claim.job.id)
            file = await finish(structs.replace(job, options=claim.job.options))
        except errors.LeaseLost as lost:
            return Verdict("running", raises=lost), None
        except errors.IngatherError as failure:
            told = Failure(failure.message, failure.code)
            again = FILE_AGAIN if claim.job.attempts < MAX_ATTEMPTS else None
            return Verdict("csv_pending", None, told, failure, again), None
        points.reach("finalised")
        return Verdict("done"), file

    async def _settle(
        self, claim: Claim, fetcher: Fetcher, verdict: Verdict, file: File | None
    ) -> Job:
        if isinstance(verdict.raises, errors.LeaseLost):
            raise verdict.raises
        tally = fetcher.take_tally()
        spent = Counters(
            calls=tally.calls,
            retries=tally.retries,
            parks=tally.parks,
            waited=int(tally.waited),
            units=tally.units,
        )
        try:
            job = await self._given_back(claim, verdict, file, spent)
        except errors.StoreError:
            # The store that failed the job cannot record it either: the lease runs out by itself.
            if verdict.raises is None:
                raise
            raise verdict.raises from None
        if verdict.raises is not None:
            raise verdict.raises
        return structs.replace(job, options=claim.job.options)

    async def _given_back(
        self, claim: Claim, verdict: Verdict, file: File | None, spent: Counters
    ) -> Job:
        """Settle, again while the store does not answer; what it did unheard is found done."""
        patience = 0.0 if isinstance(verdict.raises, errors.StoreUnavailable) else SETTLE_PATIENCE
        since, wait = self._clock.monotonic(), 0.0
        while True:
            try:
                return await self._leases.settle(
                    claim.job.id,
                    claim.fence,
                    verdict.status,
                    reason=verdict.reason,  # type: ignore[arg-type]
                    error=verdict.error,
                    file=file,
                    spent=spent,
                    again=verdict.again,
                )
            except errors.LeaseLost:
                job = await self._jobs.show(claim.job.id)
                if not wait or job.fence != claim.fence or job.holder is not None:
                    raise
                return job
            except errors.StoreUnavailable:
                wait = min(2.0, max(0.1, wait * 2))
                if self._clock.monotonic() + wait - since > patience:
                    raise
                await self._clock.sleep(wait)


def _stopped(stopped: Stopped) -> Verdict:
    if stopped.reason == "lease_lost":
        return Verdict("running", raises=errors.LeaseLost())
    if stopped.reason in ("drained", "wished"):  # a wish is granted as the job is given back
        return Verdict("pending", again=0.0)
    return Verdict("paused", stopped.reason, again=stopped.again)


_PAUSES: dict[
    type[errors.IngatherError],
    Literal["needs_login", "no_balance", "schema_drift", "storage"],
] = {
    errors.NeedsLogin: "needs_login",
    errors.NoBalance: "no_balance",
    errors.SchemaDrift: "schema_drift",
    errors.StorageFull: "storage",
}


def _failed(failure: errors.IngatherError, attempts: int) -> Verdict:
    """What an error makes of the job: paused until somebody acts, to be tried again, or failed."""
    told = Failure(failure.message, failure.code)
    if isinstance(failure, errors.LeaseLost):
        return Verdict("running", raises=failure)
    for kind, reason in _PAUSES.items():
        if isinstance(failure, kind):
            return Verdict("paused", reason, told, failure)
    if isinstance(failure, errors.StoreUnavailable):
        # Jobs or limits cannot be kept just now: that is no fault of this job.
        return Verdict("paused", "storage", told, failure, STORE_AGAIN)
    if failure.retry and attempts < MAX_ATTEMPTS:
        return Verdict("pending", None, told, failure, TRY_AGAIN * attempts)
    return Verdict("failed", failure.code, told, failure)


def _worn_out(job: Job) -> errors.SourceError:
    last = job.error.message if job.error else "the process ended each time without an error"
    return errors.SourceError(
        f"Given up after {MAX_ATTEMPTS} attempts without progress: {last}",
        hint=f"`ingather jobs resume {job.id}` tries again.",
    )
